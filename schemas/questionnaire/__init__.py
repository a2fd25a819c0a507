"""The ground-check questionnaires, as data: variables, codes, skips, ranges and rules, by version.

One definition decides what the registry takes, makes the form that field workers fill, and reads what they send. A
version is a TOML file of this folder; an earlier version stays here for as long as answers to it may come. Must not
know who asks.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from schemas.questionnaire.asked import Asked
from schemas.questionnaire.definition import Questionnaire, Rule, Variable, listed, parsed

__all__ = ["Asked", "Questionnaire", "Rule", "Variable", "all_versions", "latest", "listed", "questionnaire"]

_FILES: Final = files("schemas.questionnaire")


@cache
def all_versions() -> Mapping[str, Questionnaire]:
    """Return every questionnaire by its version, the earliest first; a file that is none is a fault."""
    texts = {
        one.name.removesuffix(".toml"): one.read_text("utf-8") for one in _FILES.iterdir() if one.name.endswith(".toml")
    }
    found = sorted((parsed(name, texts) for name in texts), key=lambda one: one.in_force_from)
    return MappingProxyType({one.version: one for one in found})


def questionnaire(version: str) -> Questionnaire | None:
    """Return the questionnaire of a version, None where there is none."""
    return all_versions().get(version)


def latest() -> Questionnaire:
    """Return the questionnaire that came in force last."""
    return tuple(all_versions().values())[-1]
