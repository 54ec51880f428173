"""The voices that wait for a sound, and the sounds that they get."""

from __future__ import annotations

import math
from contextlib import suppress
from functools import partial

import numpy as np
from numpy.typing import NDArray

from latentpad.engine import board as b
from latentpad.engine.board import Board
from latentpad.engine.decode.background import Background
from latentpad.engine.decode.decoder import Decoder
from latentpad.engine.decode.decoding import SETTLED_S, Decoding
from latentpad.engine.decode.grain import NO_GRAIN, Grain, SoundGrain
from latentpad.engine.decode.originals import Originals, Recording
from latentpad.engine.decode.pointing import LatentTarget, Pointing
from latentpad.engine.decode.sound import whole_waveform
from latentpad.engine.decode.sounds import VoiceSound, VoiceSounds
from latentpad.engine.parameters import OFFSET, VOICES
from latentpad.engine.phase_methods import METHODS
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats

MAX_FIRST_STEP_S = 0.01  # the time step of a point that begins to glide, however long it had rested
NEEDED_S = 0.001  # until a voice that takes up frames is looked at again
GLIDE_LEAST_S, GLIDE_MOST_S = 0.005, 0.015  # between two sounds of a point that glides
GRAIN_LOOK_S = 0.005  # between two looks for residuals that a sound lacks
STREAM_S = 0.025  # between two points of a finger that moves on and on, at most


