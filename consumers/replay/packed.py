"""A family's state as pieces of the bytes it is written with, taken from events and put together once.

Knows Avro's bytes of the state's fields, most of them as they stood in an event; must not know what an event does.
"""

from collections.abc import Sequence
from functools import lru_cache

from schemas import codec
from schemas.prefix import read_long, zigzag
from stream_processors.indicators import definitions, measures
from stream_processors.registry import codes, proposal
from stream_processors.registry.family import REMEMBERED

ID = 16
_DIGEST = 32
_CACHED = 4_096
NOTHING, NO_NUMBER = b"\x00", b"\x01"  # an empty string, array or false; -1
_END = b"\x00"
_NONE_YET = b"\x00\x00\x00"  # conditions, aid, cases: whoever has one is folded plainly
_CONTINUES, _LONG_STRING = 0x80, 0x81  # a byte that isn't a number's last; a length of 64 or more, or a negative one
_BETWEEN, _AFTER = b"\x1e", b"\x1f"
_SMALL = [zigzag(number) for number in range(256)]


def text(value: str) -> bytes:
    """Return the bytes of a string."""
    encoded = value.encode()
    return zigzag(len(encoded)) + encoded


PENDING, CONFIRMED, CONTESTED, ENDED = map(text, (codes.PENDING, codes.CONFIRMED, codes.CONTESTED, codes.ENDED))
ACTIVE = frozenset({PENDING, CONFIRMED})
_STATUS = text(codes.FAMILY_ACTIVE)
_STEPS = {step: text(step) for step in proposal.MACHINE.states}
_VERSION = definitions.VERSION.encode()
_FINEST = definitions.FINEST
_TRUE, _SEVERE = b"\x01", measures.SEVERE.encode() + _AFTER


class Member:
    """A person of the family."""

    __slots__ = ("claim_id", "coded", "padan", "reason", "severe", "standing", "work")

    def __init__(self) -> None:
        self.standing = PENDING
        self.padan = self.reason = self.severe = self.work = NOTHING
        self.coded = self.claim_id = b""  # coded: birth year and month, sex, relationship, marital status

    def written(self, ref: bytes) -> bytes:
        """Return the bytes of the member with this reference."""
        return b"".join(
            (b"\x34", ref, self.standing, self.padan, self.coded, self.claim_id, self.reason, self.severe, self.work)
        )


class Proposal:
    """A proposal where it stands; `last` is the event that gave its reason, to be decoded if it is still wanted."""

    __slots__ = ("agency", "kind", "last", "padan", "period", "proposal_id", "proposer", "reason", "since", "step")

    def __init__(self, proposal_id: bytes, kind: bytes, proposer: bytes, agency: bytes, since: bytes) -> None:
        self.proposal_id, self.kind, self.proposer, self.agency, self.since = (
            proposal_id, kind, proposer, agency, since,
        )  # fmt: skip
        self.step = "DRAF"
        self.padan = self.period = self.reason = NOTHING
        self.last: bytes | None = None

    def written(self) -> bytes:
        """Return the bytes of the proposal; raises Undecodable for an event that none was."""
        if self.last is not None:
            self.reason, self.last = text(proposal.reason_of(codec.decode(self.last))), None
        return b"".join(
            (self.proposal_id, self.kind, _STEPS.get(self.step) or text(self.step), self.padan, self.proposer,
             self.agency, self.period, self.since, self.reason)
        )  # fmt: skip


