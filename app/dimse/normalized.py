"""Requests of the normalized services: N-ACTION of storage commitment, N-CREATE of instance availability.

References
----------
DICOM PS3.4 J.3.2, R.3; PS3.7 10.1.4.1.10 and 10.1.5.1.6 (status codes).
"""

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

from app.core.logs import get_logger
from app.dicom.references import (
    DATA_SET_LIMIT,
    MissingAttribute,
    TooManyReferences,
    UnusableDataSet,
    parse_availability,
    parse_commitment_request,
)
from app.dimse.command_set import Message
from app.dimse.upper_layer import Association, AssociationEnded
from app.services import availability, commitment, sources
from app.services.parts import Parts
from app.services.sources import Source
from app.services.unit_of_work import Scope, looking, unit_of_work

N_ACTION, N_CREATE = 0x0130, 0x0140
STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
INSTANCE_AVAILABILITY = "1.2.840.10008.5.1.4.33"
SUCCESS, INVALID_ATTRIBUTE, PROCESSING_FAILURE, NO_SUCH_INSTANCE = 0x0000, 0x0106, 0x0110, 0x0112
INVALID_ARGUMENT, CLASS_INSTANCE_CONFLICT, MISSING_ATTRIBUTE = 0x0115, 0x0119, 0x0120
NO_SUCH_ACTION, NOT_AUTHORISED, UNRECOGNISED_OPERATION, RESOURCE_LIMITATION = 0x0123, 0x0124, 0x0211, 0x0213
_REQUEST_COMMITMENT = 1

Answer = tuple[int, str]
_log = get_logger("scp")


def answer(parts: Parts, association: Association, source: Source, message: Message) -> None:
    """Do what a normalized request asks for, and answer it; what is asked for is durable by then."""
    service = _SERVICES.get((message.command_field, message.abstract_syntax))
    if service is None:
        association.respond(message, UNRECOGNISED_OPERATION)
        return
    if message.command_field == N_CREATE and not message.sop_instance_uid:
        message = replace(message, sop_instance_uid=f"2.25.{uuid4().int}")
    association.respond(message, *_served(parts, association, source, message, service))


def _served(
    parts: Parts, association: Association, source: Source, message: Message, service: "_Service"
) -> Answer:  # fmt: skip
    try:
        with looking(parts, Scope(hospital=source.hospital_id)) as connection:
            if not sources.is_known(connection, source):
                return NOT_AUTHORISED, "This source may send no longer."
        return service(parts, association, source, message)
    except AssociationEnded:
        raise
    except (TooManyReferences, commitment.TooManyOpen) as error:
        return RESOURCE_LIMITATION, str(error)
    except Exception as error:  # noqa: BLE001  one request that fails must not end the association
        _log.error("a request was not served", error=type(error).__name__, exc_info=error)
        return PROCESSING_FAILURE, "The request could not be served."


def _commit(parts: Parts, association: Association, source: Source, message: Message) -> Answer:
    if message.sop_class_uid != STORAGE_COMMITMENT:
        return CLASS_INSTANCE_CONFLICT, "The SOP class is not that of the presentation context."
    if message.sop_instance_uid != STORAGE_COMMITMENT_INSTANCE:
        return NO_SUCH_INSTANCE, "Storage commitment has one well-known instance."
    if message.action_type != _REQUEST_COMMITMENT:
        return NO_SUCH_ACTION, "The action is not Request Storage Commitment."
    if source.report_to is None:
        return NOT_AUTHORISED, "No address to report to is set for this source."
    try:
        asked = parse_commitment_request(_data_set(association), message.transfer_syntax_uid)
    except TooManyReferences:
        raise
    except UnusableDataSet as error:
        return INVALID_ARGUMENT, str(error)
    with unit_of_work(parts, Scope(hospital=source.hospital_id)) as session:
        commitment.request(session, parts, source, asked)
    return SUCCESS, ""


def _note_availability(parts: Parts, association: Association, source: Source, message: Message) -> Answer:
    if message.sop_class_uid != INSTANCE_AVAILABILITY:
        return CLASS_INSTANCE_CONFLICT, "The SOP class is not that of the presentation context."
    try:
        told = parse_availability(_data_set(association), message.transfer_syntax_uid)
    except TooManyReferences:
        raise
    except UnusableDataSet as error:
        return MISSING_ATTRIBUTE if isinstance(error, MissingAttribute) else INVALID_ATTRIBUTE, str(error)
    with unit_of_work(parts, Scope(hospital=source.hospital_id)) as session:
        availability.note(session, parts, source, told)
    return SUCCESS, ""


def _data_set(association: Association) -> bytes:
    data = bytearray()
    for piece in association.data_set():
        data += piece
        if len(data) > DATA_SET_LIMIT:
            raise TooManyReferences(f"The data set is longer than {DATA_SET_LIMIT >> 20} MiB.")
    return bytes(data)


_Service = Callable[[Parts, Association, Source, Message], Answer]
_SERVICES: dict[tuple[int, str], _Service] = {
    (N_ACTION, STORAGE_COMMITMENT): _commit,
    (N_CREATE, INSTANCE_AVAILABILITY): _note_availability,
}
