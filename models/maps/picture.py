"""The picture of a pack's default plane: a dot at the pad position of each sound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latentpad.models import figures
from latentpad.models.maps import pad
from latentpad.models.maps.pad import Float64, PadStart
from latentpad.models.packs.pack import Pack

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FILE = "plane.png"
DESCRIPTIONS = {
    "learned": "equal steps of the finger are equal steps of the sound",
    "map": "t-SNE of the sounds' latents",
    "umap": "UMAP of the sounds' latents",
}
PAD = 7.0  # inches of a side
LEFT, BELOW, ABOVE, RIGHT = 0.65, 0.6, 0.6, 1.9  # inches around it
KINDS = 14  # labels with a colour
GREY = "0.78"
MANY, LARGE, LITTLE = 600, 22, 13  # sounds, and points² of a dot below and above that number
TRIED = 150  # dots for which a name is tried
NAMED = 48  # at most
APART = 0.055  # of the pad's side, between dots that are named
AWAY = (7, 16, 28)  # pixels from a dot to its name
GAP = 3  # pixels between names, and between a name and a dot


def draw(pack: Pack) -> bytes:
    """plane.png: `figure` as a file."""
    return figures.png(figure(pack))


def figure(pack: Pack) -> Figure:
    """The plane in the pad's 0...1, the most common labels in colours, some dots with names."""
    start, labels = pad.pad_start(pack), pack.anchors.labels
    kinds, counts = np.unique(labels, return_counts=True)
    common = kinds[np.argsort(-counts, kind="stable")][:KINDS]
    width, height = LEFT + PAD + RIGHT, BELOW + PAD + ABOVE
    drawing = figures.blank(width, height, layout=None)
    axes = drawing.add_axes((LEFT / width, BELOW / height, PAD / width, PAD / height))
    _lay(axes, start)
    title = f'{pack.title}: the plane "{start.plane}", on which the pad begins'
    figures.set_text(axes.title, title, 90)
    _dot(drawing, axes, start.positions, labels, common)
    with figures.boxes():
        _name(
            axes,
            start.positions,
            pack.anchors.names,
            _anchors_to_name(start.positions, labels, common),
        )
    return drawing


def _lay(axes: Axes, start: PadStart) -> None:
    right, up = (f": {name}" for name in start.axes) if start.axes else ("", "")
    ticks = np.arange(11) / 10
    axes.set(
        xlim=(0, 1), ylim=(0, 1), xticks=ticks, yticks=ticks,
        xlabel=f"x of /pad/xy{right}", ylabel=f"y of /pad/xy{up}",
    )  # fmt: skip
    axes.grid(color="0.92", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_title(" ", fontsize=10, y=1.03)
    axes.text(
        0.5, 1.008, DESCRIPTIONS.get(start.plane, ""), fontsize=figures.SMALL, ha="center",
        va="bottom", color="0.3", transform=axes.transAxes,
    )  # fmt: skip


def _dot(
    drawing: Figure,
    axes: Axes,
    positions: Float64,
    labels: NDArray[np.str_],
    common: NDArray[np.str_],
) -> None:
    from matplotlib import colormaps

    is_other = ~np.isin(labels, common)
    groups: list[tuple[str, NDArray[np.bool_], Any]] = [("others", is_other, GREY)]
    groups += [(str(k), labels == k, colormaps["tab20"](n / 20)) for n, k in enumerate(common)]
    if not is_other.any():
        del groups[0]
    size = LARGE if len(positions) < MANY else LITTLE
    x, y = positions.T
    dots = [axes.scatter(x[of], y[of], s=size, color=[c], linewidths=0) for _, of, c in groups]
    legend = drawing.legend(
        dots, ["x"] * len(dots), fontsize=figures.SMALL, frameon=False, loc="upper left",
        bbox_to_anchor=(1 - (RIGHT - 0.05) / (LEFT + PAD + RIGHT), axes.get_position().y1),
        borderaxespad=0, handletextpad=0.2,
    )  # fmt: skip
    for text, (name, _, _) in zip(legend.get_texts(), groups, strict=True):
        figures.set_text(text, name)


def _anchors_to_name(
    positions: Float64, labels: NDArray[np.str_], common: NDArray[np.str_]
) -> list[int]:
    """Anchors to be named: one in the middle of each common label, then those far from the others.

    So the names are spread over the pad.
    """
    anchors: list[int] = []
    for label in common:
        members = np.flatnonzero(labels == label)
        anchors.append(
            int(
                members[
                    _distance(positions[members], np.median(positions[members], axis=0)).argmin()
                ]
            )
        )
    nearest = np.min([_distance(positions, positions[i]) for i in anchors], axis=0)
    while len(anchors) < TRIED and nearest.max() > APART:
        anchors.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, _distance(positions, positions[anchors[-1]]))
    return anchors


def _distance(positions: Float64, point: Float64) -> Float64:
    return np.asarray(np.hypot(*(positions - point).T), np.float64)


def _name(axes: Axes, positions: Float64, names: NDArray[np.str_], to_name: list[int]) -> None:
    """Write the names that fit without hiding a dot or another name."""
    pixels = axes.transData.transform(positions)
    corners = axes.transAxes.transform([(0, 0), (1, 1)])
    probe = axes.text(0, 0, "", fontsize=figures.SMALL - 1)
    taken: list[Float64] = []  # (2, 2) low and high corners of the names that stand
    for i in to_name:
        if len(taken) == NAMED:
            break
        if not names[i].strip():
            continue
        figures.set_text(probe, str(names[i]))
        size = np.array(probe.get_window_extent().size)
        for x, y in _around(size):
            middle = pixels[i] + (x, y)
            box = np.array([middle - size / 2 - GAP, middle + size / 2 + GAP])
            if (box[0] < corners[0]).any() or (box[1] > corners[1]).any():
                continue
            hidden = ((pixels > box[0]) & (pixels < box[1])).all(axis=1).any()
            if hidden or any((box[0] < b[1]).all() and (b[0] < box[1]).all() for b in taken):
                continue
            taken.append(box)
            _write(axes, str(names[i]), positions[i], (x, y))
            break
    probe.remove()


def _around(size: Float64) -> Iterator[tuple[float, float]]:
    """Centres of a text of `size` pixels around a dot: near ones first, right ones first."""
    width, height = size / 2
    for away in AWAY:
        for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)):
            yield x * (away + width), y * (away + height) if x == 0 else y * away


def _write(axes: Axes, name: str, position: Float64, away: tuple[float, float]) -> None:
    """Write a name whose centre is `away` pixels from its dot, with a line to it."""
    x, y = position
    point = 72 / figures.DPI
    text = axes.annotate(
        "", (x, y), (point * away[0], point * away[1]), textcoords="offset points",
        ha="center", va="center", fontsize=figures.SMALL - 1, color="0.15",
        arrowprops={
            "arrowstyle": "-", "color": "0.4", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 2,
        },
    )  # fmt: skip
    figures.set_text(text, name)
    axes.plot(x, y, "o", markersize=6, fillstyle="none", color="0.15", markeredgewidth=0.8)
