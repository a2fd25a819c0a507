"""What somebody who can write the log's directory may do to it, with the log's key or without.

Each attack is thorough: hashes, tiles and rounds are made anew so that they fit, and the best checkpoint is served that
the attacker can have.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from consumers.auditor import receipt, verify, verify_receipt
from consumers.auditor.source import Directory
from consumers.auditor.verdict import Broken
from consumers.auditor.verify import Wishes
from schemas.quorum import parse_policy
from tests.unit.audit_log_oracle import LOG_KEY, NaiveLog, SigningKey, entry_of, key, mth, policy

WITNESS = key("bpk.test")
SEEN = policy(1, (WITNESS,))
UNSEEN = f"log {LOG_KEY.vkey()}\nquorum none\n"


@dataclass(frozen=True)
class History:
    """A log, the checkpoints that were published of it, and the last that the honest witness cosigned."""

    log: NaiveLog
    published: dict[int, str]

    @property
    def kept(self) -> str:
        return self.published[max(self.published)]


def history(chance: random.Random, witnesses: tuple[SigningKey, ...] = (WITNESS,)) -> History:
    """An honest log of some dozens of entries, each round's checkpoint published."""
    log = NaiveLog(chance.randint(1, 4))
    published = {}
    for number in range(chance.randint(3, 6)):
        log.add_round(
            [
                [b"%d " % number + chance.randbytes(12) for _ in range(chance.randint(1, 9))]
                for _ in range(log.partitions)
            ]
        )
        published[len(log.entries)] = log.checkpoint(witnesses=witnesses)
    return History(log, published)


Values = list[list[list[bytes]]]
"""Values by round and partition."""


def values_of(log: NaiveLog) -> Values:
    at, begun = iter(log.entries), (0,) * log.partitions
    found = []
    for _, cut, _ in log.rounds:
        found.append([[next(at)[37:] for _ in range(end - start)] for start, end in zip(begun, cut, strict=True)])
        begun = cut
    return found


def log_of(values: Values, partitions: int) -> NaiveLog:
    log = NaiveLog(partitions)
    for one in values:
        log.add_round(one)
    return log


def place(values: Values, chance: random.Random) -> tuple[int, int, int]:
    everywhere = [(r, p, n) for r, one in enumerate(values) for p, some in enumerate(one) for n in range(len(some))]
    return chance.choice(everywhere)


def delete(log: NaiveLog, chance: random.Random) -> NaiveLog:
    values = values_of(log)
    r, p, n = place(values, chance)
    del values[r][p][n]
    return log_of(values, log.partitions)


def insert(log: NaiveLog, chance: random.Random) -> NaiveLog:
    values = values_of(log)
    r, p, n = place(values, chance)
    values[r][p].insert(n, b"never happened")
    return log_of(values, log.partitions)


def swap(log: NaiveLog, chance: random.Random) -> NaiveLog:
    values = values_of(log)
    (r, p, n), (s, q, m) = place(values, chance), place(values, chance)
    while (r, p, n) == (s, q, m):
        s, q, m = place(values, chance)
    values[r][p][n], values[s][q][m] = values[s][q][m], values[r][p][n]
    return log_of(values, log.partitions)


def duplicate(log: NaiveLog, chance: random.Random) -> NaiveLog:
    values = values_of(log)
    r, p, n = place(values, chance)
    values[r][p].insert(n, values[r][p][n])
    return log_of(values, log.partitions)


def truncate(log: NaiveLog, chance: random.Random) -> NaiveLog:
    values = values_of(log)
    p = chance.choice([p for p, some in enumerate(values[-1]) if some])
    values[-1][p].pop()
    return log_of(values, log.partitions)


def splice(log: NaiveLog, chance: random.Random) -> NaiveLog:
    values, other = values_of(log), values_of(history(chance).log)
    at = chance.randrange(len(values))
    for r in range(at, len(values)):
        taken = other[r % len(other)]
        values[r] = [list(taken[p % len(taken)]) for p in range(log.partitions)]
    return log_of(values, log.partitions)


