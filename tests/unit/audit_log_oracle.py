"""A log of the audit trail made the naive way, to hold the two verifiers against: whole lists, recursion, no sharing.

Written from the published formats alone (RFC 6962, C2SP tlog-tiles, tlog-checkpoint, tlog-cosignature, tlog-policy).
"""

import base64
import hashlib
import json
import random
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas import codec, records

ORIGIN = "jejak.test/audit/2026"
BROKER_MS = 1_770_000_000_000
NOBODY = bytes(32)


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def mth(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, over leaf hashes, word by word."""
    if not leaves:
        return sha256()
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01", mth(leaves[:k]), mth(leaves[k:]))


def path_of(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if index < k:
        return [*path_of(index, leaves[:k]), mth(leaves[k:])]
    return [*path_of(index - k, leaves[k:]), mth(leaves[:k])]


@dataclass(frozen=True)
class SigningKey:
    """An Ed25519 key under a name: type 1 signs checkpoints, type 4 cosigns them."""

    name: str
    kind: int
    private: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    @property
    def key_id(self) -> bytes:
        return sha256(self.name.encode(), b"\n", bytes([self.kind]), self.public)[:4]

    def vkey(self) -> str:
        encoded = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    def line(self, text: str, seconds: int = 1_770_000_000) -> str:
        if self.kind == 1:
            payload = self.private.sign(text.encode())
        else:
            said = f"cosignature/v1\ntime {seconds}\n{text}".encode()
            payload = struct.pack(">Q", seconds) + self.private.sign(said)
        return f"\u2014 {self.name} {base64.b64encode(self.key_id + payload).decode()}\n"


def key(name: str, kind: int = 4) -> SigningKey:
    """The same name has the same key."""
    return SigningKey(name, kind, Ed25519PrivateKey.from_private_bytes(sha256(b"test key", name.encode())))


LOG_KEY = key(ORIGIN, 1)
WITNESSES = tuple(key(name) for name in ("bps.test", "bappenas.test", "kemensos.test"))


def policy(quorum: int = 2, witnesses: Sequence[SigningKey] = WITNESSES, log: SigningKey = LOG_KEY) -> str:
    lines = [f"log {log.vkey()}", *(f"witness w{number} {one.vkey()}" for number, one in enumerate(witnesses))]
    members = " ".join(f"w{number}" for number in range(len(witnesses)))
    return "\n".join([*lines, f"group all-of-them {quorum} {members}", "quorum all-of-them", ""])


def entry_of(partition: int, offset: int, value: bytes, salt: bytes | None = None) -> bytes:
    salt = sha256(b"salt", value, struct.pack(">IQ", partition, offset))[:16] if salt is None else salt
    return struct.pack(">BIQQ", 1, partition, offset, BROKER_MS + offset) + salt + value


@dataclass
class NaiveLog:
    """Entries in their published order, and the rounds they came in."""

    partitions: int = 3
    origin: str = ORIGIN
    entries: list[bytes] = field(default_factory=list)
    rounds: list[tuple[int, tuple[int, ...], bytes]] = field(default_factory=list)

    def add_round(self, values: Sequence[Iterable[bytes]]) -> None:
        """Append a round: of each partition its new values."""
        ends = list(self.rounds[-1][1]) if self.rounds else [0] * self.partitions
        for partition, new in enumerate(values):
            for value in new:
                self.entries.append(entry_of(partition, ends[partition], value))
                ends[partition] += 1
        self.rounds.append((len(self.entries), tuple(ends), mth(self.leaves())))

    def leaves(self, size: int | None = None) -> list[bytes]:
        return [sha256(b"\x00", entry) for entry in self.entries[:size]]

    def text(self, size: int | None = None) -> str:
        leaves = self.leaves(size)
        return f"{self.origin}\n{len(leaves)}\n{base64.b64encode(mth(leaves)).decode()}\n"

    def checkpoint(
        self,
        size: int | None = None,
        witnesses: Sequence[SigningKey] = WITNESSES,
        log: SigningKey = LOG_KEY,
    ) -> str:
        text = self.text(size)
        return f"{text}\n{log.line(text)}" + "".join(witness.line(text) for witness in witnesses)

    def receipt(self, index: int, checkpoint: str | None = None, size: int | None = None) -> bytes:
        proof = [base64.b64encode(step).decode() for step in path_of(index, self.leaves(size))]
        extra = base64.b64encode(self.entries[index]).decode()
        lines = ["c2sp.org/tlog-proof@v1", f"extra {extra}", f"index {index}", *proof, ""]
        return ("\n".join(lines) + "\n" + (checkpoint or self.checkpoint(size))).encode()

    def write(self, folder: Path, checkpoint: str | None = None) -> Path:
        """Write the directory of the log as it is published on disk."""
        level, hashes = 0, self.leaves()
        while hashes:
            for number in range(-(-len(hashes) // 256)):
                _put(folder, str(level), number, b"".join(hashes[256 * number : 256 * number + 256]))
            full = len(hashes) // 256
            hashes = [mth(hashes[256 * number : 256 * number + 256]) for number in range(full)]
            level += 1
        for number in range(-(-len(self.entries) // 256)):
            some = self.entries[256 * number : 256 * number + 256]
            _put(folder, "entries", number, b"".join(struct.pack(">H", len(entry)) + entry for entry in some))
        folder.mkdir(parents=True, exist_ok=True)
        form = struct.Struct(f">Q{self.partitions}Q32s")
        (folder / "rounds").write_bytes(b"".join(form.pack(size, *cut, root) for size, cut, root in self.rounds))
        head = {"origin": self.origin, "partitions": self.partitions, "first_round": 1}
        (folder / "rounds.head").write_text(json.dumps(head, indent=1) + "\n")
        (folder / "checkpoint").write_text(checkpoint or self.checkpoint(), encoding="utf-8")
        return folder


def _put(folder: Path, kind: str, number: int, content: bytes) -> None:
    digits = f"{number:03}" if number < 1000 else f"{number:06}"
    name = digits if number < 1000 else f"x{digits[:3]}/{digits[3:]}"
    path = folder / "tile" / kind / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def made(size: int, seed: int = 0, partitions: int = 3, rounds: int = 5) -> NaiveLog:
    """A log of so many opaque entries, in so many rounds, some of them empty."""
    chance = random.Random(seed)  # noqa: S311  a repeatable test, no secret
    log = NaiveLog(partitions)
    marks = sorted(chance.randint(0, size) for _ in range(rounds - 1))
    for begin, end in zip([0, *marks], [*marks, size], strict=True):
        values: list[list[bytes]] = [[] for _ in range(partitions)]
        for number in range(begin, end):
            values[chance.randrange(partitions)].append(b"value %d " % number + chance.randbytes(chance.randrange(40)))
        log.add_round(values)
    return log


class Gateway:
    """The entries of one gateway, numbered and chained as the door writes them."""

    def __init__(self, name: str, clock_us: int = BROKER_MS * 1000) -> None:
        self.name = name
        self.seq = 0
        self.hash = NOBODY
        self.clock = clock_us

    def place(self) -> dict[str, Any]:
        self.seq += 1
        event_id = sha256(self.name.encode(), struct.pack(">Q", self.seq))[:16]
        return {
            "event_id": event_id,
            "occurred_at": self.clock,
            "gateway_id": self.name,
            "gateway_seq": self.seq,
            "prev_gateway_hash": self.hash,
        }

    def take(self, record: object) -> bytes:
        value = codec.encode(record)
        self.hash = sha256(value)
        return value

    def intent(self, agency: str = "kemensos") -> tuple[bytes, bytes]:
        """The value of an intent, and its id."""
        place = self.place()
        record = records.AccessIntent(
            **place,
            request_id="r",
            trace_id="t",
            agency_id=agency,
            client_id="c",
            actor_ref="a",
            actor_role="officer",
            assurance_level="2",
            action="READ",
            purpose_code="BANSOS",
            purpose_version="1",
            legal_basis_code="20-2-e",
            fields_requested=("name",),
            decision="ALLOW",
            policy_set_hash=NOBODY,
            determining_rules=("rule",),
            decision_input="{}",
            channel="CLI",
        )
        return self.take(record), bytes(place["event_id"])

    def outcome(self, intent_id: bytes) -> bytes:
        return self.take(
            records.AccessOutcome(
                **self.place(),
                intent_id=intent_id,
                outcome="DELIVERED",
                determining_rules=(),
                result_count=1,
                suppressed_count=0,
                byte_count=10,
                response_digest=NOBODY,
                policy_set_hash=NOBODY,
            )
        )

    def disclosure(self, intent_id: bytes) -> bytes:
        return self.take(
            records.SubjectDisclosure(
                **self.place(),
                intent_id=intent_id,
                subject_ref=sha256(b"person"),
                subject_key_epoch=2026,
                fields_disclosed=("name",),
                masking_profile="LAST4",
                record_version=1,
                visibility="CITIZEN",
                policy_set_hash=NOBODY,
            )
        )

    def heartbeat(self, *, closing: bool = False, last: int | None = None) -> bytes:
        place = self.place()
        said = self.seq - 1 if last is None else last
        return self.take(records.GatewayHeartbeat(**place, last_seq=said, closing=closing, policy_set_hash=NOBODY))

    def look(self, agency: str = "kemensos") -> list[bytes]:
        """A look at one person, whole."""
        intent, intent_id = self.intent(agency)
        return [intent, self.outcome(intent_id), self.disclosure(intent_id)]
