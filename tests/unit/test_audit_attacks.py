"""Somebody changes the log: both verifiers see it, and the auditor names where.

By default some hundreds of attacks; `make audit-attacks` runs 10,000 changed bytes and 1,000 attacks of each kind.
"""

import os
import random
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.unit import audit_attacks as attacks
from tests.unit.audit_log_oracle import NaiveLog, made, policy

AT_LENGTH = bool(os.environ.get("JEJAK_ATTACKS_AT_LENGTH"))
CHANGES = 10_000 if AT_LENGTH else 120
TIMES = 1_000 if AT_LENGTH else 5
SCRIPT_EACH = 20 if AT_LENGTH else 3


@pytest.fixture(scope="module")
def log() -> NaiveLog:
    return made(700, seed=5, partitions=4, rounds=20)


@pytest.fixture(scope="module")
def folder(log: NaiveLog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return log.write(tmp_path_factory.mktemp("log") / "audit-log")


def place_of(log: NaiveLog, name: str, at: int, now: int) -> str:
    """Where the auditor must say that a changed byte is, which is now this one."""
    if name.startswith("tile/entries/"):
        leaf = 256 * int(name.rsplit("/", 1)[1])
        while at >= 2 + len(log.entries[leaf]):
            at -= 2 + len(log.entries[leaf])
            leaf += 1
        return f"leaf {leaf} "
    if name.startswith("tile/0/"):
        return f"leaf {256 * int(name.rsplit('/', 1)[1]) + at // 32} "
    if name.startswith("tile/1/"):
        return f"hash {at // 32} of level 1"
    if name == "rounds.head":
        before = f'{{\n "origin": "{log.origin}",\n "partitions": '
        # Another count of partitions is a head as good as any: the first record does not fit it.
        return "round 1 " if at == len(before) and chr(now) in "123456789" else "rounds.head "
    return f"round {at // (8 + 8 * log.partitions + 32) + 1}" if name == "rounds" else "checkpoint"


def test_every_changed_byte_is_found_by_both_verifiers_and_its_leaf_is_named(log: NaiveLog, folder: Path) -> None:
    chance = random.Random(20)  # noqa: S311  a repeatable test, no secret
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    kinds: Counter[str] = Counter()
    trusted = policy()
    for number in range(CHANGES):
        path = chance.choice(files)
        name = str(path.relative_to(folder))
        whole = path.read_bytes()
        at = chance.randrange(len(whole))
        now = whole[at] ^ chance.randint(1, 255)
        path.write_bytes(whole[:at] + bytes([now]) + whole[at + 1 :])
        broken = attacks.by_auditor(folder, trusted)
        assert broken is not None, (name, at)
        assert f"{broken.where} ".startswith(place_of(log, name, at, now)), (name, at, broken)
        if number % SCRIPT_EACH == 0:
            assert attacks.by_script(folder, trusted), (name, at)
        path.write_bytes(whole)
        kinds[name.rsplit("/", 1)[0]] += 1
    assert attacks.by_auditor(folder, trusted) is None
    sys.stderr.write(f"\n{CHANGES} changed bytes, all found and placed: {dict(kinds)}")


@pytest.mark.parametrize("kind", attacks.KINDS)
def test_an_attack_on_the_log_is_found_where_one_honest_witness_looks(kind: str, tmp_path: Path) -> None:
    chance = random.Random(kind)  # noqa: S311  a repeatable test, no secret
    missed: Counter[str] = Counter()
    for number in range(TIMES):
        told = attacks.history(chance)
        forged = attacks.KINDS[kind](told.log, chance)
        while forged.entries == told.log.entries:  # two like entries swapped are no attack
            forged = attacks.KINDS[kind](told.log, chance)
        for with_key in (True,) if kind in attacks.NEED_THE_KEY else (False, True):
            folder = forged.write(tmp_path / f"{number}-{with_key}")
            note = attacks.served(told, forged, with_key=with_key)
            for guard, shown, trusted, kept in (
                ("nobody", attacks.bare(note), attacks.UNSEEN, ()),
                ("cosignatures alone", note, attacks.SEEN, ()),
                ("the witness", note, attacks.SEEN, (told.kept.encode(),)),
            ):
                (folder / "checkpoint").write_text(shown)
                found = attacks.by_auditor(folder, trusted, kept) is not None
                missed[f"{guard}, {'the key stolen' if with_key else 'no key stolen'}"] += not found
                if number % SCRIPT_EACH == 0:
                    assert bool(attacks.by_script(folder, trusted, kept)) == found
            shutil.rmtree(folder)
    assert not any(count for guard, count in missed.items() if guard.startswith("the witness"))
    figures = "; ".join(f"{guard}: {count}" for guard, count in missed.items())
    sys.stderr.write(f"\n{kind}, missed of {TIMES} by {figures}")


@pytest.mark.parametrize("kind", attacks.SLOPPY)
def test_entries_moved_without_their_hashes_are_found_at_the_first_of_them(kind: str, tmp_path: Path) -> None:
    chance = random.Random(kind)  # noqa: S311  a repeatable test, no secret
    for number in range(TIMES):
        told = attacks.history(chance)
        folder = tmp_path / str(number)
        attacks.sloppy(told, kind, folder, chance)
        broken = attacks.by_auditor(folder, attacks.SEEN)
        assert broken is not None
        assert broken.where.startswith("leaf ")
        assert attacks.by_script(folder, attacks.SEEN)
