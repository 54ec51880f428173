"""The playing process: voices, phase and the output.

One thread renders hop by hop, and waits only for the ring. The main thread opens the output, checks
whether it is lost, and ends the process when the control process closes the socket. TensorFlow is
not imported here, so a process that died with its audio device is replaced within a second.
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
from numpy.typing import NDArray

from latentpad.engine import board as b
from latentpad.engine import history, tape
from latentpad.engine.board import Board
from latentpad.engine.output_settings import OutputSettings
from latentpad.engine.play import priority
from latentpad.engine.play.devices import DeviceError, refresh
from latentpad.engine.play.fade import Fade
from latentpad.engine.play.handover import resume
from latentpad.engine.play.next_packs import NextPacks
from latentpad.engine.play.output import DeviceOutput, NullOutput, Output
from latentpad.engine.play.rehearsal import rehearse
from latentpad.engine.play.stream import Stream
from latentpad.engine.play.voices import QUALITIES
from latentpad.engine.play.watchdog import OutputState, Watchdog
from latentpad.engine.process import LOST, failure_reported, report_step, send_message
from latentpad.engine.process_status import ProcessStatus
from latentpad.models.representation import Representation

METER_FALL_DB_S = 60.0  # a reader at 20 Hz sees every peak, at most 3 dB too low
SILENT_METERS_S = 0.02  # between two updates of the meters while nothing sounds
RETRY_S = 0.4
CHECK_S = 0.1  # how often the main thread checks the output
DRAIN_MOST_S = 0.3  # the longest time to play the rest of the ring at the end


class RenderLoop:
    """The render loop. `run` belongs to the render thread; the rest may be called from the main
    thread."""

    def __init__(self, board: Board, representation: Representation, output: Output) -> None:
        self.board = board
        self.output = output
        self.stopping = threading.Event()
        self.stopped = threading.Event()
        self._status, self._decoding = ProcessStatus.playing(board), ProcessStatus.decoding(board)
        self._rate, self._hop = board.shape.sample_rate, tape.hop_of(board)
        self._hop_s = self._hop / self._rate
        self.next_packs = NextPacks(board)
        stream = self.next_packs.stream(board.sound_memory, representation)
        resume(stream.voices)
        self.stream = Stream(stream, self._hop)
        self._busy = 0.0  # share of the hop's time that rendering takes, smoothed
        self._hops_since_change = 0
        self._peaks = np.zeros(2)
        self._fall = 10 ** (-METER_FALL_DB_S / 20 * self._hop_s)  # of the peaks, in a hop

    def run(self) -> None:
        """Fill the ring until `stopping` is set. Everything that it needs was allocated before."""
        realtime = priority.claim(priority.RENDER)
        board, stream, voices = self.board, self.stream, self.stream.voices
        board.player[b.REALTIME] = realtime
        size = self._hop
        out = np.zeros((size, 2), np.float32)
        fade, fading = Fade(size, self._rate), False
        unmeasured, most_unmeasured = 0, max(int(SILENT_METERS_S / self._hop_s), 1)
        output: Output | None = None
        while True:
            if output is not self.output:
                output = self.output
                if realtime:
                    output.realtime()
            if not output.hop_due():
                self._status.count_beat()  # waiting for a late host is not a hang
                board.player[b.STARVED] = output.starved
                time.sleep(output.pause())
                continue
            started = time.perf_counter()
            stream.hop(out)
            voices = stream.voices
            if (other := self.next_packs.take(voices.pack)) is not None:
                stream.change(other)
            render_s = time.perf_counter() - started
            if self.stopping.is_set() and not fading:
                fading = True
                history.record(board, history.FADE)
            if not fade.toward(0.0 if fading else 1.0, out):
                break
            output.write(out)
            tape.write(board, out, voices.version)
            self._status.count_beat()
            unmeasured += 1
            if not stream.silent or unmeasured == most_unmeasured:
                self._measure(output, out, render_s, unmeasured)
                unmeasured = 0
        self.stopped.set()

    def _measure(
        self, output: Output, out: NDArray[np.float32], render_s: float, hops: int
    ) -> None:
        """Update load, quality and meters after the hop `out`. `hops` is how many hops there were
        since the last call: this one, and silent ones before it, which cost nothing."""
        player, voices, share = self.board.player, self.stream.voices, render_s / self._hop_s
        self._busy *= 0.95 ** (hops - 1)
        self._busy += 0.05 * (share - self._busy)
        self._adapt_quality(share, hops)
        output.load(self._busy, self._decoding.ready)
        self._peaks *= self._fall**hops
        if not self.stream.silent:
            self._peaks = np.maximum(np.abs(out).max(axis=0), self._peaks)
        player[b.STARVED] = output.starved
        player[b.LOAD] = self._busy
        player[b.QUALITY] = voices.quality
        player[b.PEAK_LEFT], player[b.PEAK_RIGHT] = self._peaks
        player[b.REDUCTION_DB] = voices.limiter.reduction_db
        player[b.RING_FRAMES], player[b.HOST_PERIOD] = output.latency_frames, output.period
        player[b.HOP_US] = render_s * 1e6
        player[b.GUARDED] = voices.guarded
        player[b.LATE_WINDOWS] = voices.late_windows
        if share > 1:
            player[b.LATE] += 1

    def _adapt_quality(self, share: float, hops: int) -> None:
        """Reduce look-ahead and iterations before the sound breaks; restore them when there is
        time."""
        voices = self.stream.voices
        self._hops_since_change += hops
        if (self._busy > 0.7 or share > 1.5) and voices.quality < QUALITIES - 1:
            if self._hops_since_change > 8:
                voices.quality += 1
                self._hops_since_change = 0
        elif self._busy < 0.4 and voices.quality > 0 and self._hops_since_change > 400:
            voices.quality -= 1
            self._hops_since_change = 0


def serve(
    board: Board,
    representation: Representation,
    settings: OutputSettings,
    orders: socket.socket,
    generation: int,
    control_socket: socket.socket,
) -> None:
    """The playing process's main function. Returns when the control process closes
    `control_socket`.

    `representation` is that of the pack whose sounds the board shows. `orders` brings further packs
    (engine/pack_order.py). `generation` is the number of this process (engine/process_status.py).
    """
    gc.disable()
    sys.setswitchinterval(0.0002)
    report_step(control_socket, "rehearses the voices")
    rehearse(representation)
    report_step(control_socket, "opens the output")
    rate, hop = board.shape.sample_rate, tape.hop_of(board)

    def device() -> Output:
        with priority.without():
            return _open_device(board, settings, rate, hop, control_socket)

    def null() -> Output:
        return _open_null(board, settings, rate, hop, control_socket)

    output = null() if settings.null else _open_output(device, null, control_socket)
    renderer = RenderLoop(board, representation, output)
    gc.freeze()
    threading.Thread(
        target=_render, args=(renderer, control_socket), name="render", daemon=True
    ).start()
    ProcessStatus.playing(board).become_ready(generation)
    watchdog = Watchdog(renderer.output, time.monotonic())
    tried_at = time.monotonic()
    awaiting_device = isinstance(renderer.output, NullOutput) and not settings.null
    priority.claim(priority.MAIN)
    while True:
        readable = select.select([control_socket, orders], [], [], CHECK_S)[0]
        if control_socket in readable and not _still_open(control_socket):
            break
        if orders in readable:
            with priority.without():
                renderer.next_packs.prepare(orders, control_socket)
        renderer.stream.ended.clear()
        now = time.monotonic()
        if awaiting_device and now - tried_at > RETRY_S:
            tried_at = now
            with suppress(Exception):  # any error of PortAudio: try again later
                with priority.without():
                    refresh()
                renderer.output = device()
                watchdog, awaiting_device = Watchdog(renderer.output, now), False
            continue
        if renderer.output.period_changed():
            _report_output(board, renderer.output, b.DEVICE, control_socket)
        state = watchdog.check(now)
        name = renderer.output.name
        if state is OutputState.LOST:
            # Closing the device may hang, so a new process replaces this one.
            send_message(control_socket, "lost", device=name)
            os._exit(LOST)
        elif state is OutputState.WAITING:
            send_message(control_socket, "late", device=name)
        elif state is OutputState.TIMELESS:
            send_message(control_socket, "timeless", device=name)
            timeless, renderer.output = renderer.output, null()
            time.sleep(CHECK_S)  # until the render thread uses the new output
            timeless.close()
            watchdog = Watchdog(renderer.output, now)
    renderer.stopping.set()
    renderer.stopped.wait(0.3)
    # Wait until the ring is played, then exit without closing PortAudio, which may hang.
    output = renderer.output
    time.sleep(min((output.latency_frames + output.period) / output.rate, DRAIN_MOST_S))
    os._exit(0)


def _render(renderer: RenderLoop, control_socket: socket.socket) -> None:
    with failure_reported(control_socket):
        renderer.run()


def _still_open(control_socket: socket.socket) -> bool:
    with suppress(OSError):
        return bool(control_socket.recv(64))
    return False


def _open_output(
    device: Callable[[], Output], null: Callable[[], Output], control_socket: socket.socket
) -> Output:
    """The device, or the null output if it cannot be opened."""
    try:
        return device()
    except DeviceError as error:
        send_message(control_socket, "no device", reason=str(error))
    except Exception as error:  # PortAudio itself may be missing or broken
        send_message(control_socket, "no device", reason=f"PortAudio: {error}")
    return null()


def _open_null(
    board: Board, settings: OutputSettings, rate: int, hop: int, control_socket: socket.socket
) -> Output:
    output = NullOutput(settings, rate, hop)
    _report_output(board, output, b.NULL, control_socket)
    return output


def _open_device(
    board: Board, settings: OutputSettings, rate: int, hop: int, control_socket: socket.socket
) -> Output:
    output = DeviceOutput(settings, rate, hop)
    _report_output(board, output, b.DEVICE, control_socket)
    return output


def _report_output(board: Board, output: Output, kind: int, control_socket: socket.socket) -> None:
    player = board.player
    player[b.OUTPUT] = kind
    player[b.DEVICE_RATE], player[b.DEVICE_BLOCK] = output.rate, output.block
    player[b.DEVICE_LATENCY], player[b.CONVERSION] = output.latency, output.delay
    player[b.RING_FRAMES], player[b.HOST_PERIOD] = output.latency_frames, output.period
    send_message(
        control_socket, "output", name=output.name, rate=output.rate, block=output.block,
        latency=output.latency,
    )  # fmt: skip
