"""The playing process: voices, phase, ring. It holds what sounds, and nothing else.

One thread renders, hop after hop, and never waits for anything but the ring; the main thread
opens the output, looks for a lost one, and listens for the end. TensorFlow is not here, so a
process that died with its audio device is replaced within a second.
"""

from __future__ import annotations

import gc
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np

from latentpad.engine import board as b
from latentpad.engine import history, tape
from latentpad.engine.board import Board
from latentpad.engine.output_settings import OutputSettings
from latentpad.engine.play.devices import DeviceError, refresh
from latentpad.engine.play.fade import Fade
from latentpad.engine.play.output import DeviceOutput, NullOutput, Output
from latentpad.engine.play.rehearsal import rehearse
from latentpad.engine.play.voices import QUALITIES, Voices
from latentpad.engine.play.watchdog import OutputState, Watchdog
from latentpad.engine.process import LOST, failure_reported, report_step, send_message
from latentpad.engine.process_status import ProcessStatus
from latentpad.models.representation import Representation

METER_FALL_DB_S = 60.0  # so that who looks 20 times a second sees every peak, 3 dB down at most
RETRY_S = 0.4
LOOK_S = 0.1  # how often the main thread looks after the output
DRAIN_MOST_S = 0.3  # that the ring may take to play out at the end
PRIORITY = 60  # above everything but the sound server's own threads


class RenderLoop:
    """The render loop. `run` is the render thread's; the rest may be called from the main one."""

    def __init__(self, board: Board, representation: Representation, output: Output) -> None:
        self.board = board
        self.output = output
        self.stopping = threading.Event()
        self.stopped = threading.Event()
        self._signs, self._decoding = ProcessStatus.playing(board), ProcessStatus.decoding(board)
        self._voices = Voices(board, representation)
        self._voices.resume()
        self._rate = representation.sample_rate
        self._busy = 0.0  # share of the hop's time that rendering took, smoothed
        self._changed = 0

    def run(self) -> None:
        """Until `stopping`: fill the ring. Everything it needs was allocated before."""
        realtime = _claim_priority()
        board, voices = self.board, self._voices
        player = board.player
        player[b.REALTIME] = realtime
        size = voices.hop_size
        out = np.zeros((size, 2), np.float32)
        hop_s = size / self._rate
        fade, fading = Fade(size, self._rate), False
        peaks, fall = np.zeros(2), 10 ** (-METER_FALL_DB_S / 20 * hop_s)
        output: Output | None = None
        while True:
            if output is not self.output:
                output = self.output
                if realtime:
                    output.realtime()
            if not output.room():
                self._signs.count_beat()  # a late host is no reason to be taken for dead
                player[b.STARVED] = output.starved
                time.sleep(output.pause())
                continue
            began = time.perf_counter()
            voices.hop(out)
            spent = time.perf_counter() - began
            if self.stopping.is_set() and not fading:
                fading = True
                history.record(board, history.FADE)
            if not fade.toward(0.0 if fading else 1.0, out):
                break
            output.load(self._busy, self._decoding.ready)
            output.write(out)
            tape.write(board, out, voices.version)
            self._busy += 0.05 * (spent / hop_s - self._busy)
            self._trade(spent / hop_s)
            self._signs.count_beat()
            player[b.STARVED] = output.starved
            player[b.LOAD] = self._busy
            player[b.QUALITY] = voices.quality
            peaks = np.maximum(np.abs(out).max(axis=0), fall * peaks)
            player[b.PEAK_LEFT], player[b.PEAK_RIGHT] = peaks
            player[b.REDUCTION_DB] = voices.limiter.reduction_db
            player[b.RING_FRAMES], player[b.HOST_PERIOD] = output.kept, output.period
            player[b.HOP_US] = spent * 1e6
            player[b.GUARDED] = voices.guarded
            if spent > hop_s:
                player[b.LATE] += 1
        self.stopped.set()

    def _trade(self, share: float) -> None:
        """Give up look-ahead and iterations before the sound breaks; take them back when calm."""
        voices = self._voices
        self._changed += 1
        if (self._busy > 0.7 or share > 1.5) and voices.quality < QUALITIES - 1:
            if self._changed > 8:
                voices.quality += 1
                self._changed = 0
        elif self._busy < 0.4 and voices.quality > 0 and self._changed > 400:
            voices.quality -= 1
            self._changed = 0


