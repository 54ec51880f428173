"""Offline: a gesture recording becomes the same samples every time.

No process, no clock: time is the number of hops played. Every point is decoded before the hop
that it concerns, so the result is what an infinitely fast machine would have played.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine import board as b
from engine.board import Board, Shape
from engine.bounds import Bounds
from engine.instrument import Instrument, Sender
from engine.parameters import Argument, CommandError
from engine.planes import Planes
from engine.sound_file import SoundFile, form
from engine.voices import Voices
from engine.whole import draft_of
from models.pack import Pack

if TYPE_CHECKING:
    from models.libraries.library import Library

PLAYER = Sender("recording")
MOST_REFUSED = 20  # that are told one by one
TAIL_S = 10.0  # what rings out after the last gesture, at most
TICK_HOPS = 6  # how often what happens by itself is looked after: some 60 times a second


class Rendering:
    """An instrument in one process, played hop by hop."""

    def __init__(self, pack: Pack, library: Library | None = None) -> None:
        from engine.decoder import Decoder
        from engine.decoding import Mailbox
        from engine.originals import Originals

        r = pack.representation
        self.board = Board(Shape(r.frames, r.bins, r.samples, r.sample_rate))
        planes = Planes(pack)
        planes.begin(self.board)
        self.voices = Voices(self.board, r)
        self.rate = r.sample_rate
        self.hop_s = self.voices.hop_size / r.sample_rate
        self.instrument = Instrument(
            self.board,
            latent_dim=pack.latent_dim,
            place=lambda anchor: planes.place(self.board, anchor),
            planes=planes.names,
            axes=planes,
            bounds=Bounds.of(pack.anchors.latents),
            clock=lambda: self.seconds,
        )
        decoder = Decoder(pack)
        originals = None if library is None else Originals(library, decoder)
        self._mailbox = Mailbox(self.board, pack, decoder, originals)

    @property
    def seconds(self) -> float:
        """What has been played."""
        return self.voices.hops * self.hop_s

    def hop(self) -> NDArray[np.float32]:
        """The next hop (hop_size, 2) float32."""
        if self.voices.hops % TICK_HOPS == 0:
            self.instrument.tick()
        for voice in self._mailbox.waiting():
            self._mailbox.serve([voice], self.seconds)
        out = np.zeros((self.voices.hop_size, 2), np.float32)
        self.voices.hop(out)
        return out

    @property
    def silent(self) -> bool:
        return bool((self.board.voice_state == b.FREE).all())


def performed(
    rendering: Rendering,
    preset: Sequence[tuple[str, Sequence[Argument]]],
    messages: Iterable[tuple[float, str, Sequence[Argument]]],
    end: float,
    told: Iterable[int] = (),
    refuse: Callable[[str], None] = lambda line: None,
) -> Iterator[NDArray[np.float32]]:
    """The hops of a performance, as `render` writes them; `refuse` is told what is refused."""
    instrument = rendering.instrument
    instrument.believe(PLAYER, told)
    for error in instrument.apply_all(preset):
        refuse(str(error))
    waiting = iter(messages)
    message = next(waiting, None)
    while rendering.seconds <= end or message is not None:
        while message is not None and message[0] <= rendering.seconds:
            try:
                instrument.apply(message[1], message[2], PLAYER)
            except CommandError as error:
                refuse(str(error))
            message = next(waiting, None)
        yield rendering.hop()
    instrument.release_all()
    until = rendering.seconds + TAIL_S
    while rendering.seconds < until and not rendering.silent:
        yield rendering.hop()
    yield rendering.hop()  # the limiter's delay


def render(
    pack: Pack,
    preset: Sequence[tuple[str, Sequence[Argument]]],
    messages: Iterable[tuple[float, str, Sequence[Argument]]],
    end: float,
    path: Path,
    progress: Callable[[float], None] = lambda share: None,
    library: Library | None = None,
    told: Iterable[int] = (),
) -> tuple[float, list[str]]:
    """Write the performance to a sound file; returns its seconds and what was refused.

    `messages` are (seconds, address, args) with times rising to `end`. After the last one,
    everything is let go and rings out. Of the fingers in `told` the messages tell the touches; of
    the others movement is touch. With a `library`, `pack` has its anchors already.
    Raises `OSError` where the file cannot be written; then what was there before is left.
    """
    rendering = Rendering(pack, library)
    refused: list[str] = []
    more = 0

    def refuse(line: str) -> None:
        nonlocal more
        if len(refused) < MOST_REFUSED:
            refused.append(line)
        else:
            more += 1

    part = draft_of(path)
    fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        file = SoundFile(fd, form(path), rendering.rate)
        for hop in performed(rendering, preset, messages, end, told, refuse):
            file.write(hop)
            progress(min(rendering.seconds / end, 1.0) if end > 0 else 1.0)
        file.close()
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
    return rendering.seconds, [*refused, *([f"and {more} more"] if more else [])]
