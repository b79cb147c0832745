"""The words of messages: a template id, parameters and a language become a text. No diagnosis, modality or body part.

A Chinese SMS is always UCS-2: one part holds 70 UTF-16 units (3GPP TS 23.038), link included, so hospital names have
a limit.
"""

from collections.abc import Mapping

ONE_PART = 70
TOKEN_LENGTH = 22

_TEMPLATES: Mapping[str, Mapping[str, str]] = {
    "study-ready": {
        "zh": "【{hospital}】您有一份资料可以查看：{link}",
        "en": "{hospital}: something is ready for you to view: {link}",
        "fr": "{hospital} : un document vous attend : {link}",
    },
    "study-changed": {
        "zh": "【{hospital}】您的资料有更新：{link}",
        "en": "{hospital}: there is an update for you to view: {link}",
        "fr": "{hospital} : un document a été mis à jour : {link}",
    },
}


def templates() -> frozenset[str]:
    """Return the ids of all templates."""
    return frozenset(_TEMPLATES)


def compose(template: str, language: str, *, hospital: str, link: str) -> str:
    """Return the text of a message.

    Raises
    ------
    KeyError
        For a template or language that does not exist.
    """
    return _TEMPLATES[template][language].format(hospital=hospital, link=link)


def utf16_units(text: str) -> int:
    """Return the length that carriers count for a UCS-2 message."""
    return len(text.encode("utf-16-be")) // 2


def longest_chinese(hospital: str, public_url: str) -> int:
    """Return the UTF-16 units of the longest Chinese message of a hospital, with host and token."""
    link = f"{public_url.rstrip('/')}/s/{'x' * TOKEN_LENGTH}"
    return max(utf16_units(compose(t, "zh", hospital=hospital, link=link)) for t in _TEMPLATES)
