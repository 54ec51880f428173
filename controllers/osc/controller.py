"""OSC as a controller: the server, the answers to its senders, and `/monitor`."""

from __future__ import annotations

from latentpad.controllers.controller import Connection
from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.osc.monitor import Monitor
from latentpad.controllers.osc.replies import Replies
from latentpad.controllers.osc.server import OscCounts, OscServer, listen


class OscController:
    """Listens on UDP `host`:`port` while it is started."""

    def __init__(self, host: str, port: int, learning: Learning | None = None) -> None:
        self._host, self._port, self._learning = host, port, learning
        self._server: OscServer | None = None

    @property
    def counts(self) -> OscCounts:
        """Counts of packets and commands since the start."""
        assert self._server is not None
        return self._server.counts

    async def start(self, connection: Connection) -> None:
        """As `Controller.start`. Raises `PortTaken`, or another `OSError` for a host of another
        machine."""
        outcomes = connection.outcomes
        server = await listen(
            connection.instrument, self._host, self._port, outcomes, self._learning
        )
        if self._learning is not None:
            connection.feedback.copied.append(self._learning.values)
        Replies(outcomes, server.send, connection.feedback)
        Monitor(outcomes, server.send, connection.feedback)
        self._server = server

    @property
    def address(self) -> tuple[str, int]:
        """The host and port that it listens on."""
        assert self._server is not None
        return self._server.address

    async def stop(self) -> None:
        """As `Controller.stop`; bundles that wait for their time tag are dropped."""
        if self._server is not None:
            self._server.close()
