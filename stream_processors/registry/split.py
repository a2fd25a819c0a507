"""The id of a family that came of a split: it follows from the split's own change, so both halves know it alone."""

import base64
import re
from typing import Final

from schemas.identifiers import derived_id

_FAMILY_ID: Final = re.compile("[a-z2-7]{26}")


def child_id(split_id: bytes) -> str:
    """Return the id of the family that a FamilySplit with this change id makes: a UUIDv5 in base32."""
    return base64.b32encode(derived_id(split_id, "PECAH")).decode("ascii").rstrip("=").lower()


def is_family_id(text: str) -> bool:
    """Tell whether a text has the form of a family's id."""
    return _FAMILY_ID.fullmatch(text) is not None
