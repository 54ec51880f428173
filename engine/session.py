"""One playing instrument: the board, the two engine processes, and who watches over them.

The control process makes a `Session`, steers `session.instrument`, and closes it. A process
that dies or stops beating is killed and replaced; the board keeps the state meanwhile, so the
sound comes back as it was.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine import board as b
from engine.board import Board, Shape
from engine.bounds import Bounds
from engine.instrument import Instrument
from engine.planes import Planes
from engine.process import hushed, say
from engine.stream import Settings
from models.libraries.store import LibraryError
from models.pack import Pack, PackError

TICK_S = 1 / 60
HANG_S = 2.0  # a playing process that beats no more; it finds a lost device by itself sooner
DECODER_HANG_S = 10.0
RESPAWN_S = 0.2


class EngineError(RuntimeError):
    """The engine cannot run here: one line saying why."""


class Session:
    """The control process's hold on the engine.

    `start` returns at once; `wait_ready` when a gesture will sound. `tell` is called (from the
    watching thread) with what the processes say: dicts with a "kind". Every method may be
    called from any thread of the control process.
    """

    def __init__(
        self,
        pack: Pack,
        settings: Settings,
        tell: Callable[[dict[str, Any]], None] | None = None,
        library: Path | None = None,
    ) -> None:
        """With a `library`, `pack` has its anchors already (models.libraries.playable.as_pack)."""
        self.pack = pack
        self.library = library
        self.settings = settings
        r = pack.representation
        self.board = Board(Shape(r.frames, r.bins, r.samples, r.sample_rate))
        planes = Planes(pack)
        planes.begin(self.board)
        self._wake, self._wake_far = socket.socketpair()
        self._wake.setblocking(False)
        self.instrument = Instrument(
            self.board,
            latent_dim=pack.latent_dim,
            place=lambda anchor: planes.place(self.board, anchor),
            planes=planes.names,
            axes=planes,
            bounds=Bounds.of(pack.anchors.latents),
            clock=time.monotonic,
            wake=self._wake_decoder,
        )
        self._tell = tell or (lambda word: None)
        self._context = multiprocessing.get_context("spawn")
        self._player: _Child | None = None
        self._decoder: _Child | None = None
        self._closing = threading.Event()
        self.failed = ""  # why the engine cannot run at all
        self._watcher = threading.Thread(target=self._watch, name="watch", daemon=True)

    def start(self) -> None:
        """Start both processes and watch over them."""
        self._decoder = self._spawn_decoder()
        self._player = self._spawn_player()
        self._watcher.start()

    def wait_ready(self, seconds: float) -> bool:
        """True when a gesture will sound; False when it took too long or the engine failed."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._closing.is_set() and not self.failed:
            if self.ready:
                return True
            time.sleep(0.02)
        return False

    @property
    def ready(self) -> bool:
        board = self.board
        return bool(board.player[b.PLAYER_READY] and board.decoder[b.DECODER_READY])

    def processes(self) -> dict[str, int]:
        """Process ids by what they do."""
        children = {"playing": self._player, "decoding": self._decoder}
        return {
            name: child.process.pid
            for name, child in children.items()
            if child is not None and child.process.pid is not None
        }

    def close(self) -> None:
        """Fade out and end both processes, within a second."""
        if self._closing.is_set():
            return
        self._closing.set()
        for child in (self._player, self._decoder):
            if child is not None:
                child.hang_up()
        with contextlib.suppress(OSError):
            self._wake.close()
        for child in (self._player, self._decoder):
            if child is not None:
                child.process.join(0.8)
                child.kill()

    def _wake_decoder(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake already
            self._wake.send(b".")

    # -- processes ---------------------------------------------------------------------------

    def _spawn_player(self) -> _Child:
        from engine.playing import serve

        self.board.player[b.PLAYER_READY] = 0
        return _Child(self._context, serve, (self.board, self.pack.representation, self.settings))

    def _spawn_decoder(self) -> _Child:
        self.board.decoder[b.DECODER_READY] = 0
        places = (self.pack.path, self.library)
        return _Child(self._context, _decode, (self.board, *places, self._wake_far))

    def _watch(self) -> None:
        beats = _Beats(self.board)
        while not self._closing.is_set():
            time.sleep(TICK_S)
            self.instrument.tick()
            beats.look()
            assert self._player is not None and self._decoder is not None
            for word in (*self._player.words(), *self._decoder.words()):
                self._tell(word)
                if word["kind"] == "failed":
                    self.failed = word["reason"]
            if self._closing.is_set() or self.failed:
                return
            if not self._player.process.is_alive() or beats.player_silent > HANG_S:
                self._tell({"kind": "restart", "what": "playing"})
                self._player.kill()
                self._player = self._spawn_player()
                beats.forget_player()
            if not self._decoder.process.is_alive() or beats.decoder_silent > DECODER_HANG_S:
                self._tell({"kind": "restart", "what": "decoding"})
                self._decoder.kill()
                time.sleep(RESPAWN_S)
                self._decoder = self._spawn_decoder()
                beats.forget_decoder()


def _decode(
    board: Board, folder: Path, place: Path | None, wake: socket.socket, words: socket.socket
) -> None:
    """Imports TensorFlow only in the process that needs it, and tells why it could not."""
    try:
        with hushed():
            from engine.decoding import serve
    except ImportError as error:
        reason = f"{error}; install TensorFlow with latentpad's extra `cpu` or `gpu`"
        say(words, "failed", what="decoding", reason=reason)
        return
    try:
        serve(board, folder, place, wake, words)
    except (PackError, LibraryError) as error:
        say(words, "failed", what="decoding", reason=str(error))


class _Child:
    """A spawned process and the line on which it speaks to us."""

    def __init__(self, context: Any, main: Callable[..., None], args: tuple[Any, ...]) -> None:
        self._words, far = socket.socketpair()
        self._words.setblocking(False)
        self._heard = b""
        self.process = context.Process(target=main, args=(*args, far), daemon=True)
        self.process.start()
        far.close()

    def words(self) -> list[dict[str, Any]]:
        """What it has said since last asked."""
        with contextlib.suppress(OSError):
            self._heard += self._words.recv(65536)
        *lines, self._heard = self._heard.split(b"\n")
        return [json.loads(line) for line in lines]

    def hang_up(self) -> None:
        """The process ends when it notices."""
        with contextlib.suppress(OSError):
            self._words.shutdown(socket.SHUT_RDWR)
            self._words.close()

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            self._words.close()
        if self.process.is_alive():
            self.process.kill()
        self.process.join(1.0)


class _Beats:
    """How long each process has been silent. A process is given its time to start."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.forget_player()
        self.forget_decoder()

    def forget_player(self) -> None:
        self._player = (0.0, time.monotonic())
        self.player_silent = 0.0

    def forget_decoder(self) -> None:
        self._decoder = (0.0, time.monotonic())
        self.decoder_silent = 0.0

    def look(self) -> None:
        now = time.monotonic()
        beat = float(self._board.player[b.PLAYER_BEAT])
        if beat != self._player[0] or not self._board.player[b.PLAYER_READY]:
            self._player = (beat, now)
        self.player_silent = now - self._player[1]
        beat = float(self._board.decoder[b.DECODER_BEAT])
        if beat != self._decoder[0] or not self._board.decoder[b.DECODER_READY]:
            self._decoder = (beat, now)
        self.decoder_silent = now - self._decoder[1]
