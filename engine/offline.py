"""Renders a gesture recording, always to the same samples.

There are no processes and no clock: time is the number of hops rendered. If a recording does not
say when its sounds were ready, every point is decoded before the hop that uses it, as on an
infinitely fast machine. A take does say it, and is rendered as it was heard.
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
from latentpad.engine.control.pack_change import change_over
from latentpad.engine.control.pack_limits import PackLimits
from latentpad.engine.control.played_pack import PlayedPack
from latentpad.engine.decode.grain import amounts
from latentpad.engine.decode.pack_loader import Model
from latentpad.engine.decode.pointing import LOUDEST, QUIETEST, LatentTarget
from latentpad.engine.gestures import (
    FADE,
    QUALITY,
    SOUND,
    TAKE_PREFIX,
    GestureMessage,
    GestureRecording,
)
from latentpad.engine.latent_bounds import LatentBounds
from latentpad.engine.pack_order import sound_shape
from latentpad.engine.parameters import BLENDED
from latentpad.engine.play.fade import Fade
from latentpad.engine.play.stream import PackStream, Stream
from latentpad.engine.play.voices import QUALITIES, Voices
from latentpad.engine.sound_memory import SoundMemory
from latentpad.engine.sound_writer import SoundFileWriter, format_of
from latentpad.models.errors import LatentpadError
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Representation

if TYPE_CHECKING:
    from latentpad.models.libraries.library import Library

PLAYER = Sender("recording")
MAX_REFUSED = 20  # refused commands that are reported one by one
TAIL_S = 10.0  # the longest release after the last gesture
TICK_HOPS = 6  # hops between two calls of `Instrument.tick`: some 60 a second


FindPack = Callable[[str], "tuple[Pack, Library | None]"]
"""Gives the pack of a name, with the library's sounds if it has one, and the library. Raises
`LatentpadError` or `OSError`."""


class OfflineRenderer:
    """An instrument in one process, rendered hop by hop.

    `seed` is the number of sounds started before. With `sounds`, nothing is decoded and nothing
    happens by itself: the recording says everything (`carry_out`). `find_pack` finds the packs that
    the recording changes to. `rate` and `hop` are the instrument's, if not those of the pack.
    """

    def __init__(
        self,
        pack: Pack,
        library: Library | None = None,
        *,
        seed: int = 0,
        sounds: bool = False,
        find_pack: FindPack | None = None,
        rate: int | None = None,
        hop: int | None = None,
    ) -> None:
        r = pack.representation
        self.rate, self.hop_size = rate or r.sample_rate, hop or r.n_fft // 8
        self.hop_s = self.hop_size / self.rate
        self.hops = 0
        shape = BoardShape(r.frames, 4 * self.hop_size + 1, r.samples, self.rate)
        self.board = Board(shape, sound_memory=SoundMemory(sound_shape(r)))
        played = PlayedPack.of(pack, None if library is None else library.path)
        played.planes.set_defaults(self.board)
        self.instrument = Instrument(
            self.board,
            PackLimits.of(pack, played.planes, self.board, played.name),
            clock=lambda: self.seconds,
            started=seed,
        )
        self.instrument.register("/pack", self._change_pack)
        self._find_pack = find_pack
        self.models: dict[str, Model] = {}  # that were loaded, by the names of their packs
        self._sounds = sounds
        self._use(played, library)
        self._stream = Stream(self._new_stream(r), self.hop_size)
        self._next_stream: PackStream | None = None
        self._fade = Fade(self.hop_size, self.rate, 1.0)
        self._fading = False

    @property
    def voices(self) -> Voices:
        """The voices of the pack that is played."""
        return self._stream.voices

    def _new_stream(self, r: Representation) -> PackStream:
        voices = Voices(self.board.showing(self.board.sound_memory), r)
        return PackStream(voices, r.sample_rate, self.rate, self.hop_size)

    def _use(self, played: PlayedPack, library: Library | None) -> None:
        """Decode the sounds that the board shows with this pack."""
        if played.name not in self.models:
            self.models[played.name] = Model.of(played.pack, library, waits=True)
        self._pack, model = played.pack, self.models[played.name]
        self._bounds = LatentBounds.of(played.pack.anchors.latents)
        board = self.board.showing(self.board.sound_memory)
        self._mailbox = model.mailbox(board, None, whole=True)

    def _change_pack(self, args: Sequence[Argument], sender: Sender) -> None:
        if len(args) != 1 or not isinstance(args[0], str):
            raise CommandError("/pack takes the name of a pack")
        if self._find_pack is None:
            raise CommandError("/pack: there is no other pack here")
        try:
            pack, library = self._find_pack(args[0])
            played = PlayedPack.of(pack, None if library is None else library.path)
        except (LatentpadError, OSError) as error:
            raise CommandError(f"/pack: {error}") from None
        sounds, number = SoundMemory(sound_shape(pack.representation)), int(self.board.pack[0]) + 1
        change_over(self.board, self.instrument, played, sounds, number)
        self._use(played, library)
        self._next_stream = self._new_stream(pack.representation)

    def carry_out(self, message: GestureMessage) -> None:
        """Carry out a line of the recording. Raises `CommandError`; then nothing has changed."""
        _, address, args = message
        if not address.startswith(TAKE_PREFIX):
            sender = PLAYER if message.sender is None else Sender(f"recording {message.sender}")
            self.instrument.apply(address, args, sender if message.sender != 0 else NOBODY)
        elif self._sounds and address == SOUND:
            self._publish_sound(args)
        elif self._sounds and address == QUALITY:
            if not args or args[0] not in range(QUALITIES):
                raise CommandError(f"{address} takes 0...{QUALITIES - 1}")
            self.voices.quality = int(args[0])
        elif self._sounds and address == FADE:
            self._fading = True

    def _publish_sound(self, args: Sequence[Argument]) -> None:
        """Give a voice the sound of a /take/sound line, unless the voice plays another one by
        now."""
        numbers = [float(a) for a in args if not isinstance(a, str)]
        first, count = 3 + self._pack.latent_dim, len(self._pack.anchors)
        if len(numbers) != len(args) or len(numbers) - first not in range(0, 2 * BLENDED + 1, 2):
            raise CommandError(
                f"{SOUND} takes 3 numbers, {first - 3} latents, and amounts of grain"
            )
        number, level, original = int(numbers[0]), numbers[1], int(numbers[2])
        latent = self._bounds.clip(numbers[3:first]).astype(np.float32)
        is_anchor = 0 <= original < count
        level = min(max(level, QUIETEST), LOUDEST)
        grain = amounts(numbers[first:], count)
        for voice in np.flatnonzero(self.board.starts == number).tolist():
            target = LatentTarget(latent, level, True, original if is_anchor else None, grain)
            self._mailbox.give(voice, target, self.seconds)

    @property
    def seconds(self) -> float:
        """Seconds rendered so far."""
        return self.hops * self.hop_s

    def hop(self) -> NDArray[np.float32]:
        """Render the next hop: (hop_size, 2) float32."""
        if not self._sounds:
            if self.hops % TICK_HOPS == 0:
                self.instrument.tick()
            while voices := self._mailbox.waiting(self.seconds):
                self._mailbox.serve(voices, self.seconds)
        out = np.zeros((self.hop_size, 2), np.float32)
        self._stream.hop(out)
        self.hops += 1
        if self._next_stream is not None:  # as in the playing process, from the next hop on
            self._stream.change(self._next_stream)
            self._next_stream = None
        self._stream.ended.clear()
        if self._fading and not self._fade.toward(0.0, out):
            out[:] = 0
        return out

    @property
    def silent(self) -> bool:
        """Whether no voice sounds."""
        return bool((self.board.voice_state == b.FREE).all()) and not self._stream.changing


def rendered_hops(
    renderer: OfflineRenderer,
    preset: Sequence[tuple[str, Sequence[Argument]]],
    lines: Iterable[GestureMessage],
    last: float,
    touch_fingers: Iterable[int] = (),
    report_refused: Callable[[str], None] = lambda message: None,
    length: float | None = None,
) -> Iterator[NDArray[np.float32]]:
    """The hops of a performance, as `render` writes them.

    `lines` are a recording's messages, with times rising to `last`. Of the fingers in
    `touch_fingers` they contain the touches; for the other fingers, movement counts as touch. The
    performance ends after `length` s. Without it, all voices are released after the last line and
    their release is rendered. `report_refused` is called with a text for each command that is
    refused.
    """
    instrument, size, rate = renderer.instrument, renderer.hop_size, renderer.rate
    instrument.expect_touches(PLAYER, touch_fingers)
    for error in instrument.apply_all(preset):
        report_refused(str(error))
    remaining = iter(lines)
    message = next(remaining, None)
    until = round((last if length is None else length) * rate)
    frame = 0
    while frame < until or (length is None and (frame == until or message is not None)):
        while message is not None and round(message.t * rate) <= frame:
            try:
                renderer.carry_out(message)
            except CommandError as error:
                report_refused(str(error))
            message = next(remaining, None)
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
    """Write the performance to a sound file. Returns its length in seconds and the refused
    commands.

    It ends after `seconds`, or after the length that the recording gives. Without either, all
    voices are released after the last gesture and their release is rendered. Raises `OSError` if
    the file cannot be written; then an existing file is left as it was.
    """
    refused: list[str] = []
    omitted = frames = 0

    def report_refused(message: str) -> None:
        nonlocal omitted
        if len(refused) < MAX_REFUSED:
            refused.append(message)
        else:
            omitted += 1

    length = recording.end if seconds is None else seconds
    total_frames = round((recording.seconds if length is None else length) * renderer.rate)
    temporary = temporary_path(path)
    fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        file = SoundFileWriter(fd, format_of(path), renderer.rate)
        for hop in rendered_hops(
            renderer,
            preset,
            recording.lines(),
            recording.seconds,
            recording.touch_fingers,
            report_refused,
            length,
        ):
            file.write(hop)
            frames += len(hop)
            progress(min(frames / total_frames, 1.0) if total_frames else 1.0)
        file.close()
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
    return frames / renderer.rate, [*refused, *([f"and {omitted} more"] if omitted else [])]
