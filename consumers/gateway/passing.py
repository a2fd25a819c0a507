"""What every look passes: admission, a patient read, and the record of whom it showed before anything is returned.

Must not know what is looked for, nor how it is shown.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from cassandra import DriverException
from cassandra.cluster import NoHostAvailable

from consumers.gateway import waiting
from consumers.gateway.admission import Admission, Look
from consumers.gateway.audit_log import AuditTrail, AuditUnavailable, Receipt
from consumers.gateway.looking import BEHIND, Result, Wanted, outcome_of
from consumers.gateway.opening import KeysUnavailable
from consumers.gateway.policy import Allowed, Denied
from consumers.gateway.recording import Draft, Recorder, Wish, canonical
from consumers.gateway.request import Asked, AuditFound, Withheld
from consumers.replay import two_times
from schemas import records

_Found = TypeVar("_Found")

_AWAY: Final = (DriverException, NoHostAvailable)
_PAUSES: Final = (0.05, 0.1, 0.2, 0.4)


@dataclass(slots=True)
class Second:
    """Judges the place of what is found, and keeps the last decision for the record."""

    admission: Admission
    look: Look
    decision: Allowed | Denied | None = None

    def __call__(self, region: records.Region | None) -> Withheld | None:
        """Return the refusal of what lies in a region, or None where the caller may see it."""
        self.decision = self.admission.judged_at(self.look, region)
        return Withheld(self.decision.code) if isinstance(self.decision, Denied) else None


class Passing:
    """The way of one gateway's looks, from a wish to what may be shown; `pause` waits for so many seconds."""

    def __init__(
        self, admission: Admission, trail: AuditTrail, recorder: Recorder, pause: Callable[[float], None]
    ) -> None:
        self._admission = admission
        self._trail = trail
        self._recorder = recorder
        self._pause = pause

    @waiting.one_request()
    def looked(
        self, wish: Wish, asked: Asked, find: Callable[[Wanted], tuple[_Found, Result] | Withheld]
    ) -> tuple[_Found, Result, tuple[Receipt, ...]] | Withheld:
        """Return what `find` finds of a family, once it is on record whom that shows."""
        look = self._admission.admit(wish)
        if isinstance(look, Withheld):
            return look
        second = Second(self._admission, look)
        wanted = Wanted(asked, wish.fields, wish.moments, second, look.written)
        result: tuple[_Found, Result] | Withheld = self._reading(look, second, partial(find, wanted))
        if isinstance(result, Withheld):
            return result
        receipts = self._recorded(look, second, result[1])
        return receipts if isinstance(receipts, Withheld) else (*result, receipts)

    @waiting.one_request()
    def listed(
        self, wish: Wish, read: Callable[[Second], AuditFound | Withheld], persons: Sequence[str] = ()
    ) -> tuple[AuditFound, tuple[Receipt, ...]] | Withheld:
        """Return the lines that `read` finds, once it is on record how many, and that these persons' trail was read."""
        look = self._admission.admit(wish)
        if isinstance(look, Withheld):
            return look
        second = Second(self._admission, look)
        found: AuditFound | Withheld = self._reading(look, second, partial(read, second))
        if isinstance(found, Withheld):
            return found
        drafts = [self._recorder.trail_disclosure(look.on_record, wish, person) for person in persons]
        shown = canonical(found.lines) if found.body is None else found.body
        receipts = self._put_on_record(look, second, len(found.lines), shown, drafts, suppressed=found.suppressed)
        return receipts if isinstance(receipts, Withheld) else (found, receipts)

    def _reading(self, look: Look, second: Second, read: Callable[[], Any]) -> Any:
        """Return what `read` finds; when it can't, that is on record before the refusal, or the fault, goes on."""
        try:
            with waiting.reading():
                found = self._patiently(read)
        except KeysUnavailable:
            return self._unread(look, "KEYS_UNAVAILABLE", "FAILED", second)
        except _AWAY:
            return self._unread(look, "READ_MODEL_UNAVAILABLE", "FAILED", second)
        except Exception:
            self._unread(look, "FAULT", "FAILED", second)
            raise
        if isinstance(found, Withheld):
            return self._unread(look, found.code, outcome_of(found.code), second)
        return found

    def _unread(self, look: Look, why: str, outcome: str, second: Second) -> Withheld:
        self._admission.settle(look.reserved, 0)
        return self._admission.withheld(look.on_record, why, outcome, second.decision)

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

    def _recorded(self, look: Look, second: Second, found: Result) -> tuple[Receipt, ...] | Withheld:
        """Return the receipts of the outcome and of one disclosure per person; a refusal when they aren't durable."""
        exceeded = self._admission.settle(look.reserved, len(found.persons))
        if exceeded is not None:
            return self._unread(look, exceeded.code, "WITHHELD", second)
        drafts = [self._recorder.disclosure(look.on_record, look.wish, found, person) for person in found.persons]
        return self._put_on_record(look, second, len(found.persons), canonical(found.shown), drafts)

    def _put_on_record(  # noqa: PLR0913  what is to be said of a look
        self,
        look: Look,
        second: Second,
        count: int,
        response: bytes,
        disclosures: Iterable[Draft],
        *,
        suppressed: int = 0,
    ) -> tuple[Receipt, ...] | Withheld:
        outcome = self._recorder.outcome(look.on_record, count, response, second.decision, suppressed)
        answer = self._trail.append(outcome, *disclosures)
        if isinstance(answer, AuditUnavailable):
            # Counted as seen: the intent stands, and who reads the trail takes it for disclosed until told otherwise.
            return self._admission.unrecorded(answer, (look.on_record,))
        return (look.intent, *answer)
