"""Who saw whom on the command line: never a NIK as an argument, and what is configured reaches the watch."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from identity.audit_reference import epoch_keys
from jejak.audit import watching
from jejak.cli.audit import app
from jejak.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

NIK = "3571024101800001"
PERSON = "p" * 26


@pytest.mark.parametrize("ref", [NIK, "someone", "P" * 26])
def test_what_is_no_reference_is_refused_and_not_repeated(ref: str) -> None:
    answer = CliRunner().invoke(app, ["trail", ref])
    assert answer.exit_code == 2
    assert ref not in answer.output


def test_honey_records_are_named_as_every_year_names_them(tmp_path: Path) -> None:
    file = tmp_path / "honey.txt"
    file.write_text(f"{PERSON}\n{'q' * 26}\n")
    settings = Settings(data=tmp_path, honey=file)
    found = watching.Honey(settings)()
    assert len(found) == 2
    (key,) = epoch_keys(settings.key_folder())
    assert key.subject_ref(PERSON) in found


def test_honey_records_that_are_added_are_known_the_next_time(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, honey=tmp_path / "honey.txt")
    honey = watching.Honey(settings)
    assert honey() == frozenset()
    settings.honey.write_text(f"{PERSON}\n")
    first = honey()
    assert honey() is first
    with settings.honey.open("a") as file:
        file.write(f"{'q' * 26}\n")
    assert len(honey()) == 2
    settings.honey.unlink()
    assert honey() > first


def test_honey_records_have_the_new_years_names_once_it_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data=tmp_path, honey=tmp_path / "honey.txt")
    settings.honey.write_text(f"{PERSON}\n")
    honey = watching.Honey(settings)
    assert len(honey()) == 1
    year = time.gmtime().tm_year
    monkeypatch.setattr(time, "gmtime", lambda: time.struct_time((year + 1, *[1] * 8)))
    assert len(honey()) == 2


def test_without_a_file_nothing_is_honey_and_no_key_is_made(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    assert watching.Honey(settings)() == frozenset()
    assert epoch_keys(settings.key_folder()) == ()
