"""Changes at random about a family as it stands: what it is ready for, nearly that, or anything at all.

Knows the contract's records, the machines' rows and a family's state; must not know what the rules will say. The tables
serve to get anywhere: what is right is never read from them.
"""

from __future__ import annotations

import base64
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from schemas import catalogue, codec, contract, records
from schemas.questionnaire import all_versions
from stream_processors.registry import aid, authority, cases, codes, erasure, proposal
from stream_processors.registry.machines.table import START, Row, machines
from stream_processors.registry.ruleset import CONDITIONS
from tests.unit import random_records
from tests.unit.registry_scenarios import PLAUSIBLE, place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from schemas.records import FamilyState

HOUR: Final = 3_600_000_000
DAY: Final = 24 * HOUR
VILLAGES: Final = (
    *("35.71.02.1001", "35.71.02.1002", "35.71.03.1001", "35.71.01.1001", "12.74.01.1001", "12.11.01.2001"),
)
SHARED: Final = 20  # persons whom any family may claim; others are claimed by their own
_ODD_PLACES: Final = (place("99.99"), place("35.71"), place("3571010001", "BPS", "2020"), place("", "", ""))
_PROGRAMMES: Final = (*aid.kinds(), "TIDAK_ADA")
_QUIET: Final = frozenset({"KELUARGA", "ORANG", "HUBUNGAN", "KEDATANGAN", "USULAN"})  # not told by cases alone
_OF_MEMBERS: Final = (
    *("MembershipClaimed", "CivilRegistryMatched", "CivilRegistryMatched", "MembershipConfirmed", "MembershipEnded"),
    *("MembershipContested", "PersonReactivated", "PersonConditionRecorded", "PbiEnrolled"),
)
_OF_AID: Final = tuple(one for one in catalogue.CHANGES if one.startswith("Aid"))
_ONWARD: Final = frozenset({"PADAN", "DISEPAKATI", "LAYAK", "TERIMA", "LULUS", "DISETUJUI", "DITERIMA", "1", "DESIL"})
_EVERY_DAY: Final = ("FamilyRanked", "GroundCheckRecorded", "FamilyMoved", "ProposalDrafted", "ReevaluationRequested")


def family_id(chance: Random) -> str:
    """Return the id of a family."""
    return base64.b32encode(chance.randbytes(16)).decode().rstrip("=").lower()


def person(number: int) -> str:
    """Return the reference of a person of the district."""
    return base64.b32encode(number.to_bytes(16, "big")).decode().rstrip("=").lower()


