"""Person names for looking up: without case, accents and delimiters, by component group.

References
----------
DICOM PS3.5 6.2.1 (PN), PS3.4 C.2.2.2 (matching of PN may ignore case and accents).
"""

import unicodedata

HIGHEST = "\U0010ffff"


def name_key(text: str) -> str:
    """Fold a name, or a part of one, for comparison: lower case, no accents, components parted by single blanks."""
    decomposed = unicodedata.normalize("NFKD", text.replace("^", " "))
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(letters.casefold().split())


def name_keys(person_name: str) -> tuple[str, str]:
    """Give the keys of the alphabetic and the ideographic group of a name; `""` for a group that is not there."""
    alphabetic, _, rest = person_name.partition("=")
    return name_key(alphabetic), name_key(rest.partition("=")[0])
