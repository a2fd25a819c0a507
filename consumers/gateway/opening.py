"""From a family's state and the events in force to the values a request may see: sealed ones opened, most masked.

Opens with `identity.open`, which nothing outside this package may. Must not decide who may see what, nor read anything.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, assert_never

from cassandra import DriverException
from cassandra.cluster import NoHostAvailable

from identity.keys import Erased
from identity.open import NotOpenable, Opener
from identity.written_intent import WrittenIntent
from schemas import codec, records

CLEAR: Final = ".clear"
_SHOWN_OF_NUMBER: Final = 4
_MASKED: Final = frozenset({"national_id", "card_number", "telephone"})
_FACETS_OF_FAMILY: Final = {"card_number": "registration", "telephone": "registration", "address_line": "residence"}
_OF_PERSON: Final = ("national_id", "name", "birth_day")
_IN_DOUBT: Final = "NAMA_MERAGUKAN"

Value = Any
"""What JSON can say."""


class KeysUnavailable(Exception):
    """The store of data keys does not answer: nothing sealed can be opened, and nothing is known to be erased."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Opens what one look may see, on the strength of its written intent."""

    opener: Opener
    intent: WrittenIntent

    def text(self, record: Any, path: str, owner: str) -> str | dict[str, str] | None:
        """Return what is sealed in a field of a record, None where nothing is, or why it doesn't open."""
        sealed: bytes | None = getattr(record, path, None)
        if sealed is None:
            return None
        change_id = uuid.UUID(bytes=record.header.change_id)
        try:
            opened = self.opener.open_sealed(self.intent, owner, codec.name_of(record), path, change_id, sealed)
        except (DriverException, NoHostAvailable) as fault:
            raise KeysUnavailable from fault
        match opened:
            case str() as text:
                return text
            case Erased():
                return {"withheld": "ERASED"}
            case NotOpenable(reason):
                return {"withheld": f"NOT_OPENABLE_{reason.upper()}"}
            case unknown:
                assert_never(unknown)


def persons_in(state: records.FamilyState) -> tuple[records.Member, ...]:
    """Return the members that a look at the family discloses: all but those whose membership ended."""
    return tuple(member for member in state.members if member.standing != "ENDED")


@dataclass(frozen=True, slots=True)
class Unproven:
    """An event in force can't be shown from: it isn't there yet (READ_MODEL_BEHIND), or isn't the state's own."""

    code: str


BEHIND: Final = Unproven("READ_MODEL_BEHIND")
DIFFERS: Final = Unproven("EVENT_NOT_OF_STATE")


def facets_of(state: records.FamilyState, granted: Collection[str]) -> tuple[records.Facet, ...]:
    """Return the facets whose events hold the granted sealed fields; none when nothing sealed is granted."""
    names = {facet for name, facet in _FACETS_OF_FAMILY.items() if _may(name, granted)}
    if any(_may(f"member.{name}", granted) for name in _OF_PERSON):
        names |= {f"member/{member.person_ref}" for member in persons_in(state)}
    if _may("member.name", granted):
        names |= {f"padan/{member.person_ref}" for member in persons_in(state) if member.padan == _IN_DOUBT}
    return tuple(facet for facet in state.facets if facet.name in names)


def in_force(family_id: str, facets: Iterable[records.Facet], events: Mapping[int, Any]) -> dict[str, Any] | Unproven:
    """Return the event of each facet by the facet's name; Unproven when one is missing or isn't the one it names."""
    found: dict[str, Any] = {}
    for facet in facets:
        event = events.get(facet.sequence)
        if event is None:
            return BEHIND
        head: records.Header = event.header
        if (head.family_id, head.sequence, head.change_id) != (family_id, facet.sequence, facet.change_id):
            return DIFFERS
        found[facet.name] = event
    return found


def disclosed(
    state: records.FamilyState, granted: Collection[str], events: Mapping[str, Any], opening: Opening
) -> dict[str, Value]:
    """Return the granted fields of the family and its members; a value that doesn't open says why instead.

    `events` holds the event in force of each of `facets_of` these fields.
    """
    shown: dict[str, Value] = {code: read(state) for code, read in _PLAIN.items() if code in granted}
    if "status" in granted and (without := _head_wanted(state)):
        shown["head"] = without
    for name, facet in _FACETS_OF_FAMILY.items():
        if _may(name, granted):
            opened = opening.text(events.get(facet), name, state.family_id)
            shown[name] = _masked(name, opened, clear=name + CLEAR in granted)
    if any(code.startswith("member") for code in granted):
        shown["members"] = [_person(member, events, granted, opening) for member in persons_in(state)]
    return shown


def _head_wanted(state: records.FamilyState) -> str:
    """Return that a family has no head since the last one went, or two of them; nothing where it has one."""
    return next((one.step for one in state.cases if one.machine == _HEAD and one.step != _HAS_HEAD), "")


def _may(code: str, granted: Collection[str]) -> bool:
    return code in granted or code + CLEAR in granted


def _person(
    member: records.Member, events: Mapping[str, Any], granted: Collection[str], opening: Opening
) -> dict[str, Value]:
    shown: dict[str, Value] = {"person_ref": member.person_ref}
    if "members" in granted:
        shown |= {
            "standing": member.standing,
            "padan": member.padan,
            "birth_year": member.birth_year,
            "birth_month": member.birth_month,
            "sex": member.sex,
            "relationship": member.relationship,
        }
    for name in _OF_PERSON:
        code = f"member.{name}"
        if _may(code, granted):
            event = events.get(f"member/{member.person_ref}")
            # Sealed for whom the event names: once erased, the member goes by an id that no key was ever made for.
            opened = opening.text(event, name, getattr(event, "person_ref", member.person_ref))
            shown[name] = _masked(name, opened, clear=code + CLEAR in granted)
    if member.padan == _IN_DOUBT and _may("member.name", granted):
        shown |= _doubt(events.get(f"padan/{member.person_ref}"), member, opening)
    return shown


def _doubt(match: Any, member: records.Member, opening: Opening) -> dict[str, Value]:
    """Return the match whose name waits to be judged, with the civil registry's own name of the person."""
    if match is None:
        return {}
    owner = getattr(match, "person_ref", member.person_ref)
    return {
        "match_id": match.header.change_id.hex(),
        "name_likeness": match.name_likeness,
        "registry_name": opening.text(match, "registry_name", owner),
    }


def _masked(name: str, opened: str | dict[str, str] | None, *, clear: bool) -> Value:
    if clear or name not in _MASKED or not isinstance(opened, str):
        return opened
    hidden = max(len(opened) - _SHOWN_OF_NUMBER, 0)
    return "*" * hidden + opened[hidden:]


_HEAD, _HAS_HEAD = "KEPALA_KELUARGA", "BERKEPALA"
_PLAIN: Final[Mapping[str, Callable[[records.FamilyState], Value]]] = {
    "region": lambda state: {
        "system": state.region.system,
        "edition": state.region.edition,
        "code": state.region.code,
    },
    "status": lambda state: state.status,
    "decile": lambda state: state.decile or None,
    "proposals": lambda state: [
        {"kind": each.kind, "step": each.step, "since": each.since, "reason": each.reason} for each in state.proposals
    ],
    "eligibility": lambda state: [
        {
            "programme": each.programme,
            "result": each.result,
            "reasons": list(each.reasons),
            "rules_version": each.rules_version,
        }
        for each in state.eligibility
    ],
}
