"""Whose key a field of a draft is sealed with: the person whom the record names, the family, or the members' key.

What may name a person never goes under the family's own key, which stands until the last member is erased. Must not
know keys.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, assert_never

from schemas import sealed

_HEAD: Final = 1  # Regsosek 409: kepala keluarga


class Whose(NamedTuple):
    """The owners that a record names, by reference; an empty text where it names none."""

    family: str
    members: str
    person: str
    head: str
    objector: str


def owners(owner: sealed.Owner, whose: Whose) -> tuple[str, ...]:
    """Return the owners of the field's keys, the innermost first; ValueError where one of them isn't known."""
    match owner:
        case "family":
            found: tuple[str, ...] = (whose.family,)
        case "person":
            found = (whose.person,)
        case "members":
            found = (whose.members,)
        case "person_or_members":
            found = (whose.person or whose.members,)
        case "head_or_members":
            found = (whose.head or whose.members,)
        case "objector_and_members":
            found = (whose.objector, whose.members)
        case unknown:
            assert_never(unknown)
    if not all(found):
        raise ValueError(f"a field of the {owner} has nobody to be sealed for")
    return found


def head_of(body: Mapping[str, Any]) -> str | None:
    """Return the NIK of the one individual who is the head; None where nobody is, or several are."""
    heads = [one["person_ref"] for one in body.get("individuals", ()) if one.get("relationship") == _HEAD]
    return heads[0] if len(heads) == 1 else None


def wants_members(shape: sealed.Shape, body: Mapping[str, Any]) -> bool:
    """Tell whether some text of the draft is to be sealed with the members' key."""
    return _wants(shape, body, head_of(body)) if shape.sealed or shape.records else False


def _wants(shape: sealed.Shape, body: Mapping[str, Any], head: str | None) -> bool:
    for field in shape.sealed:
        if body.get(field.name) is not None and _of_members(field.owner, body.get("person_ref"), head):
            return True
    inner = ((found, body.get(name)) for name, found in shape.records)
    return any(datum is not None and _wants(found, datum, head) for found, datum in inner)


def _of_members(owner: sealed.Owner, person: str | None, head: str | None) -> bool:
    match owner:
        case "members" | "objector_and_members":
            return True
        case "person_or_members":
            return person is None
        case "head_or_members":
            return head is None
        case "family" | "person":
            return False
        case unknown:
            assert_never(unknown)
