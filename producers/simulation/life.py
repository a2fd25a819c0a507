"""The history of one synthetic family: what is said of it, by when, and what the registry is expected to answer.

Every step is legal where it stands, but for those that are labelled with the rule they break. It must not word steps.
"""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final, NamedTuple

from producers.draft import Draft
from producers.simulation import machine, proposal_wording, wording
from producers.simulation.nation import DAY, SECOND, Nation
from producers.simulation.people import Family, Person
from producers.simulation.ranking import Run

KNOWN: Final = "AlreadyKnown"
_NEVER: Final = 1 << 62
_NOBODY_HOME: Final = 0.96  # the draw of result 3, tidak ada responden
_UNMATCHED: Final = ("NIK_TIDAK_DITEMUKAN", "NAMA_BEDA", "TGL_LAHIR_BEDA", "BELUM_REKAM_KTPEL", "KK_SENDIRIAN")
_LATER_KINDS: Final = ("PERUBAHAN_DESIL", "PERBAIKAN", "REAKTIVASI_PBI", "PERUBAHAN_DESIL")
_PROPOSERS: Final = ("OPERATOR_DESA", "OPERATOR_DESA", "RT_RW", "WARGA", "WARGA", "KEMENSOS")


class Entry(NamedTuple):
    """One thing that is said: when, in whose words, and the rule that refuses it.

    `expected` is empty for what is accepted, KNOWN for a repeat, else the rule; `by` is `intake` or `fold`.
    """

    at: int
    word: Callable[..., Draft]
    args: tuple[Any, ...]
    expected: str = ""
    by: str = ""


class Standing(NamedTuple):
    """When a member began and ceased to count for a ranking."""

    place: int
    claimed_at: int
    matched_from: int
    until: int


def history(nation: Nation, family: Family, runs: tuple[Run, ...], rng: Random) -> list[Entry]:
    """Return everything said of the family within the nation's months, in the order in which it is said."""
    entered = _entry_time(nation, rng)
    said: list[Entry] = []
    if family.wrong_card:
        said += _refused_registration(family, entered)
        if rng.random() >= nation.rates.corrected:
            return said
        entered = machine.office_time(entered, 30, rng)
    said.append(Entry(entered, wording.registered, (family.card,)))
    members = [_member(nation, family, place, entered, rng, said) for place in range(len(family.members))]
    standings = [_death(nation, family, one, rng, said) for one in members if one is not None]
    moves = rng.random() < nation.rates.moved
    if moves:
        village = nation.villages[int(rng.random() * len(nation.villages))]
        said.append(Entry(machine.office_time(entered, rng.randint(20, 300), rng), wording.moved, (village,)))
    said += _visits(nation, standings, entered, rng)
    ranks = _rankings(standings, runs, entered, rng, said)
    if not moves and rng.random() < nation.rates.proposed:  # a proposal stays with the village that made it
        said += _proposals(nation, family, entered, ranks, rng)
    said.sort(key=_moment)
    return [entry for entry in said if entry.at < nation.end]


def _moment(entry: Entry) -> int:
    return entry.at


def _entry_time(nation: Nation, rng: Random) -> int:
    """Return when the family enters: most in the first weeks, as with a first load, the rest over two thirds."""
    months = (nation.end - nation.start) // DAY
    days = 45 if rng.random() < 0.85 else months * 2 // 3  # noqa: PLR2004  most were in the registry before
    return machine.office_time(nation.start, int(rng.random() * min(days, months - 1)), rng)


def _refused_registration(family: Family, at: int) -> Iterator[Entry]:
    """Yield the family's rows under a KK number that isn't one: every row carries it, so every row is refused."""
    yield Entry(at, wording.registered, (family.wrong_card,), "V1", "intake")
    for place in range(len(family.members)):
        args = (family.wrong_card, place)
        yield Entry(at + (place + 1) * SECOND, wording.claimed, args, "V1", "intake")


def _rule_broken(person: Person) -> str:
    """Return the identity rule that the first source's wrong writing breaks, or nothing."""
    if person.wrong_name is not None:
        return "NAME_BLANK"
    if not person.wrong_nik:
        return ""
    if len(person.wrong_nik) != len(person.nik):
        return "V1"
    return "NIK_SERIAL" if person.wrong_nik.endswith("0000") else "NIK_MONTH"


