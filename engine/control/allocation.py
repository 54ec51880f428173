"""Which voice plays what: sixteen of them, given to fingers and notes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from latentpad.engine import board as b
from latentpad.engine.arguments import Argument
from latentpad.engine.atomic import fence
from latentpad.engine.board import Board, Event
from latentpad.engine.control.outbox import Outbox
from latentpad.engine.parameters import VOICES


class Sender(NamedTuple):
    """Who sent a command. Notes belong to the `group` (a host, a MIDI port and channel): the
    same person may send each message from another UDP port."""

    group: str
    port: int = 0

    @property
    def device(self) -> str:
        """What is played on: the host, or the MIDI port with all its channels."""
        midi = self.group.startswith("midi ")
        return self.group.rpartition(" ")[0] if midi else self.group


NOBODY = Sender("")

Source = tuple[str, str, int]  # ("finger", "", n) or ("note", group, pitch)
Command = tuple[str, tuple[Argument, ...]]


@dataclass
class Slot:
    """One of the board's voices, as the control process knows it."""

    source: Source | None = None  # who holds it; None once let go
    serial: int = 0  # of its last START; the player answers with the same
    started: float = 0.0
    sender: Sender = NOBODY
    timed: bool = False  # let go when the sender falls silent
    follows: bool = False  # moves with the pad's point
    again: tuple[Command, ...] = ()  # what would start it so again, the start itself last


@dataclass(frozen=True)
class HeldLoop:
    """A loop that somebody holds, and the command that would start it again."""

    voice: int = field(compare=False)
    address: str
    args: tuple[Argument, ...]
    sender: Sender
    settings: tuple[Command, ...]  # rows as they were then, of those that a start reads
    follows: bool  # moves with the pad's point
    origin: int  # the board's: what it is pointed by


class Allocation:
    """Gives voices to sources and takes them back. Under the instrument's lock."""

    def __init__(self, board: Board, clock: Callable[[], float], started: int = 0) -> None:
        self._board = board
        self._clock = clock
        self._outbox = Outbox(board)
        self._slots = [Slot() for _ in range(VOICES)]
        self.started = started  # how many sounds have been; the last one's serial

    def give(
        self, source: Source, sender: Sender, again: Sequence[Command], *, follows: bool
    ) -> int:
        """A voice for `source`; `start` must follow once its point is on the board. `again` is
        what would start it so once more."""
        voice = min(range(VOICES), key=self._rank)
        self.started += 1
        self._slots[voice] = Slot(
            source=source,
            serial=self.started,
            started=self._clock(),
            follows=follows,
            again=tuple(again),
        )
        self.hand_over(voice, sender)
        self._board.starts[voice] = self.started
        return voice

    def hand_over(self, voice: int, sender: Sender) -> None:
        """It is `sender` who holds the voice."""
        slot = self._slots[voice]
        slot.sender, slot.timed = sender, sender.group.startswith("osc")

    def _rank(self, voice: int) -> tuple[int, float]:
        """A free voice first; then the oldest that was let go; then the oldest of all."""
        slot, board = self._slots[voice], self._board
        answered = int(board.voice_serial[voice]) == slot.serial
        fence()  # the state is that sound's
        if slot.serial == 0 or (answered and board.voice_state[voice] == b.FREE):
            return 0, voice
        return (1 if slot.source is None else 2), slot.started

    def start(self, voice: int, mode: int, level_db: float, *, held: bool) -> None:
        """Tell the playing process to start the voice with the sound last asked for."""
        board = self._board
        request, serial = int(board.requests[voice]), self._slots[voice].serial
        # The state first: see `Voices.resume`.
        board.held[voice] = int(held)
        board.start_request[voice], board.start_level[voice] = request, level_db
        self._outbox.send(Event(b.START, voice, mode, request, level_db, serial))

    def let_go(self, which: Callable[[Slot], bool]) -> list[tuple[Source, Sender]]:
        """Release every held voice of which this is true; shots ring out all the same. Returns
        who held them, and who had sent that."""
        gone = []
        for voice, slot in enumerate(self._slots):
            if slot.source is not None and which(slot):
                gone.append((slot.source, slot.sender))
                self._board.held[voice] = 0  # the state first: see `Voices.resume`
                self._outbox.send(Event(b.RELEASE, voice, serial=slot.serial))
                slot.source = None
                slot.follows = False
        return gone

    def panic(self) -> None:
        """Release every held voice, and have all silenced, shots too."""
        self.let_go(lambda slot: True)
        self._outbox.send(Event(b.PANIC))

    def tick(self) -> None:
        """Send what had no room: call it some 60 times a second."""
        self._outbox.flush()

    def held_voices(self) -> Iterator[tuple[int, Source]]:
        """Voices that somebody holds, and who."""
        for voice, slot in enumerate(self._slots):
            if slot.source is not None:
                yield voice, slot.source

    def loops(self) -> list[HeldLoop]:
        """The loops that are held, in the order in which they were started."""
        held = [voice for voice, _ in self.held_voices() if self._board.held[voice]]
        return [self._loop(voice) for voice in sorted(held, key=lambda v: self._slots[v].serial)]

    def _loop(self, voice: int) -> HeldLoop:
        slot = self._slots[voice]
        *settings, (address, args) = slot.again
        origin = int(self._board.origin[voice])
        return HeldLoop(voice, address, args, slot.sender, tuple(settings), slot.follows, origin)

    def holds(self, source: Source) -> list[int]:
        """The voices that `source` has not let go, shots that have rung out among them."""
        return [voice for voice, slot in enumerate(self._slots) if slot.source == source]

    def following(self) -> Iterator[int]:
        """Voices that move with the pad's point."""
        return (voice for voice, slot in enumerate(self._slots) if slot.follows)
