"""What goes on record of a look: its intent, what became of it, and each person it disclosed, as drafts.

Codes, keyed references and digests only; whatever a caller says is cut and filtered. Must not know how a look is
judged, nor where entries go.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

from consumers.gateway import opening
from consumers.gateway.identifiers import Target
from consumers.gateway.looking import Result
from consumers.gateway.nik_filter import cleaned
from consumers.gateway.policy_request import Allowed, Denied
from consumers.gateway.request import Caller, CardAsked, FamilyAsked, PersonAsked, Purpose, TrailOfPerson
from consumers.replay import moments as times
from consumers.replay.moments import Moments
from identity.audit_reference import EpochKey
from schemas import records, visibility

LONGEST_CODE: Final = 64
LONGEST_TEXT: Final = 200
MOST_FIELDS: Final = 32
TRAIL: Final = "trail"
_OF_CALLER: Final = frozenset({"person_ref"})  # of a citizen's token: never on record as it is

Draft = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """One request at the door: who wants to do what with which fields of whom, and who approves it with them."""

    caller: Caller
    purpose: Purpose
    action: str
    target: Target
    fields: tuple[str, ...]
    moments: Moments = times.NOW
    second: Caller | None = None
    reviews: bytes | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A decision, the policy set that made it, and until when an emergency must be reviewed."""

    decision: Allowed | Denied
    policy_set_hash: bytes
    review_due_at: int | None = None


@dataclass(frozen=True, slots=True)
class OnRecord:
    """An intent that is on record, or may be later: its event_id, and the policy set that judged it."""

    intent_id: bytes
    policy_set_hash: bytes


@dataclass(frozen=True, slots=True)
class Recorder:
    """Drafts entries with the references of one epoch."""

    epoch: EpochKey

    def intent(self, wish: Wish, judged: Judgement) -> Draft:
        """Return the draft of an intent."""
        decision, purpose = judged.decision, wish.purpose
        person = wish.target.person_ref if isinstance(wish.target, PersonAsked | TrailOfPerson) else None
        family = _household(wish.target)
        return partial(
            records.AccessIntent,
            **_who(wish.caller),
            action=wish.action,
            purpose_code=code(purpose.code),
            purpose_version=decision.purpose_version,
            purpose_text=cleaned(purpose.text, LONGEST_TEXT) if purpose.text is not None else None,
            agreement_id=code(purpose.agreement_id) if purpose.agreement_id is not None else None,
            legal_basis_code=decision.legal_basis if isinstance(decision, Allowed) else "",
            subject_ref=self.epoch.subject_ref(person) if person is not None else None,
            subject_key_epoch=self.epoch.epoch,
            household_ref=self.epoch.subject_ref(family) if family is not None else None,
            query_commitment=self.epoch.query_commitment(_query(wish)),
            fields_requested=tuple(code(field) for field in wish.fields[:MOST_FIELDS]),
            decision="ALLOW" if isinstance(decision, Allowed) else "DENY",
            policy_set_hash=judged.policy_set_hash,
            determining_rules=decision.rules,
            decision_input=decision.decision_input,
            second_actor_ref=code(wish.second.actor_ref) if wish.second is not None else None,
            review_due_at=judged.review_due_at,
            reviews_intent_id=wish.reviews,
        )

    def outcome(
        self, of: OnRecord, count: int, response: bytes, second: Allowed | Denied | None, suppressed: int = 0
    ) -> Draft:
        """Return the draft of an outcome that showed something, or nothing; `suppressed` lines were withheld by law."""
        return self._outcome(of, "DELIVERED", None, second, count, response, suppressed)

    def nothing_shown(self, of: OnRecord, why: str, outcome: str, second: Allowed | Denied | None = None) -> Draft:
        """Return the draft of an outcome that showed nothing."""
        return self._outcome(of, outcome, why, second, 0, b"")

    def _outcome(  # noqa: PLR0913, PLR0917  what an outcome says
        self,
        of: OnRecord,
        outcome: str,
        why: str | None,
        second: Allowed | Denied | None,
        count: int,
        sent: bytes,
        suppressed: int = 0,
    ) -> Draft:
        return partial(
            records.AccessOutcome,
            intent_id=of.intent_id,
            policy_set_hash=of.policy_set_hash,
            outcome=outcome,
            reason=why,
            decision_input=second.decision_input if second is not None else None,
            determining_rules=second.rules if second is not None else (),
            result_count=count,
            suppressed_count=suppressed,
            byte_count=len(sent),
            response_digest=self.epoch.response_digest(hashlib.sha256(sent).digest()),
        )

    def disclosure(self, of: OnRecord, wish: Wish, found: Result, person: str) -> Draft:
        """Return the draft of a person's disclosure."""
        clear = any(field.endswith(opening.CLEAR) for field in wish.fields)
        return partial(
            records.SubjectDisclosure,
            intent_id=of.intent_id,
            policy_set_hash=of.policy_set_hash,
            subject_ref=self.epoch.subject_ref(person),
            subject_key_epoch=self.epoch.epoch,
            household_ref=self.epoch.subject_ref(found.family_id),
            fields_disclosed=wish.fields,
            masking_profile="CLEAR" if clear else "LAST4",
            record_version=found.sequence,
            as_of=wish.moments.as_of,
            recorded_as_of=wish.moments.known_at,
            **_visibility(wish.purpose),
        )

    def trail_disclosure(self, of: OnRecord, wish: Wish, person: str) -> Draft:
        """Return the draft of the disclosure that somebody read this person's trail."""
        return partial(
            records.SubjectDisclosure,
            intent_id=of.intent_id,
            policy_set_hash=of.policy_set_hash,
            subject_ref=self.epoch.subject_ref(person),
            subject_key_epoch=self.epoch.epoch,
            fields_disclosed=(TRAIL,),
            masking_profile="NONE",
            record_version=0,
            **_visibility(wish.purpose),
        )


def _visibility(purpose: Purpose) -> dict[str, Any]:
    """Return from when the person sees the look, as it was let in: never withheld without an expiry."""
    order = code(purpose.court_order) if purpose.court_order is not None else None
    found = visibility.of(purpose.visible_from, order)
    return {"visibility": found.kind, "visibility_until": found.until, "visibility_order": found.order}


def _household(target: Target) -> str | None:
    """Return what names the family asked for: its id, or its card, so that who asked by it is told to its people."""
    match target:
        case FamilyAsked(family_id):
            return family_id
        case CardAsked(card_ref):
            return card_ref
        case _:
            return None


def code(text: str) -> str:
    """Return what a caller said as it may go on record: cut, and without anything like a NIK."""
    return cleaned(text, LONGEST_CODE)


def canonical(shown: Any) -> bytes:
    """Return what is about to be shown as the bytes that its digest is taken of: JSON, keys in order, ASCII alone.

    Where it is sent over HTTP, it is sent as these bytes.
    """
    return json.dumps(shown, sort_keys=True, separators=(",", ":"), default=str).encode()


def _who(caller: Caller) -> dict[str, Any]:
    said = {name: value for name, value in asdict(caller).items() if value is not None and name not in _OF_CALLER}
    return {name: code(value) if isinstance(value, str) else value for name, value in said.items()}


def _query(wish: Wish) -> str:
    """Return what an intent commits to: whom was asked for, and at which times where it wasn't about now."""
    at = [] if wish.moments.is_now else [asdict(wish.moments)]
    return json.dumps([type(wish.target).__name__, asdict(wish.target), *at], default=bytes.hex)
