"""The door: the only way to see a person's data, for every screen, export, feed and command.

Policy, then a durable intent, then the read, then durable disclosures, then the answer; whatever can't be on record is
not shown. Must not know how a caller was authenticated, nor how an answer is carried.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from consumers.gateway import purposes
from consumers.gateway.admission import Admission, Gate
from consumers.gateway.audit_log import AuditTrail
from consumers.gateway.break_glass import BREAK_GLASS
from consumers.gateway.families import Families
from consumers.gateway.looking import Looking
from consumers.gateway.passing import Passing, Second
from consumers.gateway.provenance import ProvenanceDisclosed
from consumers.gateway.rankings import Tell
from consumers.gateway.recording import Recorder, Wish
from consumers.gateway.request import (
    Asked,
    AuditAsked,
    AuditDisclosed,
    AuditFound,
    Caller,
    ExportAsked,
    ExportStream,
    FamilyDisclosed,
    HistoryDisclosed,
    LifeDisclosed,
    Purpose,
    RankingDisclosed,
    RefusalsAsked,
    RefusalsDisclosed,
    TrailEntry,
    TrailOfPerson,
    Withheld,
)
from consumers.gateway.streaming import OpenedExport
from consumers.gateway.why import Tell as TellLife
from consumers.replay import moments as times
from consumers.replay.moments import Moments
from consumers.replay.rules import Rules, no_rules
from identity.audit_reference import EpochKey
from identity.keys import KeyStore
from identity.open import Opener


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
        gate: Gate | None = None,
    ) -> None:
        self._looking = Looking(read_model, opener, rules)
        self._trail = trail
        self._recorder = Recorder(epoch_key)
        self._admission = Admission(gate or Gate(), trail, self._recorder)
        self._passing = Passing(self._admission, trail, self._recorder, pause)

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
        return self._family(Wish(caller, purpose, "READ", asked, tuple(dict.fromkeys(fields)), moments), asked)

    def break_glass(
        self, caller: Caller, second: Caller, purpose: Purpose, asked: Asked, fields: Iterable[str]
    ) -> FamilyDisclosed | Withheld:
        """Return one family's fields in an emergency that a second officer vouches for, to be reviewed in 3x24 hours.

        `second` was authenticated by a token of their own and is another officer of the same agency; `purpose.text`
        says what the emergency is. While an earlier emergency of the agency waits too long for its review, refused.
        """
        wish = Wish(caller, purpose, BREAK_GLASS, asked, tuple(dict.fromkeys(fields)), second=second)
        return self._family(wish, asked)

    def history(
        self, caller: Caller, purpose: Purpose, asked: Asked, moments: Moments = times.NOW
    ) -> HistoryDisclosed | Withheld:
        """Return the family's history, nothing sealed in it opened, once the look is on record.

        At other `moments` than now: the events that the state of then adds up from. Raises SequenceHole as above.
        """
        answer = self._passing.looked(
            Wish(caller, purpose, "READ", asked, (purposes.HISTORY,), moments), asked, self._looking.history
        )
        if isinstance(answer, Withheld):
            return answer
        entries, found, receipts = answer
        return HistoryDisclosed(found.family_id, entries, receipts)

    def rankings(self, caller: Caller, purpose: Purpose, asked: Asked, tell: Tell) -> RankingDisclosed | Withheld:
        """Return what `tell` says of the family's last two rankings once the look is on record; nothing is opened.

        `tell` is called only after the intent is durable, with none where no run ever spoke of the family.
        """
        wish = Wish(caller, purpose, "READ", asked, (purposes.RANKING,))
        answer = self._passing.looked(wish, asked, lambda wanted: self._looking.rankings(wanted, tell))
        if isinstance(answer, Withheld):
            return answer
        told, found, receipts = answer
        return RankingDisclosed(found.family_id, told, receipts)

    def life(self, caller: Caller, purpose: Purpose, asked: Asked, tell: TellLife) -> LifeDisclosed | Withheld:
        """Return what `tell` says of the family's whole life once the look is on record; nothing sealed is opened.

        `tell` is called only after the intent is durable. It takes a purpose that may see history and ranking.
        """
        wish = Wish(caller, purpose, "READ", asked, (purposes.HISTORY, purposes.RANKING))
        answer = self._passing.looked(wish, asked, lambda wanted: self._looking.life(wanted, tell))
        if isinstance(answer, Withheld):
            return answer
        told, found, receipts = answer
        return LifeDisclosed(found.family_id, told, receipts)

    def provenance(self, caller: Caller, purpose: Purpose, asked: Asked) -> ProvenanceDisclosed | Withheld:
        """Return the source of each of the family's variables once the look is on record; nothing is opened or shown.

        It tells what the history tells, variable by variable, and takes a purpose that may see the history.
        """
        answer = self._passing.looked(
            Wish(caller, purpose, "READ", asked, (purposes.HISTORY,)), asked, self._looking.provenance
        )
        if isinstance(answer, Withheld):
            return answer
        found, shown, receipts = answer
        return ProvenanceDisclosed(shown.family_id, found, receipts)

    def refusals(
        self, caller: Caller, purpose: Purpose, agency: str, read: Callable[[], Sequence[Any]]
    ) -> RefusalsDisclosed | Withheld:
        """Return the lines that `read` finds of what was refused to the caller's own agency, on record as a LIST.

        `read` is called only once the intent is durable; its lines are what JSON can say, and open nothing of anybody.
        """
        wish = Wish(caller, purpose, "LIST", RefusalsAsked(agency), (purposes.REFUSALS,))
        answer = self._passing.listed(wish, lambda _: AuditFound(read()))
        return answer if isinstance(answer, Withheld) else RefusalsDisclosed(answer[0].lines, answer[1])

    def audit_read(
        self,
        caller: Caller,
        purpose: Purpose,
        about: AuditAsked,
        read: Callable[[], AuditFound],
        *,
        reviews: bool = False,
    ) -> AuditDisclosed | Withheld:
        """Return what `read` finds in the trail once the intent, and then the outcome, are on record.

        `read` is called only after the intent (action AUDIT_READ) is durable. A person's trail leaves a disclosure of
        that person, so that they see who read it. With `reviews` the reading of a TrailEntry reviews that emergency.
        """
        reviewed = about.event_id if reviews and isinstance(about, TrailEntry) else None
        wish = Wish(caller, purpose, "AUDIT_READ", about, (), reviews=reviewed)
        answer = self._passing.listed(wish, lambda second: self._trail_read(about, second, read), _persons_of(about))
        return answer if isinstance(answer, Withheld) else AuditDisclosed(*answer)

    def open_export(
        self, caller: Caller, purpose: Purpose, asked: ExportAsked, second: Caller | None = None
    ) -> ExportStream | Withheld:
        """Lend the stream of an export under `purpose.agreement_id`, its intent on record; a Withheld showed nothing.

        Above the number of persons that the policies name, `second` must have approved: another officer by their own
        token.
        """
        wish = Wish(caller, purpose, "EXPORT", asked, tuple(dict.fromkeys(asked.fields)), second=second)
        look = self._admission.admit(wish)
        if isinstance(look, Withheld):
            return look
        return OpenedExport(self._admission, self._trail, self._recorder, self._looking, look)

    def _family(self, wish: Wish, asked: Asked) -> FamilyDisclosed | Withheld:
        answer = self._passing.looked(wish, asked, self._looking.family)
        if isinstance(answer, Withheld):
            return answer
        state, found, receipts = answer
        return FamilyDisclosed(found.family_id, found.sequence, state.recorded_at, found.shown, receipts)

    def _trail_read(self, about: AuditAsked, second: Second, read: Callable[[], AuditFound]) -> AuditFound | Withheld:
        """Return what is found of the trail; of a person's only where the caller may look at their place."""
        if isinstance(about, TrailOfPerson):
            refused = second(self._looking.region_of(about.person_ref))
            if refused is not None:
                return refused
        return read()


def door(  # noqa: PLR0913, PLR0917  all that it stands on
    read_model: Families,
    keystore: KeyStore,
    trail: AuditTrail,
    epoch_key: EpochKey,
    rules: Rules = no_rules,
    gate: Gate | None = None,
) -> Door:
    """Return the door over these keys; the one way for the composition root to have sealed fields opened.

    `rules` tells every activation of rules, to judge the eligibility of other times by; `gate` judges who may look.
    """
    return Door(read_model, Opener(keystore), trail, epoch_key, rules=rules, gate=gate)


def _persons_of(about: AuditAsked) -> tuple[str, ...]:
    return (about.person_ref,) if isinstance(about, TrailOfPerson) else ()
