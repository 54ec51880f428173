"""Another pack while the instrument plays.

Both processes load the new pack beside the old one, which goes on. When both are ready, the
instrument and the board change over in one change, which both processes follow. The newest request
wins. A process that is replaced meanwhile begins with the pack that is played, and gets the order
again.
"""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from latentpad.engine import pack_order
from latentpad.engine.board import Board
from latentpad.engine.control.child import Message
from latentpad.engine.control.instrument import Instrument
from latentpad.engine.control.pack_limits import PackLimits
from latentpad.engine.control.played_pack import PlayedPack
from latentpad.engine.pack_order import PackOrder
from latentpad.engine.parameters import VOICES
from latentpad.engine.sound_memory import BUFFERS, SoundMemory

PROCESSES = frozenset(("playing", "decoding"))
MOST_ENDS = 3  # of a process that was to load a pack; then the pack is not tried again

Changed = Callable[[list[str]], None]
Refused = Callable[[str], None]


@dataclass
class _Request:
    """A pack that is being loaded."""

    played: PlayedPack
    order: PackOrder
    sounds: SoundMemory
    changed: Changed
    refused: Refused
    sent: set[str] = field(default_factory=set)  # to these processes
    loaded: set[str] = field(default_factory=set)  # by these
    ends: Counter[str] = field(default_factory=Counter)  # of processes that had the order


class PackChange:
    """Changes the pack of an instrument. Any thread may call."""

    def __init__(self, board: Board, instrument: Instrument, played: PlayedPack) -> None:
        self._board, self._instrument = board, instrument
        self._lock = threading.Lock()
        self._played, self._sounds = played, board.sound_memory
        self._request: _Request | None = None
        self._requests = 0
        self._senders: dict[str, socket.socket] = {}

    @property
    def played(self) -> PlayedPack:
        """The pack that is heard."""
        return self._played

    @property
    def wanted(self) -> PlayedPack:
        """The pack that will be heard when it is loaded, else the one that is heard."""
        request = self._request
        return self._played if request is None else request.played

    def request(self, played: PlayedPack, changed: Changed, refused: Refused) -> None:
        """Play this pack as soon as it is loaded; an earlier request is dropped.

        `changed` is called within the change, with the commands for the state that was left out
        (`Instrument.change_pack`); if the pack is played already, it is called at once. `refused`
        is called with the reason if it cannot be loaded. Raises `OSError` if there is no memory.
        """
        with self._lock:
            known = self._request
            if known is not None and known.played.same_as(played):
                known.changed, known.refused = changed, refused
                return
            self._request = None
            already = self._played.same_as(played)
            if not already:
                r = played.pack.representation
                self._requests += 1
                order = PackOrder(self._requests, played.pack.path, played.library, r)
                sounds = SoundMemory(pack_order.sound_shape(r))
                self._request = _Request(played, order, sounds, changed, refused)
        if already:
            with self._instrument.together():
                changed([])
        self.tick()

    def tick(self) -> None:
        """Send the order to the processes that do not have it. Call it now and then."""
        with self._lock:
            request = self._request
            if request is None:
                return
            for name, sender in self._senders.items():
                if name not in request.sent and pack_order.send(
                    sender, request.order, request.sounds
                ):
                    request.sent.add(name)

    def process_starts(self, name: str) -> tuple[PlayedPack, Board, socket.socket]:
        """What a process that is about to start needs: the pack that is played, the board with
        its sounds, and the socket for its orders."""
        sender, receiver = pack_order.channel()
        with self._lock:
            self._forget(name)
            if name in self._senders:
                self._senders[name].close()
            self._senders[name] = sender
            return self._played, self._board.showing(self._sounds), receiver

    def close(self) -> None:
        """Close the sockets of the processes."""
        with self._lock:
            for sender in self._senders.values():
                sender.close()
            self._senders.clear()

    def on_message(self, message: Message) -> None:
        """Handle a message of a process."""
        name, refused = message["what"], None
        with self._lock:
            request = self._request
            if request is None:
                return
            ours = message.get("number") == request.order.number
            if message["kind"] == "ended" and name in request.sent:
                self._forget(name)
                request.ends[name] += 1
                if request.ends[name] >= MOST_ENDS:
                    refused = f"the {name} process {message['reason']}"
            elif message["kind"] == "pack refused" and ours:
                refused = str(message["reason"])
            elif message["kind"] == "pack loaded" and ours:
                request.loaded.add(name)
            if refused is not None:
                self._request = None
        if refused is not None:
            request.refused(refused)
        elif request.loaded == PROCESSES:
            self._change_to(request)

    def _forget(self, name: str) -> None:
        if self._request is not None:
            self._request.sent.discard(name)
            self._request.loaded.discard(name)

    def _change_to(self, request: _Request) -> None:
        board, instrument = self._board, self._instrument
        with instrument.together():
            with self._lock:
                if self._request is not request or request.loaded != PROCESSES:
                    return  # another one was requested meanwhile, or a process has ended
                self._request = None
                self._played, self._sounds = request.played, request.sounds
            order, played = request.order, request.played
            request.changed(change_over(board, instrument, played, request.sounds, order.number))


def change_over(
    board: Board, instrument: Instrument, played: PlayedPack, sounds: SoundMemory, number: int
) -> list[str]:
    """Let the instrument and the board play a pack from now on, with new `sounds`. Inside
    `Instrument.together`. Returns what `Instrument.change_pack` does."""
    answers = sounds.fields["sound_request"]
    newest = np.array([board.published[v] for v in range(VOICES)]) % BUFFERS
    answers[:] = board.sound_request[np.arange(VOICES), newest, None]
    answers[board.held != 0] = -1  # what is held is decoded again
    board.show(sounds)
    board.pack[0] = number
    return instrument.change_pack(PackLimits.of(played.pack, played.planes, board, played.name))
