"""Notes, checkpoints and cosignatures: published ones are taken, every other form is refused by its code."""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from schemas.merkle import EMPTY_ROOT
from schemas.note import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    Cosigner,
    NoteRefused,
    Signature,
    SignedNote,
    Signer,
    VerifierKey,
    cosigned_at,
    known_signatures,
    open_checkpoint,
    signature_holds,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ORIGIN = "jejak.example/audit/2026"
ROOT = bytes(range(32))
LOG = Signer(bytes([1]) * 32, ORIGIN)
PRIME = 2**255 - 19
# y of the points whose order divides 8: 1, 2, 4, and 8, the roots of d y^4 + 2 y^2 = 1, by the doubling formula.
OF_ORDER_8 = int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
SMALL_ORDER = (0, 1, PRIME - 1, OF_ORDER_8, PRIME - OF_ORDER_8)
BPS = Cosigner(bytes([2]) * 32, "bps.example/witness")
BPK = Cosigner(bytes([3]) * 32, "bpk.example/witness")
STRANGER = Cosigner(bytes([4]) * 32, "stranger.example/witness")
TEXT = Checkpoint(ORIGIN, 20_852_163, ROOT).text()
NOON = 1_700_000_000
NOTE = SignedNote(TEXT, (LOG.sign(TEXT), BPS.cosign(TEXT, NOON), BPK.cosign(TEXT, NOON + 1)))
WITNESSES = (BPS.verifier_key, BPK.verifier_key)
# The key, text and signature with which the note format was first published.
PUBLISHED_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PUBLISHED_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(NoteRefused) as refused:
        act()
    return refused.value.code


def opening(note: str | bytes) -> str:
    """Why the note is refused when it is opened with the log's key and the witnesses'."""
    return refusal(lambda: open_checkpoint(note, LOG.verifier_key, WITNESSES))


def signed(text: str) -> str:
    """The text under an honest signature of the log, made without the signer's own care."""
    private = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
    return f"{text}\n{Signature(ORIGIN, LOG.verifier_key.key_id, private.sign(text.encode())).line()}"


def test_the_published_note_of_the_published_key_is_taken() -> None:
    key, note = VerifierKey.parse(PUBLISHED_KEY), SignedNote.parse(PUBLISHED_NOTE)
    assert (key.vkey(), note.format()) == (PUBLISHED_KEY, PUBLISHED_NOTE)
    assert known_signatures(note, [key]) == ((key, note.signatures[0]),)
    assert refusal(lambda: known_signatures(SignedNote(note.text + "\n", note.signatures), [key])) == "SIGNATURE_FAILS"


def test_the_published_checkpoint_with_a_cosignature_is_read_field_by_field() -> None:
    note = SignedNote.parse(
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1g"
        "GzGku9nTo+zyWE+xeMcTOAYQ8=\n"
        "\u2014 witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZ"
        "qhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
    )
    checkpoint = Checkpoint.parse(note.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert checkpoint.root == base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
    assert [signature.key_id.hex() for signature in note.signatures] == ["033de0ae", "8d66cf3f"]
    assert cosigned_at(note.signatures[1]) == 1_679_315_147


def test_a_checkpoint_is_three_lines_and_the_signature_covers_them_all() -> None:
    assert f"{ORIGIN}\n20852163\n{base64.b64encode(ROOT).decode()}\n" == TEXT
    key = LOG.verifier_key
    private = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
    assert LOG.sign(TEXT).payload == private.sign(TEXT.encode())
    assert key.key_id == sha256(f"{ORIGIN}\n".encode() + b"\1" + private.public_key().public_bytes_raw()).digest()[:4]


def test_a_cosignature_covers_its_time_and_the_whole_checkpoint() -> None:
    made = BPS.cosign(TEXT, NOON)
    private = Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32)
    message = f"cosignature/v1\ntime {NOON}\n{TEXT}".encode()
    assert made.payload == NOON.to_bytes(8, "big") + private.sign(message)
    assert len(base64.b64encode(made.key_id + made.payload)) == 104
    assert cosigned_at(made) == NOON


