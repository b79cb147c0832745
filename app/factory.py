"""Putting it together: the only place that knows every part."""

import sqlite3
from pathlib import Path
from typing import Any

from flask import Flask
from flask_migrate import Migrate
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, make_url
from werkzeug.middleware.proxy_fix import ProxyFix

from app import cli
from app.core import clock
from app.core.crypto import KeyFiles
from app.core.hosts import claim_for_this_host
from app.core.settings import Settings
from app.dicom.decode_pool import DecodePool
from app.gateways.twilio import TwilioAccount, TwilioGateway
from app.models.registry import db
from app.notify.channels.base import Channel
from app.notify.channels.sms import SmsChannel
from app.queue import Bell
from app.routes import health, links, originals, studies, webhooks
from app.routes.dicomweb import capabilities, qido, rendered, stow, wado
from app.routes.hospital import registration, worklists
from app.routes.hospital import studies as hospital_studies
from app.services.parts import Parts
from app.services.throttle import Limiter
from app.storage.filesystem import FilesystemStore
from app.storage.packs import Store
from app.web import authentication, bodies, compression, failures, headers, metrics, problems
from app.web.picture_lane import PictureLane

_MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations"
BLUEPRINTS = (
    stow.blueprint,
    wado.blueprint,
    qido.blueprint,
    rendered.blueprint,
    capabilities.blueprint,
    registration.blueprint,
    hospital_studies.blueprint,
    worklists.blueprint,
    links.blueprint,
    studies.blueprint,
    originals.blueprint,
    webhooks.blueprint,
    health.blueprint,
)


def build_parts(settings: Settings) -> Parts:
    """Build everything with a lifetime. Starts no thread and opens no connection yet."""
    bell = Bell(settings.redis_url)
    gateway = _gateway(settings)
    channels: dict[str, Channel] = {"sms": SmsChannel(gateway, settings)} if gateway else {}
    return Parts(
        settings=settings,
        engine=build_engine(settings.database_url),
        keys=KeyFiles(settings.keys_folder),
        store=build_store(settings),
        clock=clock.now,
        bell=bell,
        limiter=Limiter(bell.redis),
        channels=channels,
        decoder=DecodePool(
            settings.decode_workers,
            memory_bytes=settings.decode_memory_bytes,
            seconds_per_instance=settings.decode_seconds,
        ),
        verify_callback=gateway.signature_is_valid if gateway else None,
    )


def build_store(settings: Settings) -> Store:
    """Make the object store that the settings name."""
    if not settings.object_store:
        return FilesystemStore(settings.data_folder, minimum_free_bytes=settings.minimum_free_bytes)
    from app.storage.s3 import S3Store  # boto3 takes most of a second to load, which one host need not pay

    return S3Store(settings.object_store, endpoint_url=settings.s3_endpoint_url)


def _gateway(settings: Settings) -> TwilioGateway | None:
    if not settings.twilio_account_sid:
        return None
    return TwilioGateway(
        TwilioAccount(
            account_sid=settings.twilio_account_sid,
            auth_token_file=settings.twilio_auth_token_file,
            messaging_service_sid=settings.twilio_messaging_service_sid,
            sender=settings.twilio_from,
            base_url=settings.twilio_base_url,
            timeout_seconds=settings.twilio_timeout_seconds,
            obfuscate_addresses=settings.twilio_obfuscate_addresses,
        )
    )


def build_engine(url: str) -> Engine:
    """Make an engine; on SQLite for this host alone, with WAL, full durability, and writers that queue, not fail."""
    if not url.startswith("sqlite"):
        return create_engine(url, hide_parameters=True, pool_pre_ping=True, pool_size=10, max_overflow=20)
    claim_for_this_host(Path(make_url(url).database or ""))
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": 60}, pool_size=20, max_overflow=20)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "handle_error", _distrust_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=60000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once: a transaction that upgrades from reading fails where it could have waited."""
    readonly = connection.get_execution_options().get("filmpass_readonly", False)
    connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")


def _distrust_sqlite(context: ExceptionContext) -> None:
    """Close a connection that met a failing disk, instead of giving it to the next request.

    SQLite opens a file for reading where opening it for writing fails, even if only once: such a connection would
    refuse every later write.
    """
    code = getattr(context.original_exception, "sqlite_errorcode", 0) & 0xFF  # the rest says where it happened
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR):
        context.is_disconnect, context.invalidate_pool_on_disconnect = True, False


def create_app(parts: Parts) -> Flask:
    """Make the web application over given parts."""
    app = Flask("app", static_url_path="/static")
    app.config["SQLALCHEMY_DATABASE_URI"] = parts.settings.database_owner_url or parts.settings.database_url
    app.extensions["filmpass"] = parts
    app.url_map.merge_slashes = False  # werkzeug would send the browser, token and all, to whatever Host was named
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    db.init_app(app)
    Migrate(app, db, directory=str(_MIGRATIONS))
    problems.register(app)
    failures.register(app)
    compression.register(app)
    headers.register(app)
    metrics.register(app)
    bodies.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    authentication.register(app)
    cli.register(app)
    if parts.settings.trusted_proxies:
        count = parts.settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=0)  # type: ignore[method-assign]
    app.wsgi_app = PictureLane(app.wsgi_app, parts)  # type: ignore[method-assign]
    return app
