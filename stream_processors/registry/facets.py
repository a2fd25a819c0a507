"""Which event holds for a facet of a family: the one with the greatest (occurred_at, sequence).

A June visit that arrives after July's corrects June, not July. Knows order alone; must not know what facets mean.
"""

from schemas.records import Facet, FamilyState
from stream_processors.registry.decision import Event, facet_of
from stream_processors.registry.making import maker

_facet = maker(Facet)


def holds(state: FamilyState, name: str, event: Event) -> bool:
    """Tell whether this event is now the one in force for the facet; its sequence is greater than any before."""
    current = facet_of(state, name)
    return current is None or event.prefix.occurred_at >= current.occurred_at


def put(facets: tuple[Facet, ...], name: str, event: Event) -> tuple[Facet, ...]:
    """Return the facets with this event in force for `name`; the order of first appearance is kept."""
    prefix = event.prefix
    new = _facet(name=name, occurred_at=prefix.occurred_at, sequence=prefix.sequence, change_id=prefix.change_id)
    for index, facet in enumerate(facets):
        if facet.name == name:
            return (*facets[:index], new, *facets[index + 1 :])
    return (*facets, new)
