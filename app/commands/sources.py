"""Imaging sources: what may send by C-STORE for a hospital."""

from uuid import UUID

import click
from flask.cli import AppGroup

from app.commands.common import guarded, hospital_of, json_option, parts, show
from app.services import sources
from app.services.sources import NewSource
from app.services.unit_of_work import Scope, reading, unit_of_work

group = AppGroup("source", help="What may send by C-STORE.")


@group.command("add")
@click.argument("code")
@click.option("--called", "called_ae_title", required=True, help="AE title by which it calls us.")
@click.option("--calling", "calling_ae_title", required=True, help="Its own AE title.")
@click.option("--network", required=True, help="Where it sends from: 10.1.2.0/24, or one address.")
@click.option("--issuer", "default_issuer", required=True, help="Issuer of its Patient IDs that come without one.")
@click.option("--replace-policy", default="keep-newest", help="keep-newest, keep-first or ask.")
@click.option("--report-to", default="", help="Where it is told what is committed: host:port or tls://host:port.")
@click.option("--certificate", default="", help="SHA-256 fingerprint of the certificate that it must show.")
@json_option
@guarded
def add(code: str, *, as_json: bool, **fields: str) -> None:
    """Let a source send."""
    hospital_id = hospital_of(code)
    new = NewSource(**fields)
    with unit_of_work(parts(), Scope(hospital=hospital_id, name=new.called_ae_title)) as session:
        source_id = sources.add_source(session, parts(), hospital_id, new)
    said = f"{new.calling_ae_title} may send to {new.called_ae_title} from {new.network}, as {source_id}."
    show(as_json, {"id": str(source_id)}, said)


@group.command("list")
@click.argument("code")
@json_option
@guarded
def list_all(code: str, as_json: bool) -> None:
    """List a hospital's sources."""
    hospital_id = hospital_of(code)
    with reading(parts(), Scope(hospital=hospital_id)) as session:
        found = sources.sources_of(session, hospital_id)
    for item in found:
        row: dict[str, object] = {
            "id": str(item.id), "called": item.called_ae_title, "calling": item.calling_ae_title,
            "network": item.network, "issuer": item.default_issuer, "replace_policy": item.replace_policy,
            "report_to": item.report_to or "",
            "certificate": item.certificate_sha256.hex() if item.certificate_sha256 else "",
        }  # fmt: skip
        show(as_json, row, "  ".join(str(value) for value in row.values()))


@group.command("set")
@click.argument("code")
@click.argument("source_id", type=click.UUID)
@click.option(
    "--report-to", help="Where it is told what is committed: host:port or tls://host:port; empty for nowhere."
)
@click.option("--certificate", help="SHA-256 fingerprint of the certificate that it must show; empty for none.")
@guarded
def change(code: str, source_id: UUID, report_to: str | None, certificate: str | None) -> None:
    """Change where a source is told, or the certificate that it must show from its next instance on."""
    hospital_id = hospital_of(code)
    with unit_of_work(parts(), Scope(hospital=hospital_id)) as session:
        sources.change_source(
            session, parts(), hospital_id, source_id, report_to=report_to, certificate=certificate
        )  # fmt: skip
    click.echo("The source is changed.")


@group.command("remove")
@click.argument("code")
@click.argument("source_id", type=click.UUID)
@guarded
def remove(code: str, source_id: UUID) -> None:
    """Let a source send no longer, from its next instance on."""
    hospital_id = hospital_of(code)
    with unit_of_work(parts(), Scope(hospital=hospital_id)) as session:
        sources.remove_source(session, parts(), hospital_id, source_id)
    click.echo("The source may send no longer.")
