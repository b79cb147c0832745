"""Imports every table once, for the factory and Alembic."""

from app.models import audit, hospitals, imaging, keys, links, notifications, outbox, patients
from app.models.base import Base, db

__all__ = ["Base", "audit", "db", "hospitals", "imaging", "keys", "links", "notifications", "outbox", "patients"]
