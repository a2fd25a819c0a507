"""What the audit trail's tree costs: hashing, proofs and checkpoints, in this process alone.

Knows the pure tree and notes; no broker, no disk.
"""

import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Final

from jejak.bench.results import Result
from schemas.merkle import consistency_holds, inclusion_holds, leaf_hash
from schemas.note import Checkpoint, Cosigner, SignedNote, Signer, open_checkpoint
from stream_processors.audit.proofs import Proofs, consistency_path, inclusion_path
from stream_processors.audit.tree import Tree

LEAVES: Final = 1_000_000
ENTRY_BYTES: Final = 512
_SAMPLE: Final = 300
_BATCH: Final = 4_096
_ENTRIES: Final = 100_000
_RUNS: Final = 5
_MICRO: Final = 1e6
_ORIGIN: Final = "bench.example/audit"


def tree() -> Iterator[Result]:
    """Yield entries hashed a second, what a proof costs to make and to check, and what a checkpoint costs."""
    yield from _hashing()
    yield from _proofs()
    yield from _checkpoints()


def _hashing() -> Iterator[Result]:
    entries = [Random(number).randbytes(ENTRY_BYTES) for number in range(_BATCH)]  # noqa: S311  a load, not a secret
    batches = -(-_ENTRIES // _BATCH)

    def grow() -> None:
        tree = Tree()
        for _ in range(batches):
            tree, _ = tree.append([leaf_hash(entry) for entry in entries])
            tree.root()

    rate = batches * _BATCH / _best(grow)
    note = f"{batches * _BATCH:,} entries of {ENTRY_BYTES} B, tiles made and a root for each {_BATCH:,}; {_how()}"
    yield Result("tree.rate", "entries hashed into the tree", rate, "entries/s", note)


def _proofs() -> Iterator[Result]:
    tiles, leaves = _tiles()
    draw = Random(6962)  # noqa: S311  a repeatable choice
    indexes = [draw.randrange(LEAVES) for _ in range(_SAMPLE)]

    def read_tile(level: int, index: int, width: int) -> bytes:
        return tiles[level, index][: 32 * width]

    kept = Proofs(read_tile)
    root = kept.root(LEAVES)
    paths = [(index, kept.inclusion(LEAVES, index)) for index in indexes]
    steps = [(index + 1, kept.root(index + 1), kept.consistency(index + 1, LEAVES)) for index in indexes]
    note = f"{LEAVES:,} leaves; {_how()}"
    made = {
        "an inclusion path made from tiles": lambda: [inclusion_path(LEAVES, index, read_tile) for index in indexes],
        "a consistency proof made": lambda: [consistency_path(index + 1, LEAVES, read_tile) for index in indexes],
        "an inclusion path checked": lambda: [
            inclusion_holds(leaves[at], at, LEAVES, path, root) for at, path in paths
        ],
        "a consistency proof checked": lambda: [consistency_holds(*step[:2], LEAVES, root, step[2]) for step in steps],
    }
    for name, (what, act) in zip(("include", "extend", "included", "extended"), made.items(), strict=True):
        yield Result(f"tree.{name}", what, _best(act) / _SAMPLE * _MICRO, "us", note)


def _tiles() -> tuple[dict[tuple[int, int], bytes], list[bytes]]:
    leaves = [leaf_hash(b"%d" % number) for number in range(LEAVES)]
    _, grown = Tree().append(leaves)
    return {(tile.level, tile.index): tile.hashes for tile in grown}, leaves


def _checkpoints() -> Iterator[Result]:
    log = Signer(bytes([1]) * 32, _ORIGIN)
    witnesses = [Cosigner(bytes([number]) * 32, f"witness-{number}.example") for number in (2, 3, 4)]
    text = Checkpoint(_ORIGIN, LEAVES, leaf_hash(b"")).text()
    note = SignedNote(text, (log.sign(text), *(witness.cosign(text, 0) for witness in witnesses))).format()
    keys = [witness.verifier_key for witness in witnesses]
    signing = _best(lambda: [log.sign(text) for _ in range(_SAMPLE)]) / _SAMPLE
    opening = _best(lambda: [open_checkpoint(note, log.verifier_key, keys) for _ in range(_SAMPLE)]) / _SAMPLE
    yield Result("tree.sign", "a checkpoint signed", signing * _MICRO, "us", _how())
    yield Result("tree.open", "one with 3 cosignatures checked", opening * _MICRO, "us", f"{len(note)} B; {_how()}")


def _best(act: Callable[[], object]) -> float:
    """Return the least CPU seconds of several runs."""
    seconds: list[float] = []
    for _ in range(_RUNS):
        started = time.process_time()
        act()
        seconds.append(time.process_time() - started)
    return min(seconds)


def _how() -> str:
    return f"CPU of one core, best of {_RUNS}"
