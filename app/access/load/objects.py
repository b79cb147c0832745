"""Rows of stored objects."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import NotFound
from app.models.imaging import StoredObject


def stored_object(session: Session, hospital_id: UUID, object_id: UUID) -> StoredObject:
    """Return where an object lies.

    Raises
    ------
    NotFound
        When this hospital has no such object.
    """
    row = session.scalar(
        select(StoredObject).where(StoredObject.id == object_id, StoredObject.hospital_id == hospital_id)
    )
    if row is None:
        raise NotFound
    return row
