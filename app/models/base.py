"""The declarative base, the column types of the house, and the Flask-SQLAlchemy handle that Alembic reads."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.orm import DeclarativeBase, mapped_column
from typing_extensions import override

from app.core.identifiers import new_id


class UtcDateTime(TypeDecorator[datetime]):
    """`timestamptz` on PostgreSQL; UTC text on SQLite. Refuses naive values on both."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A moment without a time zone does not enter the database.")
        return value.astimezone(UTC).replace(tzinfo=None) if dialect.name == "sqlite" else value

    @override
    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The one base of all tables; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, bytes: LargeBinary, str: Text}  # noqa: RUF012  SQLAlchemy reads it from the class


db: Any = SQLAlchemy(metadata=Base.metadata)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Index only the rows that satisfy `where`, on both databases."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


Id = Annotated[UUID, mapped_column(primary_key=True, default=new_id)]
HospitalId = Annotated[UUID, mapped_column(ForeignKey("hospital.id"), index=True)]
Uid = Annotated[str, mapped_column(String(64))]
# Sorted by code point, so that what begins with a text is a range: under row security a LIKE finds no index.
Sorted = Annotated[str, mapped_column(Text().with_variant(Text(collation="C"), "postgresql"))]
