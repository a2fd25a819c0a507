"""What it costs to check the audit trail: entries a second and core by both verifiers, and how large a receipt is.

Makes a log in a folder of its own by the sequencer's own code; no broker, no database. Rates are by CPU time.
"""

import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from consumers.auditor import receipt, verify, verify_receipt
from consumers.auditor.source import Directory
from consumers.auditor.verify import Wishes
from jejak.bench.results import Result
from schemas import codec, records
from schemas.note import Checkpoint, Cosigner, SignedNote, Signer
from schemas.quorum import parse_policy
from stream_processors.audit.entry import entry_bytes
from stream_processors.audit.rounds import Round
from stream_processors.sequencer.growth import Growth

ENTRIES: Final = 70_000
PERSONS: Final = 3
ROUND: Final = 90  # entries in a second at 2.85e9 a year
NATION: Final = 10**9
_RUNS: Final = 3
_WRITTEN_AT_ONCE: Final = 65_520
_ORIGIN: Final = "bench.example/audit"
_NOON_MS: Final = 1_770_000_000_000
_SECONDS: Final = 1_770_000_000
_WITNESSES: Final = ("bps.example", "bappenas.example", "bpk.example")
_MICRO: Final = 1e6


def verifying() -> Iterator[Result]:
    """Yield the rates of a full check, hashes alone and decoded, and of a receipt, with its size."""
    with tempfile.TemporaryDirectory() as folder:
        written = _Written(Path(folder))
        policy = parse_policy(written.policy.encode())
        note = f"{ENTRIES:,} entries of {written.mean_bytes} B, rounds of {ROUND}; best of {_RUNS}, one process"
        for name, what, decode in (("hashes", "hashes alone", False), ("decoded", "each entry decoded", True)):
            seconds = _best(lambda wishes: _hold(written, policy, wishes), Wishes(decode=decode))
            yield Result(f"verify.{name}", f"log checked, {what}", ENTRIES / seconds, "entries/s of CPU", note)
        script = verify_receipt.Policy(written.policy)
        seconds = _best(lambda folder: verify_receipt.Export(folder).check(script), written.folder)
        yield Result("verify.script", "log checked by the script", ENTRIES / seconds, "entries/s of CPU", note)
        yield from _receipts(written, script)


def _hold(written: "_Written", policy: Any, wishes: Wishes) -> None:
    found = verify.verify(Directory(written.folder), policy, wishes)
    if not found.holds or found.figures.entries != ENTRIES:
        raise AssertionError(f"the log that was just made does not hold: {found.broken}")