def serve(
    board: Board,
    representation: Representation,
    settings: OutputSettings,
    generation: int,
    words: socket.socket,
) -> None:
    """The playing process's main function; returns when the control process closes `words`.

    `generation` is what it was started as (engine/process_status.py)."""
    gc.disable()
    sys.setswitchinterval(0.0002)
    report_step(words, "rehearses the voices")
    rehearse(representation)
    report_step(words, "opens the output")
    rate = representation.sample_rate
    hop = representation.n_fft // 8

    def device() -> Output:
        return _device(board, settings, rate, hop, words)

    def null() -> Output:
        return _null(board, settings, rate, hop, words)

    output = null() if settings.null else _first(device, null, words)
    renderer = RenderLoop(board, representation, output)
    gc.freeze()
    threading.Thread(target=_render, args=(renderer, words), name="render", daemon=True).start()
    ProcessStatus.playing(board).become_ready(generation)
    vigil = Watchdog(renderer.output, time.monotonic())
    tried = time.monotonic()
    waits = isinstance(renderer.output, NullOutput) and not settings.null  # for a device
    while True:
        if select.select([words], [], [], LOOK_S)[0] and not _alive(words):
            break
        now = time.monotonic()
        if waits and now - tried > RETRY_S:
            tried = now
            with suppress(Exception):  # whatever PortAudio says: it is asked again
                refresh()
                renderer.output = device()
                vigil, waits = Watchdog(renderer.output, now), False
            continue
        if renderer.output.turned():
            _tell(board, renderer.output, b.DEVICE, words)
        verdict = vigil.look(now)
        name = renderer.output.name
        if verdict is OutputState.LOST:
            # Closing the device may hang: a new process is surer.
            send_message(words, "lost", device=name)
            os._exit(LOST)
        elif verdict is OutputState.WAITING:
            send_message(words, "late", device=name)
        elif verdict is OutputState.TIMELESS:
            send_message(words, "timeless", device=name)
            timeless, renderer.output = renderer.output, null()
            time.sleep(LOOK_S)  # until the render thread has turned to the other
            timeless.close()
            vigil = Watchdog(renderer.output, now)
    renderer.stopping.set()
    renderer.stopped.wait(0.3)
    # A moment for the ring to play out; then leave without asking PortAudio, which may hang.
    output = renderer.output
    time.sleep(min((output.kept + output.period) / output.rate, DRAIN_MOST_S))
    os._exit(0)


def _render(renderer: RenderLoop, words: socket.socket) -> None:
    with failure_reported(words):
        renderer.run()


def _alive(words: socket.socket) -> bool:
    with suppress(OSError):
        return bool(words.recv(64))
    return False


def _first(
    device: Callable[[], Output], null: Callable[[], Output], words: socket.socket
) -> Output:
    """The device, or the null output where there is none."""
    try:
        return device()
    except DeviceError as error:
        send_message(words, "no device", reason=str(error))
    except Exception as error:  # PortAudio itself may be missing or broken
        send_message(words, "no device", reason=f"PortAudio: {error}")
    return null()


def _null(
    board: Board, settings: OutputSettings, rate: int, hop: int, words: socket.socket
) -> Output:
    output = NullOutput(settings, rate, hop)
    _tell(board, output, b.NULL, words)
    return output


def _device(
    board: Board, settings: OutputSettings, rate: int, hop: int, words: socket.socket
) -> Output:
    output = DeviceOutput(settings, rate, hop)
    _tell(board, output, b.DEVICE, words)
    return output


def _tell(board: Board, output: Output, kind: int, words: socket.socket) -> None:
    player = board.player
    player[b.OUTPUT] = kind
    player[b.DEVICE_RATE], player[b.DEVICE_BLOCK] = output.rate, output.block
    player[b.DEVICE_LATENCY], player[b.CONVERSION] = output.latency, output.delay
    player[b.RING_FRAMES], player[b.HOST_PERIOD] = output.kept, output.period
    send_message(
        words, "output", name=output.name, rate=output.rate, block=output.block,
        latency=output.latency,
    )  # fmt: skip


def _claim_priority() -> bool:
    """Real-time scheduling for the render thread, where the system allows it."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except (AttributeError, OSError):
        return False
    return True
