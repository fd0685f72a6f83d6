"""All tables of the first release."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=True),
        sa.Column("subject_name", sa.Text(), nullable=False),
        sa.Column("sync_public_id", sa.Text(), nullable=True),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("request_id", sa.Text(), server_default="", nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index("ix_audit_event_organization_id_id", "audit_event", ["organization_id", "id"], unique=False)
    op.create_index("ix_audit_event_subject", "audit_event", ["subject_kind", "subject_id"], unique=False)
    op.create_index(op.f("ix_audit_event_sync_public_id"), "audit_event", ["sync_public_id"], unique=False)
    op.create_table(
        "installation",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_installation")),
    )
    op.create_table(
        "organization",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("contracted_limit", sa.BigInteger(), nullable=False),
        sa.Column("unknown_subscription_counts", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("unknown_consent_counts", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization")),
    )
    op.create_table(
        "signin_attempt",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("email_digest", sa.Text(), nullable=False),
        sa.Column("address_digest", sa.Text(), nullable=False),
        sa.Column("succeeded", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signin_attempt")),
    )
    op.create_index(op.f("ix_signin_attempt_address_digest"), "signin_attempt", ["address_digest"], unique=False)
    op.create_index(op.f("ix_signin_attempt_at"), "signin_attempt", ["at"], unique=False)
    op.create_index(op.f("ix_signin_attempt_email_digest"), "signin_attempt", ["email_digest"], unique=False)
    op.create_table(
        "person",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("session_version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("deactivated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_signin_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "role in ('primary_admin', 'abm_admin', 'marketing_user', 'view_only')", name=op.f("ck_person_role")
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_person_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
    )
    op.create_index(op.f("ix_person_organization_id"), "person", ["organization_id"], unique=False)
    op.create_index("uq_person_email", "person", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "workspace",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), server_default="US", nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_workspace_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspace")),
        sa.UniqueConstraint("organization_id", "name", name=op.f("uq_workspace_organization_id_name")),
    )
    op.create_table(
        "ask",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("problem_code", sa.Text(), nullable=True),
        sa.Column("problem_raw", sa.Text(), server_default="", nullable=False),
        sa.Column("problem_facts", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_ask_organization_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_ask_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ask")),
    )
    op.create_table(
        "company",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("company_domain", sa.Text(), nullable=True),
        sa.Column("organization_urn", sa.Text(), nullable=True),
        sa.Column("industry", sa.Text(), nullable=True),
        sa.Column("employees", sa.BigInteger(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("change_no", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_company_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company")),
    )
    op.create_index("ix_company_workspace_id_id", "company", ["workspace_id", "id"], unique=False)
    op.create_index(
        "uq_company_workspace_id_company_domain", "company", ["workspace_id", "company_domain"], unique=True
    )
    op.create_index("uq_company_workspace_id_external_id", "company", ["workspace_id", "external_id"], unique=True)
    op.create_table(
        "custom_field",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("subject in ('contact', 'company')", name=op.f("ck_custom_field_subject")),
        sa.CheckConstraint("type in ('text', 'number', 'date', 'yes_no', 'list')", name=op.f("ck_custom_field_type")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_custom_field_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custom_field")),
        sa.UniqueConstraint("workspace_id", "subject", "key", name=op.f("uq_custom_field_workspace_id_subject_key")),
    )
    op.create_table(
        "integration",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("access_sealed", sa.Text(), nullable=True),
        sa.Column("refresh_sealed", sa.Text(), nullable=True),
        sa.Column("scopes", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refresh_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("data_access_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refresh_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("must_act_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("connected_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accounts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disconnected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refresh_lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refresh_fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_integration_organization_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_integration_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_integration")),
    )
    op.create_index(op.f("ix_integration_must_act_by"), "integration", ["must_act_by"], unique=False)
    op.create_index(op.f("ix_integration_organization_id"), "integration", ["organization_id"], unique=False)
    op.create_index(op.f("ix_integration_person_id"), "integration", ["person_id"], unique=False)
    op.create_index(op.f("ix_integration_refresh_at"), "integration", ["refresh_at"], unique=False)
    op.create_index(
        "uq_integration_person_id_channel_live",
        "integration",
        ["person_id", "channel"],
        unique=True,
        postgresql_where=sa.text("state in ('connected', 'reconnect', 'permission missing')"),
    )
    op.create_table(
        "invitation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("workspace_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("token_digest", sa.Text(), nullable=False),
        sa.Column("invited_by", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["invited_by"], ["person.id"], name=op.f("fk_invitation_invited_by")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_invitation_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_invitation_token_digest")),
    )
    op.create_index(op.f("ix_invitation_organization_id"), "invitation", ["organization_id"], unique=False)
    op.create_table(
        "oauth_flow",
        sa.Column("state_digest", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("verifier_sealed", sa.Text(), nullable=False),
        sa.Column("return_to", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_oauth_flow_person_id")),
        sa.PrimaryKeyConstraint("state_digest", name=op.f("pk_oauth_flow")),
    )
    op.create_table(
        "segment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("members", sa.Text(), nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("updated_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind in ('rule', 'list')", name=op.f("ck_segment_kind")),
        sa.CheckConstraint("members in ('people', 'companies')", name=op.f("ck_segment_members")),
        sa.ForeignKeyConstraint(["created_by"], ["person.id"], name=op.f("fk_segment_created_by")),
        sa.ForeignKeyConstraint(["deleted_by"], ["person.id"], name=op.f("fk_segment_deleted_by")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_segment_organization_id")),
        sa.ForeignKeyConstraint(["updated_by"], ["person.id"], name=op.f("fk_segment_updated_by")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_segment_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment")),
    )
    op.create_index(op.f("ix_segment_organization_id"), "segment", ["organization_id"], unique=False)
    op.create_index("ix_segment_workspace_id_deleted_at", "segment", ["workspace_id", "deleted_at"], unique=False)
    op.create_table(
        "workspace_person",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_workspace_person_person_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_workspace_person_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", "person_id", name=op.f("pk_workspace_person")),
    )
    op.create_index(op.f("ix_workspace_person_person_id"), "workspace_person", ["person_id"], unique=False)
    op.create_table(
        "ad_account",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("integration_id", sa.BigInteger(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("currency", sa.Text(), server_default="", nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="", nullable=False),
        sa.Column("blocked", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("warnings", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["integration_id"], ["integration.id"], name=op.f("fk_ad_account_integration_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ad_account")),
        sa.UniqueConstraint(
            "integration_id", "remote_id", "via", name=op.f("uq_ad_account_integration_id_remote_id_via")
        ),
    )
    op.create_table(
        "alert",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("acts", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("integration_id", sa.BigInteger(), nullable=True),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("raw", sa.Text(), server_default="", nullable=False),
        sa.Column("reference", sa.Text(), server_default="", nullable=False),
        sa.Column("times", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["integration_id"], ["integration.id"], name=op.f("fk_alert_integration_id")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_alert_organization_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_alert_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    op.create_index("ix_alert_organization_id_closed_at", "alert", ["organization_id", "closed_at"], unique=False)
    op.create_index(
        "uq_alert_organization_id_cause_open",
        "alert",
        ["organization_id", "cause"],
        unique=True,
        postgresql_where=sa.text("closed_at is null"),
    )
    op.create_table(
        "contact",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column("gender", sa.Text(), nullable=True),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("postal_code", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("mobile_ad_id", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("company_domain", sa.Text(), nullable=True),
        sa.Column("company_id", sa.BigInteger(), nullable=True),
        sa.Column("company_explicit", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("subscription", sa.Text(), server_default="unknown", nullable=False),
        sa.Column("subscription_source", sa.Text(), nullable=True),
        sa.Column("subscription_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ad_user_data", sa.Text(), server_default="unknown", nullable=False),
        sa.Column("ad_personalization", sa.Text(), server_default="unknown", nullable=False),
        sa.Column("consent_source", sa.Text(), nullable=True),
        sa.Column("consent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("change_no", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "ad_personalization in ('granted', 'denied', 'unknown')", name=op.f("ck_contact_ad_personalization")
        ),
        sa.CheckConstraint("ad_user_data in ('granted', 'denied', 'unknown')", name=op.f("ck_contact_ad_user_data")),
        sa.CheckConstraint("subscription in ('yes', 'no', 'unknown')", name=op.f("ck_contact_subscription")),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("fk_contact_company_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_contact_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
    )
    op.create_index("ix_contact_company_id", "contact", ["company_id"], unique=False)
    op.create_index("ix_contact_tags", "contact", ["tags"], unique=False, postgresql_using="gin")
    op.create_index("ix_contact_workspace_id_email", "contact", ["workspace_id", "email"], unique=False)
    op.create_index("ix_contact_workspace_id_id", "contact", ["workspace_id", "id"], unique=False)
    op.create_index("ix_contact_workspace_id_phone", "contact", ["workspace_id", "phone"], unique=False)
    op.create_index("uq_contact_workspace_id_external_id", "contact", ["workspace_id", "external_id"], unique=True)
    op.create_table(
        "import_job",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_path", sa.Text(), nullable=False),
        sa.Column("file_bytes", sa.BigInteger(), nullable=False),
        sa.Column("mapping", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("segment_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("bytes_done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_created", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_updated", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_unchanged", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_rejected", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cells_left_out", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("rejects_path", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_import_job_person_id")),
        sa.ForeignKeyConstraint(["segment_id"], ["segment.id"], name=op.f("fk_import_job_segment_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_import_job_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_job")),
    )
    op.create_index(op.f("ix_import_job_workspace_id"), "import_job", ["workspace_id"], unique=False)
    op.create_table(
        "segment_member",
        sa.Column("segment_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["segment_id"], ["segment.id"], name=op.f("fk_segment_member_segment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("segment_id", "member_id", name=op.f("pk_segment_member")),
    )
    op.create_index(op.f("ix_segment_member_member_id"), "segment_member", ["member_id"], unique=False)
    op.create_table(
        "segment_size",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("segment_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["segment_id"], ["segment.id"], name=op.f("fk_segment_size_segment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment_size")),
    )
    op.create_index("ix_segment_size_segment_id_at", "segment_size", ["segment_id", "at"], unique=False)
    op.create_table(
        "sync",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("segment_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("account_via", sa.Text(), server_default="", nullable=False),
        sa.Column("account_name", sa.Text(), nullable=False),
        sa.Column("creator_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("integration_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("status_since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("was_synced", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("in_step_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_run_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probe_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("every_seconds", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("problem_code", sa.Text(), nullable=True),
        sa.Column("problem_facts", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("off_by", sa.BigInteger(), nullable=True),
        sa.Column("off_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("off_reason", sa.Text(), nullable=True),
        sa.Column("off_locked", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("stale_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("audience_id", sa.Text(), nullable=True),
        sa.Column("audience_name", sa.Text(), nullable=True),
        sa.Column("audience_made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("audience_state", sa.Text(), server_default="not known", nullable=False),
        sa.Column("audience_raw", sa.Text(), server_default="", nullable=False),
        sa.Column("audience_figures", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("audience_match_rate", sa.Text(), server_default="", nullable=False),
        sa.Column("audience_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("audience_next_poll", sa.DateTime(timezone=True), nullable=True),
        sa.Column("campaigns", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("campaigns_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ledger_id", sa.BigInteger(), nullable=True),
        sa.Column("members_held", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("removals_due", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by", sa.BigInteger(), nullable=True),
        sa.Column("retire_how", sa.Text(), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status in ('syncing', 'synced', 'failed', 'inactive')", name=op.f("ck_sync_status")),
        sa.ForeignKeyConstraint(["creator_id"], ["person.id"], name=op.f("fk_sync_creator_id")),
        sa.ForeignKeyConstraint(["deleted_by"], ["person.id"], name=op.f("fk_sync_deleted_by")),
        sa.ForeignKeyConstraint(["integration_id"], ["integration.id"], name=op.f("fk_sync_integration_id")),
        sa.ForeignKeyConstraint(["off_by"], ["person.id"], name=op.f("fk_sync_off_by")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_sync_organization_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["person.id"], name=op.f("fk_sync_owner_id")),
        sa.ForeignKeyConstraint(["segment_id"], ["segment.id"], name=op.f("fk_sync_segment_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_sync_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync")),
        sa.UniqueConstraint("public_id", name=op.f("uq_sync_public_id")),
    )
    op.create_index(
        "ix_sync_audience_next_poll",
        "sync",
        ["audience_next_poll"],
        unique=False,
        postgresql_where=sa.text("deleted_at is null"),
    )
    op.create_index(op.f("ix_sync_creator_id"), "sync", ["creator_id"], unique=False)
    op.create_index(op.f("ix_sync_integration_id"), "sync", ["integration_id"], unique=False)
    op.create_index(
        "ix_sync_next_run_at", "sync", ["next_run_at"], unique=False, postgresql_where=sa.text("deleted_at is null")
    )
    op.create_index("ix_sync_organization_id_status", "sync", ["organization_id", "status"], unique=False)
    op.create_index(op.f("ix_sync_owner_id"), "sync", ["owner_id"], unique=False)
    op.create_index(op.f("ix_sync_workspace_id"), "sync", ["workspace_id"], unique=False)
    op.create_index(
        "uq_sync_segment_id_channel_account_id_live",
        "sync",
        ["segment_id", "channel", "account_id"],
        unique=True,
        postgresql_where=sa.text("deleted_at is null"),
    )
    op.create_table(
        "alert_sync",
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column("sync_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_sync_alert_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sync_id"], ["sync.id"], name=op.f("fk_alert_sync_sync_id")),
        sa.PrimaryKeyConstraint("alert_id", "sync_id", name=op.f("pk_alert_sync")),
    )
    op.create_index(op.f("ix_alert_sync_sync_id"), "alert_sync", ["sync_id"], unique=False)
    op.create_table(
        "data_file",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sync_id", sa.BigInteger(), nullable=False),
        sa.Column("ledger_id", sa.BigInteger(), nullable=True),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("sort", sa.Text(), nullable=False),
        sa.Column("part", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("low", sa.BigInteger(), nullable=False),
        sa.Column("high", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("checksum", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("unnamed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["sync_id"], ["sync.id"], name=op.f("fk_data_file_sync_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_file")),
    )
    op.create_index("ix_data_file_ledger_id_part", "data_file", ["ledger_id", "part"], unique=False)
    op.create_index("ix_data_file_run_id_sort_part", "data_file", ["run_id", "sort", "part"], unique=False)
    op.create_index(op.f("ix_data_file_sync_id"), "data_file", ["sync_id"], unique=False)
    op.create_table(
        "ledger",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sync_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["sync_id"], ["sync.id"], name=op.f("fk_ledger_sync_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
    )
    op.create_index(op.f("ix_ledger_sync_id"), "ledger", ["sync_id"], unique=False)
    op.create_table(
        "linked_device",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.CheckConstraint("kind in ('idfv', 'android_id')", name=op.f("ck_linked_device_kind")),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_linked_device_contact_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_linked_device_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_linked_device")),
        sa.UniqueConstraint("contact_id", "kind", "value", name=op.f("uq_linked_device_contact_id_kind_value")),
    )
    op.create_index(
        "ix_linked_device_workspace_id_kind_value", "linked_device", ["workspace_id", "kind", "value"], unique=False
    )
    op.create_table(
        "run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("sync_id", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("started_by", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), server_default="checking", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("woken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cursor", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=True),
        sa.Column("batches", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("batches_done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_to_add", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_to_remove", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_added", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_removed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("members", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("new_members", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("changed_members", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("gone_members", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("unchanged_members", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("again_members", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refused", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("skipped", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("everybody", sa.Text(), nullable=True),
        sa.Column("requests", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("waited_seconds", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("phases", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("references", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("problem_code", sa.Text(), nullable=True),
        sa.Column("problem_raw", sa.Text(), server_default="", nullable=False),
        sa.Column("problem_reference", sa.Text(), server_default="", nullable=False),
        sa.Column("problem_facts", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_run_organization_id")),
        sa.ForeignKeyConstraint(["started_by"], ["person.id"], name=op.f("fk_run_started_by")),
        sa.ForeignKeyConstraint(["sync_id"], ["sync.id"], name=op.f("fk_run_sync_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
    )
    op.create_index(
        "ix_run_not_before", "run", ["not_before"], unique=False, postgresql_where=sa.text("finished_at is null")
    )
    op.create_index("ix_run_sync_id_id", "run", ["sync_id", "id"], unique=False)
    op.create_index(
        "uq_run_sync_id_open", "run", ["sync_id"], unique=True, postgresql_where=sa.text("finished_at is null")
    )
    op.create_table(
        "statement_made",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("sync_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_statement_made_organization_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_statement_made_person_id")),
        sa.ForeignKeyConstraint(["sync_id"], ["sync.id"], name=op.f("fk_statement_made_sync_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_made")),
    )
    op.create_index(op.f("ix_statement_made_sync_id"), "statement_made", ["sync_id"], unique=False)
    op.create_table(
        "status_move",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sync_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["sync_id"], ["sync.id"], name=op.f("fk_status_move_sync_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_move")),
    )
    op.create_index("ix_status_move_sync_id_at", "status_move", ["sync_id", "at"], unique=False)
    op.create_table(
        "run_batch",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("accepted", sa.BigInteger(), nullable=False),
        sa.Column("refused", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("receipt", sa.Text(), server_default="", nullable=False),
        sa.Column("reference", sa.Text(), server_default="", nullable=False),
        sa.Column("acked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_poll", sa.DateTime(timezone=True), nullable=True),
        sa.Column("polls", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("final_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("match_rate", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_batch_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_run_batch")),
    )
    op.create_index(
        "ix_run_batch_next_poll",
        "run_batch",
        ["next_poll"],
        unique=False,
        postgresql_where=sa.text("next_poll is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_run_batch_next_poll", table_name="run_batch", postgresql_where=sa.text("next_poll is not null"))
    op.drop_table("run_batch")
    op.drop_index("ix_status_move_sync_id_at", table_name="status_move")
    op.drop_table("status_move")
    op.drop_index(op.f("ix_statement_made_sync_id"), table_name="statement_made")
    op.drop_table("statement_made")
    op.drop_index("uq_run_sync_id_open", table_name="run", postgresql_where=sa.text("finished_at is null"))
    op.drop_index("ix_run_sync_id_id", table_name="run")
    op.drop_index("ix_run_not_before", table_name="run", postgresql_where=sa.text("finished_at is null"))
    op.drop_table("run")
    op.drop_index("ix_linked_device_workspace_id_kind_value", table_name="linked_device")
    op.drop_table("linked_device")
    op.drop_index(op.f("ix_ledger_sync_id"), table_name="ledger")
    op.drop_table("ledger")
    op.drop_index(op.f("ix_data_file_sync_id"), table_name="data_file")
    op.drop_index("ix_data_file_run_id_sort_part", table_name="data_file")
    op.drop_index("ix_data_file_ledger_id_part", table_name="data_file")
    op.drop_table("data_file")
    op.drop_index(op.f("ix_alert_sync_sync_id"), table_name="alert_sync")
    op.drop_table("alert_sync")
    op.drop_index(
        "uq_sync_segment_id_channel_account_id_live", table_name="sync", postgresql_where=sa.text("deleted_at is null")
    )
    op.drop_index(op.f("ix_sync_workspace_id"), table_name="sync")
    op.drop_index(op.f("ix_sync_owner_id"), table_name="sync")
    op.drop_index("ix_sync_organization_id_status", table_name="sync")
    op.drop_index("ix_sync_next_run_at", table_name="sync", postgresql_where=sa.text("deleted_at is null"))
    op.drop_index(op.f("ix_sync_integration_id"), table_name="sync")
    op.drop_index(op.f("ix_sync_creator_id"), table_name="sync")
    op.drop_index("ix_sync_audience_next_poll", table_name="sync", postgresql_where=sa.text("deleted_at is null"))
    op.drop_table("sync")
    op.drop_index("ix_segment_size_segment_id_at", table_name="segment_size")
    op.drop_table("segment_size")
    op.drop_index(op.f("ix_segment_member_member_id"), table_name="segment_member")
    op.drop_table("segment_member")
    op.drop_index(op.f("ix_import_job_workspace_id"), table_name="import_job")
    op.drop_table("import_job")
    op.drop_index("uq_contact_workspace_id_external_id", table_name="contact")
    op.drop_index("ix_contact_workspace_id_phone", table_name="contact")
    op.drop_index("ix_contact_workspace_id_id", table_name="contact")
    op.drop_index("ix_contact_workspace_id_email", table_name="contact")
    op.drop_index("ix_contact_tags", table_name="contact", postgresql_using="gin")
    op.drop_index("ix_contact_company_id", table_name="contact")
    op.drop_table("contact")
    op.drop_index(
        "uq_alert_organization_id_cause_open", table_name="alert", postgresql_where=sa.text("closed_at is null")
    )
    op.drop_index("ix_alert_organization_id_closed_at", table_name="alert")
    op.drop_table("alert")
    op.drop_table("ad_account")
    op.drop_index(op.f("ix_workspace_person_person_id"), table_name="workspace_person")
    op.drop_table("workspace_person")
    op.drop_index("ix_segment_workspace_id_deleted_at", table_name="segment")
    op.drop_index(op.f("ix_segment_organization_id"), table_name="segment")
    op.drop_table("segment")
    op.drop_table("oauth_flow")
    op.drop_index(op.f("ix_invitation_organization_id"), table_name="invitation")
    op.drop_table("invitation")
    op.drop_index(
        "uq_integration_person_id_channel_live",
        table_name="integration",
        postgresql_where=sa.text("state in ('connected', 'reconnect', 'permission missing')"),
    )
    op.drop_index(op.f("ix_integration_refresh_at"), table_name="integration")
    op.drop_index(op.f("ix_integration_person_id"), table_name="integration")
    op.drop_index(op.f("ix_integration_organization_id"), table_name="integration")
    op.drop_index(op.f("ix_integration_must_act_by"), table_name="integration")
    op.drop_table("integration")
    op.drop_table("custom_field")
    op.drop_index("uq_company_workspace_id_external_id", table_name="company")
    op.drop_index("uq_company_workspace_id_company_domain", table_name="company")
    op.drop_index("ix_company_workspace_id_id", table_name="company")
    op.drop_table("company")
    op.drop_table("ask")
    op.drop_table("workspace")
    op.drop_index("uq_person_email", table_name="person")
    op.drop_index(op.f("ix_person_organization_id"), table_name="person")
    op.drop_table("person")
    op.drop_index(op.f("ix_signin_attempt_email_digest"), table_name="signin_attempt")
    op.drop_index(op.f("ix_signin_attempt_at"), table_name="signin_attempt")
    op.drop_index(op.f("ix_signin_attempt_address_digest"), table_name="signin_attempt")
    op.drop_table("signin_attempt")
    op.drop_table("organization")
    op.drop_table("installation")
    op.drop_index(op.f("ix_audit_event_sync_public_id"), table_name="audit_event")
    op.drop_index("ix_audit_event_subject", table_name="audit_event")
    op.drop_index("ix_audit_event_organization_id_id", table_name="audit_event")
    op.drop_table("audit_event")
