"""Which fields of a family and its members the gateway can show, by code: a closed list, kept beside what opens them.

Who may ask for which of them, and for what, is data of the policy set. Must not know who is asking, nor any value.
"""

from typing import Final

HISTORY: Final = "history"
RANKING: Final = "ranking"
REFUSALS: Final = "refusals"
"""What was refused to the agency that asks: of no family that it shows, so it is no field of one."""

PLAIN: Final = ("region", "status", "decile", "proposals", "eligibility", "members")
SEALED_OF_FAMILY: Final = ("card_number", "address_line", "telephone")
SEALED_OF_PERSON: Final = ("member.national_id", "member.name", "member.birth_day")
IN_CLEAR: Final = ("card_number.clear", "telephone.clear", "member.national_id.clear")
FIELDS: Final = frozenset((*PLAIN, *SEALED_OF_FAMILY, *SEALED_OF_PERSON, *IN_CLEAR, HISTORY, RANKING, REFUSALS))
