"""Asks the witnesses of a policy for cosignatures: all at once, over HTTP, each with a deadline (C2SP tlog-witness).

Whatever a witness answers is judged, never believed: what isn't a valid cosignature of this very note by the witness's
own key counts as no answer, and is named. Must not know Kafka, disks, or what the log holds.
"""

import asyncio
import base64
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import httpx

from schemas.note import Checkpoint, NoteRefused, Signature, SignedNote, cosigned_at, known_signatures
from schemas.quorum import Policy, PolicyWitness
from stream_processors.sequencer.contract import Cosigned, ProofFrom

_LARGEST_ANSWER: Final = 65_536
_TRIES: Final = 3  # the size it was known to have, the size it told, and once more if another asked in between
_SIZE_KIND: Final = "text/x.tlog.size"
_SIZE: Final = re.compile(rb"(0|[1-9][0-9]{0,18})\n?", re.ASCII)
_OK, _CONFLICT = 200, 409
_KEPT_S: Final = 30.0  # shorter than a witness keeps an idle connection, so that none breaks when it is used again


class Outcome(StrEnum):
    """What a witness answered; all but COSIGNED count as no answer."""

    COSIGNED = "COSIGNED"
    AWAY = "AWAY"  # no connection, or one that broke
    LATE = "LATE"
    TOO_LARGE = "TOO_LARGE"
    REFUSED = "REFUSED"  # a status that is neither 200 nor a conflict of sizes
    CONFLICT = "CONFLICT"  # it holds another root of this size, or tells no size to try again from
    LARGER_SIZE = "LARGER_SIZE"  # it says to have seen a larger tree of this log than there is
    NONSENSE = "NONSENSE"
    OTHER_KEY = "OTHER_KEY"  # not a line of its own key
    DOUBLED = "DOUBLED"
    INVALID = "INVALID"  # a line of its own key that does not verify
    CLOCK_WRONG = "CLOCK_WRONG"
    NO_ADDRESS = "NO_ADDRESS"


