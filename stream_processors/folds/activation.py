"""Puts a rule set in force: one RulesActivated on jejak.rules.v1, with the file itself, by an operator's hand.

Activating the same version again changes nothing, by its change id.
"""

from schemas import codec
from schemas.identifiers import NAMESPACE, derived_id
from schemas.records import Header, RulesActivated
from stream_processors.registry.ruleset import RuleSet

OPERATOR = "registry"
NO_FAMILY = ""


def activation(rules: RuleSet, effective_at: int, actor: str = OPERATOR) -> bytes:
    """Return the framed record that puts `rules` in force from `effective_at` (microseconds) on."""
    header = Header(
        sequence=0,
        recorded_at=0,
        occurred_at=effective_at,
        change_id=derived_id(NAMESPACE.bytes, f"rules/{rules.name}/{rules.version}/{effective_at}"),
        family_id=NO_FAMILY,
        agency=OPERATOR,
        actor=actor,
        document=f"{rules.name}-{rules.version}",
    )
    return codec.encode(
        RulesActivated(header=header, rule_set=rules.name, version=rules.version, digest=rules.digest, file=rules.file)
    )
