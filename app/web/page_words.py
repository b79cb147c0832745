"""Codes of the product in words for its readers; a code without words of its own gets a general one."""

import json
from dataclasses import dataclass

from app.web import words
from app.web.words import Lang


@dataclass(frozen=True, kw_only=True)
class Look:
    """A look that a series can be shown in: a window, or what somebody saved; ``label`` is the file's own word."""

    name: str
    label: str = ""
    is_presentation: bool = False


def reason_words(lang: Lang, code: str) -> str:
    """Say why a picture cannot be shown; a code without words of its own gets the general sentence."""
    key = f"reason.{code}"
    return words.say(lang, key if key in words.catalogue() else "reason.other")


def look_words(lang: Lang, look: Look) -> str:
    """Name a look: by the file's own word, else by ours for a common window, else as what it is."""
    key = f"look.{look.name}"
    return look.label or words.say(lang, key if key in words.catalogue() else _unnamed(look))


def _unnamed(look: Look) -> str:
    return "look.presentation" if look.is_presentation else "look.window"


def modality_words(lang: Lang, code: str) -> str:
    """Name a modality (0008,0060) in words, or by its code where the catalogue has none."""
    key = f"modality.{code}"
    return words.say(lang, key) if key in words.catalogue() else code


def edge_words(lang: Lang, letters: str) -> str:
    """Word an orientation: ``右 R``; oblique planes have several letters, the nearest direction first."""
    spoken = [words.say(lang, f"edge.{letter}") for letter in letters]
    return f"{('' if lang == 'zh' else '-').join(spoken)} {letters}"


def script_words(lang: Lang) -> str:
    """Return the phrases of the viewer's script, unfilled, as JSON without the prefix of their keys."""
    prefix = "script."
    chosen = {
        key.removeprefix(prefix): forms[lang] for key, forms in words.catalogue().items() if key.startswith(prefix)
    }
    families = ("reason.", "edge.")
    chosen |= {key: forms[lang] for key, forms in words.catalogue().items() if key.startswith(families)}
    return json.dumps(chosen, ensure_ascii=False)
