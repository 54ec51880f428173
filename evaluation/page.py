"""An evaluation as one HTML file: the tables, curves, planes, spectrograms, and what to hear."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from markdown_it import MarkdownIt

from engine.aloud import aloud
from engine.plane import Float64
from evaluation.evaluating import Evaluation
from evaluation.report import SHOWN, markdown, scale
from evaluation.showing import Shown
from evaluation.tables import COLUMN
from models.representation import Floats, Representation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
       color: #222; background: #fff }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto }
td, th { border: 1px solid #ccc; padding: .2rem .5rem; text-align: right; white-space: nowrap }
td:first-child, th:first-child { text-align: left }
img { max-width: 100% }
audio { width: 9rem; height: 2rem }
"""


def page(e: Evaluation) -> str:
    """The whole page; it needs nothing beside it."""
    body = [MarkdownIt("commonmark").enable("table").render(markdown(e))]
    planes = [*dict.fromkeys(row.plane for row in e.rows)]
    if planes:
        body += ["<h2>Along the way</h2>", _image(_curves(e, planes), "figures at each stop")]
        body += [
            "<h2>Over the pad</h2><p>How far the sound at each point is from that of the nearest "
            "anchor (MAE in dB): dark is a recorded sound, bright is a new one.</p>",
            _image(_pads(e, planes), "errors over the pad"),
        ]
        first, last = (str(e.pack.anchors.names[i[0]]) for i in (e.ways.first, e.ways.last))
        told = html.escape(f"{first} to {last}")
        body.append(f"<h2>One way: {told}</h2>")
        for plane in planes:
            rows = {name: shown for (at, name), shown in e.shown.items() if at == plane}
            body.append(f"<h3>{html.escape(plane)}</h3>")
            body.append(_image(_spectrograms(e, rows), f"spectrograms on {plane}"))
            body.append(_sounds(rows, e.pack.representation))
    title = html.escape(f"{e.pack.title}: the expanders compared")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _curves(e: Evaluation, planes: list[str]) -> Figure:
    """A figure in each row, a plane in each column, with bands of the mean's 95 % interval."""
    shown = SHOWN if e.settings.heard else SHOWN[:1]
    figure = _figure(4.2 * len(planes), 3 * len(shown))
    grid = figure.subplots(len(shown), len(planes), sharex=True, sharey="row", squeeze=False)
    for column, plane in enumerate(planes):
        for line, (name, heading, _) in enumerate(shown):
            axes = grid[line, column]
            for row in (row for row in e.rows if row.plane == plane):
                values = scale(name, row.figures[..., COLUMN[name]])
                mean = values.mean(axis=0)
                half = 1.96 * values.std(axis=0) / np.sqrt(len(values))
                axes.plot(mean, label=row.expander)
                axes.fill_between(range(len(mean)), mean - half, mean + half, alpha=0.15)
            axes.set(title=plane if not line else "", ylabel=heading if not column else "")
    for axes in grid[-1]:
        axes.set(xlabel="q", xticks=range(e.settings.stops))
    grid[0, 0].legend(fontsize=7)
    return figure


def _pads(e: Evaluation, planes: list[str]) -> Figure:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    names = [*dict.fromkeys(row.expander for row in e.rows)]
    figure = _figure(2.2 * len(names) + 1, 2.3 * len(planes))
    grid = figure.subplots(len(planes), len(names), squeeze=False)
    top = max(float(np.percentile(shown.errors_db, 98)) for shown in e.shown.values())
    norm = Normalize(0, top)
    for line, plane in enumerate(planes):
        for column, name in enumerate(names):
            axes = grid[line, column]
            errors: Float64 = e.shown[plane, name].errors_db
            axes.imshow(errors, origin="lower", extent=(0, 1, 0, 1), norm=norm, cmap="magma")
            axes.set(xticks=[], yticks=[], title=name if not line else "")
        grid[line, 0].set(ylabel=plane)
    figure.colorbar(ScalarMappable(norm, "magma"), ax=grid, label="dB", shrink=0.6)
    return figure


def _spectrograms(e: Evaluation, rows: dict[str, Shown]) -> Figure:
    r = e.pack.representation
    stops = e.settings.stops
    figure = _figure(1.9 * stops, 1.5 * len(rows))
    grid = figure.subplots(len(rows), stops, sharex=True, sharey=True, squeeze=False)
    for line, (name, shown) in zip(grid, rows.items(), strict=True):
        for q, (axes, frames) in enumerate(zip(line, shown.way, strict=True)):
            axes.imshow(
                frames.T, origin="lower", aspect="auto", vmin=-r.range_db, vmax=0, cmap="magma",
                extent=(0, r.seconds, 0, r.sample_rate / 2000),
            )  # fmt: skip
            axes.set(title=f"q = {q}" if line is grid[0] else "")
        line[0].set(ylabel=name)
    return figure


def _sounds(rows: dict[str, Shown], r: Representation) -> str:
    lines = []
    for name, shown in rows.items():
        cells = "".join(f"<td>{_audio(aloud(frames, r), r)}</td>" for frames in shown.way)
        lines.append(f"<tr><td>{html.escape(name)}</td>{cells}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _audio(sound: Floats, r: Representation) -> str:
    data = io.BytesIO()
    peak = max(float(np.abs(sound).max()), 1e-6)
    soundfile.write(data, 0.7 * sound / peak, r.sample_rate, format="OGG", subtype="VORBIS")
    told = base64.b64encode(data.getvalue()).decode()
    return f'<audio controls preload="none" src="data:audio/ogg;base64,{told}"></audio>'


def _image(figure: Figure, told: str) -> str:
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=80)
    return (
        f'<img alt="{html.escape(told)}" '
        f'src="data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}">'
    )


def _figure(width: float, height: float) -> Figure:
    # Not pyplot: it would ask for a display and keep the figure.
    from matplotlib.figure import Figure

    return Figure((width, height), layout="constrained")
