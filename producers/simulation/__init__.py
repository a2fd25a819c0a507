"""A synthetic nation: every person, number and name in it is invented, every history a legal walk."""

from producers.simulation.nation import Nation, Rates
from producers.simulation.poison import poison
from producers.simulation.stream import Expected, Step, expected, simulate

__all__ = ["Expected", "Nation", "Rates", "Step", "expected", "poison", "simulate"]
