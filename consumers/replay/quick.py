"""Folds one partition over bytes, and leaves to the plain fold whatever isn't of the usual shape.

Takes and gives what `consumers.replay.partition` does, byte for byte, with the same refusals.
"""

from collections.abc import Iterator, Mapping, Sequence
from struct import Struct
from struct import error as too_short

from consumers.replay import direct
from consumers.replay.direct import DECIDED, REGISTERED, Odd, odd
from consumers.replay.layouts import readable
from consumers.replay.packed import Family
from consumers.replay.partition import PartitionFold, ReplayRefused
from schemas import contract
from schemas.codec import FRAME, Undecodable
from schemas.records import FamilyState
from stream_processors.registry.family import REMEMBERED

_STRING_26 = 0x34  # the length of a family's reference
_LONG_STRING = 0x81  # a length of 64 bytes or more, or a negative one
# A time: eight bytes, seven of them continued, the last not empty; none before 1970, which the lowest bit would say.
_TIME = int.from_bytes(b"\x81\x80\x80\x80\x80\x80\x80\x80", "little")
_TIME_IS = int.from_bytes(b"\x80\x80\x80\x80\x80\x80\x80\x00", "little")
_EIGHT_BYTES = 1 << 56
# Frame, sequence, both times, change id, the family's id after its length, the length of the agency.
_SHORT, _LONG = Struct("<5sBQQ16sB26sB").unpack_from, Struct("<5sBBQQ16sB26sB").unpack_from
_ONE_BYTE, _FIRST = 0x80, 2
_UNION = (0, 2)  # the branches of what may be missing
_TOO_MANY = 2 * REMEMBERED


class QuickFold:
    """The states of one partition's families after the events taken so far."""

    def __init__(self, number: int, states: Mapping[str, bytes] | None = None) -> None:
        self._plain = PartitionFold(number, states)
        self._number = number
        self._families: dict[bytes, Family] = {}
        found = readable()
        self._effects = direct.effects(found)
        self._first = frozenset(frame for frame, name in found.items() if name == REGISTERED)
        self._derived = frozenset(frame for frame, name in found.items() if name == DECIDED)
        self._frame = FRAME.pack(0, contract.current_ids()[f"{contract.NAMESPACE}.{FamilyState.__name__}"])

    @property
    def repeated(self) -> int:
        """How many events were there before."""
        return self._plain.repeated

    @property
    def families(self) -> int:
        """How many families there are."""
        return len(self._families) + self._plain.families

    def take(  # noqa: C901, PLR0912  calls in between would take longer than what they do
        self, offsets: Sequence[int], keys: Sequence[bytes], values: Sequence[bytes]
    ) -> None:
        """Fold the next events; raises ReplayRefused at the first that can't be."""
        families, effects, derived = self._families, self._effects, self._derived
        short, long = _SHORT, _LONG
        for offset, key, data in zip(offsets, keys, values, strict=True):
            family = families.get(key)
            try:
                # The sequence, twice, of one byte or two; then both times, change id and the family's own id.
                if data[5] < _ONE_BYTE:
                    frame, sequence, recorded, occurred, _, length, family_id, size = short(data)
                    begin = 65
                else:
                    frame, low, high, recorded, occurred, _, length, family_id, size = long(data)
                    sequence, begin = low & 0x7F | high << 7, 66
                    if not 0 < high < _ONE_BYTE:
                        odd()
                if (
                    family_id != key
                    or length != _STRING_26
                    or recorded & _TIME != _TIME_IS
                    or occurred & _TIME != _TIME_IS
                    or recorded < _EIGHT_BYTES
                    or occurred < _EIGHT_BYTES
                ):
                    odd()
                # Agency, actor, document; then two ids that may be missing.
                i = begin + 1 + (size >> 1)
                sizes = size
                size = data[i]
                i += 1 + (size >> 1)
                sizes |= size
                size = data[i]
                i += 1 + (size >> 1)
                if (sizes | size) & _LONG_STRING:
                    odd()
                given = data[i]
                i += 17 if given else 1
                after = data[i]
                i += 17 if after else 1
                if given not in _UNION or after not in _UNION:
                    odd()
                head = data[5 : begin - 27]
                if family is None:
                    if frame not in self._first or sequence != _FIRST or self._plain.holds(key.decode()):
                        odd()
                    family = families[key] = direct.registered(data, i, head, occurred)
                elif sequence != family.sequence + 2:
                    odd()
                else:
                    effects[frame](family, data, begin, i, head, occurred)
            except (Odd, LookupError, UnicodeError, too_short):
                self._hand_over(offset, key, data)
            else:
                family.sequence = sequence
                family.head = head
                if frame not in derived:
                    recent = family.recent
                    recent.append(head)
                    if len(recent) > _TOO_MANY:
                        del recent[:-REMEMBERED]

    def _hand_over(self, offset: int, key: bytes, data: bytes) -> None:
        """Have the plain fold take this event, and whatever comes to its family from now on."""
        if (family := self._families.pop(key, None)) is not None:
            self._plain.adopt(key.decode(), self._framed(key, family)[0])
        self._plain.take([offset], [key], [data])

    def _framed(self, key: bytes, family: Family) -> tuple[bytes, bytes]:
        try:
            return family.framed(self._frame, key)
        except Undecodable as fault:  # only now looked at, for its place among other events is long past
            text = f"partition {self._number}, family {key.decode()}, an event in force: {fault}"
            raise ReplayRefused(fault.code, text) from fault

    def framed(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Yield each family's id, framed state and what it counts, in order of ids."""
        plain = self._plain.framed()
        one = next(plain, None)
        for key in sorted(self._families):
            family_id = key.decode()
            while one is not None and one[0] < family_id:
                yield one
                one = next(plain, None)
            yield (family_id, *self._framed(key, self._families[key]))
        while one is not None:
            yield one
            one = next(plain, None)
