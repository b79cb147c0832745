"""Two hospitals in one installation: the victim's, with one of everything, and the neighbour's, with keys and links."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session as DbSession

from app.core.identifiers import Token, digest_of, new_id
from app.factory import create_app
from app.jobs.drain import drain
from app.models.hospitals import ApiKey
from app.models.imaging import Instance, Quarantine, Series, Study
from app.models.links import Capability
from app.models.links import Session as SessionRow
from app.models.notifications import DeliveryAttempt, Notification
from app.models.patients import Patient
from app.outbox import owe
from app.services import api_keys, hospitals, links, previews, series_metadata
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests import factories as make
from tests import objects
from tests.databases import Database

VICTIM, NEIGHBOUR = "yz1", "nb2"
NAME, IDENTIFIER, ACCESSION, PHONE = "欧阳^采薇", "SECRET-PID-1", "SECRET-ACC-1", "+8613900139001"
PDF = b"%PDF-1.7 the report of one patient"


@dataclass
class World:
    """The application over both hospitals, and what the victim has."""

    database: Database
    parts: Any
    app: Any
    clock: make.HandClock
    case: make.Case
    key: str
    neighbour: make.Case
    study_uid: str = ""
    attempt: UUID = field(default_factory=new_id)
    quarantine: UUID = field(default_factory=new_id)
    token: str = ""
    opened: Any = None

    @property
    def scope(self) -> Scope:
        return self.case.scope

    def link_to(self, case: make.Case) -> tuple[Token, links.Opened]:
        """Make one more link to a study, of its own, and open it."""
        with unit_of_work(self.parts, case.scope) as session:
            study = session.scalars(select(Study).where(Study.id == case.study)).one()
            hospital = hospitals.profile(session, case.hospital)
            capability = links._new_capability(session, study, case.patient, hospital, self.clock())
            token = links.mint_token(session, self.parts, case.hospital, capability, "sms", None)
        return token, make.open_link(self.parts, token)

    def secrets(self) -> set[str]:
        """Every text that names the victim or what the victim has; none may ever reach a stranger."""
        case = self.case
        ids = [case.hospital, case.patient, case.order, case.study, self.attempt, self.quarantine]
        with reading(self.parts, self.scope) as session:
            for table in (Capability, Notification, ApiKey):
                ids += session.scalars(select(table.id).where(table.hospital_id == case.hospital))
            ids += session.scalars(select(Series.id).where(Series.study_id == case.study))
            uids = [*session.scalars(select(Instance.sop_instance_uid).where(Instance.study_id == case.study))]
        texts = {NAME, "欧阳", "采薇", IDENTIFIER, ACCESSION, PHONE, PHONE[3:], make.BORN.isoformat(), "两肺", "胸部"}
        texts |= {"云泽", "0000-66001234", self.key, self.token, self.opened.public_id, self.study_uid}
        return texts | {str(id_) for id_ in ids} | set(uids)

    def rows(self) -> dict[str, list[str]]:
        """Every row that names the victim's hospital."""
        return {
            table: [row for row in rows if repr(self.case.hospital) in row]
            for table, rows in make.everything(self.database).items()
        }


