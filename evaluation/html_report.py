"""An evaluation as one HTML file: tables, curves, planes, spectrograms and sounds."""

from __future__ import annotations

import base64
import html
import io
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from markdown_it import MarkdownIt
from markdown_it.token import Token

from latentpad.engine.plane import Float64
from latentpad.engine.play.resynthesis import resynthesise
from latentpad.evaluation.examples import ExpanderExample
from latentpad.evaluation.markdown_report import markdown
from latentpad.evaluation.run import Evaluation
from latentpad.evaluation.tables import COLUMN, SHOWN, scale
from latentpad.models import figures as drawing
from latentpad.models.metrics import picture as sounds_picture
from latentpad.models.representation import Floats, Representation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 7  # columns that fit on a phone; there the rows of a wider table become cards
PADS = 3  # planes in one row

STYLE = """
:root { color-scheme: light }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
       color: #222; background: #fff; overflow-wrap: break-word }
table { border-collapse: collapse; margin: 1rem 0 }
td, th { border: 1px solid #ccc; padding: .2rem .5rem; text-align: right;
         vertical-align: baseline }
th { background: #f4f4f4 }
td:first-child, th:first-child { text-align: left }
figure { margin: 0 }
img { max-width: 100%; height: auto }
.beside { display: grid; gap: 1rem;
          grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)) }
audio { width: 9rem; height: 2rem; vertical-align: middle }
@media (max-width: 45rem) {
  body { font-size: 14px; margin: 1rem auto; padding: 0 .5rem }
  table { font-size: 11px; line-height: 1.3; width: 100% }
  td, th { padding: .15rem .2rem }
  .wide { font-size: 13px }
  .wide, .wide tbody, .wide tr, .wide td { display: block }
  .wide thead { display: none }
  .wide tr { margin: .5rem 0; border: 1px solid #ccc }
  .wide td { border: 0; display: flex; justify-content: space-between; gap: 1rem;
             align-items: center; padding: .15rem .4rem }
  .wide td:first-child { font-weight: bold; background: #f4f4f4 }
  .wide td + td::before { content: attr(data-head); text-align: left; color: #555 }
  .wide audio { width: 13rem }
}
"""


def page(e: Evaluation) -> str:
    """The page; it needs no other files."""
    body = [_tables(markdown(e))]
    if e.heard.names:
        figure = sounds_picture.figure(
            e.heard.recorded, e.heard.heard, e.heard.names, e.pack.representation
        )
        body.append("<p>Recordings, and what is heard of their anchors:</p>")
        body.append(_image(figure, "spectrograms of recordings above what is heard of them"))
    planes = [*dict.fromkeys(row.plane for row in e.rows)]
    if planes:
        curves = [(plane, _curves(e, plane)) for plane in planes]
        body += ["<h2>Along the paths</h2>", _side_by_side(curves, "figures at each stop on")]
        body.append(
            "<h2>Over the pad</h2><p>How far the sound at each point is from that of the nearest "
            "anchor (MAE in dB): dark is a recorded sound, bright is a new one.</p>"
        )
        body.append(_side_by_side([(plane, _pads(e, plane)) for plane in planes], "errors over"))
        first, last = (str(e.pack.anchors.names[i[0]]) for i in (e.paths.first, e.paths.last))
        path_name = html.escape(f"{first} to {last}")
        body.append(f"<h2>One path: {path_name}</h2>")
        for plane in planes:
            rows = {
                name: shown for (plane_name, name), shown in e.shown.items() if plane_name == plane
            }
            body.append(f"<h3>{html.escape(plane)}</h3>")
            body.append(_image(_spectrograms(e, rows), f"spectrograms on {plane}"))
            body.append(_sounds(rows, e.pack.representation))
    title = html.escape(f"{e.pack.title}: the expanders compared")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _tables(text: str) -> str:
    """Markdown as HTML. Each cell carries its column's heading, which a card shows beside it."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(text)
    heads: list[str] = []
    column = 0
    for token, inside in pairwise(tokens):
        if token.type == "table_open":
            table, heads = token, []
        elif token.type == "th_open":
            heads.append(_unbroken(inside))
        elif token.type == "thead_close" and len(heads) > MOST:
            table.attrSet("class", "wide")
        elif token.type == "tr_open":
            column = 0
        elif token.type == "td_open":
            token.attrSet("data-head", heads[column])
            column += 1
            _unbroken(inside)
    return str(reader.renderer.render(tokens, reader.options, {}))


def _unbroken(inside: Token) -> str:
    """Put no-break spaces between a cell's numbers and their signs; return its text."""
    for child in inside.children or ():
        for apart in (" %", "± ", " = "):
            child.content = child.content.replace(apart, apart.replace(" ", "\u00a0"))
    return "".join(child.content for child in inside.children or ())