def _receipts(written: "_Written", policy: verify_receipt.Policy) -> Iterator[Result]:
    log = Directory(written.folder)
    made = receipt.make(log, 0, ENTRIES // 2)
    if not isinstance(made, receipt.Receipt):
        raise TypeError("the log that was just made has no receipt")
    text = made.format()
    cosigners = f"entry of {len(made.entry)} B, {len(_WITNESSES)} cosignatures"
    seconds = _best(lambda offset: receipt.make(log, 0, offset), ENTRIES // 2)
    yield Result("verify.receipt.make", "receipt made", seconds * 1_000, "ms of CPU", "from tiles on disk, cached")
    seconds = _best(lambda sent: verify_receipt.check_receipt(sent, policy), text.encode())
    yield Result("verify.receipt.script", "receipt checked by the script", seconds * 1_000, "ms of CPU", cosigners)
    yield Result("verify.receipt.here", f"receipt at {ENTRIES:,} entries", len(text) / 1_000, "kB of text", cosigners)
    path = (NATION - 1).bit_length()
    longer = receipt.Receipt(made.entry, NATION - 1, (bytes(32),) * path, _sized(made.checkpoint))
    size = len(longer.format())
    yield Result("verify.receipt.text", "receipt at 1e9 entries", size / 1_000, "kB of text", f"computed; {cosigners}")
    signatures = 68 + 76 * len(_WITNESSES)
    binary = 32 * path + signatures + len(_ORIGIN) * 2 + sum(map(len, _WITNESSES)) + 40
    yield Result("verify.receipt.binary", "its proof in binary", binary / 1_000, "kB", "computed; without the entry")


def _sized(note: str) -> str:
    lines = note.split("\n")
    return "\n".join([lines[0], str(NATION), *lines[2:]])


def _best(work: Callable[[Any], Any], subject: Any) -> float:
    """Return the fewest CPU seconds of several runs."""
    found = []
    for _ in range(_RUNS):
        begun = time.process_time()
        work(subject)
        found.append(time.process_time() - begun)
    return min(found)


class _Written:
    """A log of one partition in a folder, with its policy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        signer = Signer(bytes(32), _ORIGIN)
        cosigners = [Cosigner(sha256(name.encode()).digest(), name) for name in _WITNESSES]
        witnesses = "".join(f"witness {one.verifier_key.name} {one.verifier_key.vkey()}\n" for one in cosigners)
        members = " ".join(_WITNESSES)
        self.policy = f"log {signer.verifier_key.vkey()}\n{witnesses}group g 2 {members}\nquorum g\n"
        root = self._entries()
        text = Checkpoint(_ORIGIN, ENTRIES, root).text()
        note = SignedNote(text, (signer.sign(text), *(one.cosign(text, _SECONDS) for one in cosigners)))
        (folder / "checkpoint").write_text(note.format(), encoding="utf-8")
        head = f'{{\n "origin": "{_ORIGIN}",\n "partitions": 1,\n "first_round": 1\n}}\n'
        (folder / "rounds.head").write_text(head)

    def _entries(self) -> bytes:
        """Write tiles, bundles and rounds; return the root."""
        values, taken, bytes_taken = _looks(), 0, 0
        growth, held = Growth(), []
        with (self.folder / "rounds").open("wb") as index:
            while taken < ENTRIES:
                files: dict[str, bytes] = {}
                for _ in range(0, min(_WRITTEN_AT_ONCE, ENTRIES - taken), ROUND):
                    count = min(ROUND, ENTRIES - taken)
                    salts = (sha256(struct.pack(">Q", taken + at)).digest()[:16] for at in range(count))
                    held = [entry_bytes(0, taken + at, _NOON_MS, salt, next(values)) for at, salt in enumerate(salts)]
                    growth = growth.grow(held)
                    files |= growth.files
                    taken, bytes_taken = taken + count, bytes_taken + sum(map(len, held))
                    index.write(Round(taken // ROUND + 1, (taken,), taken, growth.tree.root()).packed())
                for name, content in files.items():
                    path = self.folder / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
        self.mean_bytes = bytes_taken // ENTRIES
        return growth.tree.root()


def _looks() -> Iterator[bytes]:
    """Yield the values of one gateway's chain: looks at three persons, and a heartbeat now and then."""
    number, before = 0, bytes(32)
    facts = '"purpose":"PENETAPAN_BANSOS","region":"3578","fields":["name","nik.masked","address"],"role":"officer"'
    who: dict[str, Any] = {
        "request_id": "0190c0de-0000-7000-8000-000000000000", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "agency_id": "kemensos", "client_id": "siks-ng", "actor_ref": "k7h2m4p6q8r0s2t4", "actor_role": "officer",
        "assurance_level": "2", "action": "READ", "purpose_code": "PENETAPAN_BANSOS", "purpose_version": "2026-01",
        "legal_basis_code": "UU27-2022-20-2-E", "fields_requested": ("name", "nik.masked", "address"),
        "decision": "ALLOW", "policy_set_hash": bytes(range(32)), "determining_rules": ("bansos-officer",),
        "decision_input": f'{{"agency":"kemensos",{facts}}}', "channel": "API", "subject_ref": bytes(range(32)),
        "subject_key_epoch": 2026, "query_commitment": bytes(range(32)),
    }  # fmt: skip
    while True:
        place = [_place(number + at) for at in range(1, 4 + PERSONS)]
        intent = place[0]["event_id"]
        made: list[Callable[..., Any]] = [lambda **at: records.AccessIntent(**at, **who), _outcome(intent)]
        made += [_disclosure(intent)] * PERSONS
        made += [
            lambda **at: records.GatewayHeartbeat(
                **at, last_seq=at["gateway_seq"] - 1, closing=False, policy_set_hash=bytes(range(32))
            )
        ]
        for draft, at in zip(made, place, strict=False):
            value = codec.encode(draft(**at, prev_gateway_hash=before))
            before, number = sha256(value).digest(), number + 1
            yield value


def _place(number: int) -> dict[str, Any]:
    event_id = sha256(struct.pack(">Q", number)).digest()[:16]
    gateway = "api-1-0190c0de-0000-7000-8000-000000000000"
    return {"event_id": event_id, "occurred_at": _NOON_MS * 1_000, "gateway_id": gateway, "gateway_seq": number}


def _outcome(intent: bytes) -> Callable[..., Any]:
    return lambda **at: records.AccessOutcome(
        **at, intent_id=intent, outcome="DELIVERED", determining_rules=("bansos-officer",), result_count=PERSONS,
        suppressed_count=0, byte_count=640, response_digest=bytes(range(32)), policy_set_hash=bytes(range(32)),
    )  # fmt: skip


def _disclosure(intent: bytes) -> Callable[..., Any]:
    return lambda **at: records.SubjectDisclosure(
        **at, intent_id=intent, subject_ref=bytes(range(32)), subject_key_epoch=2026, household_ref=bytes(range(32)),
        fields_disclosed=("name", "nik.masked", "address"), masking_profile="LAST4", record_version=7,
        visibility="CITIZEN", policy_set_hash=bytes(range(32)),
    )  # fmt: skip
