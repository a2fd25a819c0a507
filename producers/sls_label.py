"""Labels of the smallest units as forms print them, and an id that several spellings of one unit share.

`RW I`, `RW 01` and `Rw. 1` are one unit; `RW E` is a label that no id is made of. The printed label is always kept
beside the id. Must not know forms.
"""

import re
from typing import Final

_KIND: Final = "rw|rt|dusun|dsn|lingkungan|lingk|jorong|banjar|kampung|blok"
_UNITS: Final = re.compile(rf"(?P<kind>{_KIND})[\s.:/-]*(?P<name>[^/,]+?)\s*(?:[/,]|$)")
_OF_A_KIND: Final = re.compile(rf"\s*(?:{_KIND})\b")
_KINDS: Final = {"dsn": "dusun", "lingk": "lingkungan"}
_ROMAN: Final = re.compile(r"(?=[xvi])(x{0,3})(ix|iv|v?i{0,3})")
_ROMAN_DIGITS: Final = {"": 0, "i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9}
_NAMED: Final = frozenset({"dusun", "lingkungan", "jorong", "banjar", "kampung", "blok"})
_WORDS: Final = re.compile(r"[^\W\d_]{2,}(?: [^\W\d_]+)*")
_DIGITS: Final = 3


def sls_id(printed: str) -> str | None:
    """Return the id, as rw-01, dusun-krajan or rw-02/rt-01 (the larger unit first); None where the label makes none."""
    text = " ".join(printed.casefold().split())
    found, at = list[str](), 0
    for unit in _UNITS.finditer(text):
        name = _name(unit["name"].strip(" ."), _KINDS.get(unit["kind"], unit["kind"]))
        if unit.start() != at or name is None:
            return None
        found.append(name)
        at = unit.end() + (len(text[unit.end() :]) - len(text[unit.end() :].lstrip()))
    return "/".join(sorted(found, key=lambda one: one.startswith("rt-"))) if found and at == len(text) else None


def names_unit(printed: str) -> bool:
    """Tell whether the label is meant for a unit, even if no id is made of it (`RW E`)."""
    return _OF_A_KIND.match(printed.casefold()) is not None or sls_id(printed) is not None


def is_roman(printed: str) -> bool:
    """Tell whether the label numbers its unit in Roman figures."""
    last = printed.casefold().split()[-1] if printed.split() else ""
    return bool(_ROMAN.fullmatch(last))


def _name(name: str, kind: str) -> str | None:
    if name.isascii() and name.isdigit() and len(name) <= _DIGITS:
        return f"{kind}-{int(name):02}"
    roman = _ROMAN.fullmatch(name)
    if roman:
        return f"{kind}-{10 * len(roman[1]) + _ROMAN_DIGITS[roman[2]]:02}"
    if kind in _NAMED and _WORDS.fullmatch(name):
        return f"{kind}-{name.replace(' ', '-')}"
    return None
