"""The picture of a pack's plane: what is seen there is where a finger finds it."""

from __future__ import annotations

import io
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread
from matplotlib.text import Annotation, Text
from scipy.spatial import cKDTree

from latentpad.engine.board import Board, BoardShape
from latentpad.engine.planes import Planes
from latentpad.models import figures
from latentpad.models.maps import picture as plane_picture
from latentpad.models.maps.picture import figure
from latentpad.models.packs import pack
from latentpad.models.packs.pack import Pack
from latentpad.models.text import printable

DARK = 0.35  # of a pixel that belongs to the frame
HIT = 0.02  # of the pad


def spread(pack: Pack) -> Pack:
    """The pack with its sounds apart from each other on its maps."""
    turn = 2.4 * np.arange(len(pack.anchors))
    places = np.sqrt(1 + np.arange(len(turn)))[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1)
    return replace(pack, planes=dict.fromkeys(pack.planes, places.astype(np.float32)))


@pytest.fixture(params=["footsteps", "oneshots", "small", "on descriptors"])
def any_pack(request: pytest.FixtureRequest, small: Pack) -> Pack:
    if request.param == "on descriptors":
        return replace(small, default_plane="descriptors")
    return spread(small) if request.param == "small" else pack.load(pack.find(request.param))


def on_the_pad(pack: Pack) -> Any:
    """(L, 2) where the engine has the anchors on the pad of an instrument that has just begun."""
    planes = Planes(pack)
    r = pack.representation
    board = Board(BoardShape(r.frames, r.bins, r.samples, r.sample_rate))
    planes.set_defaults(board)
    plane = planes.of(board.values.tolist())
    return plane.to_pad(plane.known)


def test_every_dot_lies_at_its_sound_s_own_coordinates(any_pack: Pack) -> None:
    (axes,) = figure(any_pack).axes
    assert axes.get_xlim() == axes.get_ylim() == (0, 1)
    dots = np.concatenate([dots.get_offsets() for dots in axes.collections])
    positions = on_the_pad(any_pack)
    assert len(dots) == len(positions)
    assert cKDTree(dots).query(positions)[0].max() < 1e-6
    assert cKDTree(positions).query(dots)[0].max() < 1e-6


def test_the_edges_are_marked_as_the_pad_s(any_pack: Pack) -> None:
    (axes,) = figure(any_pack).axes
    for ticks, labels in (
        (axes.get_xticks(), axes.get_xticklabels()),
        (axes.get_yticks(), axes.get_yticklabels()),
    ):
        assert (ticks[0], ticks[-1]) == (0, 1)
        assert (labels[0].get_text(), labels[-1].get_text()) == ("0.0", "1.0")
    plane = Planes(any_pack).default
    assert f'the plane "{plane}", on which the pad begins' in axes.get_title()
    assert axes.get_xlabel().startswith("x of /pad/xy")
    if plane == "descriptors":
        assert axes.get_xlabel().endswith("brightness")
        assert axes.get_ylabel().endswith("hardness")


def frame(picture: Any) -> tuple[Any, Any]:
    """Pixels (x, y) of the pad's 0, 0 and 1, 1, by the frame around it; rows count from above."""
    dark = (picture[..., :3] < DARK).all(axis=2)
    columns = np.flatnonzero(dark.sum(axis=0) > dark.shape[0] / 2)
    rows = np.flatnonzero(dark.sum(axis=1) > dark.shape[1] / 2)
    return np.array([columns[0], rows[-1]]), np.array([columns[-1], rows[0]])


