"""The stand-alone script's Ed25519 against RFC 8032 and against a library, edge cases included."""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.auditor.verify_receipt import L, P, ed25519_holds

# RFC 8032, section 7.1: tests 1, 2, 3 and SHA(abc): public key, message, signature.
VECTORS = (
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
            "655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
            "b00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
            "c027beceea1ec40a"
        ),
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        (
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e"
            "2a9ac94fa54ca49f"
        ),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17a"
            "d9bef1177331a704"
        ),
    ),
)
SEEDS = st.binary(min_size=32, max_size=32)


def by_library(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_the_published_vectors_hold(public: str, message: str, signature: str) -> None:
    assert ed25519_holds(bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature))


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.binary(max_size=300))
def test_whatever_a_library_signs_holds(seed: bytes, message: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    assert ed25519_holds(key.public_key().public_bytes_raw(), message, key.sign(message))


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.binary(max_size=40), st.integers(0, 32 * 8 + 64 * 8 - 1))
def test_one_changed_bit_of_key_or_signature_is_judged_as_a_library_judges_it(
    seed: bytes, message: bytes, bit: int
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    both = bytearray(key.public_key().public_bytes_raw() + key.sign(message))
    both[bit // 8] ^= 1 << bit % 8
    public, signature = bytes(both[:32]), bytes(both[32:])
    assert ed25519_holds(public, message, signature) == by_library(public, message, signature)
    assert not ed25519_holds(public, message, signature)


@settings(max_examples=25, deadline=None)
@given(SEEDS, SEEDS, st.binary(max_size=40))
def test_another_key_or_message_never_holds(seed: bytes, other: bytes, message: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert not ed25519_holds(public, message + b"x", signature)
    stranger = Ed25519PrivateKey.from_private_bytes(other).public_key().public_bytes_raw()
    assert ed25519_holds(stranger, message, signature) == (stranger == public)


def test_a_signature_whose_s_is_not_below_the_order_is_refused() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public, signature = key.public_key().public_bytes_raw(), key.sign(b"m")
    s = int.from_bytes(signature[32:], "little")
    for again in (s + L, s + 2 * L, L):
        forged = signature[:32] + again.to_bytes(32, "little")
        assert not ed25519_holds(public, b"m", forged)
        assert not by_library(public, b"m", forged)


@pytest.mark.parametrize("y", [P, P + 1, P + 18, 2**255 - 1])
@pytest.mark.parametrize("sign", [0, 1])
def test_a_key_whose_coordinate_is_not_below_the_prime_is_refused(y: int, sign: int) -> None:
    public = (y | sign << 255).to_bytes(32, "little")
    # With R of the identity and S of zero such a key would hold for a verifier that reduces it.
    assert not ed25519_holds(public, b"m", (1).to_bytes(32, "little") + bytes(32))


@pytest.mark.parametrize("y", [2, 7, 8])
def test_a_key_that_is_no_point_is_refused(y: int) -> None:
    public = y.to_bytes(32, "little")
    assert not ed25519_holds(public, b"m", (1).to_bytes(32, "little") + bytes(32))
    assert not by_library(public, b"m", (1).to_bytes(32, "little") + bytes(32))


def test_zero_with_a_sign_is_no_point() -> None:
    public = (1 | 1 << 255).to_bytes(32, "little")
    assert not ed25519_holds(public, b"m", (1).to_bytes(32, "little") + bytes(32))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    assert not ed25519_holds(bytes(length), b"m", bytes(64))


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
    assert not ed25519_holds(key, b"m", bytes(length))