def test_an_opened_checkpoint_names_the_witnesses_and_their_times() -> None:
    opened = open_checkpoint(NOTE.format().encode(), LOG.verifier_key, WITNESSES)
    assert opened.checkpoint == Checkpoint(ORIGIN, 20_852_163, ROOT)
    assert opened.cosigned == ((BPS.verifier_key, NOON), (BPK.verifier_key, NOON + 1))
    assert opened.note == NOTE


def test_unknown_witnesses_are_ignored_even_when_their_lines_are_doubled_or_wrong() -> None:
    line = STRANGER.cosign(TEXT, NOON)
    wrong = Signature(line.name, line.key_id, b"anything")
    opened = open_checkpoint(NOTE.with_signatures(line, line, wrong).format(), LOG.verifier_key, WITNESSES)
    assert [key.name for key, _ in opened.cosigned] == [BPS.verifier_key.name, BPK.verifier_key.name]


def test_a_key_is_known_by_name_and_id_together() -> None:
    key = BPS.verifier_key
    same_name = Signature(key.name, b"abcd", b"anything")
    same_id = Signature("another.example/witness", key.key_id, b"anything")
    assert open_checkpoint(NOTE.with_signatures(same_name, same_id).format(), LOG.verifier_key, WITNESSES).cosigned


@pytest.mark.parametrize("line", [NOTE.signatures[1], BPS.cosign(TEXT, NOON + 5), LOG.sign(TEXT)])
def test_a_second_line_of_a_known_key_is_refused_so_that_it_never_counts_twice(line: Signature) -> None:
    assert opening(NOTE.with_signatures(line).format()) == "DOUBLED_SIGNATURE"


def test_one_key_under_two_names_does_not_make_two_witnesses() -> None:
    twin = Cosigner(bytes([2]) * 32, "twin.example/witness")
    note = NOTE.with_signatures(twin.cosign(TEXT, NOON)).format()
    known = (*WITNESSES, twin.verifier_key)
    assert refusal(lambda: open_checkpoint(note, LOG.verifier_key, known)) == "SHARED_KEY"


def test_a_log_may_be_a_witness_by_the_same_key_since_the_messages_differ() -> None:
    cosigner = Cosigner(bytes([1]) * 32, ORIGIN)
    note = NOTE.with_signatures(cosigner.cosign(TEXT, NOON)).format()
    assert len(open_checkpoint(note, LOG.verifier_key, (*WITNESSES, cosigner.verifier_key)).cosigned) == 3


def test_a_known_key_that_fails_rejects_the_note_whatever_else_holds() -> None:
    other = Checkpoint(ORIGIN, 1, ROOT).text()
    assert opening(SignedNote(TEXT, (LOG.sign(TEXT), BPS.cosign(other, NOON))).format()) == "SIGNATURE_FAILS"
    assert opening(SignedNote(TEXT, (LOG.sign(other), BPS.cosign(TEXT, NOON))).format()) == "SIGNATURE_FAILS"


def test_a_cosignature_moved_to_another_time_fails() -> None:
    made = BPS.cosign(TEXT, NOON)
    moved = Signature(made.name, made.key_id, (NOON + 1).to_bytes(8, "big") + made.payload[8:])
    assert opening(SignedNote(TEXT, (LOG.sign(TEXT), moved)).format()) == "SIGNATURE_FAILS"


@pytest.mark.parametrize("payload", [b"x", bytes(64), bytes(71), bytes(73), b"\xff" * 72])
def test_a_cosignature_of_another_form_fails_as_a_known_keys_signature(payload: bytes) -> None:
    bent = Signature(BPS.verifier_key.name, BPS.verifier_key.key_id, payload)
    assert opening(SignedNote(TEXT, (LOG.sign(TEXT), bent)).format()) == "SIGNATURE_FAILS"
    assert not signature_holds(BPS.verifier_key, TEXT, bent)


def test_a_note_without_the_logs_own_signature_is_refused() -> None:
    assert opening(SignedNote(TEXT, (BPS.cosign(TEXT, NOON),)).format()) == "NO_LOG_SIGNATURE"
    assert opening(SignedNote(TEXT, (STRANGER.cosign(TEXT, NOON),)).format()) == "NO_KNOWN_SIGNATURE"


