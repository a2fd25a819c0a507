"""Names in doubt: which families have one, and what an officer's judgement of one comes to.

Joins the read model, the registry's rule and the publisher. Finds families by references alone: whom a name belongs to
is shown by the door and nowhere else.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Protocol

from consumers.read_model.queries import FamilyInRegion, FamilyPage
from jejak.composition import Registry
from producers import name_judgement
from producers.name_judgement import Judgement
from schemas import codec, regions
from schemas.records import FamilyState
from stream_processors.registry import codes, family
from stream_processors.registry.decision import AlreadyKnown, Refused, change_of

_PAGE = 1_000


class Figures(Protocol):
    """What is asked of the read model: which families live in a region."""

    def families_in(
        self, region: regions.Region, decile: int | None = None, after: FamilyInRegion | None = None, limit: int = ...
    ) -> FamilyPage:
        """Return a page of families."""


class States(Protocol):
    """What is asked of the read model: a family's state."""

    def family(self, family_id: str) -> FamilyState | None:
        """Return the family's state."""


def waiting(figures: Figures, states: States, region: regions.Region, after: str = "", limit: int = 20) -> list[str]:
    """Return up to `limit` families of a region with a name in doubt, those after family `after` in the region's order.

    Reads every family of the region up to the last one returned: about a millisecond each.
    """
    found = (one for one in _living(figures, region) if _doubted(states.family(one)))
    if after:
        for one in found:
            if one == after:
                break
    return list(islice(found, limit))


def _living(figures: Figures, region: regions.Region) -> Iterator[str]:
    page = figures.families_in(region, limit=_PAGE)
    while True:
        for one in page.families:
            yield one.family_id
        if page.after is None:
            return
        page = figures.families_in(region, after=page.after, limit=_PAGE)


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