def _side_by_side(figures: list[tuple[str, Figure]], alt: str) -> str:
    """A figure for each plane, side by side as far as they fit."""
    shown = (
        f"<figure><h3>{html.escape(plane)}</h3>{_image(figure, f'{alt} {plane}')}</figure>"
        for plane, figure in figures
    )
    return f'<div class="beside">{"".join(shown)}</div>'


def _curves(e: Evaluation, plane: str) -> Figure:
    """Each figure with its own axes, with the 95 % interval of the mean as a band.

    All planes have the same scales.
    """
    shown = SHOWN if e.settings.perceptual else SHOWN[:1]
    figure = drawing.blank(4.8, 2.3 * len(shown) + 0.6)
    grid = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, heading, _) in zip(grid, shown, strict=True):
        bands = [(row, *_band(scale(name, row.figures[..., COLUMN[name]]))) for row in e.rows]
        for row, mean, half in bands:
            if row.plane == plane:
                axes.plot(mean, label=row.expander)
                axes.fill_between(range(len(mean)), mean - half, mean + half, alpha=0.15)
        low = min(float((mean - half).min()) for _, mean, half in bands)
        high = max(float((mean + half).max()) for _, mean, half in bands)
        margin = 0.04 * (high - low) or 1.0
        axes.set(ylabel=heading, ylim=(low - margin, high + margin))
    grid[-1].set(xlabel="q", xticks=range(e.settings.stops))
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside upper center", ncols=3,
                  fontsize=drawing.SMALL)  # fmt: skip
    return figure


def _band(values: Float64) -> tuple[Float64, Float64]:
    """The mean of (P, Q) figures at each stop, and half its 95 % interval."""
    return values.mean(axis=0), 1.96 * values.std(axis=0) / np.sqrt(len(values))


def _pads(e: Evaluation, plane: str) -> Figure:
    """Every expander's errors over the pad. All planes have the same colours."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    shown = {
        name: shown.errors_db
        for (plane_name, name), shown in e.shown.items()
        if plane_name == plane
    }
    row_count = -(-len(shown) // PADS)
    figure = drawing.blank(5.6, 1.75 * row_count + 0.3)
    grid = figure.subplots(row_count, PADS, sharex=True, sharey=True, squeeze=False)
    top = max(float(np.percentile(shown.errors_db, 98)) for shown in e.shown.values())
    norm = Normalize(0, top)
    for axes in grid.flat[len(shown) :]:
        axes.set_axis_off()
    for axes, (name, errors) in zip(grid.flat, shown.items(), strict=False):
        axes.imshow(errors, origin="lower", extent=(0, 1, 0, 1), norm=norm, cmap="magma")
        axes.set(xticks=(0, 1), yticks=(0, 1))
        axes.set_title(name, fontsize=drawing.SMALL + 1)
    figure.colorbar(
        ScalarMappable(norm, "magma"), ax=grid, label="dB", shrink=min(1, 2 / row_count)
    )
    return figure


def _spectrograms(e: Evaluation, rows: dict[str, ExpanderExample]) -> Figure:
    r, stops = e.pack.representation, [f"q = {q}" for q in range(e.settings.stops)]
    paths = [(name, list(r.spectrum(shown.path))) for name, shown in rows.items()]
    return drawing.spectrograms(paths, stops, r, column=1.0)


def _sounds(rows: dict[str, ExpanderExample], r: Representation) -> str:
    lines, stops = [], 0
    for name, shown in rows.items():
        cells = "".join(
            f'<td data-head="q&nbsp;=&nbsp;{q}">{_audio(resynthesise(frames, r), r)}</td>'
            for q, frames in enumerate(shown.path)
        )
        lines.append(f"<tr><td>{html.escape(name)}</td>{cells}</tr>")
        stops = len(shown.path)
    heads = "".join(f"<th>q&nbsp;=&nbsp;{q}</th>" for q in range(stops))
    return (
        f'<table class="wide"><thead><tr><th></th>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


def _audio(sound: Floats, r: Representation) -> str:
    data = io.BytesIO()
    peak = max(float(np.abs(sound).max()), 1e-6)
    soundfile.write(data, 0.7 * sound / peak, r.sample_rate, format="OGG", subtype="VORBIS")
    data64 = base64.b64encode(data.getvalue()).decode()
    return f'<audio controls preload="none" src="data:audio/ogg;base64,{data64}"></audio>'


def _image(figure: Figure, alt: str) -> str:
    data = base64.b64encode(drawing.png(figure)).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'
