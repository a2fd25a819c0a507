"""A citizen's receipt: what holds, and that nothing about it can be changed; the two verifiers agree throughout."""

import ast
import os
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from consumers.auditor import receipt, verify_receipt
from consumers.auditor.source import Directory
from schemas.quorum import PolicyRefused, parse_policy
from tests.unit.audit_attacks import receipt_by_auditor, receipt_by_script
from tests.unit.audit_log_oracle import LOG_KEY, WITNESSES, NaiveLog, key, made, policy

SCRIPT = Path(verify_receipt.__file__)
AT_LENGTH = bool(os.environ.get("JEJAK_ATTACKS_AT_LENGTH"))
SIZES = (1, 2, 3, 5, 255, 256, 257, 600)
TRUSTED = policy()


def both(text: bytes, trusted: str = TRUSTED) -> tuple[str, str]:
    return receipt_by_auditor(text, trusted), receipt_by_script(text, trusted)


def place(entry: bytes) -> tuple[int, int]:
    partition, offset = struct.unpack(">IQ", entry[1:13])
    return partition, offset


@pytest.mark.parametrize("size", SIZES)
def test_a_receipt_made_from_tiles_is_the_one_that_the_whole_tree_gives(size: int, tmp_path: Path) -> None:
    log = made(size)
    source = Directory(log.write(tmp_path / "log"))
    for index in {0, 1, size // 3, size // 2, size - 2, size - 1} & set(range(size)):
        found = receipt.make(source, *place(log.entries[index]))
        assert isinstance(found, receipt.Receipt)
        assert found.format().encode() == log.receipt(index)
        assert both(found.format().encode()) == ("", "")


def test_every_entry_of_a_log_has_a_receipt_that_holds_at_every_published_size(tmp_path: Path) -> None:
    log = made(40, rounds=4)
    for number, (size, _, _) in enumerate(log.rounds):
        source = Directory(log.write(tmp_path / str(number), log.checkpoint(size)))
        for index, entry in enumerate(log.entries):
            found = receipt.make(source, *place(entry))
            if index < size:
                assert isinstance(found, receipt.Receipt)
                assert receipt_by_auditor(found.format().encode(), TRUSTED) == ""
            else:
                assert found == receipt.NotYet(size)


def test_an_entry_of_no_round_has_no_receipt_yet(tmp_path: Path) -> None:
    log = made(10)
    source = Directory(log.write(tmp_path / "log"))
    assert receipt.make(source, 0, 10_000) == receipt.NotYet(10)
    assert receipt.make(source, 99, 0) == receipt.NotYet(10)
    (tmp_path / "log" / "checkpoint").unlink()
    assert receipt.make(source, *place(log.entries[0])) == receipt.NotYet(0)


def test_no_receipt_is_made_of_a_damaged_log(tmp_path: Path) -> None:
    log = made(10)
    folder = log.write(tmp_path / "log")
    tile = folder / "tile" / "0" / "000"
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
    with pytest.raises(receipt.LogDamaged):
        receipt.make(Directory(folder), *place(log.entries[1]))


def test_an_entry_is_found_by_its_event(tmp_path: Path) -> None:
    log = NaiveLog(2)
    log.add_round([[b"\x00" * 5 + bytes([number] * 16) + b"rest" for number in range(5)], [b"short"]])
    source = Directory(log.write(tmp_path / "log"))
    assert receipt.find(source, bytes([3] * 16)) == (0, 3)
    assert receipt.find(source, bytes([9] * 16)) is None


def test_signatures_of_keys_that_the_reader_has_not_are_left_out_of_his_receipt(tmp_path: Path) -> None:
    log = made(10)
    note = log.checkpoint(witnesses=(*WITNESSES, key("stranger.test")))
    source = Directory(log.write(tmp_path / "log", note))
    found = receipt.make(source, *place(log.entries[4]), parse_policy(TRUSTED.encode()))
    assert isinstance(found, receipt.Receipt)
    assert both(found.format().encode()) == ("", "")
    whole = receipt.make(source, *place(log.entries[4]))
    assert isinstance(whole, receipt.Receipt)
    assert both(whole.format().encode()) == ("UNKNOWN_KEY", "UNKNOWN_KEY")


def test_no_byte_of_a_receipt_can_be_changed() -> None:
    log = made(11)
    text = log.receipt(9)
    chance = random.Random(4)  # noqa: S311  a repeatable test, no secret
    for at, byte in enumerate(text):
        others = [byte ^ 1 << bit for bit in range(8)] if AT_LENGTH else [byte ^ 1, chance.randrange(256)]
        for other in {*others} - {byte}:
            changed = text[:at] + bytes([other]) + text[at + 1 :]
            assert receipt_by_auditor(changed, TRUSTED), (at, other)
    for at in range(0, len(text), 1 if AT_LENGTH else 5):
        changed = text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :]
        assert receipt_by_script(changed, TRUSTED), at


