"""Lists sound and MIDI devices without starting anything.

Another process asks the sound system, as PortAudio blocks while the system does: a JACK server that
is stopped or hangs would block the caller. That process is

    python -m latentpad.cli.devices [NAME]

It prints the devices. If NAME is no device, it prints why and exits with status 1.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from latentpad.engine.play.devices import DeviceError, find
from latentpad.engine.process import stderr_silenced

ANSWER_S = 10.0  # time limit for the sound system's answer


def listing() -> Iterator[str]:
    """Lines for `latentpad devices`: outputs with rate and latency, then MIDI inputs."""
    answer = _ask()
    yield from ["audio: no answer from the sound system"] if answer is None else answer[1]
    from latentpad.controllers.midi.ports import ports

    with stderr_silenced():
        names = ports()
    yield "MIDI inputs" if names else "MIDI inputs: none but our own"
    for name in names:
        yield f"       {name}"


def check(name: str) -> bool:
    """Whether the sound system answers. Raises `DeviceError` if it has no output of that name."""
    answer = _ask(name)
    if answer is None:
        return False
    status, lines = answer
    if status and lines:
        raise DeviceError(lines[0])
    return True


def _ask(*words: str) -> tuple[int, list[str]] | None:
    """Exit status and output lines of this module's process; None after `ANSWER_S`."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "latentpad.cli.devices", *words],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=ANSWER_S, check=False,
            cwd=Path(__file__).parents[2],  # the folder of the package, installed or not
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None
    return done.returncode, done.stdout.decode(errors="replace").splitlines()


def _outputs() -> Iterator[str]:
    import sounddevice as sd

    devices = list(enumerate(sd.query_devices()))
    default = int(sd.default.device[1])
    hosts = [str(host["name"]) for host in sd.query_hostapis()]
    outputs = [(index, info) for index, info in devices if info["max_output_channels"] > 0]
    yield "audio outputs" if outputs else "audio outputs: none (play uses --null-audio)"
    for index, info in outputs:
        marker = "*" if index == default else " "
        yield (
            f"{marker} {index:3d}  {info['name']}  ({hosts[info['hostapi']]}, "
            f"{info['max_output_channels']} channels, {info['default_samplerate']:.0f} Hz, "
            f"latency {1000 * info['default_low_output_latency']:.1f} ms)"
        )


def main() -> None:
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    try:
        if len(sys.argv) > 1:
            find(sys.argv[1])
        else:
            for line in _outputs():
                print(line)
    except DeviceError as error:
        print(error)
        sys.exit(1)
    except OSError as error:
        print(f"audio: {error}; install PortAudio (Debian: libportaudio2, macOS: portaudio)")
        sys.exit(1)


if __name__ == "__main__":
    main()
