"""Replays a gesture recording on an instrument that plays, while the performer plays too.

Time is that of the sound, as in takes: a message is carried out when the hop before its own has
been rendered. So a replay does not drift from the sound, and stands still with it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from latentpad.engine import error_log, tape
from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.board import Board
from latentpad.engine.control.allocation import NOBODY, Sender
from latentpad.engine.control.instrument import Instrument
from latentpad.engine.control.stages import OutcomeCallback
from latentpad.engine.gestures import END, TAKE_PREFIX, GestureMessage, GestureRecording
from latentpad.engine.parameters import FINGERS
from latentpad.models.errors import LatentpadError

REPLAY = Sender("replay")
PAUSE_S = 1.0  # of sound between two readings of the clock: the thread was stopped meanwhile
LONGEST_S = 0.1  # between two readings
POLL_S = 0.0005  # the same while the next hop is awaited
SHORTEST_S = 0.1  # of a recording that is repeated
PACK_S = 10.0  # the longest wait for another pack
MOST = 1024  # messages in one change

_FINGER = re.compile(r"/pad(?:/(\d+))?/(?:xy|x|y|touch)")

ChangePack = Callable[[str, Callable[[], None]], None]
"""Plays the pack of a reference in the recording, and calls the function when it is heard. Raises
`CommandError`."""


def control(address: str) -> str:
    """The control that a command moves: `/pad/N` for a finger's point and its touch, else the
    address. Latents, anchors and lattice weights are in place of finger 1's point."""
    if finger := _FINGER.fullmatch(address):
        return f"/pad/{finger[1] or 1}"
    if address.startswith(("/latent", "/anchor/")) or re.fullmatch(r"/lattice/\d+", address):
        return "/pad/1"
    return address


