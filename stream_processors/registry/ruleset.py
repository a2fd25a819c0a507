"""One programme's rules in one version: rows over a closed list of facts, and what a family gets by them.

A rule set is a TOML file that an official can read and write; `rule_file` turns its text into one. There is no
expression language: a row names a fact, one of three comparisons and a number. Knows no family and no topic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from stream_processors.registry.components import Entitlement

Operator = Literal["at_least", "at_most", "equals"]
Value = int | tuple[str, ...] | tuple[int, int]
ANY: Final = ""
MOST: Final = 999
"""The largest number that a row compares with: no family has so many members."""


class Asked(NamedTuple):
    """A fact that rules look at; `of` says which condition, exclusion, programme or ages are meant."""

    fact: str
    of: str = ANY


@dataclass(frozen=True, slots=True)
class FactKind:
    """What a fact is, in the words of the rule file's manual; `of` says what else a row must name.

    `most` is the largest value there is, of a count that of persons in a family.
    """

    means: str
    of: Literal["", "condition", "exclusion", "programme", "ages"] = ""
    most: int = MOST


FACTS: Final[Mapping[str, FactKind]] = {
    "active_family": FactKind("1 if the family is active (AKTIF), else 0", most=1),
    "in_period": FactKind("1 between valid_from and valid_until of the rule set, else 0", most=1),
    "decile": FactKind("decile of the ranking in force, 1 to 10; 0 is Belum Ada Desil", most=10),
    "members": FactKind("active members"),
    "matched_members": FactKind("active members whose NIK is padan"),
    "state_employees": FactKind("active members whose work is ASN/TNI/Polri/BUMN/BUMD (ground check, 418 is 5)"),
    "severely_disabled": FactKind("active members with a difficulty answered 'sama sekali tidak bisa' (428a-i is 1)"),
    "components": FactKind("active members with one of the components of this rule set"),
    "persons_aged": FactKind("active members of these ages in full years, as 0-6 or 60-", "ages"),
    "persons_with": FactKind("active members with this condition in force", "condition"),
    "assessed": FactKind("active members whom a social worker's assessment in force recommends (ASESMEN)"),
    "excluded": FactKind("1 if the family is excluded from the programme for this reason, else 0", "exclusion", 1),
    "holds_aid": FactKind(
        "1 if the family has a place in this programme (DIALOKASIKAN, MASA_TENGGANG), else 0", "programme", 1
    ),
}
CONDITIONS: Final[Mapping[str, str]] = {
    "HAMIL": "pregnant; ordinal says which pregnancy",
    "SD": "pupil of SD or equivalent, active in the school data (Dapodik)",
    "SMP": "pupil of SMP or equivalent, active in the school data (Dapodik)",
    "SMA": "pupil of SMA or equivalent, active in the school data (Dapodik)",
    "DAPODIK": "active in the school data (Dapodik)",
    "LULUSAN_SMA": "finished SMA or equivalent, 12 years of school: a candidate for a university",
    "KIP": "holder of a Kartu Indonesia Pintar",
    "KKS": "holder of a Kartu Keluarga Sejahtera",
    "KORBAN_HAM_BERAT": "victim of a gross violation of human rights",
    "YATIM": "orphan of one or both parents",
    "ABH": "child in conflict with the law, child victim or child witness",
    "DISABILITAS_BERAT": "severe disability by assessment",
    "PENYAKIT_KRONIS": "chronic or catastrophic illness",
    "ASESMEN": "recommended by a social worker's assessment",
    "PENGHASILAN_RENDAH": "other proof of a low income",
}
# Domain guide 8.3: the 15 groups (press), and the two that follow them. Each has its own reason code.
EXCLUSIONS: Final[Mapping[str, str]] = {
    "ALAMAT_TIDAK_DITEMUKAN": "1 address not found",
    "TIDAK_DAPAT_DITEMUI": "2 person cannot be met",
    "MENINGGAL": "3 deceased, without a new manager",
    "ASN_TNI_POLRI": "4 ASN, TNI or Polri",
    "KELUARGA_ASN_TNI_POLRI": "5 a member of the same KK is ASN, TNI or Polri",
    "PENSIUNAN": "6 pensioner of these",
    "UPAH_APBN_APBD": "7 wage from APBN or APBD",
    "PERANGKAT_DESA": "8 perangkat desa",
    "GURU_SERTIFIKASI": "9 certified teacher",
    "TENAGA_KESEHATAN": "10 health worker",
    "PENGURUS_PERUSAHAAN": "11 company owner or manager (AHU)",
    "UPAH_DI_ATAS_UMP": "12 wage above UMP or UMK",
    "MENOLAK_BANTUAN": "13 refuses aid",
    "TIDAK_MEMENUHI_HUKUM": "14 legally ineligible",
    "BANTUAN_SUMBER_LAIN": "15 aided by a source other than Kemensos",
    "BUMN_BUMD": "staff or official of BUMN or BUMD",
    "NIK_TIDAK_VALID": "NIK invalid or not padan",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: a fact compared with a value; `code` is the reason when it doesn't hold.

    It holds all the same where one of the facts `unless` is at least 1. It is asked from the day `since` (microseconds)
    on and before `before`. `says` tells the reason in Indonesian and English, where the file does.
    """

    code: str
    fact: str
    operator: Operator
    value: int
    of: str = ANY
    unless: tuple[Asked, ...] = ()
    since: int | None = None
    before: int | None = None
    source: str = ""
    says: tuple[str, str] | None = None

    def holds(self, given: int) -> bool:
        """Tell whether the rule holds for this value of its fact."""
        match self.operator:
            case "at_least":
                return given >= self.value
            case "at_most":
                return given <= self.value
            case "equals":
                return given == self.value

    def asked(self, at: int) -> bool:
        """Tell whether the row is asked at a time."""
        return (self.since is None or self.since <= at) and (self.before is None or at < self.before)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one row looked at and whether it held."""

    code: str
    given: str
    passed: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule set says of some facts: every row's outcome, the codes of those that failed, rupiah a year."""

    outcomes: tuple[Outcome, ...]
    reasons: tuple[str, ...]
    amount_rupiah: int


