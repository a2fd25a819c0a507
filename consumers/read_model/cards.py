"""Lets a reissued card lead to its family: the alias of the new KK number is written once the event is accepted.

Later files with the new card then find the family instead of minting another one. Knows references alone, never a KK
number; writing twice is writing once.
"""

from collections.abc import Callable
from functools import cache

import structlog

from identity.families import FamilyAliases
from schemas import codec, contract
from schemas.codec import FRAME_LENGTH
from schemas.records import FamilyCardReissued

_LOG = structlog.get_logger(__name__)


@cache
def _frames() -> frozenset[bytes]:
    name = f"{contract.NAMESPACE}.{FamilyCardReissued.__name__}"
    ids = (schema_id for schema_id, schema in contract.writer_schemas().items() if schema.name == name)
    return frozenset(codec.FRAME.pack(0, schema_id) for schema_id in ids)


class Cards:
    """The cards that events made known; the alias table is asked for with the first of them."""

    def __init__(self, aliases: Callable[[], FamilyAliases]) -> None:
        self._made = aliases
        self._aliases: FamilyAliases | None = None

    def learn(self, event: bytes) -> None:
        """Let the card of an event that reissued one belong to the family, durably; any other event is passed over.

        A card that belongs to another family already stays there, and that is told: a file with the new card came
        before the word that it is one, so that two families stand for one, until an event merges them.
        """
        if event[:FRAME_LENGTH] not in _frames():
            return
        if self._aliases is None:
            self._aliases = self._made()
        reissued: FamilyCardReissued = codec.decode(event)
        conflict = self._aliases.add_alias(reissued.card_ref, reissued.header.family_id)
        if conflict is not None:
            _LOG.warning("card_of_two_families", family=conflict.asked, other=conflict.known)
