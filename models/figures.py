"""Figures as PNG: names that Matplotlib does not interpret, and rows of spectrograms with
scales."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from latentpad.models import extras
from latentpad.models.representation import Floats, Representation
from latentpad.models.text import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

DPI = 100
SMALL = 8  # points
COLUMN = 1.75  # inches of a sound's spectrogram
LONGEST = 24  # characters of a name that fit over one


def blank(width: float, height: float, layout: Any = "constrained") -> Figure:
    """An empty figure of `width` times `height` inches.

    Raises models.extras.ExtraError without Matplotlib.
    """
    extras.check("matplotlib", "a picture needs Matplotlib")
    # Not pyplot: it would ask for a display and keep the figure.
    from matplotlib.figure import Figure

    return Figure((width, height), dpi=DPI, layout=layout)


def png(figure: Figure) -> bytes:
    """The figure as the bytes of a PNG file."""
    data = io.BytesIO()
    with boxes():
        figure.savefig(data, format="png", dpi="figure")
    return data.getvalue()


@contextmanager
def boxes() -> Iterator[None]:
    """Characters that the font lacks are drawn as boxes, without Matplotlib's warnings.

    The warnings would be printed on the performer's terminal.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph|Matplotlib currently does not support")
        yield


def set_text(text: Text, name: str, most: int = LONGEST) -> None:
    """Show a name from elsewhere literally, cut at `most` characters: two $ make no formula."""
    text.set_parse_math(False)
    text.set_text(printable(name, most))


def spectrograms(
    rows: Sequence[tuple[str, Sequence[Floats] | Floats]],
    names: Sequence[str],
    representation: Representation,
    title: str = "",
    column: float = COLUMN,
) -> Figure:
    """Sounds beside each other, with seconds, kHz and a scale of dB.

    Args:
        rows: the label of each row, and its N sounds, each of (frames, bins) dB.
        names: of the N columns.
        title: above all rows.
        column: width of one sound in inches.
    """
    r = representation
    figure = blank(column * len(names) + 1.5, 1.05 * column * len(rows) + 0.7)
    grid = figure.subplots(len(rows), len(names), sharex=True, sharey=True, squeeze=False)
    for row_axes, (label, sounds) in zip(grid, rows, strict=True):
        for axes, frames in zip(row_axes, sounds, strict=True):
            picture = axes.imshow(
                frames.T, origin="lower", aspect="auto", vmin=-r.range_db, vmax=0, cmap="magma",
                extent=(0, r.seconds, 0, r.sample_rate / 2000),
            )  # fmt: skip
            axes.tick_params(labelsize=SMALL)
            axes.locator_params(nbins=4)
        row_axes[0].set_ylabel(f"{label}\nkHz", fontsize=SMALL)
    for axes, name in zip(grid[0], names, strict=True):
        axes.set_title(" ", fontsize=SMALL)
        set_text(axes.title, name)
    for axes in grid[-1]:
        axes.set_xlabel("s", fontsize=SMALL)
    scale = figure.colorbar(picture, ax=grid, shrink=min(1.0, 3 / len(rows)), aspect=30)
    scale.ax.tick_params(labelsize=SMALL)
    scale.set_label("dB, 0 is the loudest bin", fontsize=SMALL)
    if title:
        figure.suptitle(title, fontsize=SMALL + 1)
    return figure
