"""Where the fingers and the pad point: by a place on the plane, by latents, faders or anchors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from latentpad.engine import board as b
from latentpad.engine.arguments import Argument, CommandError, finite
from latentpad.engine.board import Board
from latentpad.engine.control.allocation import NOBODY, Allocation, Sender, Source
from latentpad.engine.control.state import PadTarget
from latentpad.engine.latent_bounds import REACH, LatentBounds
from latentpad.engine.parameters import FINGER, FINGERS, LATENT_MAX, MODES, OFFSET, ROW, Parameter

Handler = Callable[[Sequence[Argument], Sender], None]
Numbered = Callable[[int, Sequence[Argument], Sender], None]
AnchorLookup = Callable[[int], tuple[Sequence[float], Sequence[float]]]
Changed = Callable[[str, tuple[Argument, ...], Sender], None]
Point = tuple[float, ...]

XY = ROW["/pad/{n}/xy"]
LOOP, ORIGINAL = MODES.index("loop"), MODES.index("original")
_FINGERS = {str(n): n for n in range(1, FINGERS + 1)}
_LATENTS = {str(d): d for d in range(1, LATENT_MAX + 1)}
_VOICE_PARAMETERS = {
    "/pad/{n}/level": "levels",
    "/pad/{n}/pan": "pans",
    "/pad/{n}/pitch": "pitches",
}


class Pad:
    """The ten fingers' points, and what finger 1's stands for. Under the instrument's lock.

    Finger 1's point is the pad's: notes start there, and the loops that they hold follow it.
    `asked` is set when a point has moved and its sound is wanted. `moved` is called with every
    finger whose point was told, by whom, of which axis alone (0 x, 1 y, None both), and whether
    it was there already; `steered` with who has set the pad's latent by anything else.
    """

    def __init__(
        self,
        board: Board,
        voices: Allocation,
        bounds: LatentBounds,
        look_up_anchor: AnchorLookup,
        changed: Changed,
    ) -> None:
        self.fingers: dict[str, list[tuple[float, ...]]] = {
            row.address: [row.default] * FINGERS for row in FINGER
        }
        self.asked = False
        self.moved: Callable[[int, Sender, int | None, bool], None] = lambda *move: None
        self.steered: Callable[[Sender], None] = lambda sender: None
        self._board = board
        self._voices = voices
        self._bounds = bounds
        self._latent_dim = latent_dim = len(bounds.low)
        self._look_up_anchor = look_up_anchor
        self._changed = changed
        self._origin = b.POINT  # where the pad's point takes its latent from
        self._latent: tuple[float, ...] = (0.0,) * latent_dim

    def handlers(self) -> dict[str, Handler]:
        """The commands by their addresses."""
        found: dict[str, Handler] = {"/latent": self._set_latent}
        for n in range(1, FINGERS + 1):
            for row in FINGER:
                found[row.address.format(n=n)] = self._setter(row, n)
            for axis, letter in enumerate("xy"):
                found[f"/pad/{n}/{letter}"] = self._axis_setter(axis, n)
        for name in ("xy", "x", "y"):
            found[f"/pad/{name}"] = found[f"/pad/1/{name}"]
        return found

    def numbered(self) -> dict[str, Numbered]:
        """The commands whose address ends with a number, by what comes before it."""
        return {
            "/latent": self._set_one_latent,
            "/lattice": self._set_fader,
            "/anchor": self._jump_to_anchor,
        }

    @property
    def mode(self) -> int:
        return int(self._board.values[OFFSET["/mode"]])

    def point(self, n: int) -> Point:
        """(x, y) of finger `n`."""
        return self.fingers[XY.address][n - 1]

    def target(self) -> PadTarget:
        """What the pad points at."""
        board = self._board
        slots = zip(board.lattice_anchor.tolist(), board.lattice_weight.tolist(), strict=True)
        faders = {anchor: share for anchor, share in slots if anchor >= 0}
        by = b.POINT if self._origin == b.ORIGINAL else self._origin
        return PadTarget(self.point(1), self._latent, faders, by)

    def slots(self) -> tuple[int, ...]:
        """The anchors of the faders on the board, until the last in use; -1 where one is free."""
        used = np.flatnonzero(self._board.lattice_anchor >= 0)
        return tuple(self._board.lattice_anchor[: used.max(initial=-1) + 1].tolist())

    def loops(self, n: int) -> list[int]:
        """The voices that sound for as long as finger `n` holds them."""
        return [voice for voice in self._voices.holds(finger(n)) if self._board.held[voice]]

    def args_of(self, address: str) -> tuple[Argument, ...]:
        """The value of a point, a latent or a fader, as a message's arguments; else nothing."""
        match address.split("/"):
            case ["", "pad", name]:
                return self._held_of(1, name)
            case ["", "pad", n, name] if n in _FINGERS:
                return self._held_of(_FINGERS[n], name)
            case ["", "latent"] if self._origin == b.LATENT:
                return self._latent
            case ["", "latent", d] if self._origin == b.LATENT and d in _LATENTS:
                return self._latent[_LATENTS[d] - 1 : _LATENTS[d]]
            case ["", "lattice", k] if k.isdecimal() and len(k) < 10:
                used = self._board.lattice_anchor.tolist()
                there = int(k) in used
                return (float(self._board.lattice_weight[used.index(int(k))]) if there else 0.0,)
        return ()

    def _held_of(self, n: int, name: str) -> tuple[Argument, ...]:
        if name in ("x", "y"):
            return (self.point(n)["xy".index(name)],)
        row = ROW.get(f"/pad/{{n}}/{name}")
        return row.show(self.fingers[row.address][n - 1]) if row is not None else ()

    # -- the fingers -------------------------------------------------------------------------

    def _setter(self, row: Parameter, n: int) -> Handler:
        return lambda args, sender: self.put(row, n, row.parse(args), sender)

    def _axis_setter(self, axis: int, n: int) -> Handler:
        def handle(args: Sequence[Argument], sender: Sender) -> None:
            if len(args) != 1:
                raise CommandError(f"/pad/{n}/{'xy'[axis]} takes 1 argument, got {len(args)}")
            point: list[Argument] = list(self.point(n))
            point[axis] = args[0]
            self.put(XY, n, XY.parse(point), sender, axis)

        return handle

    def put(
        self,
        row: Parameter,
        n: int,
        values: tuple[float, ...],
        sender: Sender,
        axis: int | None = None,
    ) -> None:
        """Give finger `n` a new point (of `axis` alone, or both), level, pan or pitch."""
        still = values == self.fingers[row.address][n - 1]
        self.fingers[row.address][n - 1] = values
        if row is not XY:
            for voice in self._voices.holds(finger(n)):
                self.set_voice_parameters(voice, n)
        else:
            if n == 1:
                self._point_from(self._own_origin())
            else:
                for voice in self.loops(n):
                    self.aim(voice, n)
            self.moved(n, sender, axis, still)
        self._changed(row.address.format(n=n), row.show(values), sender)

    def aim(self, voice: int, n: int) -> None:
        """Put the finger's point on the board and ask for its sound."""
        board = self._board
        board.points[voice] = self.point(n)
        board.origin[voice] = self._origin if n == 1 else self._own_origin()
        board.latents[voice, : self._latent_dim] = self._latent
        board.requests[voice] += 1
        self.asked = True

    def set_voice_parameters(self, voice: int, n: int) -> None:
        """Put the finger's level, pan and pitch on the board."""
        for address, field in _VOICE_PARAMETERS.items():
            getattr(self._board, field)[voice] = self.fingers[address][n - 1][0]

    def aim_again(self) -> None:
        """What a point means has changed: every held voice wants its sound anew."""
        for voice, _ in self._voices.held_voices():
            self._board.requests[voice] += 1
            self.asked = True

    # -- the pad's own point -----------------------------------------------------------------

    def mode_changed(self) -> None:
        """The pad's point is a point again, or an original's, whatever was jumped to before."""
        self._origin = self._own_origin()

    def _own_origin(self) -> int:
        return b.ORIGINAL if self.mode == ORIGINAL else b.POINT

    def _point_from(self, origin: int) -> None:
        self._origin = origin
        for voice in self._voices.following():
            self.aim(voice, 1)

    def _set_latent(self, args: Sequence[Argument], sender: Sender) -> None:
        if len(args) != self._latent_dim:
            raise CommandError(f"/latent takes {self._latent_dim} numbers, got {len(args)}")
        self._move_latent([finite("/latent", a) for a in args], sender)

    def _set_one_latent(self, index: int, args: Sequence[Argument], sender: Sender) -> None:
        if not 1 <= index <= self._latent_dim:
            raise CommandError(f"/latent/{index}: this pack's latents are 1...{self._latent_dim}")
        if len(args) != 1:
            raise CommandError(f"/latent/{index} takes 1 number, got {len(args)}")
        value = finite(f"/latent/{index}", args[0])
        latent = list(self._latent)
        if self._origin != b.LATENT:  # carry on from where the expander has led
            for voice in self._voices.following():
                latent = self._decoded(voice) or latent
        latent[index - 1] = value
        self._move_latent(latent, sender)

    def _decoded(self, voice: int) -> list[float] | None:
        """The latent vector of the voice's newest sound; None while it cannot be read whole."""
        sounds = self._board.sound_latent
        found = self._board.newest(
            voice, lambda buffer: sounds[voice, buffer, : self._latent_dim].tolist()
        )
        return None if found is None else found[1]

    def _move_latent(self, latent: Sequence[float], sender: Sender) -> None:
        self._latent = tuple(self._bounds.clip(latent).tolist())
        self._point_from(b.LATENT)
        self.steered(sender)
        # Who asked for more than there is hears what it became.
        self._changed("/latent", self._latent, sender if self._latent == (*latent,) else NOBODY)

    def _set_fader(self, anchor: int, args: Sequence[Argument], sender: Sender) -> None:
        if len(args) != 1:
            raise CommandError(f"/lattice/{anchor} takes 1 number, got {len(args)}")
        asked = finite(f"/lattice/{anchor}", args[0])
        alpha = min(max(asked, -REACH), REACH)
        self._look_up_anchor(anchor)  # refuses an anchor that is not there
        board = self._board
        used = board.lattice_anchor.tolist()
        if anchor in used:
            at = used.index(anchor)
        elif -1 in used:
            at = used.index(-1)
        else:
            raise CommandError(f"/lattice/{anchor}: {b.LATTICE_SLOTS} faders are in use already")
        board.lattice_weight[at] = alpha
        board.lattice_anchor[at] = anchor if alpha else -1
        self._point_from(b.LATTICE)
        self.steered(sender)
        self._changed(f"/lattice/{anchor}", (alpha,), sender if alpha == asked else NOBODY)

    def _jump_to_anchor(self, anchor: int, args: Sequence[Argument], sender: Sender) -> None:
        point, latent = self._look_up_anchor(anchor)
        self.fingers[XY.address][0] = XY.parse(list(point))
        self._latent = tuple(float(v) for v in latent)
        self._point_from(b.ORIGINAL if self.mode == ORIGINAL else b.LATENT)
        self.steered(sender)
        self._changed("/pad/1/xy", XY.show(self.point(1)), NOBODY)


def finger(n: int) -> Source:
    """Finger `n` as one who holds voices."""
    return ("finger", "", n)
