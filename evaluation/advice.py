"""Which expander to choose, in words: the beginning of a report."""

from __future__ import annotations

from collections.abc import Sequence

from latentpad.engine.planes import Planes
from latentpad.evaluation.choice import RULE, Choice, choose, ends_db, step_db
from latentpad.evaluation.markdown import tabled
from latentpad.evaluation.motion import COARSE, STEPS
from latentpad.evaluation.run import Evaluation
from latentpad.evaluation.tables import DEFAULT, ExpanderRow


def advice(e: Evaluation) -> list[str]:
    """The sections that recommend an expander, for the pack's default plane if it was compared."""
    planes = list(dict.fromkeys(row.plane for row in e.rows))
    if not planes:
        return []
    default = Planes(e.pack).default
    plane = default if default in planes else planes[0]
    rows = [row for row in e.rows if row.plane == plane]
    choice = choose(rows)
    name = choice.chosen.expander
    points = [
        f"{_label(choice.chosen)} on the plane `{plane}`"
        + (", where the pad begins. " if plane == default else ". ")
        + _why(choice, rows)
    ]
    if choice.surest is not None:
        points.append(
            f"{_label(choice.surest)} instead, where a finger or a controller of {COARSE + 1} "
            f"steps shall hit recorded sounds: {100 * choice.surest.moving.coarse:.0f} % of them, "
            f"not {100 * choice.chosen.moving.coarse:.0f} %. Its largest step is "
            f"{step_db(choice.surest):.2f} dB."
        )
    if len(planes) > 1:
        steps = sorted((step_db(row), row.plane) for row in e.rows if row.expander == name)
        listed = ", ".join(f"`{other}` {step:.2f} dB" for step, other in steps)
        points.append(f"The largest step of `{name}` on each plane: {listed}.")
    bests = [
        [best.measure, ", ".join(f"`{n}`" for n in best.names), best.figure, best.chosen]
        for best in choice.bests
    ]
    return [
        "## Which expander to choose",
        "\n".join(f"- {point}" for point in points),
        f"{RULE} Steps were measured on {len(choice.chosen.moving.steps_db)} paths.",
        tabled(["measure", "best", "its figure", f"`{name}`"], bests),
    ]


def _label(row: ExpanderRow) -> str:
    return f"**`{row.expander}`**{', the default,' * (row.expander == DEFAULT)}"


def _why(choice: Choice, rows: Sequence[ExpanderRow]) -> str:
    chosen = choice.chosen
    if not choice.exact:
        return (
            "None of those compared meets the recorded sounds; it comes nearest to them "
            f"(MAE {ends_db(chosen):.2f} dB at the ends)."
        )
    if len(choice.exact) == 1:
        sentence = "It alone meets the recorded sounds. The"
    else:
        names = ", ".join(f"`{row.expander}`" for row in choice.exact)
        sentence = f"Of those that meet the recorded sounds ({names}) it is the most even"
        if len(choice.even) > 1:
            others = ", ".join(f"`{row.expander}`" for row in choice.even if row is not chosen)
            sentence += f", as is {others}, and nearer to them in between"
        sentence += ": the"
    sentence += f" largest step of the sound in {STEPS} steps of a path is {step_db(chosen):.2f} dB"
    worst = max(rows, key=step_db)
    if worst is not chosen:
        sentence += f", with `{worst.expander}` {step_db(worst):.2f} dB"
    return f"{sentence}."
