"""What a cell of each kind of column can say: from its text to a value, or to the rule it breaks.

A kind is a function of the column and the table's formats that returns the reader of its cells. Nothing is repaired: a
text is taken as it stands or refused. Must not know which row a cell stands in.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, get_args
from uuid import UUID

from identity.rules import IdentityFinding, check_kk, check_name, check_nik
from producers.messages import Fault
from producers.seeds.printed import NumberFormat, PrintedValueError, parse_number
from producers.tables import dates
from producers.tables.layout import Column, spelled

Read = Callable[[str], Any]
NUMBER_FORMATS: Final = get_args(NumberFormat)
SHOWN_NUMBERS: Final = MappingProxyType({"dots": "25.090 / 27,77", "commas": "25,090 / 27.77", "plain": "25090"})
_SEPARATORS: Final = re.compile(r"[.,+ Ee'\u00a0]")
_LOST: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")
_WORD: Final = re.compile(r"[A-Z][A-Z0-9_]{2,63}")
_RUPIAH: Final = re.compile(r"(?:rp\.?\s*)?([0-9][0-9.,]*?)(?:,(?:-|00))?", re.IGNORECASE)
_NO_DIGIT: Final = re.compile(r"[^0-9]")
_DIGITS_OF_A_PERSON: Final = 16
_LONGEST_LABEL: Final = 120
_FAMILY_ID: Final = re.compile(r"[a-z2-7]{26}")
_LARGEST: Final = 10**15


@dataclass(frozen=True, slots=True)
class Formats:
    """How one table writes its dates (any of these) and its numbers."""

    dates: tuple[str, ...]
    numbers: NumberFormat


def reader(column: Column, formats: Formats) -> Read:
    """Return what reads a cell of this column that isn't blank: to a value, or to a Fault."""
    return _KINDS[column.kind](column, formats)


def fraction(column: Column, number: float) -> Any:
    """Return the value of a workbook's fraction in a column of decimals, a Fault in any other."""
    if column.kind != "decimal":
        return Fault("NUMBER_FORMAT", column.name)
    return _bounded(column, Decimal(str(number)))


def _text(column: Column, _: Formats) -> Read:
    def read(text: str) -> str | Fault:
        return Fault("CHARACTERS", column.name) if _LOST.search(text) else text

    return read


def _name(column: Column, _: Formats) -> Read:
    def read(text: str) -> str | Fault:
        if _LOST.search(text):
            return Fault("CHARACTERS", column.name)
        return _first(column, check_name(text)) or text

    return read


def _number_of(column: Column, check: Callable[[str], Iterable[IdentityFinding]]) -> Read:
    def read(text: str) -> str | Fault:
        if _SEPARATORS.search(text):
            return Fault("NUMBER_SEPARATED", column.name)
        return _first(column, check(text)) or text

    return lru_cache(maxsize=4_096)(read)


def _first(column: Column, found: Iterable[IdentityFinding]) -> Fault | None:
    return next((Fault(one.code, column.name) for one in found if one.severity == "reject"), None)


def _code(column: Column, _: Formats) -> Read:
    if column.codes:
        printed = dict(column.codes)
        shown = ", ".join(sorted(set(printed.values())))
        return lambda text: printed.get(spelled(text)) or Fault("CODE_UNKNOWN_WORD", column.name, {"codes": shown})
    first, last, words = column.first or 0, column.last or 0, column.words

    def read(text: str) -> int | Fault:
        said = words.get(spelled(text)) if words else None
        if said is not None:
            return said
        if not (text.isascii() and text.isdigit()):
            return Fault("CODE_FORMAT", column.name)
        within = len(text) < len(str(_LARGEST)) and first <= int(text) <= last
        return int(text) if within else Fault("CODE_UNKNOWN", column.name, {"first": first, "last": last})

    return lru_cache(maxsize=1_024)(read)


def _date(column: Column, formats: Formats) -> Read:
    shown = {"forms": ", ".join(dates.SHOWN[name] for name in dict.fromkeys(("iso", *formats.dates)))}

    def read(text: str) -> Any:
        found = dates.read(text, formats.dates)
        return Fault(found, column.name, shown) if isinstance(found, str) else found

    return read


