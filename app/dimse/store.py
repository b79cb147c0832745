"""What is done with the requests of one association: C-STORE into the intake, C-ECHO; what else there is, elsewhere.

References
----------
DICOM PS3.4 B.2.3 (status codes of C-STORE), PS3.7 Annex C (status type encoding).
"""

from functools import partial

from app.core.logs import get_logger
from app.dicom.instance import DoesNotMatch, InstanceHeader, parse_dataset_header
from app.dimse import normalized
from app.dimse.command_set import Message
from app.dimse.upper_layer import Association, AssociationEnded
from app.services import sources
from app.services.ingest import Intake
from app.services.ingest_versions import Sender
from app.services.parts import Parts
from app.services.sources import Source
from app.services.unit_of_work import Scope, looking

C_STORE, C_ECHO, C_CANCEL = 0x0001, 0x0030, 0x0FFF
SUCCESS, PROCESSING_FAILURE, CLASS_NOT_SUPPORTED, NOT_AUTHORISED = 0x0000, 0x0110, 0x0122, 0x0124

_log = get_logger("scp")


def serve(parts: Parts, association: Association, source: Source) -> None:
    """Answer every request until the association ends; each C-STORE once its instance is durable."""
    sender = Sender(
        source.hospital_id, "c-store", f"source:{source.id}", source.default_issuer, source.replace_policy, source.id
    )
    intake = Intake(parts, sender, max_instance=parts.settings.dimse_max_instance)
    try:
        _answer_all(parts, association, intake, source)
    finally:
        intake.close()


def _answer_all(parts: Parts, association: Association, intake: Intake, source: Source) -> None:
    for message in association.messages():
        if message.command_field == C_STORE:
            association.respond(message, *_store(parts, association, intake, source, message))
        elif message.command_field == C_ECHO:
            association.respond(message, SUCCESS)
        elif message.command_field != C_CANCEL:
            normalized.answer(parts, association, source, message)


def _store(parts: Parts, association: Association, intake: Intake, source: Source, message: Message) -> tuple[int, str]:
    """Take one instance; returns status and error comment."""
    with looking(parts, Scope(hospital=source.hospital_id)) as connection:
        if not sources.is_known(connection, source):
            return NOT_AUTHORISED, "This source may send no longer."
    if message.sop_class_uid != message.abstract_syntax:
        return CLASS_NOT_SUPPORTED, "The SOP class is not that of the presentation context."
    try:
        outcome = intake.take(association.data_set(), partial(_parse, message))
        intake.flush()
    except AssociationEnded:
        raise
    except Exception as error:  # noqa: BLE001  one instance that fails must not end the association
        _log.error("an instance was not stored", error=type(error).__name__, exc_info=error)
        return PROCESSING_FAILURE, "The instance could not be stored."
    finally:
        intake.outcomes.clear()  # an association may carry any number of instances
    return outcome.failure, outcome.reason


def _parse(message: Message, head: bytes, *, complete: bool) -> InstanceHeader:
    header = parse_dataset_header(head, message.transfer_syntax_uid, complete=complete)
    if header.sop_class_uid != message.sop_class_uid:
        raise DoesNotMatch("The data set is of another SOP class than the command.")
    if header.sop_instance_uid != message.sop_instance_uid:
        raise DoesNotMatch("The data set has another SOP Instance UID.")
    return header