def test_no_byte_of_a_receipt_can_be_left_out_doubled_or_cut_off() -> None:
    text = made(11).receipt(9)
    # The third witness's line as a whole is more than the policy asks for: what is left is true, and says less.
    surplus = text.rindex("\u2014".encode())
    assert both(text[:surplus]) == ("", "")
    for at in range(0, len(text), 1 if AT_LENGTH else 7):
        for changed in (text[:at] + text[at + 1 :], text[:at] + text[at : at + 1] + text[at:], text[:at]):
            if changed not in {text, text[:surplus]}:
                first, second = both(changed)
                assert first, at
                assert second, at
    for tail in (b"\n", b" ", b"x", b"\r\n", b"\x00", text):
        assert all(both(text + tail))
        assert all(both(tail + text))


def edited(log: NaiveLog) -> dict[str, bytes]:
    """Receipts of the ninth entry with one thing about them changed."""
    good = log.receipt(9).decode()
    head, _, note = good.partition("\n\n")
    lines = head.split("\n")
    other = NaiveLog(3, origin="jejak.test/another/2026", entries=log.entries, rounds=log.rounds)
    stolen = key(LOG_KEY.name + "x", 1)
    text = log.text()

    def with_head(*changed: str) -> bytes:
        return ("\n".join(changed) + "\n\n" + note).encode()

    return {
        "another index": with_head(lines[0], lines[1], "index 8", *lines[3:]),
        "an index beyond": with_head(lines[0], lines[1], "index 11", *lines[3:]),
        "a signed index": with_head(lines[0], lines[1], "index +9", *lines[3:]),
        "a leading zero": with_head(lines[0], lines[1], "index 09", *lines[3:]),
        "other digits": with_head(lines[0], lines[1], "index \u0669", *lines[3:]),
        "a shorter path": with_head(*lines[:-1]),
        "a longer path": with_head(*lines, lines[-1]),
        "a path turned round": with_head(*lines[:3], *reversed(lines[3:])),
        "a trailing space": with_head(lines[0] + " ", *lines[1:]),
        "another form": with_head("c2sp.org/tlog-proof@v2", *lines[1:]),
        "no entry": with_head(lines[0], *lines[2:]),
        "two entries": with_head(lines[0], lines[1], lines[1], *lines[2:]),
        "windows lines": good.replace("\n", "\r\n").encode(),
        "a checkpoint of another size": log.receipt(9, log.checkpoint(10)),
        "another origin": log.receipt(9, other.checkpoint()),
        "no witness": log.receipt(9, log.checkpoint(witnesses=())),
        "too few witnesses": log.receipt(9, log.checkpoint(witnesses=WITNESSES[:1])),
        "one witness twice": log.receipt(9, log.checkpoint(witnesses=WITNESSES[:1] * 2)),
        "a doubled log line": log.receipt(9, f"{text}\n{LOG_KEY.line(text) * 2}" + WITNESSES[0].line(text)),
        "no log": log.receipt(9, f"{text}\n" + "".join(one.line(text) for one in WITNESSES)),
        "another log key": log.receipt(9, log.checkpoint(log=stolen)),
        "a stranger's line": log.receipt(9, log.checkpoint(witnesses=(*WITNESSES, key("stranger.test")))),
        "a witness of another text": log.receipt(
            9, f"{text}\n{LOG_KEY.line(text)}{WITNESSES[0].line(log.text(8))}{WITNESSES[1].line(text)}"
        ),
        "another entry": log.receipt(9).replace(log.receipt(9).split(b"\n")[1], log.receipt(8).split(b"\n")[1]),
        "an entry of another kind": with_head(lines[0], "extra Ag==", *lines[2:]),
        "nothing": b"",
        "not utf-8": good.encode() + b"\xff",
        "a zero byte": good.encode() + b"\x00",
    }


CORPUS = edited(made(11))


@pytest.mark.parametrize("what", CORPUS)
def test_both_verifiers_refuse_a_receipt_with(what: str) -> None:
    assert all(both(CORPUS[what]))


AGREED_CODES = {
    "a stranger's line": ("UNKNOWN_KEY", "UNKNOWN_KEY"),
    "too few witnesses": ("NO_QUORUM", "NO_QUORUM"),
    "a shorter path": ("NOT_INCLUDED", "NOT_INCLUDED"),
    "one witness twice": ("DOUBLED_SIGNATURE", "DOUBLED_SIGNATURE"),
    "windows lines": ("MALFORMED", "MALFORMED"),
}


@pytest.mark.parametrize("what", AGREED_CODES)
def test_both_verifiers_say_why(what: str) -> None:
    assert both(CORPUS[what]) == AGREED_CODES[what]


def test_any_two_of_three_witnesses_are_enough_where_the_policy_says_two() -> None:
    log = made(11)
    for left_out in WITNESSES:
        note = log.checkpoint(witnesses=[one for one in WITNESSES if one != left_out])
        assert both(log.receipt(3, note)) == ("", "")


