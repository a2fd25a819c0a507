"""For what the registry's data of persons may be looked at, by whom and which fields: a closed register, as data.

An unknown purpose, agency or field is a refusal. Must not know who is asking now, nor any value.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final

VERSION: Final = "2025-1"
HISTORY: Final = "history"

PLAIN: Final = ("region", "status", "decile", "proposals", "eligibility", "members")
SEALED_OF_FAMILY: Final = ("card_number", "address_line", "telephone")
SEALED_OF_PERSON: Final = ("member.national_id", "member.name", "member.birth_day")
IN_CLEAR: Final = ("card_number.clear", "telephone.clear", "member.national_id.clear")
FIELDS: Final = frozenset((*PLAIN, *SEALED_OF_FAMILY, *SEALED_OF_PERSON, *IN_CLEAR, HISTORY))

NATIONAL: Final = frozenset({"kemensos", "bps", "dukcapil"})  # domain guide 3; every other agency has an area


@dataclass(frozen=True, slots=True)
class Rule:
    """One purpose: its legal basis, the kinds of agency that may name it, and the fields it permits."""

    code: str
    legal_basis: str
    agencies: tuple[str, ...]
    fields: tuple[str, ...]


_SEEN_BY_OFFICER: Final = (*PLAIN, HISTORY, "member.name", "member.national_id", "address_line", "card_number")

REGISTER: Final = (
    # UU 13/2011 art. 8-9: verification and validation by village and regency.
    Rule(
        "VERIFIKASI_VALIDASI",
        "UU13/2011-8",
        ("desa", "dinsos", "pendamping", "kemensos"),
        (*_SEEN_BY_OFFICER, "member.birth_day", "telephone", "telephone.clear"),
    ),
    # Kepmensos 150/HUK/2022: matching with the civil registry takes the whole number.
    Rule(
        "PEMADANAN_KEPENDUDUKAN",
        "KEPMENSOS150/2022",
        ("dukcapil", "dinsos", "kemensos"),
        (*_SEEN_BY_OFFICER, "member.birth_day", "member.national_id.clear", "card_number.clear"),
    ),
    # UU 13/2011 art. 11; Kepmensos 79/HUK/2025: who receives what.
    Rule("PENETAPAN_BANTUAN", "UU13/2011-11", ("kemensos", "dinsos"), _SEEN_BY_OFFICER),
    # UU 27/2022 art. 32: the person's own data, handed over at a counter.
    Rule("HAK_SUBJEK_DATA", "UU27/2022-32", ("desa", "dinsos", "kemensos"), (*_SEEN_BY_OFFICER, "telephone")),
    # Inpres 4/2025 KELIMA: ranking needs no identity.
    Rule("PEMERINGKATAN", "INPRES4/2025-5", ("bps",), (*PLAIN, HISTORY)),
)


@dataclass(frozen=True, slots=True)
class Denied:
    """The refusal of a request, by code; an agency's request is allowed only by a rule."""

    code: str


def rule_for(purpose_code: str, agency: str, fields: Iterable[str]) -> Rule | Denied:
    """Return the rule that allows the agency these fields for the purpose, or why none does."""
    rule = next((each for each in REGISTER if each.code == purpose_code), None)
    asked = frozenset(fields)
    if rule is None:
        return Denied("PURPOSE_UNKNOWN")
    if agency.partition("/")[0] not in rule.agencies:
        return Denied("PURPOSE_NOT_OF_AGENCY")
    if not asked or not asked <= FIELDS:
        return Denied("FIELD_UNKNOWN")
    if not asked <= frozenset(rule.fields):
        return Denied("FIELD_NOT_PERMITTED")
    return rule


def register_hash() -> bytes:
    """Return the SHA-256 of the register, which an auditor can decide again with."""
    canonical = json.dumps([asdict(rule) for rule in REGISTER], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).digest()