def old_backup(log: NaiveLog, chance: random.Random) -> NaiveLog:
    values = values_of(log)
    return log_of(values[: chance.randint(1, len(values) - 1)], log.partitions)


def resign(log: NaiveLog, chance: random.Random) -> NaiveLog:
    values = values_of(log)
    r, p, n = place(values, chance)
    values[r][p][n] = bytes([values[r][p][n][0] ^ 1]) + values[r][p][n][1:]
    return log_of(values, log.partitions)


def fork(log: NaiveLog, chance: random.Random) -> NaiveLog:
    values = values_of(log)
    at = chance.randrange(len(values))
    values[at:] = [[[b"the other face %d" % r] for _ in range(log.partitions)] for r in range(at, len(values))]
    return log_of(values, log.partitions)


KINDS: dict[str, Callable[[NaiveLog, random.Random], NaiveLog]] = {
    "delete": delete,
    "insert": insert,
    "swap": swap,
    "duplicate": duplicate,
    "truncate": truncate,
    "splice": splice,
    "old backup": old_backup,
    "re-sign with stolen key": resign,
    "fork": fork,
}
NEED_THE_KEY = frozenset({"re-sign with stolen key", "fork"})


def bare(note: str) -> str:
    """The note as it is where no witness is asked: without cosignatures."""
    return "".join(line for line in note.splitlines(keepends=True) if not line.startswith(f"\u2014 {WITNESS.name} "))


def served(told: History, forged: NaiveLog, *, with_key: bool) -> str:
    """The best checkpoint an attacker can serve: one that was published of the same tree, else what he can sign."""
    size = len(forged.entries)
    honest = told.published.get(size)
    if honest is not None and honest.startswith(forged.text()):
        return honest
    if with_key:
        text = forged.text()
        # Cosignatures of another tree are lines too: he has nothing better.
        lines = [line for line in told.kept.splitlines(keepends=True) if line.startswith(f"\u2014 {WITNESS.name} ")]
        return f"{text}\n{LOG_KEY.line(text)}" + ("".join(lines) if size % 2 else "")
    return told.kept


def sloppy(told: History, kind: str, folder: Path, chance: random.Random) -> None:
    """The same attack by somebody who changes the entries alone and leaves offsets and hashes as they were."""
    log = told.log
    log.write(folder, told.kept)
    entries = list(log.entries)
    at = chance.randrange(len(entries) - 1)
    match kind:
        case "delete":
            del entries[at]
        case "insert":
            entries.insert(at, entry_of(0, at, b"never happened"))
        case "swap":
            entries[at], entries[at + 1] = entries[at + 1], entries[at]
        case "duplicate":
            entries.insert(at, entries[at])
        case _:
            raise AssertionError(kind)
    for number in range(-(-len(entries) // 256)):
        some = entries[256 * number : 256 * number + 256]
        content = b"".join(len(entry).to_bytes(2, "big") + entry for entry in some)
        (folder / "tile" / "entries" / f"{number:03}").write_bytes(content)


SLOPPY = ("delete", "insert", "swap", "duplicate")


def by_auditor(folder: Path, trusted: str, kept: tuple[bytes, ...] = ()) -> Broken | None:
    wishes = Wishes(decode=False, kept=kept)
    return verify.verify(Directory(folder), parse_policy(trusted.encode()), wishes).broken


def by_script(folder: Path, trusted: str, kept: tuple[bytes, ...] = ()) -> str:
    try:
        verify_receipt.Export(folder).check(verify_receipt.Policy(trusted), kept)
    except verify_receipt.Refused as refused:
        return refused.code
    return ""


def receipt_by_auditor(text: bytes, trusted: str) -> str:
    return receipt.check(text, parse_policy(trusted.encode())).code


def receipt_by_script(text: bytes, trusted: str) -> str:
    try:
        verify_receipt.check_receipt(text, verify_receipt.Policy(trusted))
    except verify_receipt.Refused as refused:
        return refused.code
    return ""


def root_of(log: NaiveLog) -> bytes:
    return mth(log.leaves())