W = [f"witness w{number} {one.vkey()}" for number, one in enumerate(WITNESSES)]
LOG = f"log {LOG_KEY.vkey()}"
POLICIES = {
    "nested groups": ("\n".join([LOG, *W, "group a any w0 w1", "group b all a w2", "quorum b", ""]), True),
    "a lone witness": ("\n".join([LOG, *W, "quorum w1"]), True),
    "no witness": ("\n".join([LOG, *W, "quorum none"]), True),
    "comments and blanks": ("\n".join(["# kept", "", f"  {LOG}\thttps://log.test", *W, "quorum w0 "]), True),
    "no quorum": ("\n".join([LOG, *W]), False),
    "two quorums": ("\n".join([LOG, *W, "quorum w0", "quorum w1"]), False),
    "no log": ("\n".join([*W, "quorum w0"]), False),
    "an unknown member": ("\n".join([LOG, *W, "group g 1 w9", "quorum g"]), False),
    "a group before its members": ("\n".join([LOG, "group g 1 w0", *W, "quorum g"]), False),
    "a member twice": ("\n".join([LOG, *W, "group g 2 w0 w0", "quorum g"]), False),
    "a member of two groups": ("\n".join([LOG, *W, "group g 1 w0", "group h 1 w0", "quorum g"]), False),
    "a threshold of none": ("\n".join([LOG, *W, "group g 0 w0", "quorum g"]), False),
    "a threshold too high": ("\n".join([LOG, *W, "group g 2 w0", "quorum g"]), False),
    "a threshold in words": ("\n".join([LOG, *W, "group g one w0", "quorum g"]), False),
    "one key under two names": ("\n".join([LOG, *W, f"witness w9 {WITNESSES[0].vkey()}", "quorum w0"]), False),
    "two names the same": ("\n".join([LOG, *W, f"witness w0 {key('w.test').vkey()}", "quorum w0"]), False),
    "a witness called none": ("\n".join([LOG, f"witness none {key('w.test').vkey()}", "quorum none"]), False),
    "a log key as witness": ("\n".join([LOG, f"witness w {key('o.test', 1).vkey()}", "quorum w"]), False),
    "a broken key": ("\n".join([LOG.replace("+", "+0", 1), *W, "quorum w0"]), False),
    "another key id": ("\n".join([LOG[:-4] + "AAA=", *W, "quorum w0"]), False),
    "an unknown word": ("\n".join([LOG, *W, "quorum w0", "trust me"]), False),
    "a word too many": ("\n".join([LOG, *W, "quorum w0 w1"]), False),
    "windows lines": ("\r\n".join([LOG, *W, "quorum w0"]), False),
    "a control character": ("\n".join([LOG, *W, "# \x07", "quorum w0"]), False),
}


@pytest.mark.parametrize("what", POLICIES)
def test_both_verifiers_read_a_policy_with_the_same_eyes(what: str) -> None:
    text, holds = POLICIES[what]
    receipt_text = made(11).receipt(4)
    try:
        auditor = receipt.check(receipt_text, parse_policy(text.encode())).holds
    except PolicyRefused:
        auditor = False
    assert (auditor, receipt_by_script(receipt_text, text) == "") == (holds, holds)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The script as a citizen runs it: by its path, isolated from the project."""
    command = [sys.executable, "-I", str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", timeout=60)


def test_the_script_tells_people_its_verdict_and_programs_by_its_exit_code(tmp_path: Path) -> None:
    log = made(11)
    trusted, good, bad = tmp_path / "policy", tmp_path / "good", tmp_path / "bad"
    trusted.write_text(TRUSTED)
    good.write_bytes(log.receipt(9))
    bad.write_bytes(log.receipt(9).replace(b"index 9", b"index 8"))
    held = run(good, trusted)
    assert (held.returncode, held.stdout.startswith("HOLDS entry 9 of 11")) == (0, True)
    refused = run(bad, trusted)
    assert (refused.returncode, refused.stdout.startswith("REFUSED NOT_INCLUDED")) == (1, True)
    assert run(tmp_path / "missing", trusted).returncode == 2
    assert run(good).returncode == 2
    folder = log.write(tmp_path / "log")
    assert run("--export", folder, trusted).stdout.startswith("HOLDS 11 entries")
    (tmp_path / "kept").write_text(log.checkpoint(log.rounds[2][0]))
    assert run("--export", folder, trusted, tmp_path / "kept").returncode == 0
    (tmp_path / "kept").write_text(made(11, seed=9).checkpoint())
    assert run("--export", folder, trusted, tmp_path / "kept").stdout.startswith("REFUSED")


def test_the_script_imports_nothing_but_the_standard_library() -> None:
    tree = ast.parse(SCRIPT.read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "." for node in imports if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_the_auditor_takes_nothing_from_the_script() -> None:
    for path in SCRIPT.parent.glob("*.py"):
        if path != SCRIPT:
            assert "verify_receipt import" not in path.read_text()
            assert "import verify_receipt" not in path.read_text()
