"""Names in doubt: which families have one, and what an officer's judgement of one comes to.

Joins the read model, the registry's rule and the publisher. Finds families by references alone: whom a name belongs to
is shown by the door and nowhere else.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Protocol

from consumers.read_model import rows
from consumers.read_model.queries import FamilyPlace
from jejak.composition import Registry
from producers import name_judgement
from producers.name_judgement import Judgement
from schemas import codec, regions
from schemas.records import FamilyState
from stream_processors.registry import codes, family
from stream_processors.registry.decision import AlreadyKnown, Refused, change_of


class Figures(Protocol):
    """What is asked of the read model: which families of a region have a name in doubt."""

    def families_in_doubt(self, region: regions.Region, after: FamilyPlace | None = None) -> Iterator[FamilyPlace]:
        """Yield them by place, those after one of them."""


class States(Protocol):
    """What is asked of the read model: a family's state."""

    def family(self, family_id: str) -> FamilyState | None:
        """Return the family's state."""


def waiting(figures: Figures, states: States, region: regions.Region, after: str = "", limit: int = 20) -> list[str]:
    """Return up to `limit` families of a region with a name in doubt, those after family `after` in the region's order.

    `after` may have been judged since. Reads the families of the queue alone, not the region's.
    """
    listed = figures.families_in_doubt(region, _place(states.family(after)) if after else None)
    found = (one.family_id for one in listed if _doubted(states.family(one.family_id)))
    return list(islice(found, limit))


def _place(state: FamilyState | None) -> FamilyPlace | None:
    """Return where a family is in the order of its region; None, so from the beginning, where there is none."""
    if state is None:
        return None
    return FamilyPlace(rows.region_partition(state.region)[2], state.region.code, state.family_id)


def _doubted(state: FamilyState | None) -> bool:
    return state is not None and any(
        one.padan == codes.NAME_IN_DOUBT and one.standing != codes.ENDED for one in state.members
    )


def judge(registry: Registry, judgement: Judgement) -> bytes | Refused | AlreadyKnown:
    """Publish a judgement and return its change id; Refused by the rule that the fold holds it to: nothing published.

    AlreadyKnown says that it was accepted before.
    """
    state = registry.read_model().family(judgement.family_id)
    if state is None:
        return Refused("FAMILY_NOT_REGISTERED", "/header/family_id", "no such family in the registry")
    record = name_judgement.record_of(judgement)
    verdict = family.decide(change_of(codec.encode(record), judgement.occurred_at), state)
    if isinstance(verdict, Refused | AlreadyKnown):
        return verdict
    message = name_judgement.outgoing(record)
    document = (judgement.agency, f"judgement/{record.header.change_id.hex()}")
    registry.publisher(1).publish(document, (message,), lambda messages: messages)
    return record.header.change_id
