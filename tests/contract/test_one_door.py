"""Nothing but the door opens what is sealed: by the imports of every module, and by who makes an Opener or a Caller."""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest
from typer.testing import CliRunner

from consumers.gateway.request import Withheld
from jejak import composition
from jejak.cli import read
from jejak.cli.app import COMMANDS, app
from jejak.cli.audit import COMMANDS as AUDIT_COMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "identity", "transport", "producers", "stream_processors", "consumers", "jejak")
GATEWAY = Path("consumers/gateway")
MODULES = [file.relative_to(ROOT) for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
FAMILY = "f" * 26


@cache
def tree(module: Path) -> ast.Module:
    return ast.parse((ROOT / module).read_text("utf-8"))


def imported(module: Path) -> Iterator[str]:
    """Yield every dotted name that a module imports, also inside functions."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def made(module: Path, name: str) -> bool:
    """Tell whether a module calls something of this name."""
    called = [node.func for node in ast.walk(tree(module)) if isinstance(node, ast.Call)]
    plain = {one.id for one in called if isinstance(one, ast.Name)}
    return name in plain | {one.attr for one in called if isinstance(one, ast.Attribute)}


def test_only_the_gateway_imports_what_opens() -> None:
    importing = {module for module in MODULES if any(name.startswith("identity.open") for name in imported(module))}
    assert importing
    assert all(module.is_relative_to(GATEWAY) for module in importing)


def test_the_contract_names_every_room_but_the_gateway_so_that_a_new_one_is_no_second_door() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    named = next(one for one in contracts if one.get("forbidden_modules") == ["identity.open"])["source_modules"]
    served = {f"consumers.{room.name}" for room in (ROOT / "consumers").iterdir() if (room / "__init__.py").exists()}
    assert {*named} == {*PACKAGES, *served} - {"consumers", "identity", "consumers.gateway"}


def test_no_module_imports_by_a_name_that_is_only_known_when_it_runs_but_the_command_line_its_own() -> None:
    importing = [module for module in MODULES if made(module, "import_module") or made(module, "__import__")]
    assert importing == [Path("jejak/cli/lazy.py")]
    for place in (*COMMANDS.values(), *AUDIT_COMMANDS.values()):
        assert Path("jejak/cli", place.partition(":")[0] + ".py") in MODULES, place


def test_only_the_door_makes_an_opener_and_only_it_decrypts_with_a_data_key() -> None:
    assert {module for module in MODULES if made(module, "Opener")} == {GATEWAY / "disclosure.py"}
    assert {module for module in MODULES if made(module, "open_sealed")} == {GATEWAY / "opening.py"}
    deciphering = {module for module in MODULES if made(module, "decrypt")}
    own_file = Path("producers/tables/scratch.py")  # by a key that lives as long as the process that wrote the file
    assert deciphering <= {Path("identity/open.py"), Path("identity/master_key.py"), own_file}


def test_only_what_admits_makes_the_proof_that_opens() -> None:
    assert {module for module in MODULES if made(module, "WrittenIntent")} == {GATEWAY / "admission.py"}


def test_what_was_refused_to_an_agency_is_read_through_the_door_or_by_who_waits_for_an_own_change() -> None:
    reads = [module for module in MODULES if made(module, "refusals") or made(module, "refusals_of")]
    reading = {module for module in reads if module.parts[0] == "jejak"}
    assert reading - {Path("jejak/demo/district.py")} == {
        Path("jejak/reading.py"),
        Path("jejak/audit/requests.py"),
        Path("jejak/cli/read.py"),
        Path("jejak/cli/why.py"),  # within the look at one family: called by the door, once its intent is on record
    }


def test_only_a_verified_token_makes_a_caller() -> None:
    making = {module for module in MODULES if made(module, "Caller") and not module.is_relative_to("jejak/bench")}
    assert making == {GATEWAY / "authentication.py"}


def test_the_readings_that_hold_persons_pass_the_door() -> None:
    """Sealed fields stay sealed without it: who reads families elsewhere gets bytes and references."""
    reading = {module for module in MODULES if made(module, "look_family") or made(module, "open_export")}
    allowed = (GATEWAY, Path("jejak"), Path("consumers/api"))
    assert all(any(module.is_relative_to(place) for place in allowed) for module in reading)


class Closed:
    """A running registry whose door denies everything."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def door(self) -> Self:
        return self

    def look_family(self, *_: object) -> Withheld:
        return Withheld("PURPOSE_UNKNOWN")

    def history(self, *_: object) -> Withheld:
        return Withheld("PURPOSE_UNKNOWN")

    def life(self, *_: object) -> Withheld:
        return Withheld("PURPOSE_UNKNOWN")

    def refusals(self, *_: object) -> Withheld:
        return Withheld("PURPOSE_UNKNOWN")

    def in_time(self) -> Self:
        return self

    def read_model(self) -> None: ...


@pytest.fixture(autouse=True)
def closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JEJAK_DATA", str(tmp_path))
    monkeypatch.setattr(composition, "connected", lambda _: Closed())


@pytest.mark.parametrize(
    "command",
    [["show"], ["show", "--json"], ["history"], ["history", "--json"], ["eligibility"], ["why"], ["refusals"]],
)
def test_what_the_policy_denies_the_command_line_prints_nothing_of(command: list[str]) -> None:
    asked = ["family", command[0], FAMILY, *command[1:]] if command[0] != "refusals" else command
    answer = CliRunner().invoke(app, [*asked, "--purpose", "CURIOSITY"])
    assert (answer.exit_code, answer.stdout) == (read.REFUSED, "")
    assert "PURPOSE_UNKNOWN" in answer.stderr


def test_a_token_that_does_not_hold_ends_the_command_line_before_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JEJAK_TOKEN", "a.forged.token")
    answer = CliRunner().invoke(app, ["family", "show", FAMILY])
    assert (answer.exit_code, answer.stdout) == (read.REFUSED, "")
    assert "TOKEN_MALFORMED" in answer.stderr


@pytest.mark.parametrize(("second", "code"), [("", "SECOND_TOKEN_MISSING"), ("a.forged.token", "TOKEN_MALFORMED")])
def test_an_emergency_needs_the_token_of_a_second_officer(
    second: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JEJAK_SECOND_TOKEN", second)
    answer = CliRunner().invoke(app, ["family", "emergency", FAMILY, "--text", "a flood"])
    assert (answer.exit_code, answer.stdout) == (read.REFUSED, "")
    assert code in answer.stderr


@pytest.mark.parametrize(
    "number", ["357102 4101800001", " 3571024101800001", "3571024101800001 ", "\uff13571024101800001"]
)
def test_a_number_with_a_space_or_another_scripts_digit_is_never_made_to_fit(number: str) -> None:
    answer = CliRunner().invoke(app, ["family", "show", "-"], input=f"{number}\nN\n")
    assert answer.exit_code == 2
    assert "16 digits" in answer.stderr
