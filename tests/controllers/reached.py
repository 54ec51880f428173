"""An instrument without processes that is reached over the network, for real clients."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from latentpad.benchmarks.programs import free_port
from latentpad.controllers.controller import Connection
from latentpad.controllers.http.controller import HttpController
from latentpad.controllers.osc import reach
from latentpad.controllers.osc.controller import OscController
from latentpad.controllers.osc.feedback import Feedback
from latentpad.controllers.outcomes import Outcome, Outcomes
from latentpad.engine.control.instrument import Instrument, Sender

Change = tuple[str, tuple[Any, ...], Sender]


class Reached:
    """OSC and HTTP on free ports of this machine, while the `with` block runs.

    The event loop has a thread of its own, so a test may wait for its client. `changes` are those
    of the instrument, `outcomes` what was not simply carried out, `said` the terminal's lines.
    """

    def __init__(self, instrument: Instrument, **options: bool) -> None:
        self.instrument = instrument
        self.port = free_for_all()
        self.osc = OscController(self.port, lan=options.get("lan", False))
        self.http = HttpController(self.osc, 0, **options)
        self.changes: list[Change] = []
        self.outcomes: list[Outcome] = []
        self.said: list[str] = []
        self._running = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Reached:
        self._thread.start()
        assert self._running.wait(20)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _run(self) -> None:
        self.loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        outcomes = Outcomes(self.instrument)
        outcomes.listeners.append(self.outcomes.append)
        self.instrument.listeners.append(lambda *change: self.changes.append(change))
        feedback = Feedback(self.instrument, port=self.port, outcomes=outcomes)
        self.feedback = feedback
        connection = Connection(self.instrument, outcomes, feedback, self.said.append)
        await self.osc.start(connection)
        self.said.append(self.http.bind())
        await self.http.start(connection)
        self._running.set()
        await self._stop.wait()
        await self.http.stop()
        await self.osc.stop()
        feedback.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.port}"

    def value(self, address: str) -> tuple[Any, ...]:
        """The present value of a row."""
        return dict(self.instrument.values())[address]

    def set(self, address: str, *args: Any) -> None:
        """Change something from elsewhere, as another controller does."""
        self.instrument.apply(address, args, Sender("other"))


def free_for_all() -> int:
    """A port that is free for UDP and TCP on both versions of IP."""
    while True:
        port = free_port()
        try:
            for host in reach.LAN:
                reach.udp(host, port).close()
                reach.tcp(host, port).close()
        except reach.PortTaken:
            continue
        return port


def until(condition: Callable[[], object], why: str = "", seconds: float = 10.0) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not happen within {seconds:g} s. {why}"
        time.sleep(0.005)
