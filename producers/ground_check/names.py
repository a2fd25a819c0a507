"""Names of the form's own questions and groups, beside the questionnaire's; form and reader share them."""

from typing import Final

FORM_ID: Final = "jejak_ground_check"
QUESTIONNAIRE, VISITED_AT, RESULT, REGION, PHOTO = "questionnaire", "visited_at", "result", "region_code", "photo"
CARD: Final = "card_number"
FAMILY, MEMBERS = "family", "members"
AGE, HEAD, HEADS, COUNTED = "age", "head", "heads", "counted"
NIK, NAME, BORN, SEX = "national_id", "name", "birth_date", "sex"
PRESENCE, MARRIED = "presence", "marital_status"
# What the register knows of a person: where a visit doesn't tell it, a rule over it isn't held here, but there.
REGISTERED: Final = frozenset({SEX, MARRIED})
FILLED: Final = frozenset({1, 2})
COMPLETE: Final = 1
