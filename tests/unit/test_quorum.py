"""Which witnesses suffice, by a policy file; what isn't one is refused with its line."""

import hashlib
from contextlib import suppress
from itertools import chain, combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.auditor import verify_receipt
from schemas.note import SignedNote
from schemas.quorum import Policy, PolicyRefused, parse_policy
from tests.unit.witness_by_hand import LOG, STRANGER, Key, b64, leaves, text_of

KEYS = {
    name: Key(f"{name.lower()}.example/witness", 4, name.encode().ljust(32, b"."))
    for name in ("X1", "X2", "X3", "Y1", "Y2", "Y3")
}
WITNESSES = "".join(f"witness {name} {key.vkey} https://{name.lower()}.example\n" for name, key in KEYS.items())
TWO_LEVELS = f"""# who vouches
log {LOG.vkey}

{WITNESSES}
group X-witnesses 2 X1 X2 X3
\tgroup  Y-witnesses\tany Y1 Y2 Y3
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def policy(text: str) -> Policy:
    return parse_policy(text.encode())


def subsets() -> list[frozenset[str]]:
    return [frozenset(some) for some in chain.from_iterable(combinations(KEYS, count) for count in range(7))]


def test_a_quorum_of_groups_is_met_by_just_the_sets_that_meet_each_group() -> None:
    found = policy(TWO_LEVELS)
    for cosigners in subsets():
        expected = len(cosigners & {"X1", "X2", "X3"}) >= 2 and bool(cosigners & {"Y1", "Y2", "Y3"})
        assert found.met(cosigners) == expected


@pytest.mark.parametrize("least", range(1, 7))
def test_a_number_asks_for_so_many_members(least: int) -> None:
    found = policy(f"{WITNESSES}group G {least} {' '.join(KEYS)}\nquorum G\n")
    assert all(found.met(cosigners) == (len(cosigners) >= least) for cosigners in subsets())


def test_a_single_witness_may_be_the_quorum() -> None:
    found = policy(f"{WITNESSES}quorum X2\n")
    assert all(found.met(cosigners) == ("X2" in cosigners) for cosigners in subsets())


def test_a_quorum_of_none_asks_nobody() -> None:
    assert policy("quorum none\n").met(())


def test_names_that_are_no_witness_of_the_policy_count_for_nothing() -> None:
    found = policy(TWO_LEVELS)
    assert not found.met({"X-and-Y", "X-witnesses", "Y-witnesses", "nobody"})


def test_witnesses_keep_their_key_and_address() -> None:
    found = policy(TWO_LEVELS)
    assert [(one.name, one.key.vkey(), one.url) for one in found.witnesses[:1]] == [
        ("X1", KEYS["X1"].vkey, "https://x1.example")
    ]
    assert [(log.key.vkey(), log.url) for log in found.logs] == [(LOG.vkey, None)]


def test_names_are_octets_and_a_look_alike_is_another_name() -> None:
    first, second = KEYS["X1"].vkey.encode(), KEYS["X2"].vkey.encode()
    found = parse_policy(b"witness K " + first + b"\nwitness \xe2\x84\xaa " + second + b"\nquorum \xe2\x84\xaa\n")
    assert not found.met({"K"})
    assert found.met({"\u212a"})


def test_names_need_not_be_utf_8() -> None:
    found = parse_policy(b"witness \xff " + KEYS["X1"].vkey.encode() + b"\nquorum \xff\n")
    assert found.met({found.witnesses[0].name})


def test_32_logs_witnesses_and_groups_are_read() -> None:
    logs = "".join(f"log {Key(f'log{n}.example', 1, bytes([n]) * 32).vkey}\n" for n in range(32))
    witnesses = "".join(f"witness w{n} {Key(f'w{n}.example', 4, bytes([n]) * 32).vkey}\n" for n in range(32))
    groups = "".join(f"group g{n} all {f'g{n - 1} ' if n else ''}w{n}\n" for n in range(32))
    found = policy(f"{logs}{witnesses}{groups}quorum g31\n")
    assert found.met({f"w{n}" for n in range(32)})
    assert not found.met({f"w{n}" for n in range(1, 32)})


X1, X2 = KEYS["X1"].vkey, KEYS["X2"].vkey
# One point of each small order, and its negative of order 8, by y; a key of theirs would vouch for many notes at once.
SMALL_ORDER = {
    "1": (1).to_bytes(32, "little"),
    "2": (2**255 - 20).to_bytes(32, "little"),
    "4": bytes(32),
    "4, negative": bytes(31) + b"\x80",
    "8": bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    "8, negative": bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
}


def weak(kind: int, public: bytes) -> str:
    typed = bytes([kind]) + public
    return f"weak+{hashlib.sha256(b'weak' + chr(10).encode() + typed).hexdigest()[:8]}+{b64(typed)}"


REFUSED = {
    "no quorum": (f"witness A {X1}\n", "QUORUM_MISSING", 0),
    "two quorums": ("quorum none\nquorum none\n", "QUORUM_TWICE", 2),
    "unknown keyword": ("quorums none\n", "KEYWORD_UNKNOWN", 1),
    "upper case": ("QUORUM none\n", "KEYWORD_UNKNOWN", 1),
    "quorum of nobody": ("quorum A\n", "NAME_UNKNOWN", 1),
    "quorum before its witness": (f"quorum A\nwitness A {X1}\n", "NAME_UNKNOWN", 1),
    "quorum of two": (f"witness A {X1}\nwitness B {X2}\nquorum A B\n", "WORDS_WRONG", 3),
    "group of unknown": ("group G any A\nquorum G\n", "NAME_UNKNOWN", 1),
    "group of itself": ("group G any G\nquorum G\n", "NAME_UNKNOWN", 1),
    "group of none": ("group G any none\nquorum G\n", "NAME_UNKNOWN", 1),
    "group of nothing": ("group G any\nquorum G\n", "WORDS_WRONG", 1),
    "member twice": (f"witness A {X1}\ngroup G any A A\nquorum G\n", "MEMBER_TWICE", 2),
    "member of two groups": (f"witness A {X1}\ngroup G any A\ngroup H any A\nquorum G\n", "MEMBER_TWICE", 3),
    "none of one": (f"witness A {X1}\ngroup G 0 A\nquorum G\n", "THRESHOLD_WRONG", 2),
    "two of one": (f"witness A {X1}\ngroup G 2 A\nquorum G\n", "THRESHOLD_WRONG", 2),
    "leading zero": (f"witness A {X1}\ngroup G 01 A\nquorum G\n", "THRESHOLD_WRONG", 2),
    "word for a number": (f"witness A {X1}\ngroup G one A\nquorum G\n", "THRESHOLD_WRONG", 2),
    "other digits": (f"witness A {X1}\ngroup G \u0661 A\nquorum G\n", "THRESHOLD_WRONG", 2),
    "witness named none": (f"witness none {X1}\nquorum none\n", "NAME_TAKEN", 1),
    "name twice": (f"witness A {X1}\nwitness A {X2}\nquorum A\n", "NAME_TAKEN", 2),
    "group named as a witness": (f"witness A {X1}\ngroup A any A\nquorum A\n", "NAME_TAKEN", 2),
    "one key twice": (f"witness A {X1}\nwitness B {X1}\nquorum A\n", "KEY_TWICE", 2),
    "one key under two names": (
        f"witness A {X1}\nwitness B {Key('other.example', 4, KEYS['X1'].seed).vkey}\nquorum A\n",
        "KEY_TWICE",
        2,
    ),
    "one log twice": (f"log {LOG.vkey}\nlog {LOG.vkey}\nquorum none\n", "KEY_TWICE", 2),
    "a log's key for a witness": (f"witness A {LOG.vkey}\nquorum A\n", "KEY_TYPE_WRONG", 1),
    "a witness's key for a log": (f"log {X1}\nquorum none\n", "KEY_TYPE_WRONG", 1),
    "key of another id": (f"witness A {X1.replace('+', '+0', 1)[:-1]}\nquorum A\n", "KEY_UNREADABLE", 1),
    "no key": ("witness A key\nquorum A\n", "KEY_UNREADABLE", 1),
    **{
        f"a witness's key of order {order}": (f"witness A {weak(4, point)}\nquorum A\n", "KEY_UNREADABLE", 1)
        for order, point in SMALL_ORDER.items()
    },
    "a log's key of small order": (f"log {weak(1, SMALL_ORDER['8'])}\nquorum none\n", "KEY_UNREADABLE", 1),
    "log without key": ("log\nquorum none\n", "WORDS_WRONG", 1),
    "a word too many": (f"witness A {X1} https://a.example more\nquorum A\n", "WORDS_WRONG", 1),
    "carriage returns": ("quorum none\r\n", "CONTROL_CHARACTER", 1),
    "nul": ("quorum none\x00\n", "CONTROL_CHARACTER", 1),
    "form feed in a comment": ("# a\x0c\nquorum none\n", "CONTROL_CHARACTER", 1),
    "delete": ("quorum none\x7f\n", "CONTROL_CHARACTER", 1),
    "no break space": ("quorum\u00a0none\n", "KEYWORD_UNKNOWN", 1),
    "too large": ("#" * 70_000, "POLICY_TOO_LARGE", 0),
}


@pytest.mark.parametrize(("text", "code", "line"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_policy_is_refused_with_its_line(text: str, code: str, line: int) -> None:
    with pytest.raises(PolicyRefused) as refused:
        policy(text)
    assert (refused.value.code, refused.value.line) == (code, line)


@pytest.mark.parametrize("text", [text for text, _, _ in REFUSED.values()] + ["quorum\n", "witness\n", "x\n"])
def test_the_stand_alone_verifier_refuses_the_same_policies(text: str) -> None:
    with pytest.raises(verify_receipt.Refused):
        verify_receipt.Policy(text)


def test_the_stand_alone_verifier_meets_quorums_by_the_same_sets() -> None:
    theirs = verify_receipt.Policy(TWO_LEVELS)
    ours = policy(TWO_LEVELS)
    assert all(theirs.met(set(some), theirs.quorum) == ours.met(some) for some in subsets())


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.lists(
            st.sampled_from(
                [
                    b"log ",
                    b"witness ",
                    b"group ",
                    b"quorum ",
                    b"A ",
                    b"B ",
                    b"any ",
                    b"all ",
                    b"1 ",
                    b"none ",
                    b"\n",
                    b"#",
                    X1.encode() + b" ",
                    X2.encode() + b" ",
                    LOG.vkey.encode(),
                    b"\xff",
                    b"\t",
                ]
            ),
            max_size=30,
        ).map(b"".join),
    )
)
def test_no_bytes_are_answered_with_a_fault(content: bytes) -> None:
    with suppress(PolicyRefused):
        assert isinstance(parse_policy(content), Policy)


TEXT = text_of(leaves(4))


def note(*lines: str) -> SignedNote:
    return SignedNote.parse(f"{TEXT}\n{''.join(lines)}")


def cosigned(name: str, seconds: int = 1_800_000_000) -> str:
    return KEYS[name].cosignature_line(TEXT, seconds)


def test_a_note_is_accepted_with_the_logs_signature_and_cosignatures_enough() -> None:
    found = policy(TWO_LEVELS)
    assert found.accepts(note(LOG.line(TEXT), cosigned("X1"), cosigned("X3"), cosigned("Y2")))
    assert not found.accepts(note(LOG.line(TEXT), cosigned("X1"), cosigned("Y2")))
    assert not found.accepts(note(STRANGER.line(TEXT), cosigned("X1"), cosigned("X3"), cosigned("Y2")))


def test_signatures_of_unknown_keys_are_ignored() -> None:
    stranger = Key(KEYS["X3"].name, 4, b"s" * 32).cosignature_line(TEXT, 1)
    assert policy(TWO_LEVELS).cosigners(note(cosigned("X1"), stranger, stranger, cosigned("Y1"))) == {"X1", "Y1"}


@pytest.mark.parametrize("bad", [KEYS["X2"].cosignature_line(text_of(leaves(5)), 1), cosigned("X1")])
def test_a_signature_of_a_known_key_that_fails_or_is_doubled_rejects_the_note(bad: str) -> None:
    enough = (LOG.line(TEXT), cosigned("X1"), cosigned("X3"), cosigned("Y2"))
    assert not policy(TWO_LEVELS).accepts(note(*enough, bad))
    assert policy(TWO_LEVELS).cosigners(note(*enough, bad)) == frozenset()


def test_a_checkpoint_of_another_origin_is_not_accepted_though_a_log_of_the_policy_signed_it() -> None:
    other = text_of(leaves(4), "other.example/log")
    signed = SignedNote.parse(f"{other}\n{LOG.line(other)}")
    assert not policy(f"log {LOG.vkey}\nquorum none\n").accepts(signed)
