"""Imports every table once, for the factory and Alembic."""

from app.models import audit, commitments, hospitals, imaging, keys, links, notifications, outbox, patients
from app.models.base import Base, db

__all__ = [
    "Base",
    "audit",
    "commitments",
    "db",
    "hospitals",
    "imaging",
    "keys",
    "links",
    "notifications",
    "outbox",
    "patients",
]
