"""Lets a request in or refuses it: judged by the policies, persons reserved, and the intent durable, in this order.

Whatever can't be judged, counted or put on record is refused. Must not know what is read afterwards.
"""

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from confluent_kafka import KafkaException

from consumers.gateway import break_glass, identifiers, policy, waiting
from consumers.gateway.audit_log import AuditTrail, AuditUnavailable, Receipt
from consumers.gateway.break_glass import BREAK_GLASS, Emergency, NoReviews, Reviews
from consumers.gateway.nik_filter import looks_like_nik
from consumers.gateway.policy import Agreements, Allowed, Denied, NoAgreements, Policies, PolicyRequest
from consumers.gateway.quotas import Counter, Exceeded, Quotas, Reservation
from consumers.gateway.recording import MOST_FIELDS, Judgement, OnRecord, Recorder, Wish, code
from consumers.gateway.request import (
    Caller,
    ExportAsked,
    PersonAsked,
    RefusalsAsked,
    TrailEntry,
    TrailOfAccessor,
    TrailOfAgency,
    TrailOfPerson,
    WholeTrail,
    Withheld,
)
from identity.written_intent import WrittenIntent
from schemas import records

NO_POLICIES: Final = "POLICIES_UNAVAILABLE"
NO_QUOTAS: Final = "QUOTAS_UNAVAILABLE"
NO_REVIEWS: Final = "REVIEWS_UNAVAILABLE"
NO_AGREEMENTS: Final = "AGREEMENTS_UNAVAILABLE"
OTHER_POLICIES: Final = "POLICIES_CHANGED"
QUOTA_EXCEEDED: Final = "QUOTA_EXCEEDED"
UNAVAILABLE: Final = frozenset({NO_POLICIES, NO_QUOTAS, NO_REVIEWS, NO_AGREEMENTS, policy.NOT_JUDGED})
"""The refusals that are not about the request: it may be made again later."""

_NO_SET: Final = bytes(32)
_HOUR_US: Final = 3_600_000_000


def _now() -> int:
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Gate:
    """What a request is judged by: the policies that serve now, agreements, counts and emergencies."""

    policies: Callable[[], Policies | None] = policy.shipped
    agreements: Agreements = field(default_factory=NoAgreements)
    quotas: Quotas = field(default_factory=Quotas)
    reviews: Reviews = field(default_factory=NoReviews)
    now: Callable[[], int] = _now


@dataclass(frozen=True, slots=True)
class Look:
    """One request that was let in: what it may see, its intent on record with the proof, and the persons counted."""

    wish: Wish
    intent: Receipt
    written: WrittenIntent
    request: PolicyRequest
    policies: Policies
    reserved: Reservation

    @property
    def on_record(self) -> OnRecord:
        """The intent as the entries that follow from it name it."""
        return OnRecord(self.intent.event_id, self.policies.hash)


