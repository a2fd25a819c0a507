"""Draws the page of the machines: a state diagram of each (Mermaid), and its rows with their sources.

Knows tables alone. The page is made by the code, and a test holds it to that.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Final

from stream_processors.registry.machines.table import REQUESTS, Basis, Machine, Row, machines

_HEAD: Final = """# State machines

Made by `python -m stream_processors.registry.machines` from `stream_processors/registry/machines/*.toml` and
`stream_processors/access_requests/machines/*.toml`: change the tables, never this page. Each machine is an allow-list:
a record that has no row where its subject stands is refused, and the refusal names the rule. An *open* state goes on; a
*halted* one rests until something new is said of it, and a new subject of the same kind may take its place; an *ended*
one has no way out. Basis: law, official statement, press, or ours (decisions of this registry:
`docs/decisions/0034-machines-as-tables.md`, `docs/decisions/0044-one-head-and-every-table.md`).

How machine F (access requests) is used stands on [its own page](bnba-requests.md). Machine X is the programmes': who is
out of one, and who takes part in one.
"""
_COLUMNS: Final = ("from", "record", "outcome", "to", "said by", "needs", "guards", "basis", "source")
_BASIS: Final[Mapping[Basis, str]] = {"law": "law", "official": "official", "press": "press", "ours": "ours"}


def render() -> str:
    """Return the text of docs/machines.md."""
    every = sorted((*machines().values(), *machines(REQUESTS).values()), key=lambda one: one.letter)
    return "\n".join([_HEAD, *(part for one in every for part in _machine(one))]) + "\n"


def _machine(one: Machine) -> Iterator[str]:
    yield f"## {one.letter}. {one.title}\n\nDomain guide {one.guide}; table `{one.name}`.\n"
    yield "```mermaid\nstateDiagram-v2"
    yield from _arrows(one)
    yield "```\n"
    for standing in ("halted", "ended"):
        states = sorted(one.standing(standing))
        if states:
            yield f"{standing.capitalize()}: {', '.join(states)}.\n"
    yield f"| {' | '.join(_COLUMNS)} |"
    yield "|---" * len(_COLUMNS) + "|"
    yield from _rows(one)
    yield ""
    for field, codes in one.codes.items():
        listed = "; ".join(f"`{code}` {sentence}" for code, sentence in codes.items())
        yield f"Codes of `{field}`: {listed}.\n"


def _arrows(one: Machine) -> Iterator[str]:
    seen: dict[tuple[str, str, str], list[str]] = {}
    for row in one.rows:
        said = seen.setdefault((row.state, row.to, f"{row.record} {'/'.join(row.kinds)}".strip()), [])
        if row.outcome:
            said.append(row.outcome)
    for (state, to, record), outcomes in seen.items():
        told = f"{outcomes[0]} and {len(outcomes) - 1} more" if len(outcomes) > 2 else " / ".join(outcomes)  # noqa: PLR2004  a diagram's line is short
        yield f"    {state or '[*]'} --> {to}: {record}{' ' + told if told else ''}"


def _rows(one: Machine) -> Iterator[str]:
    for _, together in groupby(one.rows, key=lambda row: row._replace(state="", outcome="", to="")):
        rows = list(together)
        stays = all(row.to == row.state for row in rows)
        states = ", ".join(dict.fromkeys(row.state or "(none)" for row in rows))
        outcomes = ", ".join(dict.fromkeys(row.outcome for row in rows if row.outcome))
        to = "the same" if stays and len(rows) > 1 else ", ".join(dict.fromkeys(row.to for row in rows))
        yield _line(rows[0], states, outcomes, to)


def _line(row: Row, states: str, outcomes: str, to: str) -> str:
    needs = [*row.evidence, *(["reason"] if row.reason else []), *([f"ends: {row.due}"] if row.due else [])]
    kinds = f" ({', '.join(row.kinds)})" if row.kinds else ""
    cells = (
        states,
        f"`{row.record}`{kinds}",
        outcomes,
        to,
        ", ".join(row.actors),
        ", ".join(needs),
        ", ".join(row.guards),
        _BASIS[row.basis],
        row.source,
    )
    return f"| {' | '.join(cells)} |"
