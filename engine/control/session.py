"""One playing instrument: the board, and the two engine processes that are kept going around it.

The control process makes a `Session`, steers `session.instrument`, and closes it. A process
that dies or hangs is replaced (engine.control.supervisor); the board keeps the state meanwhile,
so the sound comes back as it was.
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
from latentpad.engine.control.supervisor import TRIES, AwakeClock, Supervisor
from latentpad.engine.latent_bounds import LatentBounds
from latentpad.engine.output_settings import OutputSettings
from latentpad.engine.planes import Planes
from latentpad.engine.process_status import ProcessStatus
from latentpad.models.errors import LatentpadError
from latentpad.models.packs.pack import Pack

TICK_S = 1 / 60
PLAYER_HANG_S = 2.0  # it beats every 50 ms, and finds a lost device by itself
DECODER_HANG_S = 300.0  # it beats between two sounds; while it fits, only its work is seen


class EngineError(LatentpadError):
    """The engine cannot run here: one line saying why."""


class Session:
    """The control process's hold on the engine.

    `start` returns at once; `wait_ready` when a gesture will sound. `tell` is called (from the
    watching threads) with what the processes say: dicts with a "kind" and the process as "what".
    What it raises is told as a fault, and ends nothing.
    Every method may be called from any thread of the control process.
    """

    def __init__(
        self,
        pack: Pack,
        settings: OutputSettings,
        tell: Callable[[Message], None] | None = None,
        library: Path | None = None,
    ) -> None:
        """With a `library`, `pack` has its anchors already (models.libraries.playable.as_pack)."""
        self.pack = pack
        self.library = library
        self.settings = settings
        r = pack.representation
        self.board = Board(BoardShape(r.frames, r.bins, r.samples, r.sample_rate))
        planes = Planes(pack)
        planes.set_defaults(self.board)
        self._wake, self._wake_far = socket.socketpair()
        self._wake.setblocking(False)
        self.instrument = Instrument(
            self.board,
            latent_dim=pack.latent_dim,
            look_up_anchor=lambda anchor: planes.look_up_anchor(self.board, anchor),
            planes=planes.names,
            axes=planes,
            bounds=LatentBounds.of(pack.anchors.latents),
            clock=AwakeClock(),  # while we do not run, no glide goes on and no note is too old
            wake=self._wake_decoder,
        )
        self._tell = tell or (lambda word: None)
        self._closing = threading.Event()
        self._started: set[str] = set()  # the processes that have been ready once
        self._doing: dict[str, str] = {}  # what each process was doing last
        self.failed = ""  # why the engine cannot run at all
        self._keepers = (
            Supervisor(
                "playing",
                self._spawn_player,
                self._hear,
                signs=ProcessStatus.playing(self.board),
                hang_s=PLAYER_HANG_S,
            ),
            Supervisor(
                "decoding",
                self._spawn_decoder,
                self._hear,
                signs=ProcessStatus.decoding(self.board),
                hang_s=DECODER_HANG_S,
            ),
        )
        self._ticker = threading.Thread(target=self._tick, name="tick", daemon=True)

    def start(self) -> None:
        """Start both processes and watch over them."""
        for keeper in self._keepers:
            keeper.start()
        self._ticker.start()

    def wait_ready(self, seconds: float) -> None:
        """Return when a gesture will sound. Raises `EngineError` when the engine has failed, was
        closed, or is not ready in `seconds`: then with what each process is doing."""
        end = time.monotonic() + seconds
        while not self.ready:
            if self.failed:
                raise EngineError(self.failed)
            if self._closing.is_set():
                raise EngineError("the engine was closed before it was ready")
            if time.monotonic() > end:
                doing = "; ".join(f"{what}: it {doing}" for what, doing in self.starting().items())
                raise EngineError(f"after {seconds:g} s the engine still starts ({doing})")
            time.sleep(0.02)

    @property
    def ready(self) -> bool:
        """Whether both processes do their work now."""
        return all(keeper.signs.ready for keeper in self._keepers)

    def starting(self) -> dict[str, str]:
        """The processes that are not ready, and what each was doing last ("loads the pack")."""
        return {
            keeper.what: self._doing.get(keeper.what, "has not begun")
            for keeper in self._keepers
            if not keeper.signs.ready
        }

    def processes(self) -> dict[str, int]:
        """Process ids by what they do."""
        return {keeper.what: keeper.pid for keeper in self._keepers if keeper.pid is not None}

    def close(self) -> None:
        """Fade out and end both processes, within a second."""
        self._closing.set()
        self._hang_up()
        for keeper in self._keepers:
            keeper.join()
        with contextlib.suppress(OSError):
            self._wake.close()
            self._wake_far.close()

    def _hang_up(self) -> None:
        for keeper in self._keepers:
            keeper.hang_up()

    def _wake_decoder(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake already
            self._wake.send(b".")

    def _spawn_player(self, generation: int) -> Child:
        args = (self.board, self.pack.representation, self.settings, generation)
        return Child("playing", "latentpad.engine.play.process", args)

    def _spawn_decoder(self, generation: int) -> Child:
        args = (self.board, self.pack.path, self.library, self._wake_far, generation)
        return Child("decoding", "latentpad.engine.decode.process", args)

    def _hear(self, word: Message) -> None:
        if word["kind"] == "step":
            self._doing[word["what"]] = word["step"]
        elif word["kind"] == "compiling":
            self._doing[word["what"]] = f"compiles its kernels, {word['kernels']} so far"
        elif word["kind"] == "ended":
            self._doing[word["what"]] = word["reason"]
            if word["ready"]:
                self._started.add(word["what"])
            in_vain = word["final"] or word["failures"] >= TRIES
            if in_vain and word["what"] not in self._started:
                self.failed = f"the {word['what']} process {word['reason']}"
                self._hang_up()
                return
        self._tell(word)

    def _tick(self) -> None:
        while not self._closing.wait(TICK_S):
            with error_log.errors_reported():
                self.instrument.tick()
