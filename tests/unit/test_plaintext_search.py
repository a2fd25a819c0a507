"""The search for plaintext finds what it is there to find; without that its silence would say nothing."""

import base64
import hashlib
import os

import pytest

from tests.integration.plaintext import Search

NIK, NAME = "3571010403800101", "Slamet Santoso"
SEARCH = Search([NIK], [NAME])


def buried(needle: bytes, before: int = 1_001) -> bytes:
    return os.urandom(before) + needle + os.urandom(500)


@pytest.mark.parametrize(
    "leak",
    [
        NIK.encode(),
        NIK[::-1].encode(),
        " ".join(NIK).encode(),
        b"3571 0104 0380 0101",
        b"3571.0104.0380.0101",
        NIK.encode().hex().encode(),
        NIK.encode().hex().upper().encode(),
        base64.b64encode(NIK.encode()),
        base64.b64encode(b"nik=" + NIK.encode() + b";"),
        base64.b64encode(b'{"a":' + NIK.encode() + b"}"),
        base64.urlsafe_b64encode(NIK.encode()),
        hashlib.sha256(NIK.encode()).hexdigest().encode(),
        hashlib.sha256(NIK.encode()).digest(),
        base64.b64encode(hashlib.sha256(NIK.encode()).digest()),
        hashlib.md5(NIK.encode(), usedforsecurity=False).hexdigest().encode(),
        int(NIK).to_bytes(8, "big"),
        NAME.encode(),
        NAME.upper().encode(),
        NAME.lower().encode(),
        NAME.encode("utf-16-le"),
        base64.b64encode(b"name: " + NAME.encode()),
        hashlib.sha256(NAME.encode()).hexdigest().encode(),
    ],
    ids=range(22),
)
def test_a_planted_value_is_found_in_every_form(leak: bytes) -> None:
    assert SEARCH.leaks(buried(leak))


@pytest.mark.parametrize("before", [0, 1, 2, 3, 1_000])
def test_a_planted_value_is_found_wherever_it_begins(before: int) -> None:
    assert [leak.form for leak in SEARCH.leaks(buried(NIK.encode(), before))] == ["plain"]


def test_a_value_after_a_long_run_of_zeros_is_found() -> None:
    assert SEARCH.leaks(bytes(100_000) + NIK.encode())


def test_random_bytes_and_other_numbers_hold_no_leak() -> None:
    assert SEARCH.leaks(os.urandom(200_000) + b"3571010403800102 Slamet Santosa") == []


def test_a_leak_tells_form_and_place_and_never_the_value() -> None:
    found = SEARCH.leaks(buried(NIK.encode()))
    assert NIK not in repr(found)
    assert (found[0].form, found[0].offset) == ("plain", 1_001)