class Admission:
    """One gateway's gate, with a chain of the audit trail."""

    def __init__(self, gate: Gate, trail: AuditTrail, recorder: Recorder) -> None:
        self._gate = gate
        self._trail = trail
        self._recorder = recorder

    @waiting.one_request()
    def admit(self, wish: Wish) -> Look | Withheld:
        """Return the look with its intent durable, or the refusal, on record too wherever that is possible."""
        policies, at = self._gate.policies(), self._gate.now()
        request = self._request(wish, at)
        decision, reserved = self._decided(policies, request, wish)
        due = (
            at + policies.data.review_hours * _HOUR_US if policies is not None and wish.action == BREAK_GLASS else None
        )
        judged = Judgement(
            decision,
            policies.hash if policies is not None else _NO_SET,
            due if isinstance(decision, Allowed) else None,
        )
        answer = self._trail.append(self._recorder.intent(wish, judged))
        if isinstance(answer, AuditUnavailable):
            self.settle(reserved, 0)
            return self.unrecorded(answer, [OnRecord(one, judged.policy_set_hash) for one in answer.queued])
        if isinstance(decision, Denied):
            return self.withheld(OnRecord(answer[0].event_id, judged.policy_set_hash), decision.code)
        if policies is None or isinstance(request, Denied) or reserved is None:
            raise AssertionError("what is allowed was judged and reserved")
        return Look(wish, answer[0], _written(answer[0]), request, policies, reserved)

    def judged_at(self, look: Look, region: records.Region | None) -> Allowed | Denied:
        """Return the second decision, about the place of what was found, by the same policies."""
        return look.policies.decide(replace(look.request, place=policy.place_of(region)))

    def again(self, look: Look) -> Look | Withheld:
        """Return the look at this moment, under its agreement as it stands now; refused once other policies serve."""
        policies, at = self._gate.policies(), self._gate.now()
        if policies is None or policies.hash != look.policies.hash:
            return Withheld(NO_POLICIES if policies is None else OTHER_POLICIES)
        try:
            agreement = self._agreement(look.wish, at)
        except (KafkaException, TimeoutError):
            return Withheld(NO_AGREEMENTS)
        return replace(look, request=replace(look.request, at=at, agreement=agreement))

    def settle(self, reserved: Reservation | None, seen: int) -> Withheld | None:
        """Count what was seen in place of what was reserved; a refusal, the reserve kept, where that is too much."""
        if reserved is None:
            return None
        try:
            exceeded = self._gate.quotas.settle(reserved, seen)
        except sqlite3.Error:
            return Withheld(NO_QUOTAS)
        return Withheld(QUOTA_EXCEEDED) if exceeded is not None else None

    def withheld(
        self, of: OnRecord, why: str, outcome: str = "WITHHELD", second: Allowed | Denied | None = None
    ) -> Withheld:
        """Return the refusal once it is on record that nothing was shown."""
        recorded = self._trail.append(self._recorder.nothing_shown(of, why, outcome, second))
        return Withheld(recorded.code if isinstance(recorded, AuditUnavailable) else why)

    def unrecorded(self, answer: AuditUnavailable, intents: Sequence[OnRecord]) -> Withheld:
        """Return the refusal of what isn't durable; that nothing was shown follows when it can."""
        for intent in intents:
            self._trail.queue(self._recorder.nothing_shown(intent, answer.code, "WITHHELD"))
        return Withheld(answer.code)

    def _decided(
        self, policies: Policies | None, request: PolicyRequest | Denied, wish: Wish
    ) -> tuple[Allowed | Denied, Reservation | None]:
        """Return the decision, and the persons reserved where it allows."""
        if policies is None:
            return _unavailable(NO_POLICIES), None
        if isinstance(request, Denied):
            return request, None
        decision = policies.decide(request)
        if isinstance(decision, Denied):
            return decision, None
        reserved = self._reserved(policies, request, wish)
        match reserved:
            case Exceeded(quota_id):
                return policies.decide(replace(request, quota_exceeded=quota_id)), None
            case Denied():
                return reserved, None
            case _:
                return decision, reserved

    def _reserved(self, policies: Policies, request: PolicyRequest, wish: Wish) -> Reservation | Exceeded | Denied:
        kind = request.agency.partition("/")[0]
        counters = [
            Counter(
                quota.quota_id,
                f"{request.agency}|{code(wish.caller.actor_ref)}" if quota.by_official else request.agency,
                quota.persons,
            )
            for quota in policies.data.quotas
            if quota.counts(request.action, request.purpose, kind)
        ]
        try:
            return self._gate.quotas.reserve(counters, _persons(wish, policies), request.at)
        except sqlite3.Error:
            return _unavailable(NO_QUOTAS)

    def _request(self, wish: Wish, at: int) -> PolicyRequest | Denied:
        """Return what the policies are asked, of nothing but codes."""
        caller, purpose, second = wish.caller, wish.purpose, wish.second
        try:
            waiting = self._waiting(wish)
        except TimeoutError:
            return _unavailable(NO_REVIEWS)
        try:
            agreement = self._agreement(wish, at)
        except (KafkaException, TimeoutError):
            return _unavailable(NO_AGREEMENTS)
        exported = wish.target if isinstance(wish.target, ExportAsked) else None
        return PolicyRequest(
            agency=code(caller.agency_id),
            role=code(caller.actor_role),
            assurance=code(caller.assurance_level),
            action=wish.action,
            purpose=code(purpose.code),
            fields=tuple(code(one) for one in wish.fields[: MOST_FIELDS + 1]),
            at=at,
            persons=exported.persons if exported is not None else 0,
            regions=tuple(code(one) for one in exported.regions) if exported is not None else (),
            scope=_scope(wish),
            own=_own(wish),
            sound=identifiers.sound(caller, purpose, wish.target, wish.fields),
            nik_free=not any(text and looks_like_nik(text) for text in _said(wish)),
            explained=bool(purpose.text and purpose.text.strip()),
            named_agreement=purpose.agreement_id is not None,
            agreement=agreement,
            second=code(second.actor_role) if second is not None else "",
            second_assurance=code(second.assurance_level) if second is not None else "",
            second_differs=second is not None and _differs(caller, second),
            review_overdue=break_glass.overdue(waiting, caller.agency_id, at),
            reviewing=wish.reviews is not None,
            may_review=wish.reviews is not None
            and break_glass.may_review(waiting, wish.reviews, caller.agency_id, caller.actor_ref),
            visible_from=purpose.visible_from or 0,
            court_order=code(purpose.court_order or ""),
        )

    def _agreement(self, wish: Wish, at: int) -> policy.Agreement | None:
        named = wish.purpose.agreement_id
        return self._gate.agreements.active(named, wish.caller.agency_id, at) if named is not None else None

    def _waiting(self, wish: Wish) -> Mapping[bytes, Emergency]:
        """Return the emergencies that wait for a review, asked for only where they matter."""
        matters = wish.action == BREAK_GLASS or wish.reviews is not None
        return self._gate.reviews.waiting(wish.caller.agency_id) if matters else {}


