"""What the families fold counts of its decisions."""

from prometheus_client import REGISTRY

from schemas import codec
from stream_processors.folds.families import FamiliesFold
from tests.unit.registry_scenarios import FAMILY, NO_RULES, NOW, drafted


def refused(rule: str) -> float:
    return REGISTRY.get_sample_value("jejak_refusals_total", {"rule": rule}) or 0.0


def test_a_refusal_is_counted_by_its_rule_and_nothing_else_of_it() -> None:
    # Given a family that nobody registered
    fold, change = FamiliesFold(5, lambda: NO_RULES), drafted()
    # When a change about it is refused, twice
    told = [output for offset in (1, 2) for output in fold.fold(FAMILY.encode(), codec.encode(change), offset, NOW)]
    # Then its rule is what is counted
    rules = {codec.decode(output.value).rule for output in told}
    assert len(rules) == 1
    assert refused(*rules) >= 2
