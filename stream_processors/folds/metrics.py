"""What the folds count of their decisions. Labels are rules of the closed list; never a key or a text.

Counted as decided: what is decided again after an aborted transaction counts again. What was published is exact, in
jejak.refusals.v1.
"""

from typing import Final

from prometheus_client import Counter

REFUSALS: Final = Counter("jejak_refusals_total", "Changes refused, by the rule that refused them.", ["rule"])
