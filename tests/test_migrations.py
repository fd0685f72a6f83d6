"""The tables of a migrated database: they are those of the models, and guard what they hold."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import text

from segsync import migrate


def test_a_migrated_database_is_what_the_models_say(runtime):
    """Nobody can change a model and forget the migration."""
    migrate.differences(runtime.engine)
    assert migrate.current(runtime.engine) == migrate.newest()


def test_migrating_again_changes_nothing(runtime):
    """`segsync db upgrade` may be run at every start."""
    migrate.upgrade(runtime.engine)
    assert migrate.current(runtime.engine) == migrate.newest()


@pytest.mark.parametrize(
    "attempt", ["update audit_event set reason = 'x'", "delete from audit_event", "truncate audit_event"]
)
def test_the_audit_trail_cannot_be_changed(database_url, attempt):
    """A line of the audit trail can be neither changed nor deleted, refused by the database itself (S14)."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "insert into audit_event (actor_kind, actor_name, event, subject_kind, subject_name) "
            "values ('worker', 'segsync', 'sync.run', 'sync', 'Newsletter')"
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            connection.execute(attempt)
        connection.execute("set session_replication_role = replica")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            connection.execute(attempt)
        assert connection.execute("select count(*) from audit_event").fetchone() == (1,)


@pytest.fixture
def contact(session):
    """The id of a contact named Ada."""
    session.execute(text("insert into organization (name, contracted_limit) values ('Northwind', 5)"))
    session.execute(text("insert into workspace (organization_id, name) select id, 'Main' from organization"))
    return session.scalar(
        text("insert into contact (workspace_id, first_name) select id, 'Ada' from workspace returning id")
    )


def change_no(session, contact) -> int:
    return session.scalar(text("select change_no from contact where id = :id"), {"id": contact})


@pytest.mark.parametrize("change", ["first_name = 'Grace'", "subscription = 'no'", "email = 'new@example.com'"])
def test_a_change_gets_a_number_of_its_own(session, contact, change):
    """A run sees from a single number that a contact changed."""
    before = change_no(session, contact)
    session.execute(text(f"update contact set {change}"))
    assert change_no(session, contact) > before > 0


@pytest.mark.parametrize("change", ["first_name = 'Ada'", "custom = '{\"shoe\": 42}'", "tags = '{vip}'"])
def test_what_no_channel_takes_is_no_change(session, contact, change):
    """Writing the same value again, a custom field or a tag sends nobody again."""
    before = change_no(session, contact)
    session.execute(text(f"update contact set {change}"))
    assert change_no(session, contact) == before
