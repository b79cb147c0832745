"""Command sets: what a message asks for, and how it is answered.

References
----------
DICOM PS3.7 6.3.1 (Implicit VR Little Endian, group 0000), Annex E (command dictionary).
"""

from dataclasses import dataclass
from struct import Struct

_ELEMENT = Struct("<HHI")
_NO_DATA_SET = 0x0101


@dataclass(frozen=True, slots=True)
class Message:
    """A request: its command set, and the presentation context that it came in. `has_data_set` says what follows.

    The SOP UIDs are the affected ones, of an N-ACTION the requested ones.
    """

    command_field: int
    message_id: int
    sop_class_uid: str
    sop_instance_uid: str
    has_data_set: bool
    context_id: int
    abstract_syntax: str
    transfer_syntax_uid: str
    action_type: int | None = None


def read_request(command: bytes, context_id: int, syntaxes: tuple[str, str]) -> Message:
    """Read the command set of a request, which came in a context of these abstract and transfer syntaxes.

    Raises
    ------
    KeyError, struct.error
        When it lacks something, or is cut off.
    """
    elements = read_elements(command)
    return Message(
        _number(elements[0x0100]),
        _number(elements[0x0110]),
        _text(elements, 0x0002, 0x0003),
        _text(elements, 0x1000, 0x1001),
        _number(elements[0x0800]) != _NO_DATA_SET,
        context_id,
        *syntaxes,
        _number(elements[0x1008]) if 0x1008 in elements else None,
    )


def write_response(message: Message, status: int, comment: str) -> bytes:
    """Return the command set that answers a request; `comment` is Error Comment, cut at 64 characters."""
    elements = [
        (0x0002, _uid(message.sop_class_uid)),
        (0x0100, _us(message.command_field | 0x8000)),
        (0x0120, _us(message.message_id)),
        (0x0800, _us(_NO_DATA_SET)),
        (0x0900, _us(status)),
    ]
    if comment:
        elements.append((0x0902, _even(comment.encode("ascii", "replace")[:64], b" ")))
    if message.sop_instance_uid:
        elements.append((0x1000, _uid(message.sop_instance_uid)))
    if message.action_type is not None:
        elements.append((0x1008, _us(message.action_type)))
    body = b"".join(_ELEMENT.pack(0, number, len(value)) + value for number, value in elements)
    return _ELEMENT.pack(0, 0, 4) + len(body).to_bytes(4, "little") + body


def read_elements(command: bytes) -> dict[int, bytes]:
    """Read the elements of a command set. Keys are element numbers."""
    found, at = {}, 0
    while at < len(command):
        _, element, length = _ELEMENT.unpack_from(command, at)
        at += _ELEMENT.size
        found[element] = command[at : at + length]
        at += length
    return found


def _text(elements: dict[int, bytes], affected: int, requested: int) -> str:
    value = elements.get(affected) or elements.get(requested, b"")
    return value.decode("ascii", "replace").strip("\0 ")


def _number(value: bytes) -> int:
    return int.from_bytes(value[:2], "little")


def _us(value: int) -> bytes:
    return value.to_bytes(2, "little")


def _uid(text: str) -> bytes:
    return _even(text.encode("ascii", "replace"), b"\0")


def _even(value: bytes, padding: bytes) -> bytes:
    return value + padding * (len(value) % 2)
