"""Run the numbered migrations, on the connection of the application's owner role."""

from alembic import context
from flask import current_app

from app.models.base import Base, UtcDateTime


def _render_item(kind: str, item: object, _context: object) -> str | bool:
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run() -> None:
    """Migrate inside one transaction, giving up on a lock after ten seconds rather than blocking the hospital."""
    engine = current_app.extensions["migrate"].db.engine.execution_options()
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET lock_timeout = '10s'")
            connection.exec_driver_sql("SET statement_timeout = '600s'")
            connection.commit()
        context.configure(
            connection=connection, target_metadata=Base.metadata, render_item=_render_item, compare_type=False
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
