"""The commands `/learn`, `/learn/swap`, `/learn/list`, `/learn/undo` and `/unlearn`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from latentpad.controllers.learning.bindings import Bindings
from latentpad.controllers.learning.learner import Learner
from latentpad.controllers.learning.report import Report
from latentpad.controllers.learning.targets import CURVES, target
from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.instrument import Instrument, Sender

PICKUP = "pickup"


class LearnCommands:
    """Registers the commands. Any thread may call. `changed` is called after a change of the
    bindings, which are kept at `path`."""

    def __init__(
        self,
        instrument: Instrument,
        bindings: Bindings,
        learner: Learner,
        report: Report,
        changed: Callable[[], None],
        path: Path,
    ) -> None:
        self._bindings = bindings
        self._learner = learner
        self._report = report
        self._changed = changed
        self._path = path
        instrument.register("/learn", self._learn)
        instrument.register("/learn/swap", self._swap)
        instrument.register("/learn/list", self._list)
        instrument.register("/learn/undo", self._undo)
        instrument.register("/unlearn", self._unlearn)

    def _learn(self, args: Sequence[Argument], sender: Sender) -> None:
        words = [word for word in args if isinstance(word, str)]
        if not words or len(words) < len(args):
            raise CommandError("/learn takes an address, or an empty text to think better of it")
        address, *options = words
        if wrong := set(options) - {*CURVES, PICKUP}:
            known = ", ".join((PICKUP, *CURVES))
            raise CommandError(f"/learn: {min(wrong)!r:.40} is none of {known}")
        curve = next((option for option in options if option in CURVES), "")
        wanted = target(address, curve) if address else None
        self._learner.ask(wanted, curve, PICKUP in options)
        self._report.waits(address)
        self._report.tell(f"{address}: move a control" if wanted else "nothing any more")

    def _swap(self, args: Sequence[Argument], sender: Sender) -> None:
        if len(args) != 1 or isinstance(args[0], str):
            raise CommandError("/learn/swap takes 1 for pads that send y first, else 0")
        swapped = bool(args[0])
        order = "y first, then x" if swapped else "x first, then y"
        if self._learner.swap(swapped):
            self._report.tell(f"{order}: {self._learner.newest}")
        else:
            self._report.tell(f"{order}, from the next pad that is learned")
        self._report.order(swapped=swapped)

    def _list(self, args: Sequence[Argument], sender: Sender) -> None:
        self._report.bindings([str(binding) for binding in self._bindings.all], self._path)

    def _undo(self, args: Sequence[Argument], sender: Sender) -> None:
        undone = self._bindings.undo()
        if undone is None:
            raise CommandError("/learn/undo: nothing was learned or unlearned since the start")
        gone, again = undone
        lines = [f"no more: {binding}" for binding in gone]
        lines += [f"again: {binding}" for binding in again]
        self._report.tell(f"undone, {'; '.join(lines)}")
        self._learner.forget_sweeps()
        self._changed()

    def _unlearn(self, args: Sequence[Argument], sender: Sender) -> None:
        if len(args) != 1 or not isinstance(args[0], str):
            raise CommandError("/unlearn takes an address")
        removed = self._bindings.remove(args[0])
        if not removed:
            raise CommandError(f"/unlearn: no control steers {args[0]:.60}; /learn/list tells all")
        self._report.tell("; ".join(f"no more: {binding}" for binding in removed))
        self._learner.forget_sweeps()
        self._changed()
