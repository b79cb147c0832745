"""Studies and series are found as DICOMweb asks for them, and the metadata of a series is kept as it is served."""

from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from alembic import op

from app.core.identifiers import new_id
from app.dicom.person_name import name_keys

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SORTED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TEXTS = {
    "study": ("dicom_sex", "dicom_study_id", "referring_physician_name"),
    "series": ("performed_date", "performed_time", "scheduled_step_id", "requested_procedure_id"),
}
KEYS = ("name_key", "ideographic_key")
INDEXES = (
    ("ix_study_newest", "study", ["hospital_id", "id"]),
    ("ix_study_date", "study", ["hospital_id", "study_date", "id"]),
    ("ix_study_name", "study", ["hospital_id", "name_key", "id"]),
    ("ix_study_ideographic", "study", ["hospital_id", "ideographic_key", "id"]),
    ("ix_series_uid", "series", ["hospital_id", "series_instance_uid"]),
    ("ix_instance_uid", "instance", ["hospital_id", "sop_instance_uid"]),
)
HOSPITAL = "SELECT set_config('filmpass.hospital', :hospital, true)"


def upgrade():
    for table, columns in TEXTS.items():
        for column in columns:
            op.add_column(table, sa.Column(column, sa.Text(), nullable=False, server_default=""))
    for column in KEYS:
        op.add_column("study", sa.Column(column, SORTED, nullable=False, server_default=""))
    op.add_column("series", sa.Column("instance_count", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("series", sa.Column("metadata_object_id", sa.Uuid(), nullable=True))
    op.add_column("series", sa.Column("metadata_changes", sa.Integer(), nullable=False, server_default="-1"))
    op.add_column("instance_version", sa.Column("crc32", sa.BigInteger(), nullable=True))
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)
    _fill(op.get_bind())


def _fill(connection):
    """Give what is there its keys and counts, and owe the metadata of each series. Row security holds here too."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT set_config('filmpass.worker', 'on', true)"))
    for hospital in connection.execute(sa.text("SELECT id FROM hospital")).scalars().all():
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text(HOSPITAL), {"hospital": str(hospital)})
        _fill_hospital(connection, hospital)


def _fill_hospital(connection, hospital):
    of_hospital = {"hospital": hospital}
    names = connection.execute(
        sa.text("SELECT id, dicom_patient_name FROM study WHERE hospital_id = :hospital"), of_hospital
    ).all()
    for study, name in names:
        alphabetic, ideographic = name_keys(name)
        connection.execute(
            sa.text("UPDATE study SET name_key = :name, ideographic_key = :ideographic WHERE id = :study"),
            {"name": alphabetic, "ideographic": ideographic, "study": study},
        )
    connection.execute(
        sa.text(
            "UPDATE series SET instance_count ="
            " (SELECT count(*) FROM instance WHERE instance.study_id = series.study_id"
            " AND instance.series_id = series.id) WHERE hospital_id = :hospital"
        ),
        of_hospital,
    )
    series = connection.execute(sa.text("SELECT id FROM series WHERE hospital_id = :hospital"), of_hospital)
    rows = [_owed(hospital, key) for key in series.scalars().all()]
    if rows:
        op.bulk_insert(OUTBOX, rows)


OUTBOX = sa.table(
    "outbox",
    sa.column("id", sa.Uuid()),
    sa.column("hospital_id", sa.Uuid()),
    sa.column("topic", sa.Text()),
    sa.column("key", sa.Text()),
    sa.column("due_at", sa.DateTime(timezone=True)),
    sa.column("tries", sa.Integer()),
    sa.column("created_at", sa.DateTime(timezone=True)),
)


def _owed(hospital, series):
    now = datetime.now(UTC)
    return {
        "id": new_id(), "hospital_id": _uuid(hospital), "topic": "metadata.write", "key": str(_uuid(series)),
        "due_at": now, "tries": 0, "created_at": now,
    }  # fmt: skip


def _uuid(value):
    """Read an id as either database gives it to a plain statement."""
    return value if isinstance(value, UUID) else UUID(value)


def downgrade():
    for name, table, _ in INDEXES:
        op.drop_index(name, table_name=table)
    for column in ("instance_count", "metadata_object_id", "metadata_changes"):
        op.drop_column("series", column)
    op.drop_column("instance_version", "crc32")
    for column in KEYS:
        op.drop_column("study", column)
    for table, columns in TEXTS.items():
        for column in columns:
            op.drop_column(table, column)
