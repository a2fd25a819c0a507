"""The id of a family that came of a split: it follows from the split's own change, so both halves know it alone."""

import re
from typing import Final

from schemas.identifiers import family_of_split

_FAMILY_ID: Final = re.compile("[a-z2-7]{26}")
child_id = family_of_split


def is_family_id(text: str) -> bool:
    """Tell whether a text has the form of a family's id."""
    return _FAMILY_ID.fullmatch(text) is not None
