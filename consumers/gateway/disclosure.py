"""The door: the only way to see a person's data, for every screen, export, feed and command.

Policy, then a durable intent, then the read, then durable disclosures, then the answer; whatever can't be on record is
not shown. Must not know how a caller was authenticated, nor how an answer is carried.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

from cassandra import DriverException
from cassandra.cluster import NoHostAvailable

from consumers.gateway import opening, purposes
from consumers.gateway.audit_log import AuditTrail, AuditUnavailable, Receipt
from consumers.gateway.families import Families
from consumers.gateway.looking import BEHIND, Looking, Result, Wanted
from consumers.gateway.nik_filter import cleaned, looks_like_nik
from consumers.gateway.request import (
    Asked,
    AuditAsked,
    AuditDisclosed,
    AuditFound,
    Caller,
    ExportAsked,
    ExportStream,
    FamilyAsked,
    FamilyDisclosed,
    HistoryDisclosed,
    PersonAsked,
    Purpose,
    Withheld,
)
from consumers.replay import moments as times
from consumers.replay import two_times
from consumers.replay.moments import Moments
from consumers.replay.rules import Rules, no_rules
from identity.audit_reference import EpochKey
from identity.keys import KeyStore
from identity.open import Opener
from schemas import records

_LONGEST_CODE: Final = 64
_LONGEST_TEXT: Final = 200
_MOST_FIELDS: Final = 32
_AWAY: Final = (DriverException, NoHostAvailable)
_PAUSES: Final = (0.05, 0.1, 0.2, 0.4)
_NOTHING_THERE: Final = frozenset({"NOT_FOUND", two_times.BEFORE_FIRST_EVENT})
_NOT_READABLE: Final = frozenset({opening.BEHIND.code, opening.DIFFERS.code})


@dataclass(frozen=True, slots=True)
class _Look:
    """One request that was let in: who asked for which fields at which times, and its intent on record."""

    caller: Caller
    fields: tuple[str, ...]
    moments: Moments
    intent: Receipt

    def wanted(self, asked: Asked) -> Wanted:
        """Return what is to be found."""
        return Wanted(self.caller.agency_id, asked, self.fields, self.moments)


class Door:
    """One gateway's door, over a read model, the keys of what is sealed, and a chain of the audit trail."""

    def __init__(  # noqa: PLR0913, PLR0917  all that it stands on
        self,
        read_model: Families,
        opener: Opener,
        trail: AuditTrail,
        epoch_key: EpochKey,
        pause: Callable[[float], None] = time.sleep,
        rules: Rules = no_rules,
    ) -> None:
        self._pause = pause
        self._looking = Looking(read_model, opener, rules)
        self._trail = trail
        self._epoch = epoch_key
        self._policy_hash = purposes.register_hash()

    def look_family(
        self,
        caller: Caller,
        purpose: Purpose,
        asked: Asked,
        fields: Iterable[str],
        moments: Moments = times.NOW,
    ) -> FamilyDisclosed | Withheld:
        """Return the family's permitted fields once the look is on record; a Withheld holds and showed nothing.

        Fields are codes of `purposes.FIELDS`; a number is masked but for its last four unless asked for with `.clear`.
        At other `moments` than now the disclosures name them; whose family it is, and whether the caller may look, is
        judged by the present. Raises SequenceHole when the family's history lacks an event.
        """
        look = self._admitted(caller, purpose, asked, tuple(dict.fromkeys(fields)), moments)
        if isinstance(look, Withheld):
            return look
        result = self._reading(look, partial(self._looking.family, look.wanted(asked)))
        if isinstance(result, Withheld):
            return result
        state, found = result
        receipts = self._recorded(look, found)
        if isinstance(receipts, Withheld):
            return receipts
        return FamilyDisclosed(found.family_id, found.sequence, state.recorded_at, found.shown, receipts)

    def history(
        self, caller: Caller, purpose: Purpose, asked: Asked, moments: Moments = times.NOW
    ) -> HistoryDisclosed | Withheld:
        """Return the family's history, nothing sealed in it opened, once the look is on record.

        At other `moments` than now: the events that the state of then adds up from. Raises SequenceHole as above.
        """
        look = self._admitted(caller, purpose, asked, (purposes.HISTORY,), moments)
        if isinstance(look, Withheld):
            return look
        result = self._reading(look, partial(self._looking.history, look.wanted(asked)))
        if isinstance(result, Withheld):
            return result
        entries, found = result
        receipts = self._recorded(look, found)
        if isinstance(receipts, Withheld):
            return receipts
        return HistoryDisclosed(found.family_id, entries, receipts)

    def break_glass(
        self, caller: Caller, second: Caller, purpose: Purpose, asked: Asked, fields: Iterable[str]
    ) -> FamilyDisclosed | Withheld:
        """Return one family's fields in an emergency that a second officer vouches for, to be reviewed in 3x24 hours.

        `second` was authenticated by a token of their own and is another officer of the same agency; `purpose.text`
        says what the emergency is.
        """
        raise NotImplementedError

    def audit_read(
        self, caller: Caller, purpose: Purpose, about: AuditAsked, read: Callable[[], AuditFound]
    ) -> AuditDisclosed | Withheld:
        """Return what `read` finds in the trail once the intent, and then the outcome, are on record.

        `read` is called only after the intent (action AUDIT_READ) is durable. A person's trail leaves a disclosure of
        that person, so that they see who read it.
        """
        raise NotImplementedError

    def open_export(
        self, caller: Caller, purpose: Purpose, asked: ExportAsked, second: Caller | None = None
    ) -> ExportStream | Withheld:
        """Lend the stream of an export under `purpose.agreement_id`, its intent on record; a Withheld showed nothing.

        Above the number of persons that the policies name, `second` must have approved: another officer by their own
        token.
        """
        raise NotImplementedError

    def _admitted(
        self, caller: Caller, purpose: Purpose, asked: Asked, fields: tuple[str, ...], moments: Moments
    ) -> _Look | Withheld:
        """Return the look with its intent durable, or the refusal, on record too wherever that is possible."""
        rule = self._policy(caller, purpose, fields)
        intent = self._intent(caller, purpose, asked, fields, moments, rule)
        answer = self._trail.append(intent)
        if isinstance(answer, AuditUnavailable):
            return self._unrecorded(answer.queued)
        if isinstance(rule, purposes.Denied):
            return self._withheld(answer[0], rule.code)
        return _Look(caller, fields, moments, answer[0])

    @staticmethod
    def _policy(caller: Caller, purpose: Purpose, fields: Sequence[str]) -> purposes.Rule | purposes.Denied:
        said = (caller.agency_id, caller.actor_ref, purpose.code, purpose.text, purpose.agreement_id, *fields)
        if any(text and looks_like_nik(text) for text in said):
            return purposes.Denied("NIK_IN_TEXT")
        return purposes.rule_for(purpose.code, caller.agency_id, fields)

    def _intent(  # noqa: PLR0913, PLR0917  idem, and what the policy says
        self,
        caller: Caller,
        purpose: Purpose,
        asked: Asked,
        fields: Sequence[str],
        moments: Moments,
        rule: purposes.Rule | purposes.Denied,
    ) -> Callable[..., records.AccessIntent]:
        allowed = isinstance(rule, purposes.Rule)
        person = asked.person_ref if isinstance(asked, PersonAsked) else None
        family = asked.family_id if isinstance(asked, FamilyAsked) else None
        who: dict[str, Any] = {
            name: _code(value) if isinstance(value, str) else value
            for name, value in asdict(caller).items()
            if value is not None and name != "person_ref"
        }
        return partial(
            records.AccessIntent,
            **who,
            action="READ",
            purpose_code=_code(purpose.code),
            purpose_version=purposes.VERSION,
            purpose_text=cleaned(purpose.text, _LONGEST_TEXT) if purpose.text is not None else None,
            agreement_id=_code(purpose.agreement_id) if purpose.agreement_id is not None else None,
            legal_basis_code=rule.legal_basis if isinstance(rule, purposes.Rule) else "",
            subject_ref=self._epoch.subject_ref(person) if person is not None else None,
            subject_key_epoch=self._epoch.epoch,
            household_ref=self._epoch.subject_ref(family) if family is not None else None,
            query_commitment=self._epoch.query_commitment(_query(asked, moments)),
            fields_requested=tuple(_code(field) for field in fields[:_MOST_FIELDS]),
            decision="ALLOW" if allowed else "DENY",
            policy_set_hash=self._policy_hash,
            determining_rules=(rule.code,),
            decision_input="",
        )

    def _reading(self, look: _Look, read: Callable[[], Any]) -> Any:
        """Return what `read` finds; when it can't, that is on record before the refusal, or the fault, goes on."""
        try:
            found = self._patiently(read)
        except _AWAY:
            return self._withheld(look.intent, "READ_MODEL_UNAVAILABLE", outcome="FAILED")
        except Exception:
            self._withheld(look.intent, "FAULT", outcome="FAILED")
            raise
        if isinstance(found, Withheld):
            return self._withheld(look.intent, found.code, outcome=_outcome(found.code))
        return found

    def _patiently(self, read: Callable[[], Any]) -> Any:
        """Return what `read` finds, read again for less than a second while the read model is behind itself.

        What looks like a hole may be a row on its way, too: only one that stays is a fault.
        """
        for seconds in _PAUSES:
            try:
                found = read()
            except two_times.SequenceHole:
                found = BEHIND
            if found != BEHIND:
                return found
            self._pause(seconds)
        return read()

    def _recorded(self, look: _Look, found: Result) -> tuple[Receipt, ...] | Withheld:
        """Return the receipts of the outcome and of one disclosure per person; a refusal when they aren't durable."""
        response = json.dumps(found.shown, sort_keys=True, separators=(",", ":"), default=str).encode()
        outcome = partial(
            records.AccessOutcome,
            intent_id=look.intent.event_id,
            outcome="DELIVERED",
            result_count=len(found.persons),
            suppressed_count=0,
            determining_rules=(),
            byte_count=len(response),
            response_digest=self._epoch.response_digest(response),
        )
        answer = self._trail.append(outcome, *(self._disclosure(look, found, person) for person in found.persons))
        if isinstance(answer, AuditUnavailable):
            return self._unrecorded((look.intent.event_id,))
        return (look.intent, *answer)

    def _disclosure(self, look: _Look, found: Result, person: str) -> Callable[..., records.SubjectDisclosure]:
        return partial(
            records.SubjectDisclosure,
            intent_id=look.intent.event_id,
            subject_ref=self._epoch.subject_ref(person),
            subject_key_epoch=self._epoch.epoch,
            household_ref=self._epoch.subject_ref(found.family_id),
            fields_disclosed=look.fields,
            masking_profile="CLEAR" if any(field.endswith(opening.CLEAR) for field in look.fields) else "LAST4",
            record_version=found.sequence,
            as_of=look.moments.as_of,
            recorded_as_of=look.moments.known_at,
            visibility="CITIZEN",
        )

    def _withheld(self, intent: Receipt, code: str, outcome: str = "WITHHELD") -> Withheld:
        """Return the refusal once it is on record that nothing was shown."""
        recorded = self._trail.append(self._nothing_shown(intent.event_id, code, outcome))
        return Withheld("AUDIT_UNAVAILABLE" if isinstance(recorded, AuditUnavailable) else code)

    def _unrecorded(self, intents: Sequence[bytes]) -> Withheld:
        """Return the refusal of what isn't durable; that nothing was shown follows when the broker is back."""
        for intent_id in intents:
            self._trail.queue(self._nothing_shown(intent_id, "AUDIT_UNAVAILABLE", "WITHHELD"))
        return Withheld("AUDIT_UNAVAILABLE")

    def _nothing_shown(self, intent_id: bytes, code: str, outcome: str) -> Callable[..., records.AccessOutcome]:
        return partial(
            records.AccessOutcome,
            intent_id=intent_id,
            outcome=outcome,
            reason=code,
            result_count=0,
            suppressed_count=0,
            determining_rules=(),
            byte_count=0,
            response_digest=self._epoch.response_digest(b""),
        )


def door(
    read_model: Families, keystore: KeyStore, trail: AuditTrail, epoch_key: EpochKey, rules: Rules = no_rules
) -> Door:
    """Return the door over these keys; the one way for the composition root to have sealed fields opened.

    `rules` tells every activation of rules, to judge the eligibility of other times by.
    """
    return Door(read_model, Opener(keystore), trail, epoch_key, rules=rules)


def _query(asked: Asked, moments: Moments) -> str:
    """Return what an intent commits to: whom was asked for, and at which times where it wasn't about now."""
    at = [] if moments.is_now else [asdict(moments)]
    return json.dumps([type(asked).__name__, asdict(asked), *at])


def _outcome(code: str) -> str:
    """Return the outcome that a refusal after the intent is on record with."""
    if code in _NOTHING_THERE:
        return "DELIVERED"
    return "FAILED" if code in _NOT_READABLE else "WITHHELD"


def _code(text: str) -> str:
    return cleaned(text, _LONGEST_CODE)
