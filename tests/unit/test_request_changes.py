"""What an agency says of a request: said twice it is one change, said anew after something else another."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.gateway.agreements import OWES_REPORT, KnownAgreements
from jejak.audit import requests
from producers.access_requests import Said, change_id_of, meant, outgoing, request_id_for
from schemas import catalogue, codec, prefix
from stream_processors.registry.decision import Refused
from tests.unit.request_scenarios import DAY, REQUESTER, START, Request

ID = request_id_for(REQUESTER, "B/1/2025")
SUBMITTED = Said(REQUESTER, "officer", ID, "AccessRequestSubmitted", {}, START, ID)


def test_the_same_command_twice_has_the_same_id_however_much_later() -> None:
    first = meant(SUBMITTED, b"")
    assert meant(replace(SUBMITTED, occurred_at=START + DAY), first) == first


def test_said_again_after_a_return_it_is_another_change() -> None:
    first = change_id_of(SUBMITTED)
    returned = b"r" * 16
    second = meant(SUBMITTED, first + returned)
    assert second not in {first, returned}
    assert meant(SUBMITTED, first + returned + second) == second


def test_what_was_refused_and_is_said_again_once_something_else_came_is_another_change() -> None:
    before, between = b"d" * 16, b"r" * 16
    refused = meant(SUBMITTED, before)
    assert meant(SUBMITTED, before) == refused
    assert meant(SUBMITTED, before + between) != refused


@settings(max_examples=50, deadline=None)
@given(agency=st.text(min_size=1, max_size=20), document=st.text(max_size=30))
def test_a_request_id_has_the_form_of_a_key(agency: str, document: str) -> None:
    request_id = request_id_for(agency, document)
    message = outgoing(replace(SUBMITTED, request_id=request_id, agency=agency), b"c" * 16)
    assert prefix.walk(message.value).family_id == request_id
    assert (message.topic, message.key) == (catalogue.REQUESTS_TOPIC, request_id.encode())
    assert codec.decode(message.value).header.agency == agency


def test_a_command_is_told_what_became_of_its_change(monkeypatch: pytest.MonkeyPatch) -> None:
    state = replace(Request().granted().it, recent_changes=b"a" * 16 + b"b" * 16)
    header = SimpleNamespace(change_id=b"c" * 16)
    refusal = SimpleNamespace(header=header, rule="NOT_A_STEP", pointer="", explanation="why")
    figures = SimpleNamespace(refusals=lambda agency: [refusal] if agency == REQUESTER else [])
    registry: Any = SimpleNamespace(endpoints=SimpleNamespace(kafka=""), read_model=lambda: figures)
    monkeypatch.setattr(requests, "states", lambda _: {ID: state})
    monkeypatch.setattr(requests, "DECIDED_SECONDS", 0.01)
    assert requests.decided(registry, ID, b"a" * 16, REQUESTER) == state
    assert requests.decided(registry, ID, b"c" * 16, REQUESTER) == Refused("NOT_A_STEP", "", "why")
    assert requests.decided(registry, ID, b"c" * 16, "opd/35.71") is None


def test_an_agreement_is_the_grant_while_it_lasts() -> None:
    state = Request().granted().it
    known = KnownAgreements([state])
    found = known.active(state.request_id, REQUESTER, START)
    assert found is not None
    assert (found.most_persons, found.regions, found.suspended) == (100, ("35.71.02",), False)
    assert known.active(state.request_id, REQUESTER, state.valid_until) is None
    assert known.active(state.request_id, REQUESTER, state.valid_from - 1) is None
    assert known.active(state.request_id, "opd/35.72", START) is None


def test_agreements_are_told_while_others_are_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    state = Request().granted().it
    known, over, faults = KnownAgreements([state]), threading.Event(), list[BaseException]()
    monkeypatch.setattr(threading, "excepthook", lambda said: faults.append(said.exc_value))

    def ask() -> None:
        while not over.is_set():
            known.active(state.request_id, REQUESTER, START)

    asking, usual = threading.Thread(target=ask), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    asking.start()
    try:
        for number in range(5_000):
            known.take(replace(state, request_id=f"{number:026}"))
    finally:
        over.set()
        asking.join()
        sys.setswitchinterval(usual)
    assert faults == []


def test_a_request_that_was_not_granted_is_no_agreement() -> None:
    state = Request().reviewed().it
    assert KnownAgreements([state]).active(state.request_id, REQUESTER, START) is None


@pytest.mark.parametrize(("reason", "suspended"), [(OWES_REPORT, True), ("PENYALAHGUNAAN", False)])
def test_an_agency_that_owes_a_report_gets_nothing_under_any_agreement(reason: str, suspended: bool) -> None:  # noqa: FBT001  a case
    state = Request().granted().it
    other = replace(state, request_id="s" * 26, suspended=reason)
    found = KnownAgreements([state, other]).active(state.request_id, REQUESTER, START)
    assert found is not None
    assert found.suspended is suspended
