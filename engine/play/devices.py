"""The output devices, and the ways in which a device may be opened."""

from __future__ import annotations

from itertools import product
from typing import Any, Literal, NamedTuple

from latentpad.engine.process import stderr_silenced
from latentpad.models.errors import LatentpadError

Kind = Literal["input", "output"]


class DeviceError(LatentpadError):
    """An output that cannot be opened. Its text is one line: which one, why, and which devices
    exist."""


class StreamFormat(NamedTuple):
    """A format in which to open a device."""

    rate: int
    channels: int
    block: int  # frames per callback; 0: the host chooses


def candidates(name: str | None) -> list[int]:
    """The numbers of the devices to try.

    That is the requested device, or else the default device and then the defaults of PortAudio's
    other host APIs, because a JACK server reserves ALSA's device. Raises `DeviceError`.
    """
    import sounddevice as sd

    first = find(name)
    if name is not None:
        return [first]
    defaults = [int(host["default_output_device"]) for host in sd.query_hostapis()]
    return list(dict.fromkeys((first, *(index for index in defaults if index >= 0))))


def find(name: str | None, kind: Kind = "output") -> int:
    """The number of the device with this name, or part of a name. Raises `DeviceError`."""
    import sounddevice as sd

    devices = sd.query_devices()
    usable = [
        (index, str(info["name"]))
        for index, info in enumerate(devices)
        if info[f"max_{kind}_channels"] > 0
    ]
    listed = ", ".join(f"{index} {device_name}" for index, device_name in usable) or "none at all"
    if name is None:
        default = int(sd.default.device[("input", "output").index(kind)])
        if default < 0 and not usable:
            raise DeviceError(f"there is no audio {kind} device")
        return default if default >= 0 else usable[0][0]
    for index, device_name in usable:
        if name == str(index) or name.lower() == device_name.lower():
            return index
    matches = [index for index, device_name in usable if name.lower() in device_name.lower()]
    if name.isdecimal() and int(name) < len(
        devices
    ):  # the number of a device of the other kind, not part of a name
        matches = []
    if len(matches) != 1:
        problem = "is several devices" if matches else f"is no {kind} device here"
        raise DeviceError(f"{name!r} {problem}; there are: {listed}")
    return matches[0]


def refresh() -> None:
    """Make PortAudio look for devices again: it does that only when it starts. No stream may be
    open in this process."""
    import sounddevice as sd

    with stderr_silenced():
        sd._terminate()
        sd._initialize()


def is_jack(index: int) -> bool:
    """Whether the device is a JACK server."""
    import sounddevice as sd

    host = sd.query_hostapis(sd.query_devices(index)["hostapi"])
    return "JACK" in str(host["name"])


def stream_formats(
    info: dict[str, Any], model_rate: int, asked_rate: int | None, block: int
) -> list[StreamFormat]:
    """The formats in which to try to open a device, best first.

    Rates: the requested one alone, or the model's and then the device's default. Channels: two,
    else all of the device, else one. Block: `block`, else the host's choice. `info` is PortAudio's.
    """
    default_rate = round(float(info["default_samplerate"]))
    rates = [asked_rate] if asked_rate is not None else [model_rate, default_rate]
    max_channels = int(info["max_output_channels"])
    channels = [n for n in (2, max_channels, 1) if n <= max_channels]
    combinations = product(rates, channels, [block, 0])
    return list(dict.fromkeys(StreamFormat(*combination) for combination in combinations))
