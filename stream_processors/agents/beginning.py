"""Where an agent's input begins after a rebalance, and how it is read from there without a hole.

Faust lets the partitions go before it seeks to what is committed. What is fetched between is skipped as of another
time, and counts as read; of a partition of which nothing beyond the first record is committed it goes on after that.
Going back later isn't enough by itself: what is under way meanwhile counts as read too. Knows offsets; must not know
records.
"""

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faust.types import TP

A_FETCH_S = 1.5  # longer than Faust waits for records (1 s)


class Beginning:
    """The offsets at which a topic's partitions begin since the last rebalance."""

    def __init__(self, app: Any, topic: str) -> None:
        self._app, self._topic = app, topic
        self._places: dict[TP, int] = {}
        app.on_rebalance_complete.connect(self._note)

    async def _note(self, *_: Any, **__: Any) -> None:
        """Keep what is committed, before anything is read: what is skipped is committed later, as if it had been."""
        committed = await self._app.consumer.seek_to_committed()
        self._places = {place: offset or 0 for place, offset in committed.items() if place.topic == self._topic}

    async def read_again(self) -> None:
        """Have every partition be read from where it begins, once nothing of it is under way.

        It goes back while the flow stands, until a fetch later it is still there. A rebalance meanwhile ends it: it is
        to be called again then.
        """
        app, generation, places = self._app, self._app.rebalancing_count, self._places
        app.consumer.stop_flow()
        at_rest = False
        while not at_rest and app.rebalancing_count == generation:
            for place, offset in places.items():
                await app.consumer.seek(place, offset)
            await asyncio.sleep(A_FETCH_S)
            at_rest = [await app.consumer.position(place) for place in places] == list(places.values())
        if app.rebalancing_count == generation:
            app.consumer.resume_flow()