def _whole(column: Column, formats: Formats) -> Read:
    def read(text: str) -> Any:
        number = _parsed(column, formats, text)
        match number:
            case Fault():
                return number
            case Decimal():
                return Fault("NUMBER_WHOLE", column.name)
            case int():
                return _bounded(column, number)

    return read


def _decimal(column: Column, formats: Formats) -> Read:
    def read(text: str) -> Any:
        number = _parsed(column, formats, text)
        return number if isinstance(number, Fault) else _bounded(column, Decimal(number))

    return read


def _rupiah(column: Column, formats: Formats) -> Read:
    """Read an amount with or without `Rp` before it and zero cents after it; other cents are refused, not rounded."""
    whole = _whole(column, formats)

    def read(text: str) -> Any:
        found = _RUPIAH.fullmatch(text.strip())
        return whole(found[1]) if found else Fault("NUMBER_PRINTED", column.name, _shown(formats))

    return read


def _label(column: Column, _: Formats) -> Read:
    """Read a number or name that travels in clear: no number of a person can stand in it."""

    def read(text: str) -> str | Fault:
        if _LOST.search(text) or len(text) > _LONGEST_LABEL:
            return Fault("CHARACTERS", column.name)
        return Fault("LABEL_PERSON", column.name) if len(_NO_DIGIT.sub("", text)) >= _DIGITS_OF_A_PERSON else text

    return read


def _place(column: Column, _: Formats) -> Read:
    """Read a region's name and code, in two cells or in one with a tab between."""

    def read(text: str) -> Any:
        name, _, code = text.rpartition("\t")
        code = code.strip("() ")
        right = bool(name) and "\t" not in name and code.isascii() and code.isdigit()
        return (name, code) if right else Fault("PLACE_FORMAT", column.name)

    return read


def _shown(formats: Formats) -> dict[str, str]:
    return {"form": SHOWN_NUMBERS[formats.numbers]}


def _parsed(column: Column, formats: Formats, text: str) -> int | Decimal | Fault:
    """Return the number; digits alone are the same number under every format."""
    printed = text.strip()
    try:
        return parse_number(printed, "plain" if printed.isascii() and printed.isdigit() else formats.numbers)
    except (PrintedValueError, ValueError):
        return Fault("NUMBER_PRINTED", column.name, _shown(formats))


def _bounded(column: Column, number: Any) -> Any:
    first = column.first if column.first is not None else -_LARGEST
    last = column.last if column.last is not None else _LARGEST
    within = first <= number <= last
    return number if within else Fault("NUMBER_RANGE", column.name, {"first": first, "last": last})


def _change_id(column: Column, _: Formats) -> Read:
    def read(text: str) -> bytes | Fault:
        try:
            return UUID(text.strip()).bytes
        except ValueError:
            return Fault("ID_FORMAT", column.name)

    return read


def _period(column: Column, _: Formats) -> Read:
    return lambda text: dates.period(text) or Fault("PERIOD_FORMAT", column.name)


def _matching(form: re.Pattern[str], rule: str) -> Callable[[Column, Formats], Read]:
    def kind(column: Column, _: Formats) -> Read:
        return lambda text: text if form.fullmatch(text) else Fault(rule, column.name)

    return kind


_KINDS: Final[Mapping[str, Callable[[Column, Formats], Read]]] = MappingProxyType(
    {
        "text": _text,
        "name": _name,
        "kk": lambda column, _: _number_of(column, check_kk),
        "nik": lambda column, _: _number_of(column, check_nik),
        "code": _code,
        "date": _date,
        "whole": _whole,
        "decimal": _decimal,
        "change-id": _change_id,
        "family-id": _matching(_FAMILY_ID, "ID_FORMAT"),
        "word": _matching(_WORD, "WORD_FORMAT"),
        "label": _label,
        "rupiah": _rupiah,
        "place": _place,
        "period": _period,
    }
)