_OF_REFUSAL: Final = {
    "NO_KNOWN_SIGNATURE": Outcome.OTHER_KEY,
    "DOUBLED_SIGNATURE": Outcome.DOUBLED,
    "SIGNATURE_FAILS": Outcome.INVALID,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What one witness answered, after how many seconds, with its cosignature when that is valid."""

    witness: str
    outcome: Outcome
    seconds: float
    status: int = 0
    signature: Signature | None = None


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    kind: str
    body: bytes


class _Unusable(Exception):
    """An answer that does not count."""

    def __init__(self, outcome: Outcome, status: int = 0) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.status = status


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for any one witness, for the others once the quorum is met, and how far off a witness's clock may be."""

    deadline_s: float = 2.0
    after_quorum_s: float = 0.25
    clock_s: float = 300.0


class HttpWitnesses:
    """The witnesses of a policy; keeps connections, and each one's size as last told. One thread uses it at a time.

    `tell` is given what each witness answered, for metrics and alarms. `now` tells POSIX seconds.
    """

    def __init__(
        self,
        policy: Policy,
        patience: Patience = Patience(),
        tell: Callable[[tuple[Asked, ...]], None] = lambda _: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._policy = policy
        self._patience = patience
        self._tell = tell
        self._now = now
        self._sizes: dict[str, int] = {}
        self._runner = asyncio.Runner()
        self._client: httpx.AsyncClient | None = None

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._runner.run(self._client.aclose())
        self._runner.close()

    def cosign(self, note: SignedNote, proof_from: ProofFrom) -> Cosigned:
        """Return the valid cosignatures that came in time, and whether they meet the policy's quorum."""
        answers = self.ask(note, proof_from)
        self._tell(answers)
        cosigned = [answer for answer in answers if answer.signature is not None]
        signatures = tuple(answer.signature for answer in cosigned if answer.signature is not None)
        return Cosigned(signatures, self._policy.met({answer.witness for answer in cosigned}))

    def ask(self, note: SignedNote, proof_from: ProofFrom) -> tuple[Asked, ...]:
        """Return one answer for each witness of the policy, in its order."""
        return self._runner.run(self._ask(note, proof_from))

    async def _ask(self, note: SignedNote, proof_from: ProofFrom) -> tuple[Asked, ...]:
        size = Checkpoint.parse(note.text).size
        asking = [asyncio.create_task(self._one(witness, note, size, proof_from)) for witness in self._policy.witnesses]
        if not asking:
            return ()
        try:
            waited = await self._enough(asking)
            late = [not task.done() for task in asking]
        finally:
            for task in asking:
                task.cancel()
            await asyncio.wait(asking, timeout=1)  # for connections to be closed
        return tuple(
            Asked(witness.name, Outcome.LATE, waited) if is_late else task.result()
            for witness, task, is_late in zip(self._policy.witnesses, asking, late, strict=True)
        )

    async def _enough(self, asking: list[asyncio.Task[Asked]]) -> float:
        """Return the seconds until all had answered, the deadline passed, or the quorum was met and a moment passed."""
        started = time.monotonic()
        end = started + self._patience.deadline_s
        pending, met = {*asking}, False
        while pending and (left := end - time.monotonic()) > 0:
            if not met and self._met(asking):
                met, end = True, min(end, time.monotonic() + self._patience.after_quorum_s)
                continue
            _, pending = await asyncio.wait(pending, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        return time.monotonic() - started

    def _met(self, asking: list[asyncio.Task[Asked]]) -> bool:
        answered = [task.result() for task in asking if task.done()]
        return self._policy.met({answer.witness for answer in answered if answer.signature is not None})

    async def _one(self, witness: PolicyWitness, note: SignedNote, size: int, proof_from: ProofFrom) -> Asked:
        started = time.monotonic()
        try:
            signature = await self._cosignature(witness, note, size, proof_from)
        except _Unusable as unusable:
            return Asked(witness.name, unusable.outcome, time.monotonic() - started, unusable.status)
        self._sizes[witness.name] = size
        return Asked(witness.name, Outcome.COSIGNED, time.monotonic() - started, _OK, signature)

    async def _cosignature(
        self, witness: PolicyWitness, note: SignedNote, size: int, proof_from: ProofFrom
    ) -> Signature:
        if witness.url is None:
            raise _Unusable(Outcome.NO_ADDRESS)
        old = min(self._sizes.get(witness.name, 0), size)
        for _ in range(_TRIES):
            reply = await self._post(f"{witness.url.rstrip('/')}/add-checkpoint", body(old, proof_from(old), note))
            if reply.status == _OK:
                return self._verified(witness, note, reply.body)
            if reply.status != _CONFLICT:
                raise _Unusable(Outcome.REFUSED, reply.status)
            told = _told(reply)
            if told == old:
                raise _Unusable(Outcome.CONFLICT, reply.status)
            if told > size:
                raise _Unusable(Outcome.LARGER_SIZE, reply.status)
            old = self._sizes[witness.name] = told
        raise _Unusable(Outcome.CONFLICT, _CONFLICT)

    async def _post(self, url: str, content: bytes) -> _Reply:
        try:
            return await self._exchanged(url, content)
        except httpx.TimeoutException as fault:
            raise _Unusable(Outcome.LATE) from fault
        except httpx.NetworkError as fault:
            raise _Unusable(Outcome.AWAY) from fault
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as fault:
            raise _Unusable(Outcome.NO_ADDRESS) from fault
        except _Unusable:
            raise
        except Exception as fault:  # what a library makes of hostile bytes is this witness's fault and nobody else's
            raise _Unusable(Outcome.NONSENSE) from fault

    async def _exchanged(self, url: str, content: bytes) -> _Reply:
        async with self._connected().stream("POST", url, content=content) as response:
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            return _Reply(response.status_code, kind, await _bounded(response))

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:  # made within the loop that uses it
            self._client = httpx.AsyncClient(
                timeout=self._patience.deadline_s,
                limits=httpx.Limits(keepalive_expiry=_KEPT_S),
                trust_env=False,
                headers={"Accept-Encoding": "identity"},
            )
        return self._client

    def _verified(self, witness: PolicyWitness, note: SignedNote, answer: bytes) -> Signature:
        """Return the witness's own signature among the lines of an answer; raises when there is not just one."""
        try:
            lines = [Signature.parse(line) for line in _lines(answer)]
            ((_, signature),) = known_signatures(SignedNote(note.text, tuple(lines)), [witness.key])
        except NoteRefused as refused:
            raise _Unusable(_OF_REFUSAL.get(refused.code, Outcome.NONSENSE), _OK) from refused
        if abs(cosigned_at(signature) - self._now()) > self._patience.clock_s:
            raise _Unusable(Outcome.CLOCK_WRONG, _OK)
        return signature


async def _bounded(response: httpx.Response) -> bytes:
    read = bytearray()
    async for chunk in response.aiter_raw():
        read += chunk
        if len(read) > _LARGEST_ANSWER:
            raise _Unusable(Outcome.TOO_LARGE, response.status_code)
    return bytes(read)


def body(old: int, proof: Sequence[bytes], note: SignedNote) -> bytes:
    """Return the body of `add-checkpoint`."""
    lines = "".join(f"{base64.b64encode(node).decode('ascii')}\n" for node in proof)
    return f"old {old}\n{lines}\n{note.format()}".encode()


def _told(reply: _Reply) -> int:
    """Return the size that a conflict tells; raises when it tells none."""
    found = _SIZE.fullmatch(reply.body)
    if reply.kind != _SIZE_KIND or found is None:
        raise _Unusable(Outcome.CONFLICT, reply.status)
    return int(found[1])


def _lines(answer: bytes) -> list[str]:
    try:
        text = answer.decode()
    except UnicodeDecodeError as fault:
        raise _Unusable(Outcome.NONSENSE, _OK) from fault
    if not text.endswith("\n"):
        raise _Unusable(Outcome.NONSENSE, _OK)
    return text[:-1].split("\n")
