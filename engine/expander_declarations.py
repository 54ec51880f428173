"""The expanders' declarations, read from the sources in `engine/expanders` without importing them.

An expander's module needs Numba and SciPy, which take a second to import. Modules that need only
the names (the parameter table, `latentpad --help`) use this one: every function decorated by
`@Declaration(...)` is an expander, and the decorator's arguments are literals.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latentpad.engine.expanders.expander import Expander, ExpanderSettings
    from latentpad.engine.plane import Plane

    Fit = Callable[[Plane, ExpanderSettings], Expander]

FOLDER = Path(__file__).with_name("expanders")

FITS: dict[str, Fit] = {}
"""The function that fits each expander, by name, of those whose module was imported."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is known of an expander without importing it.

    As a decorator it registers the function that fits the expander, (`Plane`, `ExpanderSettings`)
    to `Expander`. The laws in `tests/engine/expanders/test_laws.py` check what an expander
    declares.
    """

    name: str
    index: int
    """Its number as a choice of `/expander`. Boards, presets and bindings store the number, so
    an expander keeps it for good; a new one takes the next."""
    help: str
    """One line for the reference page."""
    exact: bool = False
    """At an anchor it gives the anchor's latent."""
    continuous: bool = False
    """The latent is a continuous function of the point."""
    uses: tuple[str, ...] = ()
    """The fields of `ExpanderSettings` on which it depends, except `guard`, on which all depend."""

    def __call__(self, fit: Fit) -> Fit:
        FITS[self.name] = fit
        return fit


def declarations(folder: Path = FOLDER) -> dict[Declaration, str]:
    """All expanders in the folder, ordered by their numbers, and the names of their modules.

    Raises:
        ValueError: a declaration that is not made of literals, or whose name or number is taken;
            numbers with a gap.
    """
    declared = {
        declaration: path.stem
        for path in sorted(folder.glob("*.py"))
        for declaration in _parse_declarations(path)
    }
    ordered = sorted(declared, key=lambda declaration: declaration.index)
    if [declaration.index for declaration in ordered] != list(range(len(ordered))):
        numbers = ", ".join(f"{d.index} {d.name} ({declared[d]}.py)" for d in ordered)
        raise ValueError(f"expanders: number them 0, 1, 2... each once, not {numbers}")
    if len({declaration.name for declaration in ordered}) < len(ordered):
        raise ValueError(f"expanders: a name is there twice: {', '.join(d.name for d in ordered)}")
    return {declaration: declared[declaration] for declaration in ordered}


def _parse_declarations(path: Path) -> list[Declaration]:
    """The declarations in one file. The file is parsed only if it has any."""
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
                **{k.arg or "": ast.literal_eval(k.value) for k in call.keywords},
            )
            for call in calls
        ]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: the expander's declaration is not understood: {error}") from None


DECLARED = declarations()
"""All expanders, ordered by their numbers, and the names of their modules."""

NAMES = tuple(declaration.name for declaration in DECLARED)