def _written(receipt: Receipt) -> WrittenIntent:
    """Return the proof of the intent that was acknowledged; raises NotAnIntent for the receipt of anything else."""
    return WrittenIntent(
        receipt.event_id, receipt.topic, receipt.partition, receipt.offset, receipt.value_hash, receipt.value
    )


def _unavailable(why: str) -> Denied:
    return Denied(why, (why,))


def _persons(wish: Wish, policies: Policies) -> int:
    """Return how many persons are counted before anything was found."""
    match wish.target:
        case ExportAsked(persons=persons):
            return persons
        case TrailOfPerson():
            return 1
        case TrailOfAccessor() | TrailOfAgency() | TrailEntry() | WholeTrail() | RefusalsAsked():
            return 0
        case _:
            return policies.data.reserve_per_look


def _scope(wish: Wish) -> str:
    match wish.target:
        case TrailOfPerson():
            return "SUBJECT"
        case TrailOfAccessor():
            return "ACCESSOR"
        case TrailOfAgency() | RefusalsAsked():
            return "AGENCY"
        case TrailEntry():
            return "ENTRY"
        case WholeTrail():
            return "ALL"
        case _:
            return ""


def _own(wish: Wish) -> bool:
    """Tell whether a citizen asks of themselves, or an agency of its own looks or refusals."""
    match wish.target:
        case PersonAsked(person) | TrailOfPerson(person):
            return wish.caller.person_ref is not None and wish.caller.person_ref == person
        case TrailOfAccessor(agency, _) | TrailOfAgency(agency) | TrailEntry(_, agency) | RefusalsAsked(agency):
            return agency == wish.caller.agency_id
        case _:
            return False


def _differs(caller: Caller, second: Caller) -> bool:
    """Tell whether the second is another officer of the same agency, by a token of their own."""
    own_token = second.token_jti is not None and second.token_jti != caller.token_jti
    return own_token and second.agency_id == caller.agency_id and second.actor_ref != caller.actor_ref


def _said(wish: Wish) -> tuple[str | None, ...]:
    caller, purpose = wish.caller, wish.purpose
    seconds = (wish.second.actor_ref,) if wish.second is not None else ()
    exported = (wish.target.export_id, *wish.target.regions) if isinstance(wish.target, ExportAsked) else ()
    who = (caller.agency_id, caller.actor_ref, caller.actor_role)
    named = (purpose.agreement_id, purpose.court_order)
    return (*who, purpose.code, purpose.text, *named, *seconds, *exported, *wish.fields)
