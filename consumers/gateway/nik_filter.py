"""Refuses text that could carry a NIK or a KK number into the audit trail. Must not know where the text goes."""

import re
import unicodedata
from typing import Final

from identity.rules import check_kk, check_nik

REDACTED: Final = "REDACTED"
_LENGTH: Final = 16
# Sixteen digits or more, each with at most two characters after it that are no letters, seen or unseen.
_RUN: Final = re.compile(r"(?:[0-9][\W_]{0,2}){16,}")
_SEPARATORS: Final = re.compile(r"[\W_]")


def looks_like_nik(text: str) -> bool:
    """Tell whether 16 digits in a row, read either way, spaced or not, have the form of a NIK or KK number.

    Digits of any script count, whatever stands between them but letters.
    """
    plain = "".join(str(unicodedata.decimal(one, one)) for one in unicodedata.normalize("NFKC", text))
    runs = (_SEPARATORS.sub("", found.group()) for found in _RUN.finditer(plain))
    return any(
        _sound(window) or _sound(window[::-1])
        for run in runs
        for window in (run[start : start + _LENGTH] for start in range(len(run) - _LENGTH + 1))
    )


def cleaned(text: str, longest: int) -> str:
    """Return the text, cut to `longest` characters, or REDACTED when it looks like holding a NIK."""
    return REDACTED if looks_like_nik(text) else text[:longest]


def _sound(digits: str) -> bool:
    return not check_nik(digits) or not check_kk(digits)
