"""Puts objections and ground-check tasks into the words of the contract: drafts in plain text.

Source of the steps: machines B and C (domain guide 4.B, 4.C). It must not choose which step comes next.
"""

from random import Random
from typing import Any, NamedTuple

from producers.draft import Draft
from producers.simulation.nation import Nation
from producers.simulation.people import Family, national_id
from producers.simulation.wording import say


class Filed(NamedTuple):
    """An objection: when it was filed, of which kind, and what decides its photo and place."""

    at: int
    kind: str
    salt: int


def filed(nation: Nation, family: Family, at: int, what: Filed) -> Draft:
    """Say that a neighbour objects to the family's listing, through the ministry's application."""
    rng = Random(what.salt)  # noqa: S311  a simulation, not a secret
    body = {
        "objection_kind": what.kind,
        "objector_ref": national_id(family.index, 14, (1975, 5, 5), 1),
        "objector_region": nation.regions[family.village],
        "grounds": "sanggahan warga",
        "photo_digest": rng.randbytes(32),
        "geotag": f"{-7.8 - rng.random() / 10:.6f},{112.0 + rng.random() / 10:.6f}",
    }
    return say(nation, "kemensos", "ObjectionFiled", at, family.card, body)


def objection_step(  # noqa: PLR0913, PLR0917  a step's own parts
    nation: Nation, family: Family, at: int, what: Filed, record: str, outcome: str
) -> Draft:
    """Say what became of an objection."""
    decided = record == "ObjectionDecided"
    body: dict[str, Any] = {"outcome": outcome, "reason": "TIDAK_TERBUKTI" if outcome == "DITOLAK" else None}
    agency = f"dinsos/{nation.district}" if decided else "kemensos"
    refers = {"objection_id": filed(nation, family, what.at, what)}
    return say(nation, agency, record, at, family.card, body if decided else {}, refers)


def assigned(nation: Nation, family: Family, at: int) -> Draft:
    """Say that a field worker is to visit the family."""
    body = {"batch": f"TUGAS-{nation.month(at)}", "pendamping": f"pendamping-{family.index % 40}"}
    return say(nation, f"dinsos/{nation.district}", "GroundCheckAssigned", at, family.card, body)


def task_step(  # noqa: PLR0913, PLR0917  a step's own parts
    nation: Nation, family: Family, at: int, assigned_at: int, record: str, outcome: str
) -> Draft:
    """Say what became of a task."""
    bodies: dict[str, dict[str, Any]] = {
        "GroundCheckVisited": {"geotag": "-7.82,112.01"},
        "GroundCheckDecided": {"outcome": outcome, "reason": "DATA_KURANG" if outcome != "DITERIMA" else None},
        "GroundCheckForwarded": {"batch": f"BPS-{nation.month(at)}"},
    }
    office = "pendamping" if record == "GroundCheckVisited" else "dinsos"
    refers = {"task_id": assigned(nation, family, assigned_at)}
    return say(nation, f"{office}/{nation.district}", record, at, family.card, bodies.get(record, {}), refers)