def test_a_checkpoint_of_another_origin_is_refused_even_when_the_log_signed_it() -> None:
    assert opening(signed(Checkpoint("other.example/log", 5, ROOT).text())) == "OTHER_ORIGIN"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("20852163\n", "020852163\n", "SIZE"),
        ("20852163\n", "+20852163\n", "SIZE"),
        ("20852163\n", "-1\n", "SIZE"),
        ("20852163\n", "20852163 \n", "SIZE"),
        ("20852163\n", " 20852163\n", "SIZE"),
        ("20852163\n", "20_852_163\n", "SIZE"),
        ("20852163\n", "0x13e2f03\n", "SIZE"),
        ("20852163\n", "\u0662\n", "SIZE"),
        ("20852163\n", "9223372036854775808\n", "SIZE"),
        ("20852163\n", "99999999999999999999\n", "SIZE"),
        ("20852163\n", "\n", "SIZE"),
        ("20852163\n", "0\n", "ROOT"),
        ("20852163\n", "00\n", "SIZE"),
        ("20852163\n", "", "CHECKPOINT_LINES"),
        (f"{ORIGIN}\n", f"{ORIGIN} \n", "ORIGIN"),
        (f"{ORIGIN}\n", f"{ORIGIN}\u00a0\n", "ORIGIN"),
        (f"{ORIGIN}\n", f"{ORIGIN}+2\n", "ORIGIN"),
        (f"{ORIGIN}\n", "\n", "ORIGIN"),
        (f"{ORIGIN}\n", f"{ORIGIN}\t\n", "CONTROL_CHARACTER"),
        (f"{ORIGIN}\n", f"{ORIGIN}\r\n", "CONTROL_CHARACTER"),
        ("Hh8=\n", "Hh8= \n", "BASE64"),
        ("Hh8=\n", "Hh8\n", "BASE64"),
        ("Hh8=\n", "Hh8==\n", "BASE64"),
        ("Hh8=\n", "Hh9=\n", "BASE64"),
        ("Hh8=\n", "Hg==\n", "ROOT"),
        ("Hh8=\n", "Hh8g\n", "ROOT"),
        ("Hh8=\n", "Hh-=\n", "BASE64"),
        ("Hh8=\n", "Hh8=\nextension\n", "EXTENSION_LINES"),
        ("Hh8=\n", "Hh8=\n\n", "EXTENSION_LINES"),
    ],
)
def test_a_signed_checkpoint_of_any_other_form_is_refused(old: str, new: str, code: str) -> None:
    assert old in TEXT
    assert opening(signed(TEXT.replace(old, new))) == code


