"""The voices of packs that may be played next, made beside those that play."""

from __future__ import annotations

import socket

from latentpad.engine import pack_order, tape
from latentpad.engine.board import Board
from latentpad.engine.play.rehearsal import rehearse
from latentpad.engine.play.stream import PackStream
from latentpad.engine.play.voices import Voices
from latentpad.engine.process import failure_line, send_message
from latentpad.engine.sound_memory import SoundMemory
from latentpad.models.representation import Representation


class NextPacks:
    """Makes voices as `pack_order` asks for. Not for the render thread, except `take`."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._streams: dict[int, PackStream] = {}  # by the number of the pack
        self._taken = 0

    def stream(self, sounds: SoundMemory, representation: Representation) -> PackStream:
        """Voices for the sounds of a pack, at the instrument's rate."""
        board, r = self._board, representation
        voices = Voices(board.showing(sounds), r)
        return PackStream(voices, r.sample_rate, board.shape.sample_rate, tape.hop_of(board))

    def prepare(self, orders: socket.socket, control_socket: socket.socket) -> None:
        """Make and rehearse the voices of the pack that is ordered, and report that they are
        ready, or why not."""
        received = pack_order.receive(orders)
        if received is None:
            return
        order, sounds = received
        try:
            rehearse(order.representation)
            stream = self.stream(sounds, order.representation)
        except Exception as error:  # no memory, for example
            reason = failure_line(error)
            send_message(control_socket, "pack refused", number=order.number, reason=reason)
            return
        self._board.show(sounds)  # which frees the memory of an earlier pack when its voices end
        for number in list(self._streams):
            if number < self._taken:
                self._streams.pop(number, None)  # it was never played
        self._streams[order.number] = stream
        send_message(control_socket, "pack loaded", number=order.number)

    def take(self, number: int) -> PackStream | None:
        """The voices of this pack, once. Render thread."""
        if number not in self._streams:
            return None
        self._taken = number
        return self._streams.pop(number)
