"""Reading of printed figures and dates under a stated format.

A printed figure has no meaning without its format: 14.500 is fourteen thousand five hundred where dots group, fourteen
and a half where they mark decimals. The format is set per table or column, never guessed from the figure. An error
names the rule that was broken and never repeats the text, which may hold anything. Must not know any table.
"""

import re
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Final, Literal

NumberFormat = Literal["dots", "commas", "plain"]
"""`dots`: 25.090 and 27,77 (Indonesian); `commas`: 26,589,774 and 15.08; `plain`: no grouping, no decimals."""

_NUMBERS: Final = MappingProxyType(
    {
        "dots": re.compile(r"([0-9]{1,3}(?:\.[0-9]{3})*)(?:,([0-9]+))?"),
        "commas": re.compile(r"([0-9]{1,3}(?:,[0-9]{3})*)(?:\.([0-9]+))?"),
        "plain": re.compile(r"([0-9]+)()"),
    }
)
_RULES: Final = MappingProxyType(
    {
        "dots": "digits in groups of three set apart by dots, decimals after a comma",
        "commas": "digits in groups of three set apart by commas, decimals after a dot",
        "plain": "digits only",
    }
)
_MONTHS: Final = (
    "januari",
    "februari",
    "maret",
    "april",
    "mei",
    "juni",
    "juli",
    "agustus",
    "september",
    "oktober",
    "november",
    "desember",
)
_LONG_DATE: Final = re.compile(r"([0-9]{1,2}) ([a-z]+) ([0-9]{4})")


class PrintedValueError(ValueError):
    """A printed text is not of its stated format; `rule` says what the format asks."""

    def __init__(self, rule: str) -> None:
        super().__init__(f"not as the format asks: {rule}")
        self.rule = rule


def parse_number(printed: str, number_format: NumberFormat) -> int | Decimal:
    """Return a printed number, whole or with as many decimals as printed; PrintedValueError names the broken rule."""
    found = _NUMBERS[number_format].fullmatch(printed.strip())
    if found is None:
        raise PrintedValueError(_RULES[number_format])
    whole = re.sub(r"[.,]", "", found[1])
    return Decimal(f"{whole}.{found[2]}") if found[2] else int(whole)


def parse_integer(printed: str, number_format: NumberFormat) -> int:
    """Return a printed whole number; decimals are an error, not rounded."""
    number = parse_number(printed, number_format)
    if isinstance(number, Decimal):
        raise PrintedValueError("a whole number, without decimals")
    return number


def parse_decimal(printed: str, number_format: NumberFormat) -> Decimal:
    """Return a printed number as a decimal with the decimals it was printed with."""
    return Decimal(parse_number(printed, number_format))


def parse_date(printed: str) -> date:
    """Return a date printed as 2023-12-14 or as 14 Desember 2023."""
    text = printed.strip().lower()
    try:
        match _LONG_DATE.fullmatch(text):
            case None:
                return date.fromisoformat(text)
            case found:
                return date(int(found[3]), _MONTHS.index(found[2]) + 1, int(found[1]))
    except ValueError:
        raise PrintedValueError("a day that exists, as 2023-12-14 or 14 Desember 2023") from None
