"""What the fingers and the pad point at: a point on the plane, latents, lattice weights or an
anchor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from latentpad.engine import board as b
from latentpad.engine.arguments import Argument, CommandError, finite
from latentpad.engine.board import Board
from latentpad.engine.control.allocation import NOBODY, Allocation, Sender, Source
from latentpad.engine.control.pack_limits import PackLimits
from latentpad.engine.control.state import PadTarget
from latentpad.engine.latent_bounds import REACH
from latentpad.engine.parameters import FINGER, FINGERS, LATENT_MAX, MODES, OFFSET, ROW, Parameter

Handler = Callable[[Sequence[Argument], Sender], None]
Numbered = Callable[[int, Sequence[Argument], Sender], None]
Changed = Callable[[str, tuple[Argument, ...], Sender], None]
Point = tuple[float, ...]

XY = ROW["/pad/{n}/xy"]
LOOP, ORIGINAL = MODES.index("loop"), MODES.index("original")
_FINGER_NUMBERS = {str(n): n for n in range(1, FINGERS + 1)}
_LATENTS = {str(d): d for d in range(1, LATENT_MAX + 1)}
_VOICE_PARAMETERS = {
    "/pad/{n}/level": "levels",
    "/pad/{n}/pan": "pans",
    "/pad/{n}/pitch": "pitches",
}


class Pad:
    """The points of the ten fingers, and what finger 1's stands for. Under the instrument's lock.

    Finger 1's point is the pad's: notes start there, and their loops follow it. `decode_wanted` is
    set when a point has moved and its sound is wanted. `on_moved` is called with every finger whose
    point was set, the sender, the axis if only one was set (0 x, 1 y, None both), and whether the
    point is unchanged. `on_steered` is called with the sender that has set the pad's latent in
    another way.
    """

    def __init__(
        self,
        board: Board,
        voices: Allocation,
        limits: PackLimits,
        changed: Changed,
    ) -> None:
        self.fingers: dict[str, list[tuple[float, ...]]] = {
            row.address: [row.default] * FINGERS for row in FINGER
        }
        self.decode_wanted = False
        self.on_moved: Callable[[int, Sender, int | None, bool], None] = lambda *move: None
        self.on_steered: Callable[[Sender], None] = lambda sender: None
        self._board = board
        self._voices = voices
        self._limits = limits
        self._changed = changed
        self._origin = b.POINT  # what the pad's latent comes from
        self._latent: tuple[float, ...] = (0.0,) * limits.latent_dim

    def change_pack(self, limits: PackLimits) -> None:
        """Go on with another pack. Latents and lattice weights of the old one have no meaning in
        it: voices that used them follow their points again."""
        board = self._board
        weights = [k for k in board.lattice_anchor.tolist() if k >= 0]
        self._limits = limits
        self._latent = (0.0,) * limits.latent_dim
        board.latents[:] = 0.0
        board.lattice_anchor[:], board.lattice_weight[:] = -1, 0.0
        board.origin[(board.origin == b.LATENT) | (board.origin == b.LATTICE)] = b.POINT
        if self._origin in (b.LATENT, b.LATTICE):
            self._set_origin(self._point_origin())
        self.request_all()
        for anchor in weights:
            self._changed(f"/lattice/{anchor}", (0.0,), NOBODY)

    def handlers(self) -> dict[str, Handler]:
        """The commands by their addresses."""
        commands: dict[str, Handler] = {"/latent": self._set_latent}
        for n in range(1, FINGERS + 1):
            for row in FINGER:
                commands[row.address.format(n=n)] = self._setter(row, n)
            for axis, letter in enumerate("xy"):
                commands[f"/pad/{n}/{letter}"] = self._axis_setter(axis, n)
        for name in ("xy", "x", "y"):
            commands[f"/pad/{name}"] = commands[f"/pad/1/{name}"]
        return commands

    def numbered(self) -> dict[str, Numbered]:
        """The commands by their addresses, with `*` for a number."""
        return {
            "/latent/*": self._set_one_latent,
            "/lattice/*": self._set_weight,
            "/anchor/*": self._jump_to_anchor,
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
        weights = {anchor: share for anchor, share in slots if anchor >= 0}
        origin = b.POINT if self._origin == b.ORIGINAL else self._origin
        return PadTarget(self.point(1), self._latent, weights, origin)

    def slots(self) -> tuple[int, ...]:
        """The anchors of the lattice weights on the board, up to the last one in use; -1 for a
        free slot."""
        used = np.flatnonzero(self._board.lattice_anchor >= 0)
        return tuple(self._board.lattice_anchor[: used.max(initial=-1) + 1].tolist())

    def loops(self, n: int) -> list[int]:
        """The voices that sound as long as finger `n` holds them."""
        return [voice for voice in self._voices.holds(finger(n)) if self._board.held[voice]]

    def args_of(self, address: str) -> tuple[Argument, ...]:
        """The value of a point, a latent or a lattice weight as a message's arguments; empty if
        there is none."""
        match address.split("/"):
            case ["", "pad", name]:
                return self._finger_value(1, name)
            case ["", "pad", n, name] if n in _FINGER_NUMBERS:
                return self._finger_value(_FINGER_NUMBERS[n], name)
            case ["", "latent"] if self._origin == b.LATENT:
                return self._latent
            case ["", "latent", d] if self._origin == b.LATENT and d in _LATENTS:
                return self._latent[_LATENTS[d] - 1 : _LATENTS[d]]
            case ["", "lattice", k] if k.isdecimal() and len(k) < 10:
                used = self._board.lattice_anchor.tolist()
                is_set = int(k) in used
                return (float(self._board.lattice_weight[used.index(int(k))]) if is_set else 0.0,)
        return ()

    def _finger_value(self, n: int, name: str) -> tuple[Argument, ...]:
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
        """Set finger `n`'s point (one axis or both), level, pan or pitch."""
        unchanged = values == self.fingers[row.address][n - 1]
        self.fingers[row.address][n - 1] = values
        if row is not XY:
            for voice in self._voices.holds(finger(n)):
                self.set_voice_parameters(voice, n)
        else:
            if n == 1:
                self._set_origin(self._point_origin())
            else:
                for voice in self.loops(n):
                    self.aim(voice, n)
            self.on_moved(n, sender, axis, unchanged)
        self._changed(row.address.format(n=n), row.show(values), sender)

    def aim(self, voice: int, n: int) -> None:
        """Write the finger's point to the board and request its sound."""
        self._aim(voice, self.point(n), self._origin if n == 1 else self._point_origin())

    def aim_at(self, voice: int, point: Point) -> None:
        """Write a point that is no finger's to the board and request its sound."""
        self._aim(voice, point, self._point_origin())

    def _aim(self, voice: int, point: Point, origin: int) -> None:
        board = self._board
        board.points[voice], board.origin[voice] = point, origin
        board.latents[voice, : self._limits.latent_dim] = self._latent
        board.requests[voice] += 1
        self.decode_wanted = True

    def set_voice_parameters(self, voice: int, n: int) -> None:
        """Write the finger's level, pan and pitch to the board."""
        for address, field in _VOICE_PARAMETERS.items():
            getattr(self._board, field)[voice] = self.fingers[address][n - 1][0]

    def request_all(self) -> None:
        """Request the sound of every held voice again, because the meaning of points has
        changed."""
        for voice, _ in self._voices.held_voices():
            self._board.requests[voice] += 1
            self.decode_wanted = True

    # -- what the pad points at ---------------------------------------------------------------

    def mode_changed(self) -> None:
        """Let the pad's point be used again (in `original` mode for an original), even after a
        jump."""
        self._origin = self._point_origin()

    def _point_origin(self) -> int:
        return b.ORIGINAL if self.mode == ORIGINAL else b.POINT

    def _set_origin(self, origin: int) -> None:
        self._origin = origin
        for voice in self._voices.following():
            self.aim(voice, 1)

    def _set_latent(self, args: Sequence[Argument], sender: Sender) -> None:
        if len(args) != self._limits.latent_dim:
            raise CommandError(f"/latent takes {self._limits.latent_dim} numbers, got {len(args)}")
        self._move_latent([finite("/latent", a) for a in args], sender)

    def _set_one_latent(self, index: int, args: Sequence[Argument], sender: Sender) -> None:
        if not 1 <= index <= self._limits.latent_dim:
            raise CommandError(
                f"/latent/{index}: this pack's latents are 1...{self._limits.latent_dim}"
            )
        if len(args) != 1:
            raise CommandError(f"/latent/{index} takes 1 number, got {len(args)}")
        value = finite(f"/latent/{index}", args[0])
        latent = list(self._latent)
        if self._origin != b.LATENT:  # start from the latent that the expander gave
            for voice in self._voices.following():
                latent = self._newest_latent(voice) or latent
        latent[index - 1] = value
        self._move_latent(latent, sender)

    def _newest_latent(self, voice: int) -> list[float] | None:
        """The latent vector of the voice's newest sound; None if it cannot be copied now."""
        sounds = self._board.sound_latent
        result = self._board.newest(
            voice, lambda buffer: sounds[voice, buffer, : self._limits.latent_dim].tolist()
        )
        return None if result is None else result[1]

    def _move_latent(self, latent: Sequence[float], sender: Sender) -> None:
        self._latent = tuple(self._limits.bounds.clip(latent).tolist())
        self._set_origin(b.LATENT)
        self.on_steered(sender)
        # If the value was clamped, its sender is sent the new one, too.
        self._changed("/latent", self._latent, sender if self._latent == (*latent,) else NOBODY)

    def _set_weight(self, anchor: int, args: Sequence[Argument], sender: Sender) -> None:
        if len(args) != 1:
            raise CommandError(f"/lattice/{anchor} takes 1 number, got {len(args)}")
        requested = finite(f"/lattice/{anchor}", args[0])
        alpha = min(max(requested, -REACH), REACH)
        self._limits.look_up_anchor(anchor)  # raises if there is no such anchor
        board = self._board
        used = board.lattice_anchor.tolist()
        if anchor in used:
            slot = used.index(anchor)
        elif -1 in used:
            slot = used.index(-1)
        else:
            raise CommandError(f"/lattice/{anchor}: {b.LATTICE_SLOTS} weights are in use already")
        board.lattice_weight[slot] = alpha
        board.lattice_anchor[slot] = anchor if alpha else -1
        self._set_origin(b.LATTICE)
        self.on_steered(sender)
        self._changed(f"/lattice/{anchor}", (alpha,), sender if alpha == requested else NOBODY)

    def _jump_to_anchor(self, anchor: int, args: Sequence[Argument], sender: Sender) -> None:
        point, latent = self._limits.look_up_anchor(anchor)
        self.fingers[XY.address][0] = XY.parse(list(point))
        self._latent = tuple(float(v) for v in latent)
        self._set_origin(b.ORIGINAL if self.mode == ORIGINAL else b.LATENT)
        self.on_steered(sender)
        self._changed("/pad/1/xy", XY.show(self.point(1)), NOBODY)
        if self._origin == b.LATENT:
            self._changed("/latent", self._latent, NOBODY)


def finger(n: int) -> Source:
    """Finger `n` as a source of voices."""
    return ("finger", "", n)
