"""Entries and bundles byte for byte; paths and widths of tiles by the examples of C2SP tlog-tiles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processors.audit.entry import (
    MOST_VALUE_BYTES,
    NO_SALT,
    Entry,
    EntryRefused,
    bundle_bytes,
    entry_bytes,
    parse_bundle,
    parse_entry,
    salt_of,
)
from stream_processors.audit.tiles import (
    TileName,
    entries_path,
    hashes_at,
    parse_tile_path,
    partial_width,
    path_of,
    right_edge,
    tile_path,
    tile_width,
)

SALT = bytes(range(16))
names = st.builds(TileName, st.one_of(st.none(), st.integers(0, 63)), st.integers(0, 2**63 - 1), st.integers(1, 256))


def test_an_entry_is_written_as_the_format_says_byte_for_byte() -> None:
    written = entry_bytes(3, 258, 1_700_000_000_000, SALT, b"\0value")
    assert written.hex() == ("01" + "00000003" + "0000000000000102" + "0000018bcfe56800" + SALT.hex() + "0076616c7565")
    assert parse_entry(written) == Entry(3, 258, 1_700_000_000_000, SALT, b"\0value")


def test_the_longest_value_fits_and_one_byte_more_does_not() -> None:
    assert MOST_VALUE_BYTES == 65_498
    longest = entry_bytes(0, 0, 0, SALT, bytes(65_498))
    assert len(longest) == 65_535
    assert parse_bundle(bundle_bytes([longest])) == (longest,)
    for too_long in (65_499, 70_000):
        with pytest.raises(EntryRefused, match="VALUE_TOO_LONG"):
            entry_bytes(0, 0, 0, SALT, bytes(too_long))


@pytest.mark.parametrize(
    ("numbers", "salt", "code"),
    [
        ((0, 0, 0), bytes(15), "SALT"),
        ((0, 0, 0), bytes(17), "SALT"),
        ((2**32, 0, 0), SALT, "NUMBER"),
        ((0, 2**64, 0), SALT, "NUMBER"),
        ((0, -1, 0), SALT, "NUMBER"),
        ((0, 0, -1), SALT, "NUMBER"),
    ],
)
def test_an_entry_that_its_fields_cannot_hold_is_refused(numbers: tuple[int, int, int], salt: bytes, code: str) -> None:
    with pytest.raises(EntryRefused) as refused:
        entry_bytes(*numbers, salt, b"")
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (b"", "ENTRY_LENGTH"),
        (b"\1" + bytes(35), "ENTRY_LENGTH"),
        (b"\1" + bytes(65_535), "ENTRY_LENGTH"),
        (b"\0" + bytes(36), "ENTRY_VERSION"),
        (b"\2" + bytes(36), "ENTRY_VERSION"),
    ],
)
def test_bytes_that_are_no_entry_are_refused(entry: bytes, code: str) -> None:
    with pytest.raises(EntryRefused) as refused:
        parse_entry(entry)
    assert refused.value.code == code


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.binary(max_size=200))
def test_every_entry_is_read_back_equal(partition: int, offset: int, time_ms: int, value: bytes) -> None:
    written = entry_bytes(partition, offset, time_ms, SALT, value)
    assert parse_entry(written) == Entry(partition, offset, time_ms, SALT, value)


@pytest.mark.parametrize("header", [None, b"", bytes(15), bytes(17)])
def test_a_missing_or_odd_salt_stands_as_sixteen_zeros(header: bytes | None) -> None:
    assert salt_of(header) == NO_SALT == bytes(16)
    assert salt_of(SALT) == SALT


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_gives_its_entries_back(entries: list[bytes]) -> None:
    assert parse_bundle(bundle_bytes(entries)) == tuple(entries)


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=5), st.data())
def test_a_bundle_cut_within_an_entry_is_refused(entries: list[bytes], data: st.DataObject) -> None:
    bundle = bundle_bytes(entries)
    ends = {len(bundle_bytes(entries[:count])) for count in range(len(entries) + 1)}
    cut = data.draw(st.sampled_from(sorted(set(range(len(bundle))) - ends)))
    with pytest.raises(EntryRefused, match="BUNDLE"):
        parse_bundle(bundle[:cut])


def test_an_entry_that_no_length_can_tell_is_not_bundled() -> None:
    with pytest.raises(EntryRefused, match="ENTRY_LENGTH"):
        bundle_bytes([bytes(65_536)])


@pytest.mark.parametrize(
    ("path", "written"),
    [
        (tile_path(0, 1_234_067), "tile/0/x001/x234/067"),
        (tile_path(0, 0), "tile/0/000"),
        (tile_path(63, 999), "tile/63/999"),
        (tile_path(1, 1_000), "tile/1/x001/000"),
        (tile_path(0, 273, 112), "tile/0/273.p/112"),
        (tile_path(2, 0, 1), "tile/2/000.p/1"),
        (entries_path(1_234_067), "tile/entries/x001/x234/067"),
        (entries_path(273, 112), "tile/entries/273.p/112"),
    ],
)
def test_paths_are_written_as_the_specification_writes_them(path: str, written: str) -> None:
    assert path == written


@pytest.mark.parametrize(
    ("level", "index", "width"), [(64, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 2**63, 1), (0, 0, 0), (0, 0, 257)]
)
def test_a_tile_that_cannot_be_has_no_path(level: int, index: int, width: int) -> None:
    with pytest.raises(ValueError, match=r"level|index|hashes"):
        tile_path(level, index, width)


@given(names)
def test_every_path_is_read_back_as_what_it_names(name: TileName) -> None:
    assert parse_tile_path(path_of(name)) == name


@pytest.mark.parametrize(
    "path",
    [
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/0/001/x001",
        "tile/0/x1/001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/1/",
        "tile/0/../000",
        "tile/0/000\n",
        "/tile/0/000",
        "tile/0/\u0660\u0660\u0661",
        "tile/entry/000",
        "tile/0/" + "x999/" * 8 + "999",
        "",
    ],
)
def test_a_path_of_any_other_form_names_nothing(path: str) -> None:
    assert parse_tile_path(path) is None


@given(st.text(alphabet="tile/entriesx0123456789.p-", max_size=40))
def test_what_is_read_as_a_path_is_written_the_same(path: str) -> None:
    name = parse_tile_path(path)
    assert name is None or path_of(name) == path


@pytest.mark.parametrize(
    ("size", "edge"),
    [
        (0, []),
        (1, [TileName(0, 0, 1)]),
        (255, [TileName(0, 0, 255)]),
        (256, [TileName(1, 0, 1)]),
        (70_000, [TileName(0, 273, 112), TileName(1, 1, 17), TileName(2, 0, 1)]),
    ],
)
def test_the_partial_tiles_of_a_size_are_those_of_the_specification(size: int, edge: list[TileName]) -> None:
    assert list(right_edge(size)) == edge
    assert [partial_width(size, level) for level in range(8)] == [
        next((name.width for name in edge if name.level == level), 0) for level in range(8)
    ]


def test_a_tree_of_70000_leaves_has_273_and_1_full_tiles() -> None:
    assert [hashes_at(70_000, level) // 256 for level in range(3)] == [273, 1, 0]
    assert [tile_width(70_000, 0, index) for index in (0, 272, 273, 274)] == [256, 256, 112, 0]
    assert [tile_width(70_000, 1, index) for index in (0, 1, 2)] == [256, 17, 0]