class Mailbox:
    """The voices that wait for a sound, and the sounds that they get. One thread.

    It keeps one point for each voice: only the newest one is decoded. What the voice plays next is
    decoded first and published at once. The rest follows when it is about to be played, or when the
    point has come to rest (`settled_s`). The decoding process uses it, and the offline renderer,
    which decodes each sound `whole` instead.

    The residuals that `/grain` adds are those of `grain`. A sound is published without those that
    are not in memory, and again when they are there.

    If a point cannot be decoded, the voice keeps its sound, and the failure is counted
    (`DECODES_FAILED` on the board). With `background`, slow work is abandoned when the performer
    asks for something else meanwhile.
    """

    def __init__(
        self,
        board: Board,
        pack: Pack,
        decoder: Decoder,
        originals: Originals | None = None,
        background: Background | None = None,
        *,
        settled_s: float = SETTLED_S,
        whole: bool = False,
        grain: Grain | None = None,
    ) -> None:
        self.board = board
        self._originals = originals
        self._batch = decoder.batch
        self._representation = pack.representation
        self.pointing = Pointing(pack, board, background)
        self._background = background
        self._whole = whole
        self._grain = grain or Grain(None)
        self._lacks: dict[int, set[int]] = {}  # voices, and the anchors whose residuals they lack
        self.pointing.fit()
        self._sounds = VoiceSounds(board, pack)
        self._decoding = Decoding(board, pack, decoder, self.pointing, self._sounds, settled_s)
        self._served_at = np.zeros(VOICES)
        self._moved_at = np.full(VOICES, -math.inf)  # when the newest request was served
        self._streams = np.zeros(VOICES, np.bool_)  # it came soon after the one before
        self.resume()

    def resume(self) -> None:
        """Begin, or go on for another mailbox: the board has the answers to earlier requests."""
        board = self.board
        published = np.array([board.published[v] for v in range(VOICES)])
        self._answered_requests = board.sound_request[np.arange(VOICES), published % b.BUFFERS]
        # The point of a held voice may still have been gliding.
        self._gliding = (board.held != 0) & (published > 0)

    def work(self, now: float) -> float:
        """Do what is most urgent at time `now`, seconds. Returns the seconds until there may be
        more to do, unless something is asked for: 0 if there is."""
        waiting = self.waiting(now)
        needed = [v for v in waiting if self._decoding.is_needed(v)]
        urgent = self._decoding.fill_urgent(now, needed)
        voices = [v for v in waiting if v not in needed][: self._batch]
        if voices:
            self.serve(voices, now)
        if voices or urgent:
            return 0.0
        if self._decoding.measure(now, needed):
            return 0.0
        if needed:
            return NEEDED_S
        timeout = self._decoding.fill_rest(now)
        if self._lacks:
            timeout = min(timeout, GRAIN_LOOK_S)
        if self._gliding.any():
            timeout = min(timeout, max(float(self._glides_at()[self._gliding].min()) - now, 0.0))
        return timeout

    def complete_a_sound(self) -> bool:
        """Decode more of a sound that is there in part, for a mailbox that another one has
        followed. False if all are complete."""
        return self._decoding.fill_rest(math.inf) == 0.0

    def waiting(self, now: float = math.inf) -> list[int]:
        """The voices whose point has changed or still glides, or whose grain has come, longest
        waiting first."""
        waiting = np.array(self.pointing.look().requests) != self._answered_requests
        waiting |= self._gliding & (self._glides_at() <= now)
        if self._lacks:
            waiting[[v for v, lacks in self._lacks.items() if self._grain.has(lacks)]] = True
        return sorted(np.flatnonzero(waiting).tolist(), key=lambda v: float(self._served_at[v]))

    def _glides_at(self) -> NDArray[np.float64]:
        """(VOICES,) when each point goes on if it glides.

        A morph takes the voice from one sound of a glide to the next. A finger that moves on and on
        is about to send a newer point: a sound on the way to the last one would be replaced at
        once.
        """
        morph = self.pointing.inputs.values[OFFSET["/morph"]]
        step = min(max(morph / 2, GLIDE_LEAST_S), GLIDE_MOST_S)
        return self._served_at + np.where(self._streams, max(step, STREAM_S), step)

    # -- new points --------------------------------------------------------------------------

    def serve(self, voices: list[int], now: float) -> None:
        """Decode what each of `voices` plays first of its newest sound, and publish it."""
        inputs = self.pointing.look().requests
        requests = [inputs[v] for v in voices]
        try:
            self._serve(voices, requests, now)
        # The request stays on the board: if it ended this process, it would end the next ones too.
        except Exception:
            for v, request in zip(voices, requests, strict=True):
                if self._answered_requests[v] != request or self._gliding[v]:
                    self._keep_sound(v, request)
                    self._record_answer(v, request, now, gliding=False)

    def _serve(self, voices: list[int], requests: list[int], now: float) -> None:
        targets: list[LatentTarget] = []
        for v in voices:
            elapsed = now - float(self._served_at[v])
            if not self._gliding[v]:
                elapsed = min(elapsed, MAX_FIRST_STEP_S)
            targets.append(self.pointing.aim(v, elapsed))
        self._publish(voices, requests, targets, now)
        for v, request, target in zip(voices, requests, targets, strict=True):
            self._record_answer(v, request, now, gliding=not target.arrived)

    def give(self, v: int, target: LatentTarget, now: float) -> None:
        """Publish the sound of `target`, wherever the voice points. It answers all requests so
        far."""
        request = self.pointing.look().requests[v]
        self._publish([v], [request], [target], now)
        self._answered_requests[v] = request

    def _record_answer(self, v: int, request: int, now: float, *, gliding: bool) -> None:
        self.board.decoder[b.DECODES_SKIPPED] += max(
            0, request - int(self._answered_requests[v]) - 1
        )
        is_new = request != self._answered_requests[v]
        self._streams[v] = is_new and now - self._moved_at[v] <= STREAM_S
        if is_new:
            self._moved_at[v] = now
        self._answered_requests[v], self._served_at[v], self._gliding[v] = request, now, gliding

    def _keep_sound(self, v: int, request: int) -> None:
        """Let the voice's present sound answer this request."""
        board = self.board
        board.sound_request[v, board.published[v] % b.BUFFERS] = request
        board.decoder[b.DECODES_FAILED] += 1

    def _publish(
        self, voices: list[int], requests: list[int], targets: list[LatentTarget], now: float
    ) -> None:
        """Give each voice the sound of its target: a recording, or what is decoded first."""
        inputs = self.pointing.look()
        method = int(inputs.values[OFFSET["/phase"]])
        reconstructed = METHODS[method].waveform is not None
        # A rendering decodes whole sounds. Other frames beside one change its last bits, from which
        # other phases follow.
        whole = self._whole or bool(self.board.recorders[0])
        recordings = [self._recorded(target) for target in targets]
        decoded = [k for k, recording in enumerate(recordings) if recording is None]
        begun = self._decoding.begin(
            [voices[k] for k in decoded],
            [(targets[k].latent, self._grain_of(voices[k], targets[k])) for k in decoded],
            [whole or (reconstructed and not inputs.held[voices[k]]) for k in decoded],
        )
        sounds = dict(zip(decoded, begun, strict=True))
        for k, (v, request, target) in enumerate(zip(voices, requests, targets, strict=True)):
            recording = recordings[k]
            if recording is None:
                sound = sounds[k]
            else:
                sound = VoiceSound.of(target.latent, recording.sound)
            if sound is None:
                self._keep_sound(v, request)
                continue
            sound.begun_s = now
            wave = None
            if recording is None and reconstructed and not inputs.held[v]:
                wave = self._waveform(sound, method)
            self._sounds.publish(v, request, target, sound, recording, wave)

    def _grain_of(self, v: int, target: LatentTarget) -> SoundGrain:
        """The grain of a voice's sound, as far as it is at hand."""
        fetched = {anchor for anchor in self._lacks.pop(v, ()) if self._grain.has([anchor])}
        grain, lacks = self._grain.of(target.grain) if target.grain else (NO_GRAIN, set())
        if lacks and not lacks & fetched:  # what was fetched and lost again is too large to keep
            self._lacks[v] = lacks
        return grain

    def _recorded(self, target: LatentTarget) -> Recording | None:
        if self._originals is None or target.original is None:
            return None
        return self._originals.get(target.original)

    def _waveform(self, sound: VoiceSound, method: int) -> Floats | None:
        """The waveform of a whole sound. None if the method is streamed, or if another one is
        chosen meanwhile."""
        reconstruct = METHODS[method].waveform
        if reconstruct is None:
            return None
        index = OFFSET["/phase"]
        work = partial(whole_waveform, sound.decoded(), self._representation, reconstruct)
        if self._background is None:
            return work()
        return self._background.run(work, lambda: int(self.board.values[index]) == method)

    def warm(self) -> None:
        """Do the slow first calls: whole waveforms, a Gaussian mixture. The results are dropped.

        On a thread of its own: it takes a second, and decoding goes on meanwhile.
        """
        with suppress(Exception):  # a gesture will meet the same error and count it
            silence = np.full(self.board.sounds.shape[2:], -1e3, np.float32)
            for method in METHODS:
                if method.waveform is not None:
                    whole_waveform(silence, self._representation, method.waveform)
            self.pointing.warm()