class Speaker:
    """Everybody who says something about the families of a district, by one seed."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.splits: dict[str, bytes] = {}  # families that a split made, and its change

    def registration(self, family: str, now: int) -> Any:
        """Return the change by which a family enters the registry; of some, an unsound one."""
        region = self._region()
        return self._said("FamilyRegistered", Row(*_NO_ROW), family, None, now, {"region": region}, 0.05)

    def fitting(self, family: str, state: FamilyState, now: int) -> Any:
        """Return a change that the family is ready for."""
        record, row, about = self._awaited(state)
        return self._said(record, row, family, state, now, about, 0.002)

    def nearly(self, family: str, state: FamilyState, now: int) -> Any:
        """Return a change that the family is ready for, but for a field or two."""
        record, row, about = self._awaited(state)
        return self._said(record, row, family, state, now, about, 0.15)

    def anything(self, family: str, state: FamilyState | None, now: int) -> Any:
        """Return a change of any record at any time, half of its fields odd."""
        record = self.chance.choice(catalogue.CHANGES)
        return self._said(record, Row(*_NO_ROW), family, state, now, {}, self.chance.choice((0.0, 0.1, 0.5)))

    def _awaited(self, state: FamilyState) -> tuple[str, Row, dict[str, Any]]:
        chance = self.chance
        nobody = not any(one.standing in codes.ACTIVE_STANDINGS for one in state.members)
        if nobody and chance.random() < 1 / 3:
            return "MembershipClaimed", Row(*_NO_ROW), {}
        match chance.randrange(8):
            case 0 | 1:
                ways = list(_proposal_ways(state, chance)) or [("ProposalDrafted", Row(*_NO_ROW), {})]
            case 2 | 3:
                ways = list(_case_ways(state))
            case 4:
                ways = list(_standing_ways(state, chance))
            case 5:
                ways = [(chance.choice(_OF_AID), Row(*_NO_ROW), {})]
            case 6:
                ways = [(chance.choice(_EVERY_DAY), Row(*_NO_ROW), {})]
            case _:
                ways = [(chance.choice(_OF_MEMBERS), Row(*_NO_ROW), {})]
        if not ways:
            return "MembershipClaimed", Row(*_NO_ROW), {}
        record = chance.choice(sorted({way[0] for way in ways}))  # a record with many rows is said no more than others
        fit = [way for way in ways if way[0] == record]
        return chance.choice([way for way in fit if way[1].outcome in _ONWARD and chance.random() < 1 / 2] or fit)

    def _said(  # noqa: PLR0913, PLR0917  what a change is made of
        self,
        record: str,
        row: Row,
        family: str,
        state: FamilyState | None,
        now: int,
        about: dict[str, Any],
        odd: float,
    ) -> Any:
        values = self._values(record, row, state) | self._told(record, state, now) | about
        kinds = random_records.fields(record)
        for name in values.keys() & kinds.keys():
            if self.chance.random() < odd:
                values[name] = random_records.odd(self.chance, kinds[name])
        header = self._header(record, row, family, state, now, odd)
        if record == "FamilyBranched" and family in self.splits and not odd > 1 / 4:
            values["split_id"] = self.splits[family]
        fitting = {name: value for name, value in values.items() if name in kinds}
        return codec.class_of(f"{contract.NAMESPACE}.{record}")(**{**fitting, "header": header})

    def _values(self, record: str, row: Row, state: FamilyState | None) -> dict[str, Any]:
        """Return a value of each field: as in the scenarios, then what the row and the lists of codes ask for."""
        chance, kinds = self.chance, random_records.fields(record)
        values = {name: random_records.everyday(chance, of) for name, of in kinds.items() if name != "header"}
        values |= PLAUSIBLE.get(record, ("", {}))[1]
        for name in kinds.keys() & _LISTS.keys():
            values[name] = chance.choice(_LISTS[name])
        for name, listed in _codes(record).items():
            values[name] = chance.choice(listed)
        if row.record:
            values |= _of_row(row, chance)
        if state is not None:
            values |= self._of_state(record, state, kinds)
        return values

    def _of_state(self, record: str, state: FamilyState, kinds: dict[str, Any]) -> dict[str, Any]:
        """Return what names something of the family: a member, a proposal, a case, another family."""
        chance, found = self.chance, dict[str, Any]()
        if "person_ref" in kinds:
            member = chance.choice(state.members) if state.members and record != "MembershipClaimed" else None
            found["person_ref"] = member.person_ref if member else self._somebody(state.family_id)
            found["claim_id"] = member.claim_id if member else chance.randbytes(16)
        if record == "AidReceived" and chance.random() < 1 / 2:
            found["person_ref"] = None
        programmes = [*(one.programme for one in state.aid), *(one.programme for one in state.eligibility)]
        if "programme" in kinds and programmes and chance.random() < 3 / 4:
            found["programme"] = chance.choice(programmes)
        if "proposal_id" in kinds and state.proposals:
            found["proposal_id"] = chance.choice(state.proposals).proposal_id
        if record == "ProposalDetermined" and chance.random() < 9 / 10:
            found["run_id"] = state.ranking_run
        if "individuals" in kinds:
            seen = chance.sample(state.members, min(len(state.members), chance.randrange(4)))
            found["individuals"] = tuple(
                self._answers("IndividualVariables", person_ref=one.person_ref) for one in seen
            )
            found["family"] = self._answers("FamilyVariables")
        if state.facets:
            found["cites"] = chance.choice(state.facets).change_id
        doubt = [one.change_id for one in state.facets if one.name.startswith("padan/")]
        if record == "CivilRegistryMatched" and doubt and chance.random() < 1 / 4:
            found["resolves"] = chance.choice(doubt)
        if "objector_region" in kinds:
            found["objector_region"] = state.region
        return found

    def _somebody(self, family: str) -> str:
        """Return a person: of the family's own mostly, or one whom many families claim."""
        if self.chance.random() < 1 / 5:
            return person(self.chance.randrange(SHARED))
        return person(int.from_bytes(family.encode()[:12], "big") * 8 + self.chance.randrange(5))

    def _told(self, record: str, state: FamilyState | None, now: int) -> dict[str, Any]:  # noqa: PLR0911  one per record
        """Return what only its kind of record says: a visit without a form, a rank without a decile, a real day."""
        chance = self.chance
        if record == "GroundCheckRecorded" and chance.random() < 1 / 4:
            return {"result": chance.choice((3, 4, 5)), "family": None, "individuals": ()}
        if record == "FamilyRanked" and chance.random() < 1 / 5:
            nothing = dict.fromkeys(("decile", "percentile", "local_percentile", "score"))
            return {**nothing, "unranked_reason": "VARIABEL_KURANG"}
        if record == "FamilyRanked":
            return {"decile": chance.randint(1, 10), "percentile": chance.randint(0, 10_000)}
        if record == "DeadlineReached" and state is not None:
            return self._date(state, now)
        if record == "AidReceived":
            return {"received_on": now // DAY - chance.randrange(60)}
        if record == "FamilyExcluded":
            return {"expires_on": now // DAY + chance.randrange(200) if chance.random() < 1 / 2 else None}
        return {}

    def _date(self, state: FamilyState, now: int) -> dict[str, Any]:
        dates = [(one.case_id, due) for one in state.cases if (due := cases.due_of(one))]
        dates += [
            (one.proposal_id, (f"PROPOSAL_CUT_OFF.{one.kind}", at))
            for one in state.proposals
            if (at := proposal.due_at(one))
        ]
        if not dates:
            return {"due_at": now}
        subject, (kind, due_at) = self.chance.choice(dates)
        return {"subject_id": subject, "kind": kind, "due_at": due_at}

    def _answers(self, record: str, **more: Any) -> Any:
        """Return answers to a few questions, most of the codes being in the first lists."""
        asked = [name for name, of in random_records.fields(record).items() if of == ["null", "int"]]
        some = self.chance.sample(asked, self.chance.randrange(4))
        return getattr(records, record)(**{name: self.chance.randint(1, 4) for name in some}, **more)

    def _header(  # noqa: PLR0913, PLR0917  what a header is made of
        self, record: str, row: Row, family: str, state: FamilyState | None, now: int, odd: float
    ) -> records.Header:
        chance = self.chance
        occurred = now - chance.choice((0, HOUR, HOUR, DAY, DAY, 30 * DAY, 400 * DAY if odd else DAY))
        if record == "DeadlineReached":
            occurred = now
        if chance.random() < odd / 4:
            occurred = chance.choice((now + HOUR, now + 30 * DAY, -(1 << 62), (1 << 62), 0, -40_000 * DAY))
        return records.Header(
            sequence=0,
            recorded_at=0,
            occurred_at=occurred,
            change_id=bytes(16) if chance.random() < odd / 50 else chance.randbytes(16),
            family_id=family,
            agency=self._agency(record, row, state, odd),
            actor="petugas-1",
            document="berkas-1",
        )

    def _agency(self, record: str, row: Row, state: FamilyState | None, odd: float) -> str:
        chance = self.chance
        if chance.random() < odd / 2:
            return chance.choice(("desa/99.99", "bps", "warga", "", "dinsos/12.74", "desa/35.71.02.1002", "x/y/z"))
        kinds = row.actors or tuple(sorted(authority.MAY_SAY.get(record, {"registry"})))
        kind = chance.choice(kinds)
        code = state.region.code if state is not None else VILLAGES[0]
        if kind in authority.NATIONAL:
            return kind
        return f"{kind}/{code}" if kind == "desa" else f"{kind}/{code[:5]}"

    def _region(self) -> records.Region:
        return self.chance.choice(_ODD_PLACES) if self.chance.random() < 1 / 50 else place(VILLAGES[0])


_NO_ROW: Final = (START, "", "", "", (), (), False, False, (), (), (), "", "ours", "")
_LISTS: Final[dict[str, tuple[Any, ...]]] = {
    "birth_year": (1930, 1950, 1964, 1985, 1986, 2000, 2015, 2020, 2024),
    "birth_month": tuple(range(1, 13)),
    "marital_status": (1, 1, 2, 3, 4),
    "relationship": (1, 2, 3, 3, 6),
    "condition": (*sorted(CONDITIONS), "TIDAK_ADA"),
    "programme": _PROGRAMMES,
    "period": ("2025", "2025-T2", "2025-07"),
    "region": tuple(place(code) for code in (*VILLAGES[:4] * 3, *VILLAGES)),
    "destination": (None, *map(place, VILLAGES)),
    "into_id": tuple(map(person, range(900, 905))),
    "merged_id": tuple(map(person, range(900, 905))),
    "parent_id": tuple(map(person, range(900, 905))),
    "legal_basis": tuple(sorted(erasure.BASES)),
    "questionnaire": (*all_versions(),),
    "result": (1, 1, 1, 2),
    "holds": (True, True, False),
}


@cache
def _codes(record: str) -> dict[str, tuple[Any, ...]]:
    """Return the codes of a record's fields, from the lists and the machines' tables."""
    listed: dict[str, dict[str, tuple[Any, ...]]] = {
        "MembershipContested": {"reason": tuple(sorted(codes.CONTEST_REASONS))},
        "MembershipEnded": {"reason": tuple(sorted(codes.END_REASONS))},
        "CivilRegistryMatched": {"status": (*("PADAN",) * 12, *sorted(codes.PADAN_STATUSES))},
        "ProposalIdentityMatched": {"status": ("PADAN", "PADAN", *sorted(codes.PADAN_STATUSES))},
        "ProposalDrafted": {
            "kind": tuple(sorted(codes.PROPOSAL_KINDS)),
            "proposer": tuple(sorted(codes.PROPOSERS)),
            "channel": tuple(sorted(codes.CHANNELS)),
        },
        "AidWaitlisted": {"reason": tuple(sorted(aid.WAITLIST_REASONS))},
        "ProposalSentToMinistry": {"period": (202_501, 202_503, 202_506, 202_512, 202_606)},
        "PersonErased": {"request_number": ("PDP-1",)},
    }
    found = listed.get(record, {})
    for one in machines().values():
        if any(row.record == record for row in one.rows):
            found |= {field: tuple(its) for field, its in one.codes.items()}
    return {name: its for name, its in found.items() if name in random_records.fields(record)}


def _of_row(row: Row, chance: Random) -> dict[str, Any]:
    """Return what a row asks of its record: the outcome in the field that has it, a reason of its list."""
    found: dict[str, Any] = {"reason": chance.choice(row.reasons) if row.reasons else "ALASAN"}
    match row.record:
        case "GroundCheckRecorded":
            return {"result": int(row.outcome)} if row.outcome else {}
        case "PbiDeactivated":
            return {"reason": row.outcome}
        case "ProposalIdentityMatched":
            return {"status": row.outcome}
        case _:
            return found | {"outcome": row.outcome, "reasons": ("NIK_GANDA",) if row.outcome == "GAGAL" else ()}


def _proposal_ways(state: FamilyState, chance: Random) -> Iterator[tuple[str, Row, dict[str, Any]]]:
    rows = machines()["USULAN"].rows
    for one in state.proposals:
        for row in rows:
            rare = row.record == "ProposalCancelled" and chance.random() < 19 / 20  # or few would come far
            if row.state == one.step and (not row.kinds or one.kind in row.kinds) and not rare:
                about = {"proposal_id": one.proposal_id}
                yield row.record, row, about | ({"period": one.period} if one.period else {})


def _case_ways(state: FamilyState) -> Iterator[tuple[str, Row, dict[str, Any]]]:
    """Yield what the rows lead on with from where the cases stand, and what begins."""
    for name, one in machines().items():
        if name in _QUIET:
            continue
        standing = [case for case in state.cases if case.machine == name]
        for row in one.rows:
            if row.state == START:
                yield row.record, row, {}
            for case in standing:
                if row.state == case.step:
                    yield row.record, row, _of_case(case)


def _of_case(case: records.Case) -> dict[str, Any]:
    named: dict[str, Any] = dict.fromkeys(("objection_id", "task_id"), case.case_id)
    if case.machine == cases.PBI:
        named["person_ref"] = case.about
    if case.machine == cases.EXCLUSION:
        exclusion, _, programme = case.about.partition("/")
        named |= {"exclusion": exclusion, "programmes": (programme,)}
    return named


def _standing_ways(state: FamilyState, chance: Random) -> Iterator[tuple[str, Row, dict[str, Any]]]:
    for row in machines()["KELUARGA"].rows:
        # Most families go on: one in so many ends, or few would be left to say anything about.
        ends = state.status == "AKTIF" and (row.to != row.state or row.record == "FamilySplit")
        if row.state == state.status and (not ends or chance.random() < 1 / 10):
            yield row.record, row, {}
