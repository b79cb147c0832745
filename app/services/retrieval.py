"""Giving an instance back as it was received: decided, recorded, then read in pieces."""

from dataclasses import dataclass

from app.access.actions import Action
from app.access.load.instances import InstanceAddress, InstanceRow, instance_at
from app.access.load.studies import policy_facts
from app.access.policy import decide
from app.access.principals import HospitalClient
from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.errors import NotFound
from app.services.objects import ObjectReader, reader
from app.services.parts import Parts
from app.services.unit_of_work import Scope, reading, unit_of_work


@dataclass(frozen=True, slots=True)
class StoredInstance:
    """An instance that this client may download; nothing of it was read or recorded yet."""

    row: InstanceRow
    address: InstanceAddress
    file: ObjectReader

    @property
    def transfer_syntax_uid(self) -> str:
        """The transfer syntax that it was received in."""
        return self.row.transfer_syntax_uid


def find_instance(parts: Parts, client: HospitalClient, address: InstanceAddress) -> StoredInstance:
    """Return an instance of the client's hospital.

    Raises
    ------
    NotFound
        When it does not exist or the client may not have it: the two look the same.
    """
    now = parts.clock()
    with reading(parts, Scope(hospital=client.hospital_id)) as session:
        row = instance_at(session, client.hospital_id, address)
        facts = policy_facts(session, client.hospital_id, row.study_id, now=now) if row else None
        if row is None or facts is None or not decide(client, Action.INSTANCE_DOWNLOAD, facts, now=now).allowed:
            raise NotFound
        return StoredInstance(row, address, reader(session, parts, client.hospital_id, row.object_id))


def record_read(parts: Parts, client: HospitalClient, instance: StoredInstance) -> None:
    """Record that an instance is given out; durable before its first byte leaves."""
    fact = Fact(
        Event.INSTANCE_READ, client.actor, f"study:{instance.row.study_id}", client.hospital_id,
        detail={"sop_instance_uid": instance.address.sop_instance_uid},
    )  # fmt: skip
    with unit_of_work(parts, Scope(hospital=client.hospital_id)) as session:
        record(session, parts.keys, fact, now=parts.clock())
