"""Which output devices there are, and how one of them opens."""

from __future__ import annotations

from itertools import product
from typing import Any, Literal, NamedTuple

from latentpad.engine.process import stderr_silenced
from latentpad.models.errors import LatentpadError

Kind = Literal["input", "output"]


class DeviceError(LatentpadError):
    """An output that cannot be opened: one line saying which, why, and what there is."""


class StreamFormat(NamedTuple):
    """One way to open a device."""

    rate: int
    channels: int
    block: int  # frames a callback; 0: as many as the host takes at a time


def candidates(name: str | None) -> list[int]:
    """The numbers of the devices to try: the one that is asked for, else the system's default and
    then those of PortAudio's other hosts, as a JACK server keeps ALSA's device to itself. Raises
    `DeviceError`."""
    import sounddevice as sd

    first = find(name)
    if name is not None:
        return [first]
    others = [int(host["default_output_device"]) for host in sd.query_hostapis()]
    return list(dict.fromkeys((first, *(index for index in others if index >= 0))))


def find(name: str | None, kind: Kind = "output") -> int:
    """The number of the device of that (partial) name. Raises `DeviceError`."""
    import sounddevice as sd

    devices = sd.query_devices()
    usable = [
        (index, str(info["name"]))
        for index, info in enumerate(devices)
        if info[f"max_{kind}_channels"] > 0
    ]
    listed = ", ".join(f"{index} {found}" for index, found in usable) or "none at all"
    if name is None:
        default = int(sd.default.device[("input", "output").index(kind)])
        if default < 0 and not usable:
            raise DeviceError(f"there is no audio {kind} device")
        return default if default >= 0 else usable[0][0]
    for index, found in usable:
        if name == str(index) or name.lower() == found.lower():
            return index
    matches = [index for index, found in usable if name.lower() in found.lower()]
    if name.isdecimal() and int(name) < len(devices):  # another kind's number, no part of a name
        matches = []
    if len(matches) != 1:
        what = "is several devices" if matches else f"is no {kind} device here"
        raise DeviceError(f"{name!r} {what}; there are: {listed}")
    return matches[0]


def refresh() -> None:
    """Let PortAudio look for devices anew: its list is frozen when it starts. No stream may
    be open in this process."""
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
    """How to try to open a device, best first: at the asked-for rate alone, or at the model's and
    then at the device's own; on two channels, else on all it has, else on one; in blocks of
    `block`, else as the host likes it. `info` is PortAudio's."""
    own = round(float(info["default_samplerate"]))
    rates = [asked_rate] if asked_rate is not None else [model_rate, own]
    most = int(info["max_output_channels"])
    channels = [n for n in (2, most, 1) if n <= most]
    tried = product(rates, channels, [block, 0])
    return list(dict.fromkeys(StreamFormat(*way) for way in tried))
