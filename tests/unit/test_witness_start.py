"""How a witness starts: with a key of its own, which it never uses again once what it vouched for is lost."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jejak.audit.witness import StateMissing, cosigner
from jejak.cli.app import app
from schemas.note import VerifierKey


def test_key_and_folder_are_made_on_first_use_and_found_again(tmp_path: Path) -> None:
    made = cosigner(tmp_path / "w.key", tmp_path / "state", "bpk.example/witness")
    again = cosigner(tmp_path / "w.key", tmp_path / "state", "bpk.example/witness")
    assert made.verifier_key == again.verifier_key
    assert (tmp_path / "w.key").stat().st_mode & 0o077 == 0


def test_a_key_is_not_used_again_once_its_checkpoints_are_lost(tmp_path: Path) -> None:
    cosigner(tmp_path / "w.key", tmp_path / "state", "bpk.example/witness")
    shutil.rmtree(tmp_path / "state")
    with pytest.raises(StateMissing):
        cosigner(tmp_path / "w.key", tmp_path / "state", "bpk.example/witness")


def test_a_start_that_broke_off_before_the_key_was_made_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    assert cosigner(tmp_path / "w.key", tmp_path / "state", "bpk.example/witness")


def test_the_command_line_prints_the_verifier_key_that_a_policy_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JEJAK_DATA", str(tmp_path))
    shown = CliRunner().invoke(app, ["audit", "witness", "--name", "bpk.example/witness", "--show-key"])
    assert shown.exit_code == 0
    assert VerifierKey.parse(shown.stdout.strip()).name == "bpk.example/witness"


@pytest.mark.parametrize("name", ["two words", "a+b", ""])
def test_the_command_line_refuses_a_name_that_no_key_can_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("JEJAK_DATA", str(tmp_path))
    assert CliRunner().invoke(app, ["audit", "witness", "--name", name, "--show-key"]).exit_code == 3
