"""What the folds count of their decisions. Labels are rules and kinds of closed lists; never a key or a text.

Counted as decided: what is decided again after an aborted transaction counts again. What was published is exact, in
jejak.refusals.v1.
"""

from typing import Final

from prometheus_client import Counter

REFUSALS: Final = Counter("jejak_refusals_total", "Changes refused, by the rule that refused them.", ["rule"])
BREACHES: Final = Counter(
    "jejak_deadlines_breached_total", "Due dates that passed before what they await was done, by their kind.", ["kind"]
)
