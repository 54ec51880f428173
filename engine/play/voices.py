"""All voices, hop by hop: from the state of the board to stereo sound.

`Voices` depends only on the board and on the hops played. It has no clock, so the same events at
the same hops give the same samples, live or rendered to a file.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from latentpad.engine import board as b
from latentpad.engine import history
from latentpad.engine.atomic import fence
from latentpad.engine.board import Board, Event
from latentpad.engine.parameters import VOICES
from latentpad.engine.play.control_state import ControlState
from latentpad.engine.play.global_settings import GlobalSettings, per_hop
from latentpad.engine.play.limiter import Limiter
from latentpad.engine.play.memory import OVERLAPS, Scratch, scratch, voice_memory
from latentpad.engine.play.mix import Instruction, add_tail, fade_out_overlap, play_hop
from latentpad.engine.play.phase import Frame, frame
from latentpad.engine.play.sound_reader import SoundReader, is_ready
from latentpad.engine.play.voice import clear_voice, noise_seed, seed_noise
from latentpad.engine.play.voice_control import (
    END_FADE_S,
    LOOP,
    HopTiming,
    VoiceControl,
    write_instructions,
)
from latentpad.models.audio.texture import interpolation
from latentpad.models.representation import Representation

SOUND_TIMEOUT_S = 2.0  # a voice waits this long for its decoded sound
STARTS_A_HOP = 2  # each costs several frames at once
QUALITIES = 4  # 0 is full; each step drops an iteration or the look-ahead


class Voices:
    """The sixteen voices and their output stage. Render thread only.

    `hop` raises nothing: whatever is on the board, the result is sound or silence. A hop costs next
    to nothing while nothing sounds; `silent` says whether the last one was such a hop.
    """

    def __init__(self, board: Board, representation: Representation) -> None:
        r = representation
        self.board = board
        self.hop_size = r.n_fft // OVERLAPS
        self.frame: Frame = frame(r.n_fft, self.hop_size, r.window, interpolation(r))
        self.memory = voice_memory(VOICES, r.frames, r.n_fft, r.samples, r.texture_bands)
        self.scratch: Scratch = scratch(r.n_fft)
        self.limiter = Limiter(r.sample_rate)
        self.hops = 0
        self.quality = 0
        self.guarded = 0
        self.late_windows = self.panics = 0
        self._followed = False  # by the voices of another pack
        self._recorded_quality = 0  # the last one in the history
        self._range = float(r.range_db)
        self._read = partial(ControlState.of, board)
        self._sounds = SoundReader(board, self.memory)
        self._voices = [VoiceControl() for _ in range(VOICES)]
        self._active: list[int] = []  # the voices that are not free, in the order of their starts
        self._instruction_records: NDArray[np.void] = np.zeros(VOICES, Instruction)
        self._instructions = list(
            (Instruction * VOICES).from_buffer(self._instruction_records.data)
        )
        self._mono: NDArray[np.float32] = np.zeros(self.hop_size, np.float32)
        self._tail: NDArray[np.float32] = np.zeros((r.n_fft, 2), np.float32)
        self._tail_hops = 0  # hops until the tail has been played
        self._states: NDArray[np.int64] = np.zeros(VOICES, np.int64)
        self._serials: NDArray[np.int64] = np.zeros(VOICES, np.int64)
        self._fills: NDArray[np.int64] = np.zeros(VOICES, np.int64)
        self._loops: NDArray[np.int64] = np.zeros(VOICES, np.int64)
        self._hop_s = self.hop_size / r.sample_rate
        self._timing = HopTiming(self.hop_size, self._hop_s, r.hop)
        self._fade = per_hop(0.02, self._hop_s)
        self._control: ControlState = board.consistent(self._read, tries=b.STARTUP_TRIES)
        self._settings = GlobalSettings(self._hop_s, self._control.values)
        self.silent = True

    @property
    def version(self) -> int:
        """The version of the state that the last hop was rendered from."""
        return self._control.version

    @property
    def pack(self) -> int:
        """The number of the pack that the control process wanted at the last hop."""
        return self._control.pack

    @property
    def ceiling(self) -> float:
        """The largest sample of a hop, linear."""
        return self._settings.ceiling

    @property
    def controls(self) -> list[VoiceControl]:
        """The states of the voices. Call `find_active` after a change of them between hops."""
        return self._voices

    def settle(self) -> None:
        """Take the board's values without smoothing. Before the first hop only."""
        self._control = self.board.consistent(self._read, tries=b.STARTUP_TRIES)
        self._settings.settle(self._control.values)

    # -- one hop -----------------------------------------------------------------------------

    def hop(self, out: NDArray[np.float32]) -> None:
        """Render the next hop into `out` (hop_size, 2) float32, within the ceiling."""
        events = self._look()
        if events != self.board.event_tail[0]:
            for event in self.board.received(events):
                self._apply_event(event)
            self.find_active()
        if self.quality != self._recorded_quality:
            self._recorded_quality = self.quality
            history.record(self.board, history.QUALITY, self.quality)
        self._play(out)

    def play_out(self, out: NDArray[np.float32]) -> None:
        """Render the next hop, for voices that others have followed: without events."""
        self._look()
        self._play(out)

    def follow(self, old: Voices) -> None:
        """Go on with what `old`, the voices of another pack, have besides the sounds."""
        self._control = old._control
        self._settings.go_on_from(old._settings)
        self.quality, self._recorded_quality = old.quality, old._recorded_quality
        self.guarded, self.panics, self.late_windows = old.guarded, old.panics, old.late_windows
        old._followed = True

    def _play(self, out: NDArray[np.float32]) -> None:
        settings = self._settings
        master = settings.master
        settings.follow(self._control.values)
        if self._active or self._tail_hops:
            self._render(out)
            self.silent = False
        else:
            out.fill(0.0)
            self.silent = self.limiter.at_rest
        if not self.silent:
            self.limiter.process(out, master, settings.master, settings.ceiling)
        self.hops += 1

    def _look(self) -> int:
        """Take the board's values if they have changed. Returns the `event_head` that belongs to
        them: a half-written bundle and its events are ignored until the next hop."""
        board = self.board
        events = board.event_head[0]
        if board.version[0] != self._control.version:
            self._control = board.consistent(self._read, self._control)
            events = self._control.events
        return events

    def find_active(self) -> None:
        """Take up changes of `controls`."""
        active = [v for v, voice in enumerate(self._voices) if voice.state != b.FREE]
        self._active = sorted(active, key=lambda v: self._voices[v].serial)
        self._report(range(VOICES))

    def _render(self, out: NDArray[np.float32]) -> None:
        """Render the voices and the tail, before the limiter."""
        starts = 0
        for v in self._active:
            starts += self._instruct(v, starts < STARTS_A_HOP)
        self.guarded += play_hop(
            self.memory, self.scratch, self.frame, self._instruction_records, self._range,
            self._mono, self._tail, out,
        )  # fmt: skip
        self._tail_hops = max(self._tail_hops - 1, 0)
        if active := self._active:
            if ended := [v for v in active if self._voices[v].state == b.FREE]:
                for v in ended:
                    self._instructions[v].active = False
                self._active = [v for v in active if v not in ended]
            self._report(active)

    def _instruct(self, v: int, may_start: bool) -> bool:
        """Write the voice's instruction for this hop. Returns whether it computes a burst of
        frames, because it starts or its sound is replaced at once."""
        board, control, settings = self.board, self._control, self._settings.present
        voice, instruction = self._voices[v], self._instructions[v]
        starting = restarting = False
        if voice.state == b.WAITING:
            if not may_start or not self._begin(v, voice):
                return False
            starting = True
        elif voice.mode == LOOP and board.published[v] != voice.sound.published:
            copied, no_morph = self._morph_to_newest(v, voice), settings.morph <= self._hop_s
            if copied and no_morph and may_start:
                restarting = True
                self._restart_frames(v, voice)
        update = self._sounds.update(v, voice.sound)
        if update is not None:
            voice.correct(update)
        share, pressure = (1.0, 0.0) if starting else (self._fade, control.pressures[v])
        voice.follow_hand(control.levels[v] + pressure, control.pans[v], control.pitches[v], share)
        write_instructions(
            instruction, self.memory, v, voice, settings, self._timing, self.quality, starting
        )
        if not voice.sound.complete:
            self.late_windows += self._sounds.is_late(v, voice.sound, instruction)
        if voice.released and voice.state == b.SOUNDING:
            voice.state = b.RELEASING  # released before it sounded: a short tap is heard too
        return starting or restarting

    def _report(self, changed: Iterable[int]) -> None:
        """Tell the other processes of the voices that may have `changed`, and all playheads."""
        if self._followed:
            return
        board = self.board
        for v in changed:
            voice = self._voices[v]
            self._states[v], self._serials[v] = voice.state, voice.serial
            self._fills[v], self._loops[v] = voice.sound.fills, voice.mode == LOOP
        board.voice_state[:] = self._states
        board.voice_playhead[:] = self.memory.playhead
        board.voice_fills[:], board.voice_loops[:] = self._fills, self._loops
        fence()  # who sees the serial also sees its state
        board.voice_serial[:] = self._serials

    # -- events ------------------------------------------------------------------------------

    def _apply_event(self, event: Event) -> None:
        if event.kind == b.PANIC:
            self.panics += 1
            for voice in self._voices:
                voice.fade_out(END_FADE_S)
            return
        voice = self._voices[event.voice]
        if event.kind == b.START:
            if voice.state in (b.SOUNDING, b.RELEASING):
                rate = self._instructions[event.voice].rate if voice.sound.wave else 0.0
                add_tail(
                    self.memory, self.frame, event.voice, voice.left, voice.right, rate, self._tail
                )
                self._tail_hops = len(self._tail) // self.hop_size
                self._instructions[event.voice].active = False
            self._voices[event.voice] = VoiceControl(
                b.WAITING, event.serial, event.mode, event.request, level_db=event.level_db
            )
        elif event.kind == b.RELEASE and voice.serial == event.serial and voice.mode == LOOP:
            voice.released = True
            if voice.state == b.SOUNDING:
                voice.state = b.RELEASING

    # -- sounds ------------------------------------------------------------------------------

    def _begin(self, v: int, voice: VoiceControl) -> bool:
        """Start a waiting voice from silence if its sound has been decoded. Returns whether it
        starts."""
        board = self.board
        published = board.published[v]
        if not is_ready(board, v, voice.request):
            voice.hops_waited += 1
            if voice.hops_waited * self._hop_s < SOUND_TIMEOUT_S:
                return False
            if published == 0:
                if not board.held[v]:  # what is held waits for a decoder that is replaced
                    voice.state = b.FREE
                return False
        sound = self._sounds.begin(v, voice.sound, shot=voice.mode != LOOP)
        if sound is None:
            return False
        voice.morph_to(sound)
        voice.finish_morph()
        history.record(board, history.SOUND, voice.serial, sound.entry)
        clear_voice(self.memory, v, self.frame, self._range)
        seed_noise(self.memory, v, noise_seed(voice.serial))
        voice.state = b.SOUNDING
        return True

    def _morph_to_newest(self, v: int, voice: VoiceControl) -> bool:
        """Begin a morph to the newest sound. False if it could not be copied."""
        mix = float(self.memory.mix[v])
        sound = self._sounds.merge(v, voice.sound)
        voice.freeze_morph(mix)
        if sound is None:
            return False
        voice.morph_to(sound)
        history.record(self.board, history.SOUND, voice.serial, sound.entry)
        return True

    def _restart_frames(self, v: int, voice: VoiceControl) -> None:
        """Make the frames that overlap this hop again from the new sound, without a morph. So it
        is heard within a hop instead of after a whole window."""
        fade_out_overlap(self.memory, self.frame, v, voice.left, voice.right, self._tail)
        self._tail_hops = max(self._tail_hops, 1)
        voice.restarts = True
