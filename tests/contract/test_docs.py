"""The documents speak of what is there: commands, files, topics, settings, make targets."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from jejak.cli.app import app
from schemas import catalogue
from stream_processors.registry import rule_file, rulebook

ROOT = Path(__file__).parents[2]
OFFICERS = [ROOT / "docs" / name for name in ("bnba-requests.md", "rules-and-ranking.md")]
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))
HOUSE = "schemas|identity|transport|producers|stream_processors|consumers|jejak|deploy|docs|tests"


def commands() -> set[str]:
    found: set[str] = set()

    def walk(command: object, words: tuple[str, ...]) -> None:
        found.add(" ".join(words))
        for name, inner in getattr(command, "commands", {}).items():
            walk(inner, (*words, name))

    walk(get_command(app), ())
    return found


def lines_of_code(page: Path) -> list[str]:
    return [line.strip() for line in page.read_text().splitlines() if line.startswith("    ")]


def test_every_command_in_the_readme_exists() -> None:
    known = commands()
    spoken = [line for line in lines_of_code(ROOT / "README.md") if re.match(r"(\.venv/bin/)?jejak ", line)]
    assert len(spoken) > 10
    for line in spoken:
        words = line.split("#")[0].split("jejak ", 1)[1]
        group = words.split()[0]
        assert group in known, line
        for part in re.split(r"[|,]", words.removeprefix(f"{group} ")):
            first = re.match(r"[a-z][a-z-]*(?![a-z_])", part.strip())
            if first is not None and not (group == "indicators" and part == words.removeprefix("indicators ")):
                name = first.group()
                assert {name, f"{group} {name}"} & {*known, *(one.rsplit(" ", 1)[0] for one in known)}, (
                    f"{line}: {name}"
                )


@pytest.mark.parametrize("line", [one for page in OFFICERS for one in lines_of_code(page) if "jejak " in one])
def test_every_command_of_the_officers_pages_exists_with_its_options(line: str) -> None:
    words = shlex.split(line.split("jejak ", 1)[1])
    command: Any = get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    needed = [one for one in command.params if one.required]
    assert all(one.param_type_name == "argument" or set(one.opts) & set(words) for one in needed), line
    known = {option for parameter in command.params for option in parameter.opts}
    assert not hasattr(command, "commands"), line
    assert {word for word in words if word.startswith("--")} <= known, line


def test_the_rule_that_the_officers_page_shows_is_one() -> None:
    page = next(one for one in OFFICERS if one.name == "rules-and-ranking.md")
    row = "\n".join(one for one in lines_of_code(page) if not one.startswith("jejak "))
    pkh = rulebook.rule_set("pkh", "2025.1").file.decode().split("[[rule]]")[0]
    (rule,) = rule_file.read(f"{pkh}{row}".encode()).rules
    assert (rule.fact, rule.operator, rule.value, rule.says is not None) == ("decile", "at_most", 3, True)


def test_every_command_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    for command in commands() - {""}:
        assert re.search(rf"\b{re.escape(command.split()[-1])}\b", text), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_a_page_names_exists(page: Path) -> None:
    for name in re.findall(rf"`((?:{HOUSE})/[\w./-]*?)`", page.read_text()):
        assert (ROOT / name).exists(), f"{page.name} names {name}"
    for link in re.findall(r"\]\(([\w./-]+)\)", page.read_text()):
        assert (page.parent / link).exists(), f"{page.name} links {link}"


def test_the_changelog_names_every_topic() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    for topic in catalogue.TOPICS:
        short = topic.name.removeprefix("jejak.").removesuffix(".v1")
        assert f"`{short}`" in text or topic.name in text, topic.name


def test_every_make_target_the_readme_names_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+(?: [a-z-]+)*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    known = {word for target in targets for word in target.split()}
    for target in re.findall(r"make ([a-z-]+)", (ROOT / "README.md").read_text()):
        assert target in known, target
