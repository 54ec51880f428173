"""Fingers and notes: where they point, and when they start and let go of voices."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from engine import board as b
from engine.allocation import NOBODY, Allocation, Sender
from engine.board import Board
from engine.bounds import REACH, Bounds
from engine.parameters import (
    FINGER,
    FINGERS,
    MODES,
    OFFSET,
    ROW,
    Argument,
    CommandError,
    Parameter,
    finite,
)

Handler = Callable[[Sequence[Argument], Sender], None]
Numbered = Callable[[int, Sequence[Argument], Sender], None]
Place = Callable[[int], tuple[Sequence[float], Sequence[float]]]
Changed = Callable[[str, tuple[Argument, ...], Sender], None]

XY = ROW["/pad/{n}/xy"]
FAINTEST = 1e-4  # of the full velocity: -160 dB
LOOP, ORIGINAL = MODES.index("loop"), MODES.index("original")
_DRESS = {"/pad/{n}/level": "levels", "/pad/{n}/pan": "pans", "/pad/{n}/pitch": "pitches"}


class Touch:
    """The ten fingers, the notes, and the pad's own point. Under the instrument's lock.

    Finger 1's point is the pad's: notes start there, and the loops that they hold follow it.
    `asked` is set when a point has moved and its sound is wanted.
    """

    def __init__(
        self, board: Board, voices: Allocation, bounds: Bounds, place: Place, changed: Changed
    ) -> None:
        self.fingers: dict[str, list[tuple[float, ...]]] = {
            row.address: [row.default] * FINGERS for row in FINGER
        }
        self.asleep = True  # the next /pad/xy starts voice 1 by itself
        self.asked = False
        self._board = board
        self._voices = voices
        self._bounds = bounds
        self._latent_dim = latent_dim = len(bounds.low)
        self._place = place
        self._changed = changed
        self._origin = b.POINT  # where the pad's point takes its latent from
        self._latent: tuple[float, ...] = (0.0,) * latent_dim

    def handlers(self) -> dict[str, Handler]:
        """The commands by their addresses."""
        found: dict[str, Handler] = {"/note": self._note, "/latent": self._set_latent}
        for n in range(1, FINGERS + 1):
            for row in FINGER:
                found[row.address.format(n=n)] = self._setter(row, n)
            for axis, letter in enumerate("xy"):
                found[f"/pad/{n}/{letter}"] = self._axis_setter(axis, n)
            found[f"/pad/{n}/touch"] = self._toucher(n)
        for name in ("xy", "x", "y", "touch"):
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

    # -- points ------------------------------------------------------------------------------

    def _setter(self, row: Parameter, n: int) -> Handler:
        return lambda args, sender: self.put(row, n, row.parse(args), sender)

    def _axis_setter(self, axis: int, n: int) -> Handler:
        def handle(args: Sequence[Argument], sender: Sender) -> None:
            if len(args) != 1:
                raise CommandError(f"/pad/{n}/{'xy'[axis]} takes 1 argument, got {len(args)}")
            point: list[Argument] = list(self.fingers[XY.address][n - 1])
            point[axis] = args[0]
            self.put(XY, n, XY.parse(point), sender)

        return handle

    def put(self, row: Parameter, n: int, values: tuple[float, ...], sender: Sender) -> None:
        """Give finger `n` a new point, level, pan or pitch."""
        self.fingers[row.address][n - 1] = values
        mine = [v for v, source in self._voices.held() if source == ("finger", "", n)]
        if row is XY and n == 1:
            self._move_pad(self._own_origin(), sender)
        elif row is XY:
            for voice in mine:
                self._aim(voice, n)
        else:
            for voice in mine:
                self._dress(voice, n)
        self._changed(row.address.format(n=n), row.show(values), sender)

    def _own_origin(self) -> int:
        return b.ORIGINAL if self.mode == ORIGINAL else b.POINT

    def mode_changed(self) -> None:
        """The pad's point is a point again, or an original's, whatever was jumped to before."""
        self._origin = self._own_origin()

    def _move_pad(self, origin: int, sender: Sender) -> None:
        self._origin = origin
        for voice in self._voices.following():
            self._aim(voice, 1)
        # A preset or snapshot, which nobody sends, makes no sound by itself.
        if self.asleep and sender != NOBODY and self.mode == LOOP:
            self._start_finger(1, NOBODY)

    def _aim(self, voice: int, n: int) -> None:
        """Put the finger's point on the board and ask for its sound."""
        board = self._board
        board.points[voice] = self.fingers[XY.address][n - 1]
        board.origin[voice] = self._origin if n == 1 else self._own_origin()
        board.latents[voice, : self._latent_dim] = self._latent
        board.requests[voice] += 1
        self.asked = True

    def _dress(self, voice: int, n: int) -> None:
        """Put the finger's level, pan and pitch on the board."""
        for address, field in _DRESS.items():
            getattr(self._board, field)[voice] = self.fingers[address][n - 1][0]

    def aim_again(self) -> None:
        """What a point means has changed: every held voice wants its sound anew."""
        for voice, _ in self._voices.held():
            self._board.requests[voice] += 1
            self.asked = True

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
                latent = self._board.decoded_latents[voice, : self._latent_dim].tolist()
        latent[index - 1] = value
        self._move_latent(latent, sender)

    def _move_latent(self, latent: Sequence[float], sender: Sender) -> None:
        self._latent = tuple(self._bounds.held(latent).tolist())
        self._move_pad(b.LATENT, sender)
        # Who asked for more than there is hears what it became.
        self._changed("/latent", self._latent, sender if self._latent == (*latent,) else NOBODY)

    def _set_fader(self, anchor: int, args: Sequence[Argument], sender: Sender) -> None:
        if len(args) != 1:
            raise CommandError(f"/lattice/{anchor} takes 1 number, got {len(args)}")
        asked = finite(f"/lattice/{anchor}", args[0])
        alpha = min(max(asked, -REACH), REACH)
        self._place(anchor)  # refuses an anchor that is not there
        board = self._board
        used = board.fader_anchor.tolist()
        if anchor in used:
            at = used.index(anchor)
        elif -1 in used:
            at = used.index(-1)
        else:
            raise CommandError(f"/lattice/{anchor}: {b.FADERS} faders are in use already")
        board.fader_value[at] = alpha
        board.fader_anchor[at] = anchor if alpha else -1
        self._move_pad(b.LATTICE, sender)
        self._changed(f"/lattice/{anchor}", (alpha,), sender if alpha == asked else NOBODY)

    def _jump_to_anchor(self, anchor: int, args: Sequence[Argument], sender: Sender) -> None:
        point, latent = self._place(anchor)
        self.fingers[XY.address][0] = XY.parse(list(point))
        self._latent = tuple(float(v) for v in latent)
        self._move_pad(b.ORIGINAL if self.mode == ORIGINAL else b.LATENT, sender)
        self._changed("/pad/1/xy", XY.show(self.fingers[XY.address][0]), NOBODY)

    # -- voices ------------------------------------------------------------------------------

    def _toucher(self, n: int) -> Handler:
        def handle(args: Sequence[Argument], sender: Sender) -> None:
            if len(args) != 1:
                raise CommandError(f"/pad/{n}/touch takes 0 or 1, got {len(args)} arguments")
            down = finite(f"/pad/{n}/touch", args[0]) >= 0.5
            if n == 1:
                self.asleep = False
            self._voices.let_go(lambda slot: slot.source == ("finger", "", n))
            if down:
                self._start_finger(n, sender)
            self._changed(f"/pad/{n}/touch", (int(down),), sender)

        return handle

    def _start_finger(self, n: int, sender: Sender) -> None:
        self.asleep = self.asleep and n != 1
        voice = self._voices.give(("finger", "", n), sender, follows=n == 1 and self.mode == LOOP)
        self._dress(voice, n)
        self._start(voice, n, 0.0)

    def _note(self, args: Sequence[Argument], sender: Sender) -> None:
        if len(args) != 2:
            raise CommandError(f"/note takes pitch and velocity, got {len(args)} arguments")
        pitch = min(max(finite("/note", args[0]), 0.0), 127.0)
        velocity = min(max(finite("/note", args[1]), 0.0), 127.0)
        source = ("note", sender.group, round(pitch))
        self._voices.let_go(lambda slot: slot.source == source)
        if velocity > 0:
            board = self._board
            voice = self._voices.give(source, sender, follows=self.mode == LOOP)
            board.levels[voice], board.pans[voice] = 0.0, 0.0
            board.pitches[voice] = pitch - 60 if board.values[OFFSET["/note/track"]] else 0.0
            amount = float(board.values[OFFSET["/note/velocity"]])
            self._start(voice, 1, amount * 40 * math.log10(max(velocity / 127, FAINTEST)))
        self._changed("/note", (round(pitch), round(velocity)), sender)

    def _start(self, voice: int, n: int, level_db: float) -> None:
        self._aim(voice, n)
        self._voices.start(voice, self.mode, level_db, held=self.mode == LOOP)
