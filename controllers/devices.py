"""What sound and MIDI devices there are, without starting anything."""

from __future__ import annotations

from collections.abc import Iterator

from engine.process import hushed


def listing() -> Iterator[str]:
    """Lines for `latentpad devices`: outputs with rate and latency, then MIDI inputs."""
    try:
        with hushed():
            import sounddevice as sd

            found = list(enumerate(sd.query_devices()))
            default = int(sd.default.device[1])
            hosts = [str(host["name"]) for host in sd.query_hostapis()]
    except OSError as error:
        yield f"audio: {error}; install PortAudio (Debian: libportaudio2, macOS: portaudio)"
        found, default, hosts = [], -1, []
    outputs = [(index, info) for index, info in found if info["max_output_channels"] > 0]
    yield "audio outputs" if outputs else "audio outputs: none (play uses --null-audio)"
    for index, info in outputs:
        mark = "*" if index == default else " "
        yield (
            f"{mark} {index:3d}  {info['name']}  ({hosts[info['hostapi']]}, "
            f"{info['max_output_channels']} channels, {info['default_samplerate']:.0f} Hz, "
            f"latency {1000 * info['default_low_output_latency']:.1f} ms)"
        )
    from controllers.midi_ports import ports

    with hushed():
        names = ports()
    yield "MIDI inputs" if names else "MIDI inputs: none but our own"
    for name in names:
        yield f"       {name}"
