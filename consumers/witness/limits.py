"""How often one address may ask. Must not know HTTP; the clock is given."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Limits:
    """For each address, `burst` requests at once and `per_second` from there on; addresses are forgotten beyond `most`.

    A log asks once a second: what is beyond a few times that is a fault or an attack.
    """

    clock: Callable[[], float]  # seconds, never backwards
    per_second: float = 10.0
    burst: float = 30.0
    most: int = 4_096
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)  # requests left, and when

    def take(self, address: str) -> bool:
        """Return whether this address may ask now, and count that it did."""
        now = self.clock()
        left, since = self._left.pop(address, (self.burst, now))
        left = min(self.burst, left + (now - since) * self.per_second)
        allowed = left >= 1
        self._left[address] = (left - 1 if allowed else left, now)
        if len(self._left) > self.most:
            self._left.popitem(last=False)
        return allowed