def build(given: Any, database: Database) -> World:
    """Make both hospitals, the victim's study with real pictures, report, message, and an object set aside."""
    parts, clock = make.with_clock(given)
    app = create_app(parts)
    victim = _case(parts, VICTIM, 2, name=NAME, identifier=IDENTIFIER, accession=ACCESSION, phone=PHONE)
    neighbour = _case(parts, NEIGHBOUR, 0, hospital={"name": "邻城医院", "message_name": "邻城", "telephone": "0000-1"})
    world = World(database, parts, app, clock, victim, make.make_api_key(parts, victim.hospital), neighbour)
    make.make_report(parts, victim.hospital, victim.order, pdf=PDF)
    make.announce(parts, victim)
    with unit_of_work(parts, victim.scope) as session:
        world.study_uid = session.get_one(Study, victim.study).study_instance_uid
        _message_on_its_way(session, world)
        _set_aside(session, world)
    world.token, world.opened = world.link_to(victim)
    make.add_document(parts, victim, "两肺纹理增多")
    make.add_series(parts, victim, 8, objects.encapsulated(objects.pdf("a finding")))
    make.add_series(parts, victim, 9, objects.video(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"))
    with unit_of_work(parts, victim.scope) as session:
        first = session.scalars(
            select(Series.id).where(Series.study_id == victim.study).order_by(Series.number)
        ).first()
        owe(session, victim.hospital, previews.RENDER_LOOK, f"{first}:bone", due_at=clock(), now=clock())
    for topic in (series_metadata.WRITE, previews.RENDER_LOOK):
        drain(replace(parts, clock=lambda: clock() + make.SOON), topic)
    return world


def _case(parts: Any, code: str, pictures: int, *, hospital: dict | None = None, **patient: str) -> make.Case:
    hospital_id = make.make_hospital(parts, code, **(hospital or {}))
    accession = patient.pop("accession", "")
    patient_id = make.make_patient(parts, hospital_id, **patient)
    order = make.make_order(parts, hospital_id, patient_id, accession_number=accession, visit_number="V-77")
    return make.Case(
        hospital_id, patient_id, order, make.make_study_ready(parts, hospital_id, order, pictures=pictures)
    )


def _message_on_its_way(session: DbSession, world: World) -> None:
    now = world.clock()
    session.add(
        DeliveryAttempt(
            id=world.attempt, hospital_id=world.case.hospital,
            notification_id=session.scalars(select(Notification.id)).one(), channel="sms", number=1, state="accepted",
            created_at=now, updated_at=now,
        )
    )  # fmt: skip


def _set_aside(session: DbSession, world: World) -> None:
    session.add(
        Quarantine(
            id=world.quarantine, hospital_id=world.case.hospital, door="stow", reason_code=0xC000, reason="cut short",
            size=1, created_at=world.clock(),
        )
    )  # fmt: skip


class Ends:
    """Ways in which an opened link of the victim stops opening; each returns what undoes it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def ended_session(self, opened):
        links.end_session(self._world.parts, self._world.case.hospital, digest_of(opened.secret))
        return _nothing

    def run_out_session(self, opened):
        return self._change(SessionRow, opened, expires_at=self._world.clock())

    def expired_link(self, opened):
        return self._change(Capability, opened, expires_at=self._world.clock() - timedelta(seconds=1))

    def revoked_link(self, opened):
        return self._change(Capability, opened, revoked_at=self._world.clock(), revoked_reason="revoked")

    def held_study(self, opened):
        return self._change(Study, opened, held_at=self._world.clock())

    def study_not_yet_released(self, opened):
        return self._change(Patient, opened, after_my_doctor=True)

    def undone_match(self, opened):
        return self._change(Study, opened, patient_id=None)

    def match_of_another_patient(self, opened):
        other = make.make_patient(self._world.parts, self._world.case.hospital, phone="+8613800138002", name="李^四")
        return self._change(Study, opened, patient_id=other)

    def _change(self, table: type, opened: links.Opened, **columns):
        world = self._world
        with reading(world.parts, world.scope) as session:
            link = session.scalars(select(SessionRow).where(SessionRow.digest == digest_of(opened.secret))).one()
            ids = {
                SessionRow: link.digest, Capability: link.capability_id, Study: world.case.study,
                Patient: world.case.patient,
            }  # fmt: skip
            row = session.get_one(table, ids[table])
            before = {name: getattr(row, name) for name in columns}
        make.change(world.parts, world.case, table, ids[table], **columns)
        return lambda: make.change(world.parts, world.case, table, ids[table], **before)


def _nothing() -> None:
    """Leave it ended."""


def end_key(world: World) -> str:
    """Make a key of the victim's hospital and end it."""
    key = make.make_api_key(world.parts, world.case.hospital)
    with unit_of_work(world.parts, world.scope) as session:
        newest = session.scalars(select(ApiKey.id).where(ApiKey.credential_digest == digest_of(key))).one()
        api_keys.end_key(session, world.parts, world.case.hospital, newest)
    return key
