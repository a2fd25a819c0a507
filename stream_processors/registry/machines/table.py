"""The transition tables of the machines, read once from the TOML files of their packages, and checked.

Source: domain guide 4; each row names its own. Knows states, records and agencies by name alone: what a guard looks at
is told where it is written. A table that contradicts itself is a fault of the build (`TableUnsound`).
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, Final, Literal, NamedTuple, get_args

Standing = Literal["open", "halted", "ended"]
Basis = Literal["law", "official", "press", "ours"]
REGISTRY, REQUESTS = "stream_processors.registry", "stream_processors.access_requests"
EVERY: Final = "*"  # each state that isn't an end
SAME: Final = "="
START: Final = ""
_STANDINGS: Final = get_args(Standing)
_BASES: Final = get_args(Basis)
_NEEDED: Final = frozenset(("from", "record", "to", "actors", "basis", "source"))
_FIELDS: Final = _NEEDED | {"outcome", "evidence", "reason", "reasons", "kinds", "guards", "due", "opens"}

Outcomes = dict[str, str]
Transitions = dict[tuple[str, str], Outcomes]
"""(state, record) -> outcome -> next state; the outcome "" stands for records without one."""


class TableUnsound(Exception):
    """A machine's file contradicts itself; the text names the file's machine and the row."""


class Row(NamedTuple):
    """One arrow: what leads from a state to a state, who says it, what it takes, and why we know."""

    state: str
    record: str
    outcome: str
    to: str
    actors: tuple[str, ...]
    evidence: tuple[str, ...]
    opens: bool  # a new subject begins with it, whatever the one before came to
    reason: bool
    reasons: tuple[str, ...]  # the list that the reason is of; empty for any
    kinds: tuple[str, ...]  # the kinds of subject that it holds for; empty for all without a row of their own
    guards: tuple[str, ...]
    due: str  # when the state ends by itself: a field that holds a day, or a number of days of the calendar
    basis: Basis
    source: str


class Machine(NamedTuple):
    """One machine: its letter in the guide, its states with their standing, and its rows in the file's order."""

    letter: str
    name: str
    title: str
    guide: str
    states: Mapping[str, Standing]
    rows: tuple[Row, ...]
    deadline: str  # the kind that its due dates begin with; empty where it has none
    codes: Mapping[str, Mapping[str, str]]  # for a field, the codes that it takes, each with a sentence

    def standing(self, standing: Standing) -> frozenset[str]:
        """Return the states of this standing."""
        return frozenset(state for state, its in self.states.items() if its == standing)

    def transitions(self, kind: str = "") -> Transitions:
        """Return where each record leads for this kind of subject; a row that names it goes before one that doesn't."""
        found: Transitions = {}
        for row in sorted(self.rows, key=lambda row: bool(row.kinds)):
            if not row.kinds or kind in row.kinds:
                found.setdefault((row.state, row.record), {})[row.outcome] = row.to
        return found

    def steps(self, kind: str = "") -> Mapping[tuple[str, str, str], Row]:
        """Return the rows for this kind of subject by state, record and outcome; one that names it goes before."""
        rows = sorted(self.rows, key=lambda row: bool(row.kinds))
        return {(row.state, row.record, row.outcome): row for row in rows if not row.kinds or kind in row.kinds}


@cache
def machines(package: str = REGISTRY) -> Mapping[str, Machine]:
    """Every machine of a package by name, in the order of their files: of the families, or of the requests."""
    folder = resources.files(package).joinpath("machines")
    files = sorted(item.name for item in folder.iterdir() if item.name.endswith(".toml"))
    found = [parse(folder.joinpath(name).read_text(encoding="utf-8")) for name in files]
    return {one.name: one for one in found}


def machine(name: str) -> Machine:
    """Return the machine of this name; asking for one that no file has is a fault."""
    return machines()[name]


@cache
def may_say() -> Mapping[str, frozenset[str]]:
    """Which kinds of agencies say each record that a machine knows, whatever its row."""
    found: dict[str, frozenset[str]] = {}
    for one in machines().values():
        for row in one.rows:
            found[row.record] = found.get(row.record, frozenset()) | frozenset(row.actors)
    return found


def parse(text: str) -> Machine:
    """Return the machine that a TOML text describes; raises TableUnsound."""
    data = tomllib.loads(text)
    states = {str(name): standing for name, standing in data["states"].items()}
    rows = tuple(one for entry in data["row"] for one in _rows(entry, states, data["name"]))
    found = Machine(
        data["machine"],
        data["name"],
        data["title"],
        data["guide"],
        states,
        rows,
        data.get("deadline", ""),
        data.get("codes", {}),
    )
    _check(found)
    return found


def _rows(entry: Mapping[str, Any], states: Mapping[str, Standing], name: str) -> Iterator[Row]:
    if not _NEEDED <= entry.keys() <= _FIELDS:
        raise TableUnsound(f"{name}: a row has fields that none has, or lacks one: {sorted(entry)}")
    for state in _each(entry["from"], [one for one, standing in states.items() if standing != "ended"]):
        for outcome in _list(entry.get("outcome", "")):
            yield Row(
                state=state,
                record=entry["record"],
                outcome=outcome,
                to=state if entry["to"] == SAME else entry["to"],
                actors=tuple(entry["actors"]),
                evidence=tuple(entry.get("evidence", ())),
                opens=bool(entry.get("opens", state == START)),
                reason=bool(entry.get("reason", "reasons" in entry)),
                reasons=tuple(entry.get("reasons", ())),
                kinds=tuple(entry.get("kinds", ())),
                guards=tuple(entry.get("guards", ())),
                due=entry.get("due", ""),
                basis=entry["basis"],
                source=entry["source"],
            )


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _each(value: str | list[str], every: list[str]) -> Iterable[str]:
    return every if value == EVERY else _list(value)


def _check(found: Machine) -> None:
    for state, standing in found.states.items():
        if standing not in _STANDINGS:
            raise TableUnsound(f"{found.name}: {state} is neither open, halted nor ended")
    seen = set[tuple[str, str, str, str]]()
    for row in found.rows:
        _check_row(found, row)
        for kind in row.kinds or (START,):
            step = (row.state, row.record, row.outcome, kind)
            if step in seen:
                raise TableUnsound(f"{found.name}: {step} is there twice")
            seen.add(step)
    unreached = found.states.keys() - {row.to for row in found.rows}
    if unreached:
        raise TableUnsound(f"{found.name}: nothing leads to {sorted(unreached)}")


def _check_row(found: Machine, row: Row) -> None:
    where = f"{found.name}: {row.state} {row.record} {row.outcome}"
    if row.to not in found.states or row.state not in {START, *found.states}:
        raise TableUnsound(f"{where}: a state that isn't listed")
    if row.basis not in _BASES or not row.source.strip():
        raise TableUnsound(f"{where}: without a source")
    if not row.actors:
        raise TableUnsound(f"{where}: nobody may say it")
    if row.state in found.states and found.states[row.state] == "ended":
        raise TableUnsound(f"{where}: an end has no way out")
