"""A transition's counts look only at the indicators it can move, so each must name every field it reads."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from schemas.records import Aid, Case, Condition, Eligibility, Member, Proposal
from stream_processors.indicators import definitions

FILLED: dict[str, Any] = {
    "decile": 3,
    "members": (
        Member(
            person_ref="p",
            standing="CONFIRMED",
            padan="PADAN",
            birth_year=1950,
            birth_month=1,
            sex=1,
            relationship=1,
            marital_status=2,
            claim_id=bytes(16),
            reason="",
            severe_disability=False,
            work_status=0,
        ),
    ),
    "conditions": (Condition(person_ref="p", condition="ABH", ordinal=0, until=0),),
    "cases": (
        Case(
            machine="PBI_JKN",
            about="p",
            case_id=bytes(16),
            step="AKTIF",
            agency="a",
            since=0,
            due_at=0,
            reason="",
            reference="",
        ),
    ),
    "aid": (
        Aid(
            programme="PKH",
            standing="DIALOKASIKAN",
            period="2025",
            amount_rupiah=1,
            run_id="r",
            reason="",
            sequence=1,
            received_period="",
            received_rupiah=0,
            received_on=20_140,
            recipients=(0,),
            due_at=0,
        ),
    ),
    "eligibility": (
        Eligibility(programme="PKH", result="LAYAK", reasons=(), rules_version="1", amount_rupiah=0, sequence=1),
    ),
    "proposals": (
        Proposal(
            proposal_id=bytes(16),
            kind="BARU",
            step="DRAF",
            padan="",
            proposer="p",
            agency="a",
            period=0,
            since=0,
            reason="",
        ),
    ),
}


@pytest.mark.parametrize("indicator", definitions.INDICATORS, ids=lambda one: one.name)
def test_an_indicator_reads_the_fields_it_names_and_no_other(indicator: definitions.Indicator) -> None:
    only: Any = SimpleNamespace(**{field: FILLED[field] for field in indicator.measure.fields})
    assert len(list(indicator.classes(only))) == 1
    for left_out in indicator.measure.fields:
        lacking: Any = SimpleNamespace(
            **{field: FILLED[field] for field in indicator.measure.fields if field != left_out}
        )
        with pytest.raises(AttributeError):
            list(indicator.classes(lacking))
