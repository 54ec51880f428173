"""Reasons why a command that was carried out is not heard in the present state."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from latentpad.engine.arguments import Argument
from latentpad.engine.control import aliases
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.control.state import is_of_note
from latentpad.engine.expander_declarations import DECLARED
from latentpad.engine.parameters import EXPANDERS, MODES, PHASES, PLANES
from latentpad.engine.phase_methods import STREAMED
from latentpad.models.packs.pack import DESCRIBED

Value = Callable[[str], tuple[float, ...]]
"""Gives the present value of a global row by its address (`Instrument.value`)."""

_USES = {declaration.name: declaration.uses for declaration in DECLARED}


def why_no_effect(address: str, args: Sequence[Argument], value: Value) -> str:
    """Why a command that was just carried out is not heard; empty if it is, and for the release of
    a button. Any thread."""
    if (alias := aliases.ALIASES.get(address)) is not None:
        meant = alias.read(args)
        return "" if meant is None else why_no_effect(alias.address, meant, value)
    reason = _REASONS.get(address)
    return reason(args, value) if reason is not None else ""


def why_no_note(
    address: str, args: Sequence[Argument], sender: Sender, instrument: Instrument
) -> str:
    """Why a command that shapes a note has shaped none; empty if it has. Any thread.

    A MIDI port shapes what it believes to hold: that a voice was needed elsewhere is no mistake.
    """
    if not (is_of_note(address) and address.count("/") == 3) or sender.group.startswith("midi "):
        return ""
    pitch = int(address.split("/")[2])
    return "" if instrument.holds_note(sender, pitch) else f"you hold no note {pitch}"


def _mode(value: Value) -> str:
    return MODES[int(value("/mode")[0])]


def _expander(value: Value) -> str:
    return EXPANDERS[int(value("/expander")[0])]


def _loop(args: Sequence[Argument], value: Value) -> str:
    mode = _mode(value)
    return "" if mode == "loop" else f"it is heard in /mode loop, this is {mode}"


def _shot(args: Sequence[Argument], value: Value) -> str:
    return "it is heard in /mode shot and original" if _mode(value) == "loop" else ""


def _grain(args: Sequence[Argument], value: Value) -> str:
    if _mode(value) == "original":
        return "recordings have their own grain (/mode loop and shot)"
    return ""


def _phase(args: Sequence[Argument], value: Value) -> str:
    method = int(value("/phase")[0])
    if STREAMED[method] != method and _mode(value) == "loop":
        streamed = PHASES[STREAMED[method]]
        return f"loops are played by {streamed}, {PHASES[method]} is for shots (/mode shot)"
    return ""


def _lookahead(args: Sequence[Argument], value: Value) -> str:
    noise = int(value("/phase")[0]) == PHASES.index("noise")
    return "/phase noise looks at no frames" if noise else ""


def _focus(args: Sequence[Argument], value: Value) -> str:
    name = _expander(value)
    if "focus" in _USES[name]:
        return ""
    known = ", ".join(other for other, uses in _USES.items() if "focus" in uses)
    return f"/expander {name} does not hear it; {known} do"


def _metric(args: Sequence[Argument], value: Value) -> str:
    name = _expander(value)
    return "" if "metric" in _USES[name] else f"/expander {name} measures no distance"


def _scale(args: Sequence[Argument], value: Value) -> str:
    name = _expander(value)
    return "" if "scale" in _USES[name] else f"/expander {name} does not hear it"


def _axes(args: Sequence[Argument], value: Value) -> str:
    plane = int(value("/plane")[0])
    if "auto" in args or plane >= len(PLANES) or PLANES[plane] in ("raw", DESCRIBED):
        return ""
    return f"/plane {PLANES[plane]} has no axes to choose; they are kept for raw and {DESCRIBED}"


def _note(args: Sequence[Argument], value: Value) -> str:
    velocity = args[1]
    if isinstance(velocity, float) and 0 < velocity < 1 and value("/note/velocity")[0] > 0:
        return "a velocity is 0...127, this one is next to silence"
    return ""


_REASONS: dict[str, Callable[[Sequence[Argument], Value], str]] = {
    "/loop/freeze": _loop,
    "/loop/start": _loop,
    "/loop/end": _loop,
    "/loop/shortest": _loop,
    "/loop/fade": _loop,
    "/loop/jitter": _loop,
    "/loop/even": _loop,
    "/shot/distance": _shot,
    "/shot/time": _shot,
    "/shot/rest": _shot,
    "/grain": _grain,
    "/phase": _phase,
    "/lookahead": _lookahead,
    "/focus": _focus,
    "/metric": _metric,
    "/multilateration/scale": _scale,
    "/axes": _axes,
    "/note": _note,
}
