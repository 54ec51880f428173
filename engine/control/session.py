"""One playing instrument: the board, and the two supervised processes around it.

The control process makes a `Session`, uses `session.instrument`, and closes it. A process that dies
or hangs is replaced (engine.control.supervisor). The board keeps the state, so the sound comes back
as it was.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from latentpad.engine import error_log
from latentpad.engine.board import Board, BoardShape
from latentpad.engine.control.child import Child, Message
from latentpad.engine.control.instrument import Instrument
from latentpad.engine.control.pack_change import PackChange
from latentpad.engine.control.pack_limits import PackLimits
from latentpad.engine.control.played_pack import PlayedPack
from latentpad.engine.control.supervisor import TRIES, AwakeClock, Supervisor
from latentpad.engine.output_settings import OutputSettings
from latentpad.engine.pack_order import sound_shape
from latentpad.engine.process_status import ProcessStatus
from latentpad.engine.sound_memory import SoundMemory
from latentpad.models.errors import LatentpadError
from latentpad.models.packs.pack import Pack

TICK_S = 1 / 60  # while something depends on time
FIRST_TICK_S = 0.004  # to the first tick after a rest: a coordinate has waited for its other one
CLOCK_S = 0.1  # between two readings of the clock at rest
PLAYER_HANG_S = 2.0  # it beats every 50 ms, and detects a lost device itself
DECODER_HANG_S = 300.0  # it beats between two sounds, but not during a fit


class EngineError(LatentpadError):
    """The engine cannot run here. Its text is one line with the reason."""


class Session:
    """The engine, as the control process sees it.

    `start` returns at once; `wait_ready` returns when a gesture will sound. `report` is called, on
    the supervisors' threads, with the messages of the processes: dicts with a "kind", and the
    process as "what". An exception that it raises is reported as a fault and ends nothing. Every
    method may be called from any thread of the control process.
    """

    def __init__(
        self,
        pack: Pack,
        settings: OutputSettings,
        report: Callable[[Message], None] | None = None,
        library: Path | None = None,
    ) -> None:
        """With a `library`, `pack` has its anchors already (models.libraries.playable.as_pack)."""
        played = PlayedPack.of(pack, library)
        self.settings = settings
        r = pack.representation
        shape = BoardShape(r.frames, r.bins, r.samples, r.sample_rate)
        self.board = Board(shape, sound_memory=SoundMemory(sound_shape(r)))
        played.planes.set_defaults(self.board)
        self._wake, self._wake_receiver = socket.socketpair()
        self._wake.setblocking(False)
        self._ticks_wanted = threading.Event()
        self.instrument = Instrument(
            self.board,
            PackLimits.of(pack, played.planes, self.board, played.name),
            clock=AwakeClock(),  # while the program is stopped, nothing times out
            wake=self.wake_decoder,
            wake_ticks=self._ticks_wanted.set,
        )
        self.packs = PackChange(self.board, self.instrument, played)
        self._report = report or (lambda message: None)
        self._closing = threading.Event()
        self._started: set[str] = set()  # the processes that have been ready once
        self._current_step: dict[str, str] = {}  # the last step of each process
        self.failed = ""  # why the engine cannot run at all
        self._supervisors = (
            Supervisor(
                "playing",
                self._spawn_player,
                self._on_message,
                status=ProcessStatus.playing(self.board),
                hang_s=PLAYER_HANG_S,
            ),
            Supervisor(
                "decoding",
                self._spawn_decoder,
                self._on_message,
                status=ProcessStatus.decoding(self.board),
                hang_s=DECODER_HANG_S,
            ),
        )
        self._ticker = threading.Thread(target=self._tick, name="tick", daemon=True)

    def start(self) -> None:
        """Start both processes and supervise them."""
        for supervisor in self._supervisors:
            supervisor.start()
        self._ticker.start()

    def wait_ready(self, seconds: float) -> None:
        """Wait until a gesture will sound.

        Raises `EngineError` if the engine has failed, was closed, or is not ready after `seconds`;
        then the text says what each process is doing.
        """
        end = time.monotonic() + seconds
        while not self.ready:
            if self.failed:
                raise EngineError(self.failed)
            if self._closing.is_set():
                raise EngineError("the engine was closed before it was ready")
            if time.monotonic() > end:
                doing = "; ".join(f"{name}: it {doing}" for name, doing in self.starting().items())
                raise EngineError(f"after {seconds:g} s the engine still starts ({doing})")
            time.sleep(0.02)

    @property
    def pack(self) -> Pack:
        """The pack that is heard."""
        return self.packs.played.pack

    @property
    def library(self) -> Path | None:
        """The library whose sounds are its anchors."""
        return self.packs.played.library

    @property
    def ready(self) -> bool:
        """Whether both processes are ready."""
        return all(supervisor.status.ready for supervisor in self._supervisors)

    def starting(self) -> dict[str, str]:
        """The processes that are not ready, and the last step of each ("loads the pack")."""
        return {
            supervisor.name: self._current_step.get(supervisor.name, "has not begun")
            for supervisor in self._supervisors
            if not supervisor.status.ready
        }

    def processes(self) -> dict[str, int]:
        """Process ids by the names of the processes."""
        return {
            supervisor.name: supervisor.pid
            for supervisor in self._supervisors
            if supervisor.pid is not None
        }

    def close(self) -> None:
        """Fade out and end both processes, within a second."""
        self._closing.set()
        self._hang_up()
        for supervisor in self._supervisors:
            supervisor.join()
        self.packs.close()
        with contextlib.suppress(OSError):
            self._wake.close()
            self._wake_receiver.close()

    def _hang_up(self) -> None:
        for supervisor in self._supervisors:
            supervisor.hang_up()

    def wake_decoder(self) -> None:
        """Tell the decoding process that a sound is asked for. The instrument does it itself."""
        with contextlib.suppress(OSError):  # the socket is full: it is awake already
            self._wake.send(b".")

    def _spawn_player(self, generation: int) -> Child:
        played, board, orders = self.packs.process_starts("playing")
        with orders:
            args = (board, played.pack.representation, self.settings, orders, generation)
            return Child("playing", "latentpad.engine.play.process", args)

    def _spawn_decoder(self, generation: int) -> Child:
        played, board, orders = self.packs.process_starts("decoding")
        with orders:
            args = (
                board, played.pack.path, played.library, self._wake_receiver, orders, generation,
            )  # fmt: skip
            return Child("decoding", "latentpad.engine.decode.process", args)

    def _on_message(self, message: Message) -> None:
        self.packs.on_message(message)
        if message["kind"] == "step":
            self._current_step[message["what"]] = message["step"]
        elif message["kind"] == "compiling":
            self._current_step[message["what"]] = (
                f"compiles its kernels, {message['kernels']} so far"
            )
        elif message["kind"] == "ended":
            self._current_step[message["what"]] = message["reason"]
            if message["ready"]:
                self._started.add(message["what"])
            permanent = message["final"] or message["failures"] >= TRIES
            if permanent and message["what"] not in self._started:
                self.failed = f"the {message['what']} process {message['reason']}"
                self._hang_up()
                return
        self._report(message)

    def _tick(self) -> None:
        """Tick while something depends on time. At rest, only keep the instrument's clock going:
        it counts short gaps only."""
        pause = FIRST_TICK_S
        while not self._closing.is_set():
            if not self._ticks_wanted.wait(CLOCK_S):
                self.instrument.clock()
                self.packs.tick()
                pause = FIRST_TICK_S
                continue
            self._ticks_wanted.clear()  # a tick that leaves something to do sets it again
            self._closing.wait(pause)
            pause = TICK_S
            with error_log.errors_reported():
                self.instrument.tick()
                self.packs.tick()
