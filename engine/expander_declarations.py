"""The expanders' declarations, read off the files of `engine/expanders` without importing them.

An expander's module needs numba and SciPy, which take a second to import. Whoever needs only the
names (the parameter table, `latentpad --help`) reads here what stands in the source: every
function that is decorated by `@Declaration(...)` is an expander, and the decorator's arguments
are literals.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latentpad.engine.expanders.expander import Expander, Settings
    from latentpad.engine.plane import Plane

    Fit = Callable[[Plane, Settings], Expander]

FOLDER = Path(__file__).with_name("expanders")

FITS: dict[str, Fit] = {}
"""What fits each expander whose module has been imported, by the expander's name."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is known of an expander without importing it.

    As a decorator it registers the function that fits the expander, (`Plane`, `Settings`) to
    `Expander`. The laws in `tests/engine/expanders/test_laws.py` hold every expander to what it
    claims here.
    """

    name: str
    index: int
    """Its number as a choice of `/expander`. Boards, presets and bindings store the number, so
    an expander keeps it for good; a new one takes the next."""
    help: str
    """One line for the reference page."""
    exact: bool = False
    """At an anchor it gives the anchor's own latent."""
    continuous: bool = False
    """No step of the point, however small, makes a larger step of the latent."""
    uses: tuple[str, ...] = ()
    """The fields of `Settings` on which it depends, but `guard`, which all of them obey."""

    def __call__(self, fit: Fit) -> Fit:
        FITS[self.name] = fit
        return fit


def declarations(folder: Path = FOLDER) -> dict[Declaration, str]:
    """Every expander of the folder in the order of their numbers, and its module's name.

    Raises:
        ValueError: a declaration that is not made of literals, or whose name or number is taken;
            numbers with a gap.
    """
    found = {
        declaration: path.stem
        for path in sorted(folder.glob("*.py"))
        for declaration in _declared(path)
    }
    ordered = sorted(found, key=lambda declaration: declaration.index)
    if [declaration.index for declaration in ordered] != list(range(len(ordered))):
        numbers = ", ".join(f"{d.index} {d.name} ({found[d]}.py)" for d in ordered)
        raise ValueError(f"expanders: number them 0, 1, 2... each once, not {numbers}")
    if len({declaration.name for declaration in ordered}) < len(ordered):
        raise ValueError(f"expanders: a name is there twice: {', '.join(d.name for d in ordered)}")
    return {declaration: found[declaration] for declaration in ordered}


def _declared(path: Path) -> list[Declaration]:
    """The declarations in one file, which is parsed only if it has any."""
    source = path.read_text(encoding="utf-8")
    if f"@{Declaration.__name__}(" not in source:
        return []
    calls = (
        call
        for node in ast.parse(source, path).body
        if isinstance(node, ast.FunctionDef)
        for call in node.decorator_list
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == Declaration.__name__
    )
    try:
        return [
            Declaration(
                *map(ast.literal_eval, call.args),
                **{word.arg or "": ast.literal_eval(word.value) for word in call.keywords},
            )
            for call in calls
        ]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: the expander's declaration is not understood: {error}") from None


DECLARED = declarations()
"""Every expander there is, in the order of their numbers, and its module's name."""

NAMES = tuple(declaration.name for declaration in DECLARED)
