"""What it costs to decode the frames that are about to sound, beside the whole sound.

    python -m latentpad.benchmarks.decode_frames > benchmarks/decode_frames.md

Each way of decoding has a process of its own on one thread. The processes take turns, so that all
of them meet the same load.

- NumPy: `FrameDecoder.frames`, as it is
- Numba: the same computation in one compiled function, whose matrix products are BLAS too
- TensorFlow: `KerasDecoder.whole`, which makes all frames, one sound after the other

CPU and memory are those of the process after its first window, from the start of Python. Numba's
function was compiled and stored before.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numba import njit
from threadpoolctl import threadpool_info, threadpool_limits

from latentpad.benchmarks.machine import machine
from latentpad.benchmarks.wide_pack import wide_pack
from latentpad.models.packs.pack import SHIPPED, Pack, load
from latentpad.models.representation import Floats

COUNT = 16  # frames about to sound
VOICES = (1, 4, 8)
FIRST = (80, 97, 114, 131, 148, 15, 32, 49)  # of each voice
ROUNDS, CALLS = 15, 15
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "NUMBA")}

Windows = Callable[[Floats, list[int], int], Floats]  # latents, first frames, count to frames


def numpy_windows(pack: Pack) -> Windows:
    from latentpad.engine.decode.frame_decoder import FrameDecoder

    decoder = FrameDecoder(pack)

    def windows(latents: Floats, first: list[int], count: int) -> Floats:
        if count == pack.representation.frames:
            return decoder.whole(latents)
        return decoder.frames(latents, first, count)

    return windows


def tensorflow_windows(pack: Pack) -> Windows:
    from latentpad.engine.decode.keras_decoder import KerasDecoder

    decoder = KerasDecoder(pack)

    def windows(latents: Floats, first: list[int], count: int) -> Floats:
        sounds = [decoder.whole(latent[None])[0] for latent in latents]
        return np.stack([sound[f : f + count] for sound, f in zip(sounds, first, strict=True)])

    return windows


def numba_windows(pack: Pack) -> Windows:
    """For the stack that `latentpad train` makes: dense, dense as frames, convolutions."""
    from latentpad.engine.decode.stack import read_layers

    threadpool_limits(1, user_api="blas")
    layers = read_layers(pack)
    dense, unfold, *convolutions = (vars(layer.compute) for layer in layers[1:])
    tables = tuple(layer.sources[0].table for layer in layers[3:])
    weights = tuple(c["weights"] for c in convolutions)
    biases = tuple(c["bias"] for c in convolutions)
    coarse = unfold["weights"], unfold["bias"], layers[2].channels
    flat = dense["weights"], dense["bias"]
    r = pack.representation
    scale = np.float32(r.range_db), r.bins
    return lambda latents, first, count: compiled(
        latents, np.array(first), count, flat, coarse, tables, weights, biases, scale
    )


@njit(cache=True, nogil=True, fastmath=True)
def compiled(
    latents: Floats, first: Any, count: int, flat: Any, coarse: Any, tables: Any, weights: Any,
    biases: Any, scale: Any,
) -> Floats:  # fmt: skip
    voices, deep = len(latents), len(tables)
    start = np.empty((deep + 1, voices), np.int64)
    stop = np.empty((deep + 1, voices), np.int64)
    for v in range(voices):
        start[deep, v], stop[deep, v] = first[v], first[v] + count
        for k in range(deep - 1, -1, -1):
            low, high = np.int64(1 << 40), np.int64(0)
            for f in range(start[k + 1, v], stop[k + 1, v]):
                for frame in tables[k][f]:
                    if frame >= 0:
                        low, high = min(low, frame), max(high, frame + 1)
            start[k, v], stop[k, v] = low, high
    hidden = np.dot(latents, flat[0])
    activate(hidden, flat[1], False)
    by_unit, bias, channels = coarse
    rows = np.empty((np.sum(stop[0] - start[0]), channels), np.float32)
    end = 0
    for v in range(voices):
        begin, end = end, end + stop[0, v] - start[0, v]
        units = np.dot(by_unit[start[0, v] * channels : stop[0, v] * channels], hidden[v])
        rows[begin:end] = units.reshape(-1, channels)
        for row in range(begin, end):
            at = (start[0, v] + row - begin) * channels
            activate(rows[row : row + 1], bias[at : at + channels], False)
    for k in range(deep):
        taps, width = tables[k].shape[1], rows.shape[1]
        gathered = np.zeros((np.sum(stop[k + 1] - start[k + 1]), taps * width), np.float32)
        row, offset = 0, 0
        for v in range(voices):
            for f in range(start[k + 1, v], stop[k + 1, v]):
                for tap in range(taps):
                    frame = tables[k][f, tap]
                    if frame >= 0:
                        at = offset + frame - start[k, v]
                        gathered[row, tap * width : (tap + 1) * width] = rows[at]
                row += 1
            offset += stop[k, v] - start[k, v]
        rows = np.dot(gathered, weights[k])
        activate(rows, biases[k], k == deep - 1)
    range_db, bins = scale
    for row in range(len(rows)):
        for b in range(bins):  # the texture is beside them
            rows[row, b] = (rows[row, b] - np.float32(1)) * range_db
    return rows.reshape(voices, count, rows.shape[1])


@njit(cache=True, nogil=True, fastmath=True)
def activate(rows: Floats, bias: Floats, sigmoid: bool) -> None:
    one = np.float32(1)
    for row in range(rows.shape[0]):
        for c in range(rows.shape[1]):
            x = rows[row, c] + bias[c]
            part = one / (one + np.exp(-x))
            rows[row, c] = part if sigmoid else x * part


WAYS: dict[str, Callable[[Pack], Windows]] = {
    "NumPy": numpy_windows,
    "Numba": numba_windows,
    "TensorFlow": tensorflow_windows,
}


def serve(way: str, pack: Pack, connection: Connection) -> None:
    """Send what the start cost, then the times of what is asked for: (voices, frames)."""
    windows, latents = WAYS[way](pack), pack.anchors.latents
    windows(latents[:1], [FIRST[0]], COUNT)
    cost = sum(os.times()[:2]), psutil.Process().memory_full_info().pss / 2**20
    connection.send((*cost, windows(latents[: len(FIRST)], list(FIRST), COUNT)))
    while (asked := connection.recv()) is not None:
        voices, count = asked
        first = [min(f, pack.representation.frames - count) for f in FIRST[:voices]]
        spent = []
        for _ in range(CALLS):
            began = time.perf_counter()
            windows(latents[:voices], first, count)
            spent.append(1000 * (time.perf_counter() - began))
        connection.send(spent)


def started(way: str, pack: Pack) -> tuple[Connection, Any]:
    """A process that decodes; its connection, and the first thing that it sends."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    context.Process(target=serve, args=(way, pack, theirs), daemon=True).start()
    theirs.close()
    return ours, ours.recv()