def _member(  # noqa: PLR0913, PLR0917  who, where, when, and where to say it
    nation: Nation, family: Family, place: int, entered: int, rng: Random, said: list[Entry]
) -> Standing | None:
    """Say how a member is claimed, answered and matched; return its standing, None when no claim was accepted."""
    claimed_at = entered + (place + 1) * SECOND
    rule = _rule_broken(family.members[place])
    if rule:
        said.append(Entry(claimed_at, wording.claimed_wrongly, (place,), rule, "intake"))
        if rng.random() >= nation.rates.corrected:
            return None
        claimed_at = machine.office_time(claimed_at, 30, rng)
    said.append(Entry(claimed_at, wording.claimed, (family.card, place)))
    contested = rng.random() < nation.rates.contested
    reason = "ANGGOTA_DI_DUA_KELUARGA" if contested else ""
    answered = claimed_at + (60 + place) * SECOND
    if contested and not nation.answered:  # the persons fold finds out by itself
        other = int(rng.random() * nation.families)
        if other != family.index:
            said.append(Entry(machine.office_time(claimed_at, rng.randint(5, 60), rng), wording.claimed_too, (other,)))
    if nation.answered:
        said.append(Entry(answered, wording.confirmed, (wording.Claim(place, claimed_at), reason)))
    matched_from = _matching(nation, family.members[place].nik, claimed_at, rng, said)
    return Standing(place, claimed_at, matched_from, answered if contested and nation.answered else _NEVER)


def _matching(nation: Nation, nik: str, claimed_at: int, rng: Random, said: list[Entry]) -> int:
    """Say what the civil registry answers; return from when on the person is matched."""
    at = machine.office_time(claimed_at, 1 + int(rng.random() * 9), rng)
    if rng.random() >= nation.rates.unmatched:
        said.append(Entry(at, wording.matched, (nik, "PADAN")))
        return at
    said.append(Entry(at, wording.matched, (nik, _UNMATCHED[int(rng.random() * len(_UNMATCHED))])))
    if rng.random() >= nation.rates.corrected:
        return _NEVER
    again = machine.office_time(at, 30, rng)
    said.append(Entry(again, wording.matched, (nik, "PADAN")))
    return again


def _death(nation: Nation, family: Family, one: Standing, rng: Random, said: list[Entry]) -> Standing:
    """Say that the member dies, if so; a family's rate is shared by its members."""
    if rng.random() >= nation.rates.died / len(family.members):
        return one
    at = machine.office_time(one.claimed_at, rng.randint(40, 330), rng)
    said.append(Entry(at, wording.died, (one.place,)))
    return one._replace(until=min(one.until, at))


def _visits(nation: Nation, standings: list[Standing], entered: int, rng: Random) -> Iterator[Entry]:
    """Yield the ground checks; of two, the older is sometimes told after the newer one."""
    if rng.random() >= nation.rates.visited:
        return
    first = machine.office_time(entered, rng.randint(45, 150), rng)
    told = first
    if rng.random() < nation.rates.visited_again:
        second = machine.office_time(first, rng.randint(20, 90), rng)
        yield _visit(second, second, standings, rng)
        if rng.random() < nation.rates.told_late:
            told = machine.office_time(second, rng.randint(1, 20), rng)
    yield _visit(told, first, standings, rng)


def _visit(told: int, seen_at: int, standings: list[Standing], rng: Random) -> Entry:
    places = tuple([one.place for one in standings if one.claimed_at < seen_at < one.until])
    u = rng.random() if places else _NOBODY_HOME
    result = 1 if u < 0.92 else 2 if u < 0.95 else 3 if u < 0.98 else 4 if u < 0.99 else 5  # noqa: PLR2004  plausible shares
    return Entry(told, wording.visited, (wording.Visit(seen_at, result, places, rng.getrandbits(32)),))


def _rankings(
    standings: list[Standing], runs: tuple[Run, ...], entered: int, rng: Random, said: list[Entry]
) -> tuple[machine.Ranked, ...]:
    """Say where each run places the family; return what each said."""
    ranks = []
    for run in runs:
        at = run.at + int(rng.random() * DAY)  # a run is published over a day
        if at <= entered:
            continue
        reason = "VARIABEL_TIDAK_LENGKAP" if rng.random() < 0.01 else ""  # noqa: PLR2004  Belum Ada Desil exists
        if not any(one.matched_from < at < one.until for one in standings):
            reason = "TIDAK_ADA_ANGGOTA_PADAN"
        said.append(Entry(at, wording.ranked, (run, reason)))
        ranks.append(machine.Ranked(run.at, at, "" if reason else run.run_id))
    return tuple(ranks)


def _proposals(
    nation: Nation, family: Family, entered: int, ranks: tuple[machine.Ranked, ...], rng: Random
) -> Iterator[Entry]:
    """Yield one proposal after the other, each drafted once the one before it is over."""
    at, kind = machine.office_time(entered, rng.randint(3, 40), rng), "BARU"
    while at < nation.end:
        proposer = _PROPOSERS[int(rng.random() * len(_PROPOSERS))]
        proposed = proposal_wording.Proposed(kind, proposer)
        proposal = proposal_wording.drafted(nation, family, at, proposed)
        yield Entry(at, proposal_wording.drafted, (proposed,))
        steps, over = machine.walk(at, ranks, nation.end, rng)
        for step in steps:
            yield Entry(step.at, proposal_wording.stepped, (step, proposal))
        at = machine.office_time(over, rng.randint(5, 60), rng)
        kind = _LATER_KINDS[int(rng.random() * len(_LATER_KINDS))]
