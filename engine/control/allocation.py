"""Voice allocation: sixteen voices, given to fingers and notes."""

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
    """The sender of a command. Notes belong to the `group`: a host, or a MIDI port and channel. One
    performer may send from several UDP ports."""

    group: str
    port: int = 0

    @property
    def device(self) -> str:
        """The instrument's device: the host, or the MIDI port with all its channels."""
        midi = self.group.startswith("midi ")
        return self.group.rpartition(" ")[0] if midi else self.group


NOBODY = Sender("")

Source = tuple[str, str, int]  # ("finger", "", n) or ("note", group, pitch)
Command = tuple[str, tuple[Argument, ...]]


@dataclass
class Slot:
    """One of the board's voices, as the control process knows it."""

    source: Source | None = None  # who holds it; None after the release
    serial: int = 0  # of its last START; the playing process reports the same
    started: float = 0.0
    sender: Sender = NOBODY
    timed: bool = False  # released when the sender falls silent
    follows: bool = False  # moves with the pad's point
    # Would start it again in the same way; the start itself is the last one.
    restart_commands: tuple[Command, ...] = ()
    shaping: dict[str, Command] = field(default_factory=dict)  # since the start, by address


@dataclass(frozen=True)
class HeldLoop:
    """A held loop, and the command that would start it again."""

    voice: int = field(compare=False)
    address: str
    args: tuple[Argument, ...]
    sender: Sender
    settings: tuple[Command, ...]  # the rows that its start used, with their values then
    follows: bool  # moves with the pad's point
    origin: int  # as on the board: what its latent comes from
    shaping: tuple[Command, ...] = ()  # what has changed of a note since its start


class Allocation:
    """Gives voices to sources and takes them back. Under the instrument's lock."""

    def __init__(self, board: Board, clock: Callable[[], float], started: int = 0) -> None:
        self._board = board
        self._clock = clock
        self._outbox = Outbox(board)
        self._slots = [Slot() for _ in range(VOICES)]
        self.started = started  # the number of sounds so far: the last one's serial
        self.on_taken: Callable[[Source], None] = lambda source: None  # with who held its voice

    def give(
        self, source: Source, sender: Sender, restart_commands: Sequence[Command], *, follows: bool
    ) -> int:
        """A voice for `source`. `start` must be called when its point is on the board.
        `restart_commands` are those that would start it again."""
        voice = min(range(VOICES), key=self._priority)
        taken = self._slots[voice].source
        if taken is not None and self._board.held[voice]:
            self.on_taken(taken)
        self.started += 1
        self._slots[voice] = Slot(
            source=source,
            serial=self.started,
            started=self._clock(),
            follows=follows,
            restart_commands=tuple(restart_commands),
        )
        self.hand_over(voice, sender)
        self._board.starts[voice] = self.started
        self._board.pressures[voice] = 0.0
        return voice

    def started_at(self, voice: int) -> float:
        """The clock's time of the voice's last start, in seconds."""
        return self._slots[voice].started

    def unfollow(self, voice: int) -> None:
        """The voice has a point of its own from now on."""
        self._slots[voice].follows = False

    def shape(self, voice: int, command: Command) -> None:
        """Keep a command that has changed the held note, for those who start it again."""
        self._slots[voice].shaping[command[0]] = command

    def hand_over(self, voice: int, sender: Sender) -> None:
        """Make `sender` the one who holds the voice."""
        slot = self._slots[voice]
        slot.sender, slot.timed = sender, sender.group.startswith("osc")

    def _priority(self, voice: int) -> tuple[int, float]:
        """Sort key for the voice to take: a free one, else the oldest released, else the oldest."""
        slot, board = self._slots[voice], self._board
        answered = int(board.voice_serial[voice]) == slot.serial
        fence()  # the state belongs to that serial
        if slot.serial == 0 or (answered and board.voice_state[voice] == b.FREE):
            return 0, voice
        return (1 if slot.source is None else 2), slot.started

    def start(self, voice: int, mode: int, level_db: float, *, held: bool) -> None:
        """Tell the playing process to start the voice with the sound that was last requested."""
        board = self._board
        request, serial = int(board.requests[voice]), self._slots[voice].serial
        # Write the state before the event: see `Voices.resume`.
        board.held[voice] = int(held)
        board.start_request[voice], board.start_level[voice] = request, level_db
        self._outbox.send(Event(b.START, voice, mode, request, level_db, serial))

    def release(self, predicate: Callable[[Slot], bool]) -> list[tuple[Source, Sender]]:
        """Release every held voice for which the predicate is true; shots play to their end.
        Returns who held them, and the senders."""
        released = []
        for voice, slot in enumerate(self._slots):
            if slot.source is not None and predicate(slot):
                released.append((slot.source, slot.sender))
                self._board.held[voice] = 0  # before the event: see `Voices.resume`
                self._outbox.send(Event(b.RELEASE, voice, serial=slot.serial))
                slot.source = None
                slot.follows = False
        return released

    def panic(self) -> None:
        """Release every held voice, and silence all voices, including shots."""
        self.release(lambda slot: True)
        self._outbox.send(Event(b.PANIC))

    @property
    def awaits_tick(self) -> bool:
        """Whether an event has found no room, or a held voice may time out."""
        return not self._outbox.empty or any(
            slot.timed and slot.source is not None for slot in self._slots
        )

    def tick(self) -> None:
        """Send the events that had no room. Call it some 60 times a second while `awaits_tick`."""
        self._outbox.flush()

    def held_voices(self) -> Iterator[tuple[int, Source]]:
        """The held voices and their sources."""
        for voice, slot in enumerate(self._slots):
            if slot.source is not None:
                yield voice, slot.source

    def loops(self) -> list[HeldLoop]:
        """The held loops, in the order in which they were started."""
        held = [voice for voice, _ in self.held_voices() if self._board.held[voice]]
        return [self._loop(voice) for voice in sorted(held, key=lambda v: self._slots[v].serial)]

    def _loop(self, voice: int) -> HeldLoop:
        slot = self._slots[voice]
        *settings, (address, args) = slot.restart_commands
        origin = int(self._board.origin[voice])
        return HeldLoop(
            voice, address, args, slot.sender, tuple(settings), slot.follows, origin,
            tuple(slot.shaping.values()),
        )  # fmt: skip

    def holds(self, source: Source) -> list[int]:
        """The voices that `source` has not released, including shots that have ended."""
        return [voice for voice, slot in enumerate(self._slots) if slot.source == source]

    def following(self) -> Iterator[int]:
        """The voices that follow the pad's point."""
        return (voice for voice, slot in enumerate(self._slots) if slot.follows)
