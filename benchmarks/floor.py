"""The least possible program: a UDP packet switches the amplitude in an audio callback.

Its latency is the minimum of the machine and its sound server; an instrument is judged by what it
adds. Run as a program of its own: `python -m latentpad.benchmarks.floor PORT BLOCK [DEVICE]`. A
packet holds one float; an empty packet ends it, and it prints its late callbacks as JSON.
"""

from __future__ import annotations

import json
import math
import os
import socket
import struct
import sys
import time

os.environ.setdefault("JACK_NO_START_SERVER", "1")


def main() -> None:
    import sounddevice as sd

    try:
        play()
    except sd.PortAudioError as error:
        print(error.args[0])
        sys.exit(1)


def play() -> None:
    import numpy as np
    import sounddevice as sd

    port, block = int(sys.argv[1]), int(sys.argv[2])
    device = int(sys.argv[3]) if sys.argv[3:] and sys.argv[3] else None
    rate = int(sd.query_devices(device, kind="output")["default_samplerate"])
    period = 48  # samples: a whole number of them in 1 kHz at 48 kHz
    tone = np.sin(2 * math.pi * np.arange(block + period) / period).astype(np.float32)
    state = [0.0, 0.0]  # amplitude; position in the tone
    times = np.zeros(rate * 3600 // block)
    count = [0]

    def callback(out: np.ndarray, frames: int, info: object, status: object) -> None:
        position = int(state[1])
        out[:, 0] = tone[position : position + frames] * state[0]
        state[1] = (position + frames) % period
        if count[0] < len(times):
            times[count[0]] = time.monotonic()
            count[0] += 1

    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", port))
    with sd.OutputStream(
        device=device,
        samplerate=rate,
        blocksize=block,
        channels=1,
        dtype="float32",
        latency="low",
        callback=callback,
    ):
        print("ready", flush=True)
        while packet := receiver.recv(64):
            state[0] = struct.unpack("<f", packet)[0]
    gaps = np.diff(times[: count[0]])
    late = np.flatnonzero(gaps > 2 * block / rate)
    print(
        json.dumps(
            {
                "callbacks": count[0],
                "late": [[float(times[k + 1]), float(gaps[k])] for k in late],
                "longest_ms": 1000 * float(gaps.max(initial=0.0)),
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