class Family:
    """One family. A head is what an event's header begins with: sequence, recorded_at, occurred_at and change id."""

    __slots__ = (
        "decile", "eligibility", "facets", "head", "members", "percentile", "proposals", "recent", "region", "run",
        "sequence",
    )  # fmt: skip

    def __init__(self) -> None:
        self.sequence = 0
        self.head = b""
        self.region = b""
        self.decile = 0
        self.percentile = NO_NUMBER
        self.run = NOTHING
        self.members: dict[bytes, Member] = {}
        self.proposals: dict[bytes, Proposal] = {}
        self.eligibility: dict[bytes, tuple[bytes, int]] = {}
        self.facets: dict[bytes, tuple[int, bytes]] = {}
        self.recent: list[bytes] = []

    def counted(self, decisions: list[tuple[bytes, bytes]]) -> bytes:
        """Return what the family adds to the counts, as `indicators.counted` writes it."""
        living = [_living(one.coded[-1], one.padan) for one in self.members.values() if one.standing in ACTIVE]
        living.sort()
        steps = [_stands(one.kind, one.step) for one in self.proposals.values()]
        steps.sort()
        programmes = b"".join([name[1:] + _AFTER for name, one in decisions if one.startswith(_ELIGIBLE)])
        decile = b"%d" % self.decile if self.decile else b""
        parts = (decile, b"".join(living), programmes, b"".join(steps), self._traits(), b"")  # nobody here has aid
        return _BETWEEN.join((_VERSION, _place(self.region), *parts))

    def _traits(self) -> bytes:
        """Return year of birth of the older members and severe disability, in order; there are no other traits here."""
        active = [one for one in self.members.values() if one.standing in ACTIVE]
        found = [year for one in active if (year := _born(one.coded[:2]))]
        found += [_SEVERE for one in active if one.severe == _TRUE]
        found.sort()
        return b"".join(found)

    def _decisions(self) -> list[tuple[bytes, bytes]]:
        """Return programmes in order, with what is written of the decision in force."""
        return sorted([(name, decision(*one)) for name, one in self.eligibility.items()], key=_programme)

    def framed(self, frame: bytes, family_id: bytes) -> tuple[bytes, bytes]:
        """Return the framed state and what it counts; raises Undecodable for a malformed event that is in force."""
        head, decisions = self.head, self._decisions()
        counted = self.counted(decisions)
        recent = b"".join([one[-ID:] for one in self.recent[-REMEMBERED:]])
        pieces = [
            frame, head[:-32], head[-32:-24], b"\x34", family_id, zigzag(len(counted)), counted, self.region,
            _STATUS, _SMALL[self.decile], self.percentile, self.run,
            *_array([one.written(ref) for ref, one in self.members.items()]),
            *_array([one.written() for one in self.proposals.values()]),
            *_array([name + one for name, one in decisions]),
            _SMALL[len(self.facets)],
        ]  # fmt: skip
        for name, (_, one) in self.facets.items():
            pieces += (name, one[-24:-ID], one[:-32], one[-ID:])
        pieces += (_END, zigzag(len(recent)), recent, _NONE_YET)
        return b"".join(pieces), counted


@lru_cache(_CACHED)
def _living(marital_status: int, padan: bytes) -> bytes:
    return b"%d/%b\x1f" % (marital_status >> 1, padan[1:])


@lru_cache(_CACHED)
def _born(year: bytes) -> bytes:
    """Return what is counted of a year of birth, of the two bytes that each year from 1900 on has; mostly nothing."""
    number, _ = read_long(year, 0)
    return b"%d\x1f" % number if number <= measures.BORN_UNTIL else b""


@lru_cache(_CACHED)
def _stands(kind: bytes, step: str) -> bytes:
    return b"%b/%b\x1f" % (kind[1:], step.encode())


@lru_cache(_CACHED)
def _place(region: bytes) -> bytes:
    return definitions.region_at(_third(region).decode(), _FINEST).encode()


_ELIGIBLE = text(definitions.ELIGIBLE)


def _programme(one: tuple[bytes, bytes]) -> bytes:
    return one[0][1:]


def _array(items: list[bytes]) -> Sequence[bytes]:
    return (_SMALL[len(items)], *items, _END) if items else (_END,)


def _third(region: bytes) -> bytes:
    """Return the third of three strings, each shorter than 64 bytes."""
    at = 1 + (region[0] >> 1)
    at += 1 + (region[at] >> 1)
    return region[at + 1 :]


def decision(data: bytes, programme: int) -> bytes:
    """Return what follows the programme in the bytes of a state, from an event whose programme ends there.

    Raises Undecodable.
    """
    try:
        sequence = data[5:6] if data[5] < _CONTINUES else data[5:7]
        return _copied(data[programme:]) + sequence + NOTHING
    except (IndexError, ValueError):  # of an unusual shape, or malformed
        record = codec.decode(data)
    reasons = _array([text(reason) for reason in record.reasons])
    numbers = map(zigzag, (record.amount_rupiah, record.header.sequence, record.grace_until))
    return b"".join((text(record.result), *reasons, text(record.rules_version), *numbers))


@lru_cache(_CACHED)
def _copied(data: bytes) -> bytes:
    """Return what a state keeps of what follows a decision's programme; there are few different ones."""
    reasons = _after(data, 0)
    rules = _after_strings(data, reasons, 1, 0)
    version = _after_strings(data, rules, 2, 1)
    amount = _after(data, version)
    _, end = read_long(data, amount)
    if len(data) != end + _DIGEST + 1 or data[-1] or not data[:amount].isascii():
        raise ValueError("a grace, bytes that are left or missing, or another text than ASCII")
    return data[:rules] + data[version:end]


def _after(data: bytes, at: int) -> int:
    """Return the offset after a string of less than 64 bytes; raises ValueError for another one."""
    size = data[at]
    if size & _LONG_STRING:
        raise ValueError("a longer string")
    return at + 1 + (size >> 1)


def _after_strings(data: bytes, at: int, strings: int, more: int) -> int:
    """Return the offset after an array of less than 64 items, in one block: of strings, and bytes after them."""
    items = data[at]
    at += 1
    if not items:
        return at
    if items & _LONG_STRING:
        raise ValueError("a longer array")
    for _ in range(items >> 1):
        for _ in range(strings):
            at = _after(data, at)
        at += more
    if data[at]:
        raise ValueError("another block")
    return at + 1
