"""How much the registry holds of one family: bounds that whoever sends and whoever decides must agree on.

Must not know who asks; what a form or a programme allows is a rule, not a bound.
"""

from typing import Final

MOST_MEMBERS: Final = 112
"""Members on record of a family, with who died or left: it bounds the state's size, and no form knows it."""
