"""Offline: a gesture recording becomes the same samples every time.

No process, no clock: time is the number of hops played. Where a recording does not say when its
sounds were there, every point is decoded before the hop that it concerns: what an infinitely fast
machine would have played. A take says it, and becomes what was heard.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentpad.engine import board as b
from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.atomic_file import temporary_path
from latentpad.engine.board import Board, BoardShape
from latentpad.engine.control.instrument import NOBODY, Instrument, Sender
from latentpad.engine.decode.pointing import LOUDEST, QUIETEST, LatentTarget
from latentpad.engine.gestures import FADE, OWN, QUALITY, SOUND, GestureMessage, GestureRecording
from latentpad.engine.latent_bounds import LatentBounds
from latentpad.engine.planes import Planes
from latentpad.engine.play.fade import Fade
from latentpad.engine.play.voices import QUALITIES, Voices
from latentpad.engine.sound_writer import SoundFileWriter, format_of
from latentpad.models.packs.pack import Pack

if TYPE_CHECKING:
    from latentpad.models.libraries.library import Library

PLAYER = Sender("recording")
MOST_REFUSED = 20  # that are told one by one
TAIL_S = 10.0  # what rings out after the last gesture, at most
TICK_HOPS = 6  # how often what happens by itself is looked after: some 60 times a second


class OfflineRenderer:
    """An instrument in one process, played hop by hop.

    `seed` sounds were started before. With `sounds` nothing is decoded, and nothing happens by
    itself, but as `carry_out` is told.
    """

    def __init__(
        self, pack: Pack, library: Library | None = None, *, seed: int = 0, sounds: bool = False
    ) -> None:
        from latentpad.engine.decode.decoder import Decoder
        from latentpad.engine.decode.mailbox import Mailbox
        from latentpad.engine.decode.originals import Originals

        r = pack.representation
        self.board = Board(BoardShape(r.frames, r.bins, r.samples, r.sample_rate))
        planes = Planes(pack)
        planes.begin(self.board)
        self.voices = Voices(self.board, r)
        self.rate = r.sample_rate
        self.hop_s = self.voices.hop_size / r.sample_rate
        self._pack = pack
        self._bounds = LatentBounds.of(pack.anchors.latents)
        self.instrument = Instrument(
            self.board,
            latent_dim=pack.latent_dim,
            place=lambda anchor: planes.place(self.board, anchor),
            planes=planes.names,
            axes=planes,
            bounds=self._bounds,
            clock=lambda: self.seconds,
            started=seed,
        )
        decoder = Decoder(pack)
        originals = None if library is None else Originals(library, decoder)
        self._mailbox = Mailbox(self.board, pack, decoder, originals)
        self._sounds = sounds
        self._fade = Fade(self.voices.hop_size, self.rate, 1.0)
        self._fading = False

    def carry_out(self, message: GestureMessage) -> None:
        """A line of the recording. Raises `CommandError`; then nothing has changed."""
        _, address, args = message
        if not address.startswith(OWN):
            sender = PLAYER if message.sender is None else Sender(f"recording {message.sender}")
            self.instrument.apply(address, args, sender if message.sender != 0 else NOBODY)
        elif self._sounds and address == SOUND:
            self._give(args)
        elif self._sounds and address == QUALITY:
            if not args or args[0] not in range(QUALITIES):
                raise CommandError(f"{address} takes 0...{QUALITIES - 1}")
            self.voices.quality = int(args[0])
        elif self._sounds and address == FADE:
            self._fading = True

    def _give(self, args: Sequence[Argument]) -> None:
        """Let a voice take up a sound, unless it plays another by now."""
        touch_fingers = [float(a) for a in args if not isinstance(a, str)]
        if len(touch_fingers) != len(args) or len(touch_fingers) != 3 + self._pack.latent_dim:
            raise CommandError(f"{SOUND} takes 3 numbers and {self._pack.latent_dim} latents")
        number, level, original = int(touch_fingers[0]), touch_fingers[1], int(touch_fingers[2])
        latent = self._bounds.clip(touch_fingers[3:]).astype(np.float32)
        known = 0 <= original < len(self._pack.anchors)
        level = min(max(level, QUIETEST), LOUDEST)
        for voice in np.flatnonzero(self.board.starts == number).tolist():
            self._mailbox.give(
                voice, LatentTarget(latent, level, True, original if known else None)
            )

    @property
    def seconds(self) -> float:
        """What has been played."""
        return self.voices.hops * self.hop_s

    def hop(self) -> NDArray[np.float32]:
        """The next hop (hop_size, 2) float32."""
        if not self._sounds:
            if self.voices.hops % TICK_HOPS == 0:
                self.instrument.tick()
            for voice in self._mailbox.waiting():
                self._mailbox.serve([voice], self.seconds)
        out = np.zeros((self.voices.hop_size, 2), np.float32)
        self.voices.hop(out)
        if self._fading and not self._fade.toward(0.0, out):
            out[:] = 0
        return out

    @property
    def silent(self) -> bool:
        return bool((self.board.voice_state == b.FREE).all())


def rendered_hops(
    renderer: OfflineRenderer,
    preset: Sequence[tuple[str, Sequence[Argument]]],
    lines: Iterable[GestureMessage],
    last: float,
    touch_fingers: Iterable[int] = (),
    refuse: Callable[[str], None] = lambda line: None,
    length: float | None = None,
) -> Iterator[NDArray[np.float32]]:
    """The hops of a performance, as `render` writes them; `refuse` is told what is refused.

    `lines` are a recording's, times rising to `last`; of the fingers in `touch_fingers` they tell
    the touches, of the others movement is touch. After `length` s it ends; without one everything
    is let go after the last line and rings out.
    """
    instrument, size, rate = renderer.instrument, renderer.voices.hop_size, renderer.rate
    instrument.expect_touches(PLAYER, touch_fingers)
    for error in instrument.apply_all(preset):
        refuse(str(error))
    waiting = iter(lines)
    line = next(waiting, None)
    until = round((last if length is None else length) * rate)
    frame = 0
    while frame < until or (length is None and (frame == until or line is not None)):
        while line is not None and round(line.t * rate) <= frame:
            try:
                renderer.carry_out(line)
            except CommandError as error:
                refuse(str(error))
            line = next(waiting, None)
        if frame == 0:
            renderer.voices.settle()
        out = renderer.hop()
        yield out if length is None else out[: until - frame]
        frame += size
    if length is not None:
        return
    instrument.release_all()
    for _ in range(round(TAIL_S * rate) // size):
        if renderer.silent:
            break
        yield renderer.hop()
    yield renderer.hop()  # the limiter's delay


def render(
    renderer: OfflineRenderer,
    preset: Sequence[tuple[str, Sequence[Argument]]],
    recording: GestureRecording,
    path: Path,
    seconds: float | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> tuple[float, list[str]]:
    """Write the performance to a sound file; returns its seconds and what was refused.

    It is as long as `seconds` or the recording says. Where neither says it, everything is let go
    after the last gesture and rings out. Raises `OSError` where the file cannot be written; then
    what was there before is left.
    """
    refused: list[str] = []
    more = frames = 0

    def refuse(line: str) -> None:
        nonlocal more
        if len(refused) < MOST_REFUSED:
            refused.append(line)
        else:
            more += 1

    length = recording.end if seconds is None else seconds
    whole = round((recording.seconds if length is None else length) * renderer.rate)
    part = temporary_path(path)
    fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        file = SoundFileWriter(fd, format_of(path), renderer.rate)
        for hop in rendered_hops(
            renderer,
            preset,
            recording.lines(),
            recording.seconds,
            recording.touch_fingers,
            refuse,
            length,
        ):
            file.write(hop)
            frames += len(hop)
            progress(min(frames / whole, 1.0) if whole else 1.0)
        file.close()
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
    return frames / renderer.rate, [*refused, *([f"and {more} more"] if more else [])]
