"""The states of one partition: every family as the bytes of its topic, the last ones used decoded besides.

Memory per family is its bytes. Knows framed states; must not know rules, counts or brokers.
"""

from collections import Counter
from collections.abc import Iterator

from schemas import codec
from schemas.codec import Undecodable
from schemas.records import FamilyState
from stream_processors.engine.faults import EngineFault
from stream_processors.registry import digest, framed_state
from stream_processors.registry.written import Written

_GENERATION = 2_048


class StateUnreadable(EngineFault):
    """A state that was restored doesn't decode: the topic or memory is broken, nothing may be decided on it."""


class OtherFoldVersion(EngineFault):
    """The states restored were made by another version of the fold: they are built anew beside, never folded on."""


class States:
    """The families of one partition by their topic key: the family's id in ASCII."""

    def __init__(self, generation: int = _GENERATION) -> None:
        self._framed: dict[bytes, bytes] = {}
        # Two generations of decoded states, the used ones passing into the young: as good as an order of use, for
        # a look-up of a dict.
        self._young: dict[bytes, Written] = {}
        self._old: dict[bytes, Written] = {}
        self._generation = generation

    def __len__(self) -> int:
        return len(self._framed)

    def restore(self, key: bytes, framed: bytes) -> None:
        """Take a state as it is on the topic; raises Undecodable for what is no state, or of another family.

        The bytes after the family's id are not looked at before the state is asked for.
        """
        if not framed_state.belongs(framed, key):
            raise Undecodable("KEY_IS_NOT_FAMILY", "a state stands under another family's key")
        self._framed[key] = framed
        if self._young:
            self._young.pop(key, None)
        if self._old:
            self._old.pop(key, None)

    def get(self, key: bytes) -> FamilyState | None:
        """Return a family's state, None for an unknown one; raises StateUnreadable."""
        known = self._young.get(key)
        if known is None:
            known = self._old.get(key)
            if known is None:
                framed = self._framed.get(key)
                if framed is None:
                    return None
                known = Written.read(_decoded(framed), framed)
            self._remember(key, known)
        return known.state

    def put(self, key: bytes, state: FamilyState) -> bytes:
        """Keep a family's state; return its bytes, as they go out."""
        written = Written(state, self._young.get(key))
        self._framed[key] = written.framed
        self._remember(key, written)
        return written.framed

    def _remember(self, key: bytes, written: Written) -> None:
        if len(self._young) >= self._generation and key not in self._young:
            self._old, self._young = self._young, {}
        self._young[key] = written

    def counted(self) -> Counter[bytes]:
        """Return how many families count what; raises StateUnreadable."""
        try:
            return Counter(map(framed_state.counted_in, self._framed.values()))
        except Undecodable as broken:
            raise StateUnreadable("a restored state can't be counted") from broken

    def digest(self) -> bytes:
        """Return the digest of every state held."""
        return digest.partition_digest({key.decode(): digest.leaf(framed) for key, framed in self._framed.items()})

    def decoded(self) -> Iterator[tuple[str, FamilyState]]:
        """Yield every family's id and state, decoded anew; raises StateUnreadable."""
        for key, framed in self._framed.items():
            yield key.decode(), _decoded(framed)


def _decoded(framed: bytes) -> FamilyState:
    try:
        state: FamilyState = codec.decode(framed)
    except Undecodable as broken:
        raise StateUnreadable("a restored state doesn't decode") from broken
    return state
