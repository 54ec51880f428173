"""Listen to JACK from a process of its own: libjack does not survive its server's death.

`python -m tests.listening THRESHOLD SECONDS` prints the monotonic time at which the sound
first reached the threshold (rms of 50 ms), or "silence".
"""

from __future__ import annotations

import sys
import time

import numpy as np

from latentpad.benchmarks.jack_server import Ear


def main() -> None:
    threshold, seconds = float(sys.argv[1]), float(sys.argv[2])
    ear = Ear(seconds + 1, "listener")
    end = time.monotonic() + seconds
    ear.listen(seconds=seconds)
    while time.monotonic() < end:
        latest = ear.heard[-2400:]
        if len(latest) and float(np.sqrt(np.mean(latest**2))) > threshold:
            print(time.monotonic())
            return
        time.sleep(0.01)
    print("silence")


if __name__ == "__main__":
    main()
