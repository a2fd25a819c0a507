"""Every activation of rules there is, read from jejak.rules.v1 to its end; nothing is decided by it again.

Knows the rules topic; must not know what a rule says, nor who asks.
"""

from collections.abc import Callable

from schemas import catalogue
from stream_processors.registry.rulebook import RuleBook, activation_of
from transport import kafka

Rules = Callable[[], RuleBook]
"""Tells every activation known by now."""


def no_rules() -> RuleBook:
    """Return a book without any activation: nothing is judged by it."""
    return RuleBook()


def book(bootstrap: str, topic: str = catalogue.RULES_TOPIC) -> RuleBook:
    """Return every activation up to the topic's end; raises RulesDiffer or LookupError for one this build lacks."""
    found = [
        activation_of(value, message.timestamp()[1] * 1_000)
        for message in kafka.read_all(bootstrap, topic)
        if (value := message.value()) is not None
    ]
    return RuleBook(tuple(found))
