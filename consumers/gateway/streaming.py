"""An export that was let in, chunk by chunk: each person of a chunk is on record before its bytes are returned.

One intent at its beginning, one outcome at its end, which commits to every disclosure between. Each chunk is judged
again, by the agreement and the policies of that moment. Must not know where families are listed, nor where bytes go.
"""

import hashlib
from collections.abc import Collection, Sequence
from functools import cache, partial
from typing import Final

from cassandra import DriverException
from cassandra.cluster import NoHostAvailable

from consumers.gateway import waiting
from consumers.gateway.admission import Admission, Look
from consumers.gateway.audit_log import AuditTrail, AuditUnavailable, Receipt
from consumers.gateway.looking import Looking, Result, Wanted
from consumers.gateway.opening import KeysUnavailable
from consumers.gateway.policy import Allowed, Denied
from consumers.gateway.recording import Draft, Recorder
from consumers.gateway.request import ChunkDisclosed, ExportAsked, FamilyAsked, FamilyRow, Render, Withheld
from schemas import merkle, records

OF_PLACE: Final = frozenset({"OUTSIDE_AREA", "AGREEMENT_NOT_FOR_PLACE"})
"""Refusals that leave one family out; any other stops the chunk."""
TOO_MANY: Final = "EXPORT_PERSONS_EXCEEDED"
CLOSED: Final = "EXPORT_CLOSED"


class _Root:
    """The root over the disclosures so far, as RFC 6962 grows a tree: one node for each full subtree."""

    def __init__(self) -> None:
        self.size = 0
        self._edge: list[bytes] = []

    def add(self, value_hash: bytes) -> None:
        node, size = merkle.leaf_hash(value_hash), self.size
        while size % 2:
            node, size = merkle.node_hash(self._edge.pop(), node), size // 2
        self._edge.append(node)
        self.size += 1

    def root(self) -> bytes:
        if not self._edge:
            return merkle.EMPTY_ROOT
        *others, node = self._edge
        for left in reversed(others):
            node = merkle.node_hash(left, node)
        return node


