"""What an official may do with rule files by commands, and what is refused before anything is published."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from jejak.bench import programmes
from jejak.cli import rank, stack
from jejak.cli import rules as commands
from jejak.programmes import allocating, ruling, states
from jejak.programmes.ruling import RulesRefused
from schemas import codec
from stream_processors.registry import allocation, rule_file, rulebook
from stream_processors.registry.allocation import Allocation
from stream_processors.registry.rule_file import RuleFileUnsound
from stream_processors.registry.rulebook import Activation, RuleBook
from stream_processors.registry.ruleset import FACTS
from tests.unit import registry_scenarios as scenes
from tests.unit.registry_scenarios import at, claimed, matched, registered, say

if TYPE_CHECKING:
    from pathlib import Path

PKH = rulebook.rule_set("pkh", "2025.1")
SAYS = b'value = 4\nsays_id = "desil di atas 4"\nsays_en = "the decile is above 4"'
SINCE = at(2025, 1, 1)


def run(*words: str) -> Any:
    return CliRunner().invoke(commands.app, list(words))


def problems(text: bytes) -> list[tuple[int, str, str]]:
    with pytest.raises(RuleFileUnsound) as caught:
        rule_file.read(text)
    return [(one.line, one.field, one.says) for one in caught.value.problems]


def line_of(text: bytes, part: bytes) -> int:
    return text[: text.index(part)].count(b"\n") + 1


@pytest.mark.parametrize(("fact", "value"), [("decile", 11), ("active_family", 2), ("matched_members", 1_000)])
def test_a_number_that_a_fact_never_has_is_refused_by_its_line(fact: str, value: int) -> None:
    row = f'\n[[rule]]\ncode = "BARU"\nfact = "{fact}"\noperator = "at_most"\nvalue = {value}\n'.encode()
    ((line, field, says),) = problems(PKH.file + row)
    assert line == (PKH.file + row).count(b"\n")
    assert field.endswith(".value")
    assert f"0 to {FACTS[fact].most}" in says


def test_ages_that_end_before_they_begin_are_refused() -> None:
    text = PKH.file.replace(b'ages = "0-6"', b'ages = "6-0"')
    (found,) = problems(text)
    assert found == (line_of(text, b'ages = "6-0"'), "component[2].ages", "the second age lies below the first")


@pytest.mark.parametrize(
    ("old", "new", "field", "says"),
    [
        (b'ages_alone = "7-12"', b'ages_alone = "5-12"', "ages_alone", "these ages don't lie within ages, 6-21"),
        (b'ages_alone = "7-12"', b'ages_alone = "anak"', "ages_alone", "ages are written 0-6, or 60- without an end"),
        (b'unless_condition = "LULUSAN_SMA"', b'unless_condition = "SARJANA"', "unless_condition", "one of HAMIL"),
        (b'unless_condition = "LULUSAN_SMA"', b'unless_condition = "SD"', "unless_condition", "who has the condition"),
        (b'condition = "SD"\n', b"", "ages_alone", "ages_alone stand for a condition"),
    ],
)
def test_a_component_that_nobody_or_anybody_would_have_is_told_by_its_line(
    old: bytes, new: bytes, field: str, says: str
) -> None:
    before, found, after = PKH.file.partition(old)
    assert found
    text = before + new + after
    ((line, name, said),) = problems(text)
    lines = text.splitlines()
    first = next(at for at, one in enumerate(lines) if b'code = "SD"' in one)
    written = next(at for at, one in enumerate(lines[first:], first + 1) if one.startswith(field.encode()))
    assert (line, name) == (written, f"component[3].{field}")
    assert said.startswith(says)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        (b'of = "KIP" }', b'of = "KARTU" }', "rule[2].unless[2].of"),
        (b'fact = "persons_with", of = "KKS"', b'fact = "kartu", of = "KKS"', "rule[2].unless[3].fact"),
        (b'{ fact = "holds_aid", of', b"{ of", "rule[2].unless[1].fact"),
        (b'of = "KIP" }', b'of = "KIP", bonus = 1 }', "rule[2].unless[2].bonus"),
    ],
)
def test_a_fault_in_a_list_of_what_a_row_takes_instead_is_told_by_its_line(old: bytes, new: bytes, field: str) -> None:
    text = rulebook.rule_set("pip", "2025.1").file.replace(old, new, 1)
    ((line, name, _),) = problems(text)
    assert (line, name) == (line_of(text, new), field)


@pytest.mark.parametrize(
    ("unless", "field"),
    [
        (b"unless = []", "rule[2].unless"),
        (b'unless = ["assessed"]', "rule[2].unless"),
        (b'unless = "income"', "rule[2].unless"),
        (b'unless = [{ fact = "assessed" }]\nunless_of = "PKH"', "rule[2].unless_of"),
        (b'unless_of = "PKH"', "rule[2].unless_of"),
    ],
)
def test_what_a_row_takes_instead_is_one_fact_or_a_list_of_them(unless: bytes, field: str) -> None:
    text = PKH.file.replace(b"value = 1\nsource", b"value = 1\n" + unless + b"\nsource", 1)
    ((line, name, _),) = problems(text)
    assert (line, name) == (line_of(text, field.rpartition(".")[2].encode() + b" ="), field)


def test_an_exclusion_may_stand_instead_of_a_fact() -> None:
    one = b'unless = [{ fact = "assessed" }, { fact = "excluded", of = "PENSIUNAN" }]'
    rules = rule_file.read(PKH.file.replace(b"value = 1\nsource", b"value = 1\n" + one + b"\nsource", 1))
    asked = [asked.fact for asked in rules.needs()]
    assert asked.count("excluded") == 1
    assert rules.by_assessment()


def test_a_version_s_components_are_shown_with_what_they_ask_of_a_person() -> None:
    told = {one["code"]: one for one in json.loads(run("show", "pkh@2025.1", "--json").stdout)["components"]}
    assert told["SMA"]["who"] == "ages 6-21, SMA (or ages_alone 16-18), unless LULUSAN_SMA"
    assert "ages_alone: our design" in told["SMA"]["source"]
    assert told["HAMIL"]["who"] == "HAMIL to the 2."
    assert told["LANSIA"]["who"] == "ages 60-"
    assert "LULUSAN_SMA" in run("show", "pkh@2025.1").stdout


def test_a_row_is_shown_with_all_that_it_takes_instead() -> None:
    rows = {one["code"]: one for one in json.loads(run("show", "pip@2025.1", "--json").stdout)["rules"]}
    assert rows["DESIL_DI_LUAR_1_4"]["holds"] == (
        "decile at_most 4, or holds_aid PKH, or persons_with KIP, or persons_with KKS"
    )


def test_what_is_no_toml_is_told_by_the_field_it_stands_in() -> None:
    text = PKH.file.replace(b"value = 4\n", b"value =\n")
    ((line, field, says),) = problems(text)
    assert (line, field) == (line_of(text, b"value =\n"), "value")
    assert says.startswith("this is no TOML")


def test_a_file_without_rows_is_told_so_once() -> None:
    head = PKH.file.split(b"[[rule]]")[0]
    assert [field for _, field, _ in problems(head)] == ["rule"]


def test_a_file_that_an_editor_began_with_a_byte_order_mark_is_read() -> None:
    text = b"\xef\xbb\xbf" + PKH.file
    assert rule_file.read(text).file == text
    assert [one.code for one in rule_file.read(text).rules] == [one.code for one in PKH.rules]


def test_a_sentence_is_given_in_both_languages_or_in_none() -> None:
    both = rule_file.read(PKH.file.replace(b"value = 4", SAYS))
    assert [one.says for one in both.rules if one.says] == [("desil di atas 4", "the decile is above 4")]
    one = PKH.file.replace(b"value = 4", SAYS.rpartition(b"\n")[0])
    assert [field for _, field, _ in problems(one)] == ["rule[3].says_en"]


def test_the_sentences_of_activated_files_are_told_the_last_one_s() -> None:
    first = rule_file.read(PKH.file.replace(b"value = 4", SAYS))
    second = rule_file.read(first.file.replace(b"di atas 4", b"di atas empat").replace(b'"2025.1"', b'"2026.1"', 1))
    book = RuleBook((Activation(first, SINCE, SINCE), Activation(second, SINCE, SINCE + 1)))
    told = {"id": "desil di atas empat", "en": "the decile is above 4"}
    assert ruling.sentences(book) == {"DESIL_DI_LUAR_1_4": told}


def test_a_rule_set_keeps_its_programme_and_a_programme_its_rule_set() -> None:
    book = RuleBook((Activation(PKH, SINCE, SINCE),))
    ruling.check_free(book, PKH)
    ruling.check_free(book, rulebook.rule_set("pkh", "2025.2"))
    ruling.check_free(book, rulebook.rule_set("sembako", "2025.1"))
    for text in (
        PKH.file.replace(b'programme = "PKH"', b'programme = "SEMBAKO"').replace(b'"2025.1"', b'"2026.1"', 1),
        PKH.file.replace(b'rule_set = "pkh"', b'rule_set = "pkh-baru"'),
        PKH.file + b"# a word more\n",
    ):
        with pytest.raises(RulesRefused):
            ruling.check_free(book, rule_file.read(text))


def test_every_shipped_rule_set_has_a_programme_of_its_own() -> None:
    known = rulebook.shipped()
    assert len({one.name for one in known}) == len({one.programme for one in known})
    book = RuleBook(tuple(Activation(one, SINCE, SINCE) for one in known))
    for one in known:
        ruling.check_free(book, one)


def test_the_lists_that_rows_name_are_shown() -> None:
    found = json.loads(run("facts", "--json").stdout)
    assert {one["list"] for one in found} == {"fact", "condition", "exclusion", "component"}
    assert {"KIP", "KKS", "unless_condition", "ages_alone"} <= {one["name"] for one in found}
    assert "decile" in run("facts").stdout


def test_a_version_s_file_is_written_byte_for_byte_and_over_nothing(tmp_path: Path) -> None:
    to = tmp_path / "pkh.toml"
    assert run("show", "pkh@2025.1", "--to", str(to)).exit_code == 0
    assert to.read_bytes() == PKH.file
    to.write_bytes(b"an official's work")
    assert run("show", "pkh@2025.1", "--to", str(to)).exit_code == 2
    assert to.read_bytes() == b"an official's work"


def test_a_code_that_no_family_could_read_is_told_when_a_file_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "pkh.toml"
    file.write_bytes(PKH.file.replace(b"DESIL_DI_LUAR_1_4", b"KODE_BARU"))
    assert json.loads(run("check", str(file), "--json").stdout)["without_sentence"] == ["KODE_BARU"]
    file.write_bytes(PKH.file.replace(b"DESIL_DI_LUAR_1_4", b"KODE_BARU").replace(b"value = 4", SAYS))
    assert json.loads(run("check", str(file), "--json").stdout)["without_sentence"] == []


def test_a_folder_that_is_not_there_is_told_before_a_family_is_read(tmp_path: Path) -> None:
    ended = run("diff", "pkh@2025.1", "pkh@2025.2", "--families", str(tmp_path / "nowhere" / "moved.csv"))
    assert ended.exit_code == 2
    assert "there is no folder" in ended.output


def test_deciles_of_an_illustrative_model_are_refused_before_anything_is_computed() -> None:
    ended = CliRunner().invoke(rank.app, ["run", "2026-A", "--publish"], env={"JEJAK_KAFKA": "127.0.0.1:1"})
    assert ended.exit_code == 3
    assert "ILLUSTRATIVE" in ended.output


def test_an_allocation_without_a_candidate_is_refused_and_leaves_no_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = ({b"a": None}, states.Read((0,), 0))
    monkeypatch.setattr(states, "each", lambda *_: nobody)
    asked = Allocation("PKH", "2026-T2", 5, "35.71", "PKH-2026-T2-1", "P-1")
    with pytest.raises(allocating.AllocationRefused, match=r"no family in 35\.71 is LAYAK for PKH"):
        allocating.write("", "", asked, tmp_path / "plan.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_a_reset_forgets_what_was_computed_from_the_data_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JEJAK_DATA", str(tmp_path))
    monkeypatch.setattr("jejak.stack.reset", lambda _: None)
    for name in ("ranking", "allocations", "keys"):
        (tmp_path / name / "of-before").mkdir(parents=True)
    stack.reset(yes=True)
    assert [one.name for one in tmp_path.iterdir()] == ["keys"]


def test_of_several_records_of_a_family_the_last_one_counts_whoever_reads_them() -> None:
    scene = scenes.given(registered(), claimed(), matched(), say("FamilyRanked", decile=4), rules=scenes.BOTH)
    older, newer = replace(scene.state, decile=5), scene.state
    said = [(b"f", codec.encode(one)) for one in (older, newer)]
    found, _ = states.of(said, lambda state: state.decile)
    assert found == {b"f": 4}
    once, twice = states.of(said, lambda state: state), states.of([*said, *said], lambda state: state)
    assert once == twice


def test_the_measured_states_are_families_that_a_rule_file_moves(tmp_path: Path) -> None:
    programmes.invent(tmp_path / "states", 300)
    assert 0 < programmes.compared(tmp_path / "states")["moved"] < 300
    told = programmes.allocated(tmp_path / "states")
    plan = (tmp_path / "plan").read_bytes()
    _, order = allocation.read(plan.splitlines())
    assert sum(one.given for one in order) == told["given"] > 0
    programmes.allocated(tmp_path / "states")
    assert (tmp_path / "plan").read_bytes() == plan