def test_a_finger_that_aims_at_a_dot_of_the_picture_hits_its_sound(small: Pack) -> None:
    labels = np.array([f"kind {i}" for i in range(len(small.anchors))])
    # A colour for each sound, and no name in its way.
    names = np.full(len(labels), "")
    each = replace(spread(small), anchors=replace(small.anchors, labels=labels, names=names))
    picture = imread(io.BytesIO(plane_picture.draw(each)))
    low, high = frame(picture)
    wanted = on_the_pad(each)
    (axes,) = figure(each).axes
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    inside = (columns > low[0]) & (columns < high[0]) & (rows < low[1]) & (rows > high[1])
    for i, dots in enumerate(axes.collections):
        (place,) = np.asarray(dots.get_offsets())
        colour = np.asarray(dots.get_facecolor())[0, :3]
        own = inside & (np.abs(picture[..., :3] - colour) < 0.02).all(axis=2)
        assert own.sum() > 10, f"dot {i} is not to be seen"
        middle = np.array([np.median(columns[own]), np.median(rows[own])])
        aimed = (middle - low) / (high - low)
        assert np.abs(aimed - place).max() < HIT
        assert np.abs(wanted - aimed).max(axis=1).min() < HIT


@pytest.mark.parametrize("name", ["footsteps", "oneshots"])
def test_the_shipped_picture_is_of_the_plane_that_the_pack_begins_on(name: str) -> None:
    result = pack.load(pack.find(name))
    picture = imread(result.path / plane_picture.FILE)
    low, high = frame(picture)

    def seen(positions: Any) -> float:
        """Share of the positions at which there is a dot."""
        columns, rows = np.round(low + positions * (high - low)).astype(int).T
        return float((picture[rows, columns, :3].min(axis=1) < 0.85).mean())

    positions = on_the_pad(result)
    assert seen(positions) > 0.99, "run `python docs/pack_pictures.py`"
    assert seen(positions[:, ::-1]) < 0.6


def named(made: Any) -> list[Annotation]:
    return [text for text in made.axes[0].texts if isinstance(text, Annotation)]


def test_sounds_are_named_where_they_lie_and_all_over_the_pad(any_pack: Pack) -> None:
    names = np.array([printable(n, figures.LONGEST) for n in any_pack.anchors.names.tolist()])
    positions = on_the_pad(any_pack)
    texts = named(figure(any_pack))
    assert len(texts) >= min(20, len(names) // 2)
    for text in texts:
        own = positions[names == text.get_text()]
        assert np.abs(own - text.xy).max(axis=1).min() < 1e-6
    if len(names) > 100:
        quarters = {tuple(np.asarray(text.xy) > 0.5) for text in texts}
        assert len(quarters) == 4


def test_names_touch_neither_each_other_nor_a_dot_nor_the_edge(any_pack: Pack) -> None:
    made = figure(any_pack)
    (axes,) = made.axes
    made.draw_without_rendering()
    # Of the text alone: an annotation's own extent has its line too.
    boxes = [Text.get_window_extent(text) for text in named(made)]
    pad = axes.get_window_extent()
    dots = axes.transData.transform(on_the_pad(any_pack))
    for i, box in enumerate(boxes):
        assert pad.x0 <= box.x0 and box.x1 <= pad.x1
        assert pad.y0 <= box.y0 and box.y1 <= pad.y1
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert not any(box.contains(*dot) for dot in dots)


@pytest.mark.parametrize(
    "name", ["a $\\frac$ b $x", "_hidden", "足音", "שלום", "two\nlines", "", "x" * 300, "\udcff"]
)
def test_any_name_and_label_can_be_drawn_and_nothing_is_said_of_it(small: Pack, name: str) -> None:
    names = np.array([name] * len(small.anchors))
    strange = replace(small, title=name, anchors=replace(small.anchors, names=names, labels=names))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plane_picture.draw(strange).startswith(b"\x89PNG")


def test_one_sound_has_a_picture_too(small: Pack) -> None:
    a = small.anchors
    one = pack.Anchors(
        a.latents[:1], a.labels[:1], a.ids[:1], a.names[:1], a.loudness[:1], a.onset[:1]
    )
    planes = {name: positions[:1] for name, positions in small.planes.items()}
    (axes,) = figure(replace(small, anchors=one, planes=planes)).axes
    np.testing.assert_allclose(np.asarray(axes.collections[0].get_offsets()), [[0.5, 0.5]])
