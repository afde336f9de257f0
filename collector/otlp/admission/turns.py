"""Turns: no tenant waits behind the whole queue of another.

Takes    tenants that want to be served
Gives    each its turn, one request at a time, tenant by tenant
Holds    a tenant waits for at most one request of every other tenant before its own next one
"""

import asyncio
from collections import deque


class Turns:
    """A queue per tenant; used where there is more than one tenant."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._lanes: dict[str, deque[asyncio.Future[None]]] = {}
        self._runner: asyncio.Task[None] | None = None

    async def take(self, tenant: str) -> None:
        """Wait for the turn. What is done before the next `await` is done alone."""
        turn = asyncio.get_running_loop().create_future()
        self._lanes.setdefault(tenant, deque()).append(turn)
        if self._runner is None or self._runner.done():
            self._runner = asyncio.ensure_future(self._run())
        await turn

    async def _run(self) -> None:
        while self._lanes:
            for tenant in list(self._lanes):
                lane = self._lanes[tenant]
                turn = lane.popleft()
                if not lane:
                    del self._lanes[tenant]
                if not turn.done():  # the sender may have gone
                    turn.set_result(None)
                    await asyncio.sleep(0)  # it works, then whoever came meanwhile is let in