@pytest.mark.parametrize(
    ("bend", "code"),
    [
        (lambda note: note[:-1], "NO_FINAL_NEWLINE"),
        (lambda note: note + "\n", "NO_SIGNATURES"),
        (lambda note: note + " ", "NO_FINAL_NEWLINE"),
        (lambda note: note[:-1] + " \n", "BASE64"),
        (lambda note: note.replace("\n\n", "\n"), "NO_SIGNATURES"),
        (lambda note: note.replace("\n\n", "\n \n"), "NO_SIGNATURES"),
        (lambda note: TEXT, "NO_SIGNATURES"),
        (lambda note: f"{TEXT}\n", "NO_SIGNATURES"),
        (lambda note: "", "NO_FINAL_NEWLINE"),
        (lambda note: "\n", "NO_SIGNATURES"),
        (lambda note: "\n\n", "NO_SIGNATURES"),
        (lambda note: note.replace("\u2014", "-"), "SIGNATURE_LINE"),
        (lambda note: note.replace("\u2014 ", "\u2014"), "SIGNATURE_LINE"),
        (lambda note: note.replace("\u2014 ", "\u2014  "), "KEY_NAME"),
        (lambda note: note.replace("witness ", "witness  "), "BASE64"),
        (lambda note: note.replace("bps.example", "bps+example"), "KEY_NAME"),
        (lambda note: note.replace("bps.example", "bps\u2003example"), "KEY_NAME"),
        (lambda note: note.replace("bps.example", "bps\u0085example"), "KEY_NAME"),
        (lambda note: note.replace("bps.example", "bps\x1fexample"), "CONTROL_CHARACTER"),
        (lambda note: note.replace("\n", "\r\n"), "CONTROL_CHARACTER"),
        (lambda note: note + "\u2014 x AAAA\n", "SIGNATURE_LINE"),
        (lambda note: note + "\u2014 x AAAAAA==\n", "SIGNATURE_LINE"),
        (lambda note: note + "\u2014 x AAAAAAB=\n", "BASE64"),
        (lambda note: note + "\u2014 x \n", "SIGNATURE_LINE"),
        (lambda note: note + "\u2014 x\n", "SIGNATURE_LINE"),
        (lambda note: note + "a line of another kind\n", "SIGNATURE_LINE"),
        (lambda note: note + "\u2014 x AAAAAAAA\n" * 62, "TOO_MANY_SIGNATURES"),
        (lambda note: "a" * 262_144 + "\n" + note, "TOO_LARGE"),
        (lambda note: note.encode()[:-3] + b"\xff\n", "NOT_UTF8"),
        (lambda note: note.encode().replace(b"\xe2\x80\x94", b"\xe2\x80"), "NOT_UTF8"),
        (lambda note: note.replace("bps", "\ud800"), "NOT_UTF8"),
    ],
)
def test_a_note_of_any_other_form_is_refused(bend: Callable[[str], str | bytes], code: str) -> None:
    assert opening(bend(NOTE.format())) == code


def test_the_text_of_a_note_ends_at_its_last_empty_line() -> None:
    text = "first\n\nsecond\n"
    assert SignedNote.parse(signed(text)).text == text
    assert known_signatures(SignedNote.parse(signed(text)), [LOG.verifier_key])


def test_a_note_with_sixteen_witnesses_and_four_times_as_many_lines_is_taken() -> None:
    witnesses = [Cosigner(bytes([number]) * 32, f"w{number}.example") for number in range(10, 26)]
    note = SignedNote(TEXT, (LOG.sign(TEXT), *(witness.cosign(TEXT, NOON) for witness in witnesses)))
    keys = [witness.verifier_key for witness in witnesses]
    assert len(open_checkpoint(note.format(), LOG.verifier_key, keys).cosigned) == 16
    strangers = (Signature("x", b"abcd", bytes(2_428)),) * 47
    assert len(open_checkpoint(note.with_signatures(*strangers).format(), LOG.verifier_key, keys).cosigned) == 16


@pytest.mark.parametrize(
    ("vkey", "code"),
    [
        ("", "VERIFIER_KEY"),
        ("name+c74f20a3", "VERIFIER_KEY"),
        (PUBLISHED_KEY.replace("c74f20a3", "c74f20a4"), "KEY_ID"),
        (PUBLISHED_KEY.replace("c74f20a3", "C74F20A3"), "KEY_ID"),
        (PUBLISHED_KEY.replace("Peter", "Pieter"), "KEY_ID"),
        (PUBLISHED_KEY.replace("PeterNeumann", "Peter Neumann"), "KEY_NAME"),
        (PUBLISHED_KEY.replace("PeterNeumann", ""), "KEY_NAME"),
        (PUBLISHED_KEY + "\n", "BASE64"),
        (PUBLISHED_KEY[:-1], "BASE64"),
        ("name+00000000+", "KEY_TYPE"),
        ("name+00000000+Bg==", "KEY_TYPE"),
        ("name+00000000+AQ==", "PUBLIC_KEY"),
        ("name+00000000+" + base64.b64encode(b"\6" + bytes(1_312)).decode(), "KEY_TYPE"),
        ("name+00000000+" + base64.b64encode(b"\1" + b"\xff" * 32).decode(), "PUBLIC_KEY"),
        (PUBLISHED_KEY.replace("Peter", "Peter\ud800"), "KEY_NAME"),
        (PUBLISHED_KEY.replace("Peter", "\udcff"), "KEY_NAME"),
        (PUBLISHED_KEY + "\udfff", "BASE64"),
        (PUBLISHED_KEY.replace("c74f20a3", "c74f20a\udc33"), "KEY_ID"),
    ],
)
def test_a_verifier_key_of_any_other_form_is_refused(vkey: str, code: str) -> None:
    assert refusal(lambda: VerifierKey.parse(vkey)) == code


