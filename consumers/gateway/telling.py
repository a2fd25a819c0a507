"""What an asker is told of a refusal: no word by which somebody of elsewhere could be told from nobody.

The record keeps the true reason, for the person it is about and for whoever supervises. Must not know how it is told.
"""

from typing import Final

from consumers.gateway.streaming import OF_PLACE

NOT_FOUND: Final = "NOT_FOUND"
STEP_SECONDS: Final = 0.25
"""A refusal to find anything is told at a whole number of these after it was asked for: how long it took says nothing.

Many times what a read of the database takes, which is all that differs between nobody and somebody of elsewhere.
"""


def told(code: str) -> str:
    """Return the code that the asker is told in place of the one on record.

    A refusal for the place where somebody lives would say that they live: it reads as if there were nobody.
    """
    return NOT_FOUND if code in OF_PLACE else code


def seconds_left(elapsed: float) -> float:
    """Return for how long a refusal to find anything waits that is ready `elapsed` seconds after the question."""
    return STEP_SECONDS - elapsed % STEP_SECONDS
