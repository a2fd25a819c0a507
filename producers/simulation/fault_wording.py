"""Things that agencies say and the registry refuses; each is said in full, so that one rule alone is broken.

It must not choose to whom they happen.
"""

from typing import Final

from producers.draft import Draft
from producers.simulation import ranking
from producers.simulation.nation import DAY, Nation, region
from producers.simulation.people import Family
from producers.simulation.wording import QUESTIONNAIRE, say, village_of

_OTHER_DISTRICT: Final = "35.72"
_NOWHERE: Final = "35.99.01.1001"


def off_grid_visit(nation: Nation, family: Family, at: int) -> Draft:
    """Say what can't be: a refrigerator in a house without electricity (V10)."""
    answers = {"lighting": 4, "asset_refrigerator": 1}
    body = {"result": 1, "questionnaire": QUESTIONNAIRE, "family": answers, "individuals": []}
    return say(nation, f"pendamping/{nation.district}", "GroundCheckRecorded", at, family.card, body)


def ranked_by_village(nation: Nation, family: Family, at: int, run_id: str) -> Draft:
    """Say what only the statistics office may: a decile from a village."""
    return _decile(nation, village_of(family), family, at, run_id)


def ranked_too_early(nation: Nation, family: Family, at: int, run_id: str) -> Draft:
    """Say a decile before anybody of the family is matched."""
    return _decile(nation, "bps", family, at, run_id)


def _decile(nation: Nation, agency: str, family: Family, at: int, run_id: str) -> Draft:
    body = {"run_id": run_id, "decile": 1, "percentile": 0, "basis": "FAMILIES", "scope": "NATIONAL"}
    body |= {"model_version": ranking.MODEL, "dpia_id": ranking.DPIA}
    return say(nation, agency, "FamilyRanked", at, family.card, body)


def moved_by_outsider(nation: Nation, family: Family, at: int) -> Draft:
    """Say a move as the social office of another district."""
    body = {"region": nation.regions[family.village], "address_line": family.address}
    return say(nation, f"dinsos/{_OTHER_DISTRICT}", "FamilyMoved", at, family.card, body)


def moved_nowhere(nation: Nation, family: Family, at: int) -> Draft:
    """Say a move to a region that no edition of the codes has."""
    body = {"region": region(_NOWHERE), "address_line": family.address}
    return say(nation, "kemensos", "FamilyMoved", at, family.card, body)


def moved_in_future(nation: Nation, family: Family, at: int) -> Draft:
    """Say a move that takes place a century later."""
    body = {"region": nation.regions[family.village], "address_line": family.address}
    channel = nation.channel(f"dinsos/{nation.district}", at)
    return Draft(channel, "FamilyMoved", at + 36_525 * DAY, family.card, body)


def ranked_on_unknown_basis(nation: Nation, family: Family, at: int) -> Draft:
    """Say a rank on a basis that no list has (CODE_UNKNOWN)."""
    body = {"run_id": "DTSEN-DASAR", "decile": 1, "percentile": 0, "basis": "HOUSEHOLDS", "scope": "NATIONAL"}
    body |= {"model_version": ranking.MODEL, "dpia_id": ranking.DPIA}
    return say(nation, "bps", "FamilyRanked", at, family.card, body)
