"""Secrets at rest: what a thief of the database gets, and what stays the same when keys change."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from segsync.runtime import make_vault
from segsync.vault import Vault, VaultLocked, kept, new_key, session_secret, vault_keys


def vault_of(*keys: str) -> Vault:
    return Vault(lambda: keys, lambda: "the installation's secret")


@given(st.text())
def test_what_was_sealed_opens_again(secret):
    """A token comes out of the vault as it went in, and never lies there in clear."""
    vault = vault_of(new_key())
    sealed = vault.seal(secret)
    assert vault.open(sealed) == secret
    assert len(secret) < 4 or secret not in sealed


def test_a_new_key_opens_nothing_old_until_it_is_rotated():
    """The operator puts a new key in front, rotates, and takes the old key away: every sign-in still works."""
    old, new = new_key(), new_key()
    sealed = vault_of(old).seal("refresh token")
    rotated = vault_of(new, old).rotate(sealed)
    assert vault_of(new).open(rotated) == "refresh token"
    with pytest.raises(VaultLocked, match="cannot be opened"):
        vault_of(new).open(sealed)


def test_a_key_that_is_none_is_told_in_a_sentence():
    """A wrong SEGSYNC_VAULT_KEYS stops the start with a sentence that does not repeat the key."""
    with pytest.raises(VaultLocked, match="SEGSYNC_VAULT_KEYS") as told:
        vault_of("not a key")
    assert "not a key" not in str(told.value)


def test_a_generated_key_is_private_and_stays(tmp_path):
    """Without configuration a key is made once, readable by nobody else."""
    first = vault_keys("", tmp_path)
    assert vault_keys("", tmp_path) == first
    assert stat.S_IMODE((tmp_path / "vault.keys").stat().st_mode) == 0o600


def test_two_commands_starting_at_once_agree_on_the_key(tmp_path):
    """Whoever loses the race uses the winner's key, and no half-written file is left."""
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: kept(tmp_path / "vault.keys", new_key), range(64)))
    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["vault.keys"]


def test_configured_secrets_are_taken_as_they_are(tmp_path):
    """Keys and session secret of the operator are used, and nothing is written beside them."""
    assert vault_keys("new , old", tmp_path) == ["new", "old"]
    assert session_secret("s" * 32, tmp_path) == "s" * 32
    assert list(tmp_path.iterdir()) == []


def test_digests_of_different_purposes_have_nothing_in_common():
    """An e-mail's digest for throttling tells nothing about its digest in a proof of erasure."""
    vault = vault_of(new_key())
    assert vault.keyed_digest("signin", "ada") != vault.keyed_digest("erasure", "ada")
    assert vault.keyed_digest("signin", "ada") == vault_of(new_key()).keyed_digest("signin", "ada")
    assert len(vault.digest_secret()) == 64


def test_a_key_that_was_rotated_meanwhile_is_found():
    """A worker that was started before the operator rotated the keys opens what was sealed since."""
    old, new = new_key(), new_key()
    keys = [old]
    worker = Vault(lambda: keys, str)
    keys.insert(0, new)
    assert worker.open(vault_of(new).seal("refresh token")) == "refresh token"


def test_every_machine_makes_the_same_digests(runtime):
    """The secret for digests is kept in the database, sealed: a second worker machine agrees with the first."""
    assert make_vault(runtime.settings, runtime.sessions).digest_secret() == runtime.vault.digest_secret()
    known = runtime.settings.vault_keys.get_secret_value()
    more = runtime.settings.model_copy(update={"vault_keys": SecretStr(f"{new_key()},{known}")})
    assert make_vault(more, runtime.sessions).digest_secret() == runtime.vault.digest_secret()
