"""Submissions beside the registry: is the family known, by its card or by a NIK, and which of its persons are.

Every look passes the door, on record before it is told; what the door withholds stays withheld. A family is looked up
once by its card, and by its persons only where the card is unknown. Must not know files.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from consumers.gateway import telling
from consumers.gateway.disclosure import Door
from consumers.gateway.request import Asked, Caller, CardAsked, FamilyDisclosed, PersonAsked, Purpose
from identity import references
from producers.draft import Draft
from producers.reading import Item

Found = Literal["BY_CARD", "BY_NIK", "NOT_FOUND", "WITHHELD"]
_FIELDS = ("members",)


@dataclass(frozen=True, slots=True)
class Match:
    """What is known of one visit: its family, and how many of its persons are members there, are new, or went unseen.

    `code` says why a look was withheld. Nobody is counted where no family was found.
    """

    row: int
    family: Found
    known_persons: int = 0
    new_persons: int = 0
    unseen_persons: int = 0
    code: str = ""


def matches(
    items: Iterable[Item], door: Door, caller: Caller, purpose: Purpose, key: references.ReferenceKey
) -> Iterator[Match]:
    """Yield the match of each visit, in their order; what isn't a visit, or was refused, has none."""
    for item in items:
        if isinstance(item, Draft) and item.record == "GroundCheckRecorded":
            yield _match(item, door, caller, purpose, key)


def _match(draft: Draft, door: Door, caller: Caller, purpose: Purpose, key: references.ReferenceKey) -> Match:
    refs = [references.person_ref(key, one["person_ref"]) for one in draft.body["individuals"]]
    ways: list[tuple[Found, Asked]] = [("BY_CARD", CardAsked(references.kk_ref(key, draft.card)))]
    ways += [("BY_NIK", PersonAsked(ref)) for ref in refs]
    for found, asked in ways:
        answer = door.look_family(caller, purpose, asked, _FIELDS)
        if isinstance(answer, FamilyDisclosed):
            return _compared(draft.row, found, refs, answer)
        code = telling.told(answer.code)
        if code != telling.NOT_FOUND:
            return Match(draft.row, "WITHHELD", code=code)
    return Match(draft.row, "NOT_FOUND", code=telling.NOT_FOUND)


def _compared(row: int, found: Found, refs: list[str], family: FamilyDisclosed) -> Match:
    members = {one["person_ref"] for one in family.fields["members"]}
    seen = set(refs)
    return Match(row, found, len(seen & members), len(seen - members), len(members - seen))
