"""What the database sees to by itself: the number of every change of a contact or company, and an unchangeable audit trail."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CONTACT = (
    "workspace_id",
    "email",
    "phone",
    "first_name",
    "last_name",
    "gender",
    "birth_date",
    "city",
    "region",
    "postal_code",
    "country",
    "mobile_ad_id",
    "external_id",
    "company_domain",
    "subscription",
    "ad_user_data",
    "ad_personalization",
)
COMPANY = (
    "workspace_id",
    "name",
    "company_domain",
    "organization_urn",
    "industry",
    "employees",
    "city",
    "region",
    "country",
    "external_id",
)


def upgrade() -> None:
    op.execute("create sequence change_no as bigint cache 1")
    op.execute(
        """
        create function next_change_no() returns trigger language plpgsql as $$
        begin
            new.change_no := nextval('change_no');
            return new;
        end $$
        """
    )
    _number_changes("contact", CONTACT)
    _number_changes("company", COMPANY)
    op.execute(
        """
        create function refuse_change() returns trigger language plpgsql as $$
        begin
            raise exception 'the audit trail is append-only' using errcode = 'insufficient_privilege';
        end $$
        """
    )
    op.execute(
        """
        create trigger audit_event_append_only before update or delete or truncate on audit_event
        for each statement execute function refuse_change()
        """
    )
    # also where a session asks for triggers to be left out, as replication tools do
    op.execute("alter table audit_event enable always trigger audit_event_append_only")


def _number_changes(table: str, columns: tuple[str, ...]) -> None:
    old = ", ".join(f"old.{column}" for column in columns)
    new = ", ".join(f"new.{column}" for column in columns)
    op.execute(
        f"create trigger {table}_created before insert on {table} for each row execute function next_change_no()"
    )
    op.execute(
        f"create trigger {table}_changed before update on {table} for each row "
        f"when (({old}) is distinct from ({new})) execute function next_change_no()"
    )


def downgrade() -> None:
    op.execute("drop trigger audit_event_append_only on audit_event")
    op.execute("drop function refuse_change()")
    for table in ("contact", "company"):
        op.execute(f"drop trigger {table}_created on {table}")
        op.execute(f"drop trigger {table}_changed on {table}")
    op.execute("drop function next_change_no()")
    op.execute("drop sequence change_no")
