"""Fences of the database itself: partitions, row security, insert-only audit."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PARTITIONED = ("instance", "instance_version")
PARTITIONS = 16
APPEND_ONLY = ("audit_event", "audit_leaf", "audit_checkpoint")
ROLE = "filmpass_app"

HOSPITAL = "nullif(current_setting('filmpass.hospital', true), '')::uuid"
DIGEST = "decode(nullif(current_setting('filmpass.digest', true), ''), 'hex')"
NAME = "nullif(current_setting('filmpass.name', true), '')"
ATTEMPT = "nullif(current_setting('filmpass.attempt', true), '')::uuid"
WORKER = "current_setting('filmpass.worker', true) = 'on'"

# Every table whose rows belong to a hospital; the second value widens what may be read, never what may be written.
TABLES = {
    "hospital": f"code = {NAME} OR {WORKER}",
    "trial_number": None,
    "api_key": f"credential_digest = {DIGEST}",
    "imaging_source": f"called_ae_title = {NAME}",
    "idempotency_key": None,
    "patient": None,
    "patient_identifier": None,
    "contact_point": None,
    "service_request": None,
    "report": None,
    "study": None,
    "manifest_entry": None,
    "series": None,
    "instance": None,
    "instance_version": None,
    "stored_object": None,
    "quarantine": None,
    "hospital_key": None,
    "study_key": None,
    "capability": None,
    "capability_study": None,
    "access_token": f"digest = {DIGEST}",
    "session": f"digest = {DIGEST}",
    "opening": None,
    "notification": None,
    "delivery_attempt": f"id = {ATTEMPT}",
    "delivery_receipt": None,
    "suppression": None,
    "outbox": WORKER,
    "audit_event": WORKER,
}
WORKER_WRITES = ("outbox", "audit_event")


def upgrade():
    if op.get_bind().dialect.name == "postgresql":
        _partitions()
        _role()
        _row_security()
        _append_only_postgresql()
    else:
        for table in APPEND_ONLY:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
                )


def downgrade():
    if op.get_bind().dialect.name == "postgresql":
        for table in APPEND_ONLY:
            op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        op.execute("DROP FUNCTION filmpass_append_only()")
        for table in (*TABLES, "audit_leaf", "audit_checkpoint"):
            op.execute(f"DROP POLICY IF EXISTS {table}_hospital ON {table}")
            op.execute(f"DROP POLICY IF EXISTS {table}_look ON {table}")
            op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        for table in PARTITIONED:
            for number in range(PARTITIONS):
                op.execute(f"DROP TABLE {table}_{number:02}")
    else:
        for table in APPEND_ONLY:
            for verb in ("update", "delete"):
                op.execute(f"DROP TRIGGER {table}_no_{verb}")


def _partitions():
    for table in PARTITIONED:
        for number in range(PARTITIONS):
            op.execute(
                f"CREATE TABLE {table}_{number:02} PARTITION OF {table} "
                f"FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {number})"
            )


def _role():
    """The application logs in as a member of this role, which owns nothing and bypasses nothing."""
    op.execute(
        f"DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}') "
        f"THEN CREATE ROLE {ROLE} NOLOGIN; END IF; END $$"
    )
    op.execute(f"GRANT USAGE ON SCHEMA public TO {ROLE}")
    for table in TABLES:
        rights = "SELECT, INSERT" if table in APPEND_ONLY else "SELECT, INSERT, UPDATE, DELETE"
        op.execute(f"GRANT {rights} ON {table} TO {ROLE}")
    for table in ("audit_leaf", "audit_checkpoint"):
        op.execute(f"GRANT SELECT, INSERT ON {table} TO {ROLE}")


def _row_security():
    for table, look in TABLES.items():
        column = "id" if table == "hospital" else "hospital_id"
        _force(table)
        own = f"{column} = {HOSPITAL}"
        if table in WORKER_WRITES:
            own = f"{own} OR {WORKER}"
        op.execute(f"CREATE POLICY {table}_hospital ON {table} USING ({own}) WITH CHECK ({own})")
        if look and table not in WORKER_WRITES:
            op.execute(f"CREATE POLICY {table}_look ON {table} FOR SELECT USING ({look})")
    for table in ("audit_leaf", "audit_checkpoint"):
        _force(table)
        op.execute(f"CREATE POLICY {table}_hospital ON {table} USING ({WORKER}) WITH CHECK ({WORKER})")
    for table in PARTITIONED:
        for number in range(PARTITIONS):
            _force(f"{table}_{number:02}")


def _force(table):
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _append_only_postgresql():
    op.execute(
        "CREATE FUNCTION filmpass_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME; END $$"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION filmpass_append_only()"
        )