@dataclass(frozen=True, slots=True)
class Amount:
    """What one payment is, and how many there are in a year; one that is paid once has one."""

    rupiah: int = 0
    payments: int = 1
    once: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class RuleSet:
    """The rules of one programme in one version, with the file that holds them and its SHA-256."""

    name: str
    programme: str
    version: str
    source: str
    rules: tuple[Rule, ...]
    digest: bytes
    file: bytes = b""
    title: str = ""
    amount: Amount = Amount()
    entitlement: Entitlement | None = None
    valid_from: int | None = None  # microseconds; the programme's own period, beside the version's
    valid_before: int | None = None
    grace_days: int = 0
    parameters: tuple[tuple[str, str], ...] = ()
    made: dict[Any, Any] = field(default_factory=dict, repr=False)
    """What was made of this rule set for some facts: verdicts, and what others keep by them."""

    def needs(self) -> tuple[Asked, ...]:
        """Return the facts to be given to `judged`, each once, in its order."""
        found: tuple[Asked, ...] | None = self.made.get("needs")
        if found is None:
            rows = [_source(*one) for rule in self.rules for one in (Asked(rule.fact, rule.of), *rule.unless)]
            if self.entitlement is not None:
                rows.append(Asked("components"))
            found = self.made["needs"] = tuple(dict.fromkeys(one for one in rows if one.fact != "in_period"))
        return found

    def by_assessment(self) -> bool:
        """Tell whether an assessment opens the programme to a family that was never ranked."""
        return any(one.fact == "assessed" for rule in self.rules for one in rule.unless)

    def turns(self) -> tuple[int, ...]:
        """Return the times (microseconds) at which the same facts may get another verdict, in order."""
        found: tuple[int, ...] | None = self.made.get("turns")
        if found is None:
            rows = [one for rule in self.rules for one in (rule.since, rule.before)]
            times = {one for one in (self.valid_from, self.valid_before, *rows) if one is not None}
            found = self.made["turns"] = tuple(sorted(times))
        return found

    def judged(self, given: tuple[Value, ...], at: int) -> Verdict:
        """Return the verdict on these values of what it needs, at a time (microseconds)."""
        values = dict(zip(self.needs(), given, strict=True))
        outcomes = tuple(self._outcome(rule, values, at) for rule in self.rules if rule.asked(at))
        reasons = tuple(one.code for one in outcomes if not one.passed)
        return Verdict(outcomes, reasons, 0 if reasons else self._amount(values))

    def _outcome(self, rule: Rule, values: Mapping[Asked, Value], at: int) -> Outcome:
        given = self._number(rule.fact, rule.of, values, at)
        text = f"{' '.join(filter(None, (rule.fact, rule.of)))}={given}"
        passed = rule.holds(given)
        for one in rule.unless:
            other = self._number(*one, values, at)
            text += f" {' '.join(filter(None, one))}={other}"
            passed = passed or other > 0
        return Outcome(rule.code, text, passed)

    def _number(self, fact: str, of: str, values: Mapping[Asked, Value], at: int) -> int:
        if fact == "in_period":
            begun = self.valid_from is None or self.valid_from <= at
            return int(begun and (self.valid_before is None or at < self.valid_before))
        value = values[_source(fact, of)]
        if isinstance(value, int):
            return value
        if fact == "components":
            return int(value[0])
        return int(of in value)

    def _amount(self, values: Mapping[Asked, Value]) -> int:
        if self.entitlement is None:
            return self.amount.rupiah * self.amount.payments
        value: Any = values[Asked("components")]
        return int(value[1])

    def payment(self, amount_rupiah: int) -> int:
        """Return one payment of what a family gets in a year."""
        return amount_rupiah // self.amount.payments


def _source(fact: str, of: str) -> Asked:
    """Return what is asked for a row: all exclusions are one fact, of which each row reads one."""
    return Asked(fact) if fact in {"excluded", "components"} else Asked(fact, of)
