"""Makes a past decision again, with the policies of that day, and compares it with the one on record.

Must not know where entries and policy sets are read from.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from consumers.gateway.policy import Allowed, Denied, Policies, PolicyRequest
from schemas import records

SetOfHash = Callable[[bytes], Policies | None]
Verdict = Literal["SAME", "DIFFERS", "NOT_JUDGED", "POLICIES_MISSING"]
_EACH: Final = "before anything was read", "about the place of what was found"


@dataclass(frozen=True, slots=True)
class Explained:
    """One decision, on record and made again.

    NOT_JUDGED: it was refused without a judgement, because something was away. POLICIES_MISSING: no policy set of the
    hash on record was ever activated.
    """

    about: str
    verdict: Verdict
    on_record: tuple[str, tuple[str, ...]]
    again: tuple[str, tuple[str, ...]]
    policy_set_hash: str
    decision_input: str


def explained(
    intent: records.AccessIntent, outcome: records.AccessOutcome | None, set_of_hash: SetOfHash
) -> tuple[Explained, ...]:
    """Return the decision of an intent, and the second one of its outcome where there was one, each made again."""
    policies = set_of_hash(intent.policy_set_hash)
    first = _again(
        _EACH[0], policies, intent.policy_set_hash, intent.decision_input, (intent.decision, intent.determining_rules)
    )
    if outcome is None or outcome.decision_input is None:
        return (first,)
    return first, _again(
        _EACH[1],
        policies,
        intent.policy_set_hash,
        outcome.decision_input,
        (_second(outcome), outcome.determining_rules),
    )


def _second(outcome: records.AccessOutcome) -> str:
    """Return which decision an outcome says was made: what was refused has the reason among its rules."""
    return "DENY" if outcome.reason is not None and outcome.reason in outcome.determining_rules else "ALLOW"


def _again(
    about: str, policies: Policies | None, named: bytes, judged: str, on_record: tuple[str, tuple[str, ...]]
) -> Explained:
    if not judged:
        return Explained(about, "NOT_JUDGED", on_record, ("", ()), named.hex(), judged)
    if policies is None:
        return Explained(about, "POLICIES_MISSING", on_record, ("", ()), named.hex(), judged)
    again = _decided(policies, judged)
    verdict: Verdict = "SAME" if again == on_record else "DIFFERS"
    return Explained(about, verdict, on_record, again, named.hex(), judged)


def _decided(policies: Policies, judged: str) -> tuple[str, tuple[str, ...]]:
    try:
        decision: Allowed | Denied = policies.decide(PolicyRequest.parse(judged))
    except (ValueError, TypeError) as fault:  # an input that was never written by the gateway
        return f"UNREADABLE ({type(fault).__name__})", ()
    return ("ALLOW" if isinstance(decision, Allowed) else "DENY"), decision.rules
