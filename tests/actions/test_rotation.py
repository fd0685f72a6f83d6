"""Rotating the keys that stored secrets are sealed with."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from segsync.actions import erased, organizations, rotation
from segsync.actions.erased import Kept
from segsync.actions.people import NewPerson
from segsync.models import Integration, Person
from segsync.runtime import make_vault
from segsync.vault import key_file, new_key, vault_keys
from tests.builders import NOW


@pytest.fixture
def own_keys(runtime):
    """An installation whose keys are in its data folder."""
    settings = runtime.settings.model_copy(update={"vault_keys": SecretStr("")})
    return replace(runtime, settings=settings, vault=make_vault(settings, runtime.sessions))


def connect(runtime) -> None:
    """Ada, connected to Meta."""
    with runtime.sessions.begin() as session:
        ada = NewPerson("ada@northwind.example", "Ada", "correct horse battery")
        organization = organizations.create(session, "Northwind", 5, ada, "root")
        person = session.scalars(select(Person)).one()
        sealed = runtime.vault.seal("token of Ada")
        session.add(
            Integration(
                organization_id=organization.id,
                person_id=person.id,
                channel="meta",
                remote_id="1",
                name="Ada",
                state="connected",
                access_sealed=sealed,
                refresh_sealed=sealed,
            )
        )


def stored(runtime) -> list[str]:
    with runtime.sessions() as session:
        found = session.scalars(select(Integration)).one()
        return [found.access_sealed, found.refresh_sealed]


def test_after_rotating_only_the_newest_key_is_needed(own_keys):
    """Every stored secret is sealed again, the digests' secret too, and digests stay the same."""
    connect(own_keys)
    digest = own_keys.vault.digest_secret()
    assert rotation.count(own_keys) == 3
    assert sum(rotation.rotate(own_keys)) == 3
    newest = vault_keys("", own_keys.settings.data)[0]
    alone = make_vault(own_keys.settings.model_copy(update={"vault_keys": SecretStr(newest)}), own_keys.sessions)
    assert [alone.open(sealed) for sealed in stored(own_keys)] == ["token of Ada"] * 2
    assert alone.digest_secret() == digest


def test_whom_warehouses_hold_out_is_sealed_anew_too(own_keys):
    """Proofs of erasures, more than are sealed in one go, open with the newest key (B5)."""
    connect(own_keys)
    with own_keys.sessions.begin() as session:
        organization_id = session.scalars(select(Person.organization_id)).one()
        proofs = {f"{number:03}": own_keys.vault.seal(str(number)) for number in range(rotation.BATCH + 1)}
        erased.keep(session, organization_id, proofs, Kept(NOW, None, proofs))
    list(rotation.rotate(own_keys))
    newest = vault_keys("", own_keys.settings.data)[0]
    alone = make_vault(own_keys.settings.model_copy(update={"vault_keys": SecretStr(newest)}), own_keys.sessions)
    with own_keys.sessions() as session:
        assert len(erased.hashes(session, alone, organization_id)) == rotation.BATCH + 1


def test_a_process_started_before_goes_on(own_keys):
    """A worker that runs while keys are rotated opens the new seals, and what it still seals can be opened."""
    connect(own_keys)
    worker = make_vault(own_keys.settings, own_keys.sessions)
    list(rotation.rotate(own_keys))
    sealed_meanwhile = worker.seal("another token")
    assert worker.open(stored(own_keys)[0]) == "token of Ada"
    assert own_keys.vault.open(sealed_meanwhile) == "another token"


def test_keys_do_not_pile_up(own_keys):
    """The newest and the one before it are kept, privately."""
    for _ in range(4):
        list(rotation.rotate(own_keys))
    assert len(vault_keys("", own_keys.settings.data)) == 2
    assert key_file(own_keys.settings.data).stat().st_mode & 0o077 == 0


def test_configured_keys_are_the_operators(runtime):
    """With SEGSYNC_VAULT_KEYS the first key seals everything, and no file is written."""
    connect(runtime)
    new = new_key()
    both = f"{new},{runtime.settings.vault_keys.get_secret_value()}"
    settings = runtime.settings.model_copy(update={"vault_keys": SecretStr(both)})
    list(rotation.rotate(replace(runtime, settings=settings, vault=make_vault(settings, runtime.sessions))))
    alone = make_vault(settings.model_copy(update={"vault_keys": SecretStr(new)}), runtime.sessions)
    assert alone.open(stored(runtime)[0]) == "token of Ada"
    assert not key_file(runtime.settings.data).exists()


def test_every_column_that_holds_secrets_is_named_so():
    """A new column for a secret is rotated when its name says what it holds."""
    found = {f"{table.name}.{column.name}" for table, column in rotation.sealed_columns()}
    assert found >= {"integration.access_sealed", "integration.refresh_sealed", "oauth_flow.verifier_sealed"}
