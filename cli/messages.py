"""The messages of `play` for the performer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from latentpad.controllers.osc import interfaces
from latentpad.engine import board as b
from latentpad.engine.control.session import Session
from latentpad.engine.control.supervisor import TRIES
from latentpad.engine.output_settings import LIMITER_DELAY_S
from latentpad.engine.process import LOST

HURRIED = (
    "note   no real-time scheduling for this user, so a little more is kept ready "
    "(limits.d: @audio - rtprio 70, and you in the group audio)"
)


def latency(session: Session) -> str:
    player = session.board.player
    rate = float(player[b.DEVICE_RATE])
    ring, period = float(player[b.RING_FRAMES]), int(player[b.HOST_PERIOD])
    device = 1000 * float(player[b.DEVICE_LATENCY])
    conversion = 1000 * float(player[b.CONVERSION])
    decode = session.board.decoder[b.DECODE_US] / 1000
    return (
        f"latency {decode:.1f} ms decoder + {1000 * ring / rate:.1f} ms ring ({ring:.0f} frames; "
        f"{period} are taken at a time) + {1000 * LIMITER_DELAY_S:.1f} ms limiter"
        + (f" + {conversion:.1f} ms conversion" if conversion else "")
        + f" + {device:.1f} ms device, at {rate:.0f} Hz"
    )


def large_period(session: Session, requested: int) -> str:
    """Advice if the device's period is longer than requested, else an empty string."""
    player = session.board.player
    period, rate = int(player[b.HOST_PERIOD]), float(player[b.DEVICE_RATE])
    if player[b.OUTPUT] != b.DEVICE or period <= requested:
        return ""
    return (
        f"note   the device takes {period} frames at a time ({1000 * period / rate:.1f} ms), "
        f"whatever --block says; for less, type `jack_bufsize {requested}` (JACK) or "
        f"`pw-metadata -n settings 0 clock.force-quantum {requested}` (PipeWire)"
    )


def report(word: dict[str, Any], say: Callable[[str], None]) -> None:
    """Print a message of an engine process."""
    kind = word["kind"]
    if kind == "output":
        say(f"sound  {word['name']}, {word['rate']} Hz, blocks of {word['block']}")
    elif kind == "no device":
        say(f"no sound device: {word['reason']}; playing on time to no one (--null-audio)")
    elif kind == "decoder":
        say(f"model  decodes in {word['milliseconds']:.1f} ms ({word['device']})")
    elif kind == "note":
        say(f"note   {word['text']}")
    elif kind == "lost":
        say(f"sound  {word['device']} has stopped; looking for it")
    elif kind == "late":
        say(f"sound  {word['device']} stands still; waiting for it to go on")
    elif kind == "timeless":
        say(
            f"sound  {word['device']} keeps no time: it takes sound faster than it can be heard; "
            "playing on time to no one"
        )
    elif kind == "compiling":
        say(compiling(f"the {word['what']} process", word["kernels"]))
    elif kind == "ended" and word["status"] == LOST:
        return  # the message "lost" was printed already
    elif kind == "ended" and word["failures"] < TRIES:
        say(f"the {word['what']} process {word['reason']}; it is being replaced")
    elif kind == "ended" and word["failures"] == TRIES:
        say(
            f"the {word['what']} process did not start {TRIES} times in a row (it "
            f"{word['reason']}); it is tried again with pauses"
        )


def compiling(program: str, kernels: int) -> str:
    """The message for `engine.kernel_cache.on_compile`."""
    if kernels == 1:
        return f"{program} compiles its kernels: once, for a minute or so"
    return f"{program} has compiled {kernels} kernels"


def waiting(session: Session, seconds: float) -> str:
    """The processes that are not ready, some seconds after the start."""
    starting = (f"{what} (it {doing})" for what, doing in session.starting().items())
    return f"{seconds:.0f} s, still starting: {' and '.join(starting)}"


def addresses(lan: bool, host: str, port: int) -> str:
    """The addresses on which OSC listens."""
    if not lan:
        return f"on UDP and TCP {host}:{port} (this machine; --lan for the network)"
    ip_addresses = ", ".join(interfaces.addresses(host))
    return f"on UDP and TCP port {port} of {ip_addresses or 'no interface that is up'}"