@pytest.mark.parametrize("key_type", [ED25519, COSIGNATURE])
@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("y", SMALL_ORDER)
def test_a_public_key_of_small_order_is_refused(y: int, sign: int, key_type: int) -> None:
    assert refusal(lambda: VerifierKey("name", key_type, (y | sign << 255).to_bytes(32, "little"))) == "PUBLIC_KEY"


def test_an_origin_that_utf_8_can_not_write_is_refused() -> None:
    assert refusal(lambda: Checkpoint("log\udcff.example", 1, ROOT)) == "ORIGIN"


def test_a_verifier_key_is_split_at_its_first_two_plus_signs_only() -> None:
    seeds = (bytes([number]) * 32 for number in range(256))
    keys = [Cosigner(seed, "w.example").verifier_key for seed in seeds]
    with_plus = [key for key in keys if key.vkey().count("+") > 2]
    assert with_plus
    assert [VerifierKey.parse(key.vkey()) for key in keys] == keys


def test_signers_show_nothing_of_their_seed() -> None:
    assert repr(LOG) == f"Signer({ORIGIN})"
    assert repr(BPS) == "Cosigner(bps.example/witness)"
    assert (LOG.verifier_key.key_type, BPS.verifier_key.key_type) == (ED25519, COSIGNATURE)


def test_nothing_but_a_checkpoint_is_cosigned_and_no_unlawful_text_signed() -> None:
    assert refusal(lambda: BPS.cosign("hello\n", NOON)) == "CHECKPOINT_LINES"
    assert refusal(lambda: BPS.cosign(TEXT, -1)) == "COSIGNATURE_TIME"
    assert refusal(lambda: BPS.cosign(TEXT, 2**63)) == "COSIGNATURE_TIME"
    assert refusal(lambda: LOG.sign(TEXT[:-1])) == "NO_FINAL_NEWLINE"
    assert refusal(lambda: LOG.sign("a\0b\n")) == "CONTROL_CHARACTER"
    assert refusal(lambda: cosigned_at(LOG.sign(TEXT))) == "COSIGNATURE_FORM"


def test_the_empty_tree_has_a_checkpoint_of_size_0() -> None:
    text = Checkpoint(ORIGIN, 0, EMPTY_ROOT).text()
    assert text.split("\n")[1] == "0"
    assert open_checkpoint(signed(text), LOG.verifier_key).checkpoint.size == 0


def test_a_refusal_quotes_nothing_of_what_it_refuses() -> None:
    with pytest.raises(NoteRefused) as refused:
        SignedNote.parse("3201010101010001\n")
    assert "3201" not in str(refused.value)


@given(st.integers(0, len(NOTE.format().encode()) - 1), st.integers(1, 255))
def test_one_changed_byte_anywhere_loses_the_note_or_a_witness_but_never_changes_what_is_read(
    at: int, mask: int
) -> None:
    note = NOTE.format().encode()
    changed = note[:at] + bytes([note[at] ^ mask]) + note[at + 1 :]
    try:
        opened = open_checkpoint(changed, LOG.verifier_key, WITNESSES)
    except NoteRefused:
        return
    # only a witness's own line may change and leave a note: its key is then unknown, and it is not counted
    assert opened.note.text == TEXT
    assert len(opened.cosigned) == 1


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300), st.text(alphabet="\u2014 a\n0=+/", max_size=80)))
def test_any_bytes_are_refused_or_written_back_the_same(note: bytes | str) -> None:
    try:
        parsed = SignedNote.parse(note)
    except NoteRefused:
        return
    assert parsed.format().encode() == (note.encode() if isinstance(note, str) else note)


@given(st.text(max_size=100))
def test_any_text_is_no_checkpoint_or_written_back_the_same(text: str) -> None:
    try:
        checkpoint = Checkpoint.parse(text)
    except NoteRefused:
        return
    assert checkpoint.text() == text