class OpenedExport:
    """The stream of one export; of one thread."""

    def __init__(
        self, admission: Admission, trail: AuditTrail, recorder: Recorder, looking: Looking, look: Look
    ) -> None:
        self._admission = admission
        self._trail = trail
        self._recorder = recorder
        self._looking = looking
        self._look = look
        self._sent = hashlib.sha256()
        self._bytes = 0
        self._left_out = 0
        self._root = _Root()
        self._decision: Allowed | Denied | None = None
        self._over = False

    @property
    def intent(self) -> Receipt:
        """Where the export's one intent is durable."""
        return self._look.intent

    @waiting.one_request()
    def disclose_chunk(self, family_ids: Sequence[str], render: Render) -> ChunkDisclosed | Withheld:
        """Return the chunk's bytes once a disclosure of each person in it is durable; a Withheld showed nothing.

        After a Withheld the stream goes on or is abandoned, as the caller chooses; what doesn't read as a family of the
        chunk is left out. The bytes of one chunk's disclosures must fit the audit trail's queue: some 500 families.
        """
        if self._over:
            return Withheld(CLOSED)
        try:
            with waiting.reading():
                found, left_out = self._found(family_ids)
        except _Stopped as stopped:
            return Withheld(stopped.code)
        except KeysUnavailable:
            return Withheld("KEYS_UNAVAILABLE")
        except (DriverException, NoHostAvailable):
            return Withheld("READ_MODEL_UNAVAILABLE")
        persons = sum(len(one.persons) for one in found)
        if self._root.size + persons > self._most():
            return Withheld(TOO_MANY)
        return self._disclosed(found, persons, tuple(left_out), render)

    def _disclosed(
        self, found: Sequence[Result], persons: int, left_out: tuple[tuple[str, str], ...], render: Render
    ) -> ChunkDisclosed | Withheld:
        body = render([FamilyRow(one.family_id, one.sequence, one.shown) for one in found])
        drafts = [draft for one in found for draft in self._drafts(one)]
        answer = self._trail.append(*drafts) if drafts else ()
        if isinstance(answer, AuditUnavailable):
            return Withheld(answer.code)
        for receipt in answer:
            self._root.add(receipt.value_hash)
        self._sent.update(body)
        self._bytes += len(body)
        self._left_out += len(left_out)
        return ChunkDisclosed(body, len(found), persons, left_out, answer)

    def erased_among(self, owners: Collection[str]) -> frozenset[str] | Withheld:
        """Return which of these persons and families were erased by now; a Withheld where the marks can't be read."""
        try:
            return self._looking.opener.erased_among(owners)
        except (DriverException, NoHostAvailable):
            return Withheld("KEYS_UNAVAILABLE")

    def close(self) -> tuple[Receipt, ...] | Withheld:
        """Leave the outcome: the count of persons, a digest of every byte, and the root over every disclosure.

        `response_digest` is the keyed digest of the SHA-256 of all bytes; `batch_root` is the RFC 6962 root over the
        value hashes of the disclosures, in order.
        """
        return self._ended("DELIVERED", None)

    def abandon(self, code: str) -> Withheld:
        """Leave the outcome of an export that broke off: what left of it, and why it ended."""
        ended = self._ended("FAILED", code)
        return ended if isinstance(ended, Withheld) else Withheld(code)

    def _ended(self, outcome: str, why: str | None) -> tuple[Receipt, ...] | Withheld:
        if self._over:
            return Withheld(CLOSED)
        self._over = True
        self._admission.settle(self._look.reserved, self._root.size)
        answer = self._trail.append(self._outcome(outcome, why))
        if isinstance(answer, AuditUnavailable):
            self._trail.queue(self._outcome(outcome, why))
            return Withheld(answer.code)
        return (self._look.intent, *answer)

    def _outcome(self, outcome: str, why: str | None) -> Draft:
        return partial(
            records.AccessOutcome,
            intent_id=self._look.intent.event_id,
            policy_set_hash=self._look.policies.hash,
            outcome=outcome,
            reason=why,
            decision_input=self._decision.decision_input if self._decision is not None else None,
            determining_rules=self._decision.rules if self._decision is not None else (),
            result_count=self._root.size,
            suppressed_count=self._left_out,
            batch_root=self._root.root(),
            batch_size=self._root.size,
            byte_count=self._bytes,
            response_digest=self._recorder.epoch.response_digest(self._sent.digest()),
        )

    def _found(self, family_ids: Sequence[str]) -> tuple[list[Result], list[tuple[str, str]]]:
        look, wish = self._admission.again(self._look), self._look.wish
        if isinstance(look, Withheld):
            raise _Stopped(look.code)
        judge = cache(partial(self._judged, look))

        found: list[Result] = []
        left_out: list[tuple[str, str]] = []
        for family_id in dict.fromkeys(family_ids):
            answer = self._looking.family(
                Wanted(FamilyAsked(family_id), wish.fields, wish.moments, judge, look.written)
            )
            if isinstance(answer, Withheld):
                left_out.append((family_id, answer.code))
            else:
                found.append(answer[1])
        return found, left_out

    def _judged(self, look: Look, region: records.Region | None) -> Withheld | None:
        self._decision = decision = self._admission.judged_at(look, region)
        if isinstance(decision, Allowed):
            return None
        if decision.code not in OF_PLACE:
            raise _Stopped(decision.code)
        return Withheld(decision.code)

    def _drafts(self, found: Result) -> list[Draft]:
        of, wish = self._look.on_record, self._look.wish
        return [self._recorder.disclosure(of, wish, found, person) for person in found.persons]

    def _most(self) -> int:
        target = self._look.wish.target
        return target.persons if isinstance(target, ExportAsked) else 0


class _Stopped(Exception):
    """The policies stop the whole export: its agreement ended, its agency was suspended."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
