"""The terminal's keys as a controller."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Thread

from latentpad.controllers.controller import Connection
from latentpad.controllers.keyboard.keys import Keys
from latentpad.controllers.keyboard.terminal import Keyboard


class KeyboardController:
    """`Keys` on the terminal of standard input; the arguments are those of `Keys`."""

    def __init__(
        self, names: Callable[[], Sequence[str]], preset: str, say: Callable[[str], None]
    ) -> None:
        self._keyboard = Keyboard()
        self._names, self._preset, self._say = names, preset, say

    async def start(self, connection: Connection) -> None:
        """As `Controller.start`; the terminal is in the mode for single keys from now on."""
        self._keyboard.open()
        keys = Keys(connection.instrument, self._names, self._preset, self._say)
        Thread(target=keys.run, args=(self._keyboard,), name="keys", daemon=True).start()

    async def stop(self) -> None:
        """As `Controller.stop`; the terminal gets its own mode back."""
        self._keyboard.close()