class TapeClock:
    """Frames of sound played since it was made. One thread.

    The sound of a pause of the thread, of more than `PAUSE_S`, does not count.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._frames = 0
        self._longest = PAUSE_S * board.shape.sample_rate
        self.resume()

    def resume(self) -> None:
        """Go on from here: what was played since the last reading does not count."""
        self._last = self._board.tape_head[0]

    def __call__(self) -> int:
        head = self._board.tape_head[0]
        passed, self._last = head - self._last, head
        self._frames += passed if passed <= self._longest else 0
        return self._frames


class Replay:
    """One replay of a recording, on a thread of its own. Any thread may call.

    What another sender moves meanwhile is no longer moved by the replay (`control`); the controls
    in `taken` and the fingers that are held when it begins are not moved at all. `/panic` of
    another sender ends it; one in the recording silences nothing of another's. What it holds at its
    end is released.

    `report` gets the outcome of each message, `loops` says at the end of each round whether another
    follows, and `ended` is called once, on the replay's thread, with the reason if it was an error.
    """

    def __init__(
        self,
        instrument: Instrument,
        recording: GestureRecording,
        *,
        change_pack: ChangePack,
        report: OutcomeCallback,
        loops: Callable[[], bool],
        ended: Callable[[str], None],
        taken: Iterable[str] = (),
    ) -> None:
        self._instrument, self._recording = instrument, recording
        self._change_pack, self._report = change_pack, report
        self._loops, self._ended = loops, ended
        self._taken = set(taken)  # controls that it does not move
        self._fingers: set[int] = set()  # that it has put down
        self._groups = {REPLAY.group}  # its senders
        self._alone = True  # no other sender has played meanwhile
        self._acting = False  # under the instrument's lock: the command is its own
        self._awaits_pack = False  # what changes without a sender belongs to its pack
        self._stopping = threading.Event()
        self._clock = TapeClock(instrument.board)
        self._after: Replay | None = None
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)

    def start(self, after: Replay | None = None) -> None:
        """Begin as soon as the replay `after` has ended. Call it once."""
        self._after = after
        self._thread.start()

    def stop(self) -> None:
        """End it. Returns at once."""
        self._stopping.set()

    def join(self, seconds: float | None = None) -> None:
        """Wait until it has ended and nothing sounds by it, or for so long."""
        self._thread.join(seconds)

    @property
    def stopped(self) -> bool:
        """Whether it has ended, or is about to."""
        return self._stopping.is_set()

    # -- its thread --------------------------------------------------------------------------

    def _run(self) -> None:
        if self._after is not None:
            self._after.join()
            self._after = None
        instrument, reason = self._instrument, ""
        with instrument.frozen():
            held = {f"/pad/{n}" for n in range(1, FINGERS + 1) if instrument.down(n)}
            self._taken |= held
            self._alone = not held
            instrument.expect_touches(REPLAY, self._recording.touch_fingers)
            instrument.taps.append(self._heard)
        try:
            self._clock.resume()
            self._play()
        except LatentpadError as error:
            reason = str(error)
        except Exception as error:
            error_log.report(error)
            reason = "a fault of latentpad; it is in its log"
        finally:
            self._stopping.set()
            with instrument.frozen():
                self._let_go()
                instrument.taps.remove(self._heard)
            self._ended(reason)

    def _play(self) -> None:
        rate = self._instrument.board.shape.sample_rate
        began = last = 0
        while True:
            for frame, messages in groupby(self._lines(), lambda m: round(m.t * rate)):
                last = began + frame
                if not self._wait(last):
                    return
                self._carry_out(messages)
            self._let_go()
            if not self._loops() or last - began < SHORTEST_S * rate:
                return
            began = last

    def _lines(self) -> Iterator[GestureMessage]:
        """The messages, and the end."""
        for message in self._recording.lines():
            if message.address == END or not message.address.startswith(TAKE_PREFIX):
                yield message

    def _wait(self, frame: int) -> bool:
        """Wait until this frame is the next one to be rendered. False if the replay was stopped."""
        board = self._instrument.board
        hop = tape.hop_of(board)
        while (left := frame - self._clock()) > 0:
            pause = (left - hop) / board.shape.sample_rate  # the hop before may be under way
            if self._stopping.wait(min(max(pause, POLL_S), LONGEST_S)):
                return False
        return not self._stopping.is_set()

    def _carry_out(self, messages: Iterator[GestureMessage]) -> None:
        """Carry out messages of one time, as one change; of very many, as several."""
        change: list[GestureMessage] = []
        try:
            for message in messages:
                if message.address == "/pack" or len(change) == MOST:
                    self._apply(change)
                    change = []
                if message.address == "/pack":
                    self._play_pack(message)
                elif message.address != END:
                    change.append(message)
        finally:  # a later line is wrong: these are carried out all the same
            self._apply(change)

    def _apply(self, messages: Sequence[GestureMessage]) -> None:
        instrument = self._instrument
        with instrument.together():
            self._acting = True
            try:
                for message in messages:
                    _, address, args = message
                    sender = self._sender(message)
                    if control(address) in self._taken:
                        continue
                    if address == "/panic" and not self._alone:
                        self._release()
                    elif instrument.is_gesture(address):
                        instrument.carry_out([(address, args)], sender, self._report)
                    else:
                        error = CommandError(f"{address} is not carried out from a recording")
                        self._report(address, args, sender, error)
            finally:
                self._acting = False

    def _sender(self, message: GestureMessage) -> Sender:
        """Voices are the replay's, so that it can release them; everything else has no sender if it
        had none."""
        if message.address == "/note" and message.sender:
            sender = Sender(f"{REPLAY.group}-{message.sender}")
            self._groups.add(sender.group)
            return sender
        starts = message.address == "/note" or message.address.endswith("/touch")
        return NOBODY if message.sender == 0 and not starts else REPLAY

    def _play_pack(self, message: GestureMessage) -> None:
        """Play another pack, and go on when it is heard: the recording's time stands still."""
        _, address, args = message
        if address in self._taken or len(args) != 1:
            return
        heard, self._awaits_pack = threading.Event(), True
        try:
            self._change_pack(str(args[0]), heard.set)
        except CommandError as error:
            self._report(address, args, REPLAY, error)
        else:
            for _ in range(round(PACK_S / LONGEST_S)):
                if heard.wait(LONGEST_S) or self._stopping.is_set():
                    break
        self._awaits_pack = False
        self._clock.resume()

    def _let_go(self) -> None:
        """Release what it holds, as one change."""
        with self._instrument.together():
            self._acting = True
            try:
                self._release()
            finally:
                self._acting = False

    def _release(self) -> None:
        for n in sorted(self._fingers):
            self._instrument.apply(f"/pad/{n}/touch", (0,), REPLAY)
        for group in self._groups:
            self._instrument.release_notes(group)

    # -- under the instrument's lock, on the thread of whoever plays ---------------------------

    def _heard(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        """Note which fingers are its own, and which controls another sender has taken."""
        if sender == NOBODY and self._awaits_pack:
            return
        moved = control(address)
        touch = address.endswith("/touch") and moved != address
        # A touch without a sender follows from a move, which was heard before it.
        mine = self._acting or (touch and sender == NOBODY and moved not in self._taken)
        if touch:
            n, down = int(moved.removeprefix("/pad/")), float(args[0]) >= 0.5
            (self._fingers.add if mine and down else self._fingers.discard)(n)
        if mine:
            return
        self._alone = False
        if address == "/note":
            return
        if address == "/panic":
            self._stopping.set()
        self._taken.add(moved)
