"""Which families have something said of them that the registry refuses, or hears twice; each labelled.

It must not word what is said.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from producers.draft import Draft
from producers.simulation import fault_wording, machine, proposal_wording, wording
from producers.simulation.life import KNOWN, Entry
from producers.simulation.nation import DAY, SECOND, Nation
from producers.simulation.people import Family, card_number, national_id

_ROOM = 1_000  # microseconds between what is said and what is said wrongly right after it


def with_faults(nation: Nation, family: Family, said: list[Entry], rng: Random) -> list[Entry]:
    """Return the history with the faults and repeats that befall the family, in order; the same list when none do.

    A fault stands where exactly its rule refuses it, and changes nothing for the steps after it.
    """
    faulty = rng.random() < nation.rates.error_rate
    repeated = rng.random() < nation.rates.repeated
    registered = next((entry for entry in said if entry.word is wording.registered and not entry.expected), None)
    if registered is None or not (faulty or repeated):
        return said
    added = []
    if faulty:
        added.append(_fault(nation, family, registered.at, said, rng))
    if repeated:
        added.append(_repeat(said, rng))
    return sorted([*said, *added], key=lambda entry: entry.at)


def _repeat(said: list[Entry], rng: Random) -> Entry:
    accepted = [entry for entry in said if not entry.expected]
    entry = accepted[int(rng.random() * len(accepted))]
    return Entry(entry.at, entry.word, entry.args, KNOWN, "fold")


def _fault(nation: Nation, family: Family, entered: int, said: list[Entry], rng: Random) -> Entry:
    """Return one thing that is refused; proposals' faults befall only families that have a proposal."""
    drafted = next((entry for entry in said if entry.word is proposal_wording.drafted), None)
    later = min(machine.office_time(entered, 12, rng), nation.end - DAY // 2)
    plain = _plain(nation, family, entered + _ROOM, max(later, entered + _ROOM))
    choice = int(rng.random() * (len(plain) + (2 if drafted else 0)))
    if choice < len(plain) or drafted is None:
        return plain[choice]
    return _out_of_order(nation, family, drafted, rng)


def _plain(nation: Nation, family: Family, soon: int, later: int) -> tuple[Entry, ...]:
    """Return what may be said wrongly of any family: just after it is registered, and some days later."""
    ghost = card_number(family.village, family.index, nation.seed, 11)
    stranger = national_id(family.index, 15, (1970, 1, 1), 1)
    again = (family.card, f"dinsos/{nation.district}")
    return (
        _refused(later, fault_wording.ranked_by_village, ("DTSEN-DESA",), "AGENCY_MAY_NOT"),
        _refused(later, fault_wording.moved_by_outsider, (), "OUTSIDE_AREA"),
        _refused(later, wording.stranger_claimed, (ghost,), "FAMILY_NOT_REGISTERED"),
        _refused(later, wording.registered, again, "ALREADY_REGISTERED"),
        _refused(soon, fault_wording.ranked_too_early, ("DTSEN-DINI",), "NO_MATCHED_MEMBER"),
        _refused(later, fault_wording.moved_nowhere, (), "WILAYAH_TIDAK_ADA"),
        _refused(later, wording.matched, (stranger, "PADAN"), "MEMBER_UNKNOWN"),
        _refused(later, fault_wording.off_grid_visit, (), "V10"),
        _refused(later, fault_wording.moved_in_future, (), "OCCURRED_IN_FUTURE"),
        _refused(later, fault_wording.ranked_on_unknown_basis, (), "CODE_UNKNOWN"),
    )


def _out_of_order(nation: Nation, family: Family, drafted: Entry, rng: Random) -> Entry:
    """Return a step right after the draft, before it is submitted, or a second draft of the same kind."""
    proposal = drafted.word(nation, family, drafted.at, *drafted.args)
    if rng.random() < 0.5:  # noqa: PLR2004  either is as likely
        step = machine.Taken(drafted.at + SECOND, "QualityControlCompleted", "LULUS")
        return _refused(drafted.at + SECOND, proposal_wording.stepped, (step, proposal), "ORDER")
    return _refused(drafted.at + SECOND, proposal_wording.drafted, drafted.args, "PROPOSAL_OPEN")


def _refused(at: int, word: Callable[..., Draft], args: tuple[Any, ...], rule: str) -> Entry:
    return Entry(at, word, args, rule, "fold")