def compare(pack: Pack) -> list[str]:
    """The rows of a pack's table."""
    started("Numba", pack)[0].send(None)  # compiled and stored
    asked = [*((voices, COUNT) for voices in VOICES), (1, pack.representation.frames)]
    connections, starts = {}, {}
    times: dict[str, list[list[float]]] = {}
    for way in WAYS:
        connections[way], starts[way] = started(way, pack)
        times[way] = [[] for _ in asked]
    for _ in range(ROUNDS):
        for way, connection in connections.items():
            for spent, what in zip(times[way], asked, strict=True):
                connection.send(what)
                spent += connection.recv()
    rows = []
    for way, connection in connections.items():
        connection.send(None)
        cpu, memory, made = starts[way]
        error = np.abs(made - starts["TensorFlow"][2]).max()
        cells = " | ".join(f"{statistics.median(spent):.2f}" for spent in times[way])
        rows.append(f"| {way} | {cells} | {cpu:.1f} | {memory:.0f} | {error:.0e} |")
    return rows


def blas() -> str:
    """NumPy's library for matrix products, and the processor that its code is for."""
    found = threadpool_info()[0]
    return f"{found['internal_api']} {found['version']} ({found.get('architecture', 'unknown')})"


def main() -> None:
    os.environ.update(ONE_THREAD)
    print(
        "# What it costs to decode the frames that are about to sound\n\n"
        f"`python -m latentpad.benchmarks.decode_frames` on {machine()}, {blas()}, "
        f"with a load average of {os.getloadavg()[0]:.1f} before.\n\n"
        f"Medians in ms of {ROUNDS * CALLS} calls: {COUNT} frames of each of some voices, and a "
        "whole sound of one. TensorFlow makes the whole sound for any frames of it. CPU seconds "
        "and memory (PSS) are from the start of Python to the first window. dB is the largest "
        "difference to TensorFlow.\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        packs = {
            "footsteps": load(SHIPPED / "footsteps"),
            "oneshots": load(SHIPPED / "oneshots"),
            "Width 384, hidden 512, 64 latents, untrained": wide_pack(Path(folder) / "wide"),
        }
        for name, pack in packs.items():
            voices = " | ".join(f"{n} voice{'s' * (n > 1)}" for n in VOICES)
            print(f"## {name}\n\n| | {voices} | whole | CPU s | MB | dB |")
            print("| --- |" + " --- |" * (len(VOICES) + 4))
            print("\n".join(compare(pack)), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
