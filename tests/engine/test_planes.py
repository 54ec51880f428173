"""The planes of a pack, and the effect of /plane and /axes while it plays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.board import Board, BoardShape
from latentpad.engine.control.instrument import NOBODY, Instrument, Sender
from latentpad.engine.control.pack_limits import PackLimits
from latentpad.engine.decode.pointing import Pointing
from latentpad.engine.parameters import AUTO, EXPANDERS, LATENT_MAX, OFFSET, PLANES
from latentpad.engine.planes import Planes
from latentpad.models.audio.descriptors import MEASURED
from latentpad.models.packs.pack import Pack, PackError

PHONE = Sender("osc 127.0.0.1", 9)


@pytest.fixture(scope="module")
def described(footsteps: Pack) -> Pack:
    """The shipped pack with known descriptors."""
    rng = np.random.default_rng(0)
    values = {name: rng.normal(size=len(footsteps.anchors)).astype("f4") for name in MEASURED}
    return replace(footsteps, descriptors=values)


@pytest.fixture(scope="module")
def plain(footsteps: Pack) -> Pack:
    """The shipped pack without descriptors."""
    return replace(footsteps, descriptors={})


class Desk:
    """An instrument that plays a pack, without processes, and the changes that it reported."""

    def __init__(self, pack: Pack) -> None:
        r = pack.representation
        self.board = Board(BoardShape(r.frames, r.bins, r.samples, r.sample_rate))
        self.planes = Planes(pack)
        self.planes.set_defaults(self.board)
        self.changes: list[tuple[str, tuple[Argument, ...], Sender]] = []
        self.instrument = Instrument(
            self.board, PackLimits.of(pack, self.planes, self.board), clock=lambda: 0.0
        )
        self.instrument.listeners.append(lambda a, v, s: self.changes.append((a, tuple(v), s)))

    def send(self, address: str, *args: Argument) -> None:
        self.instrument.apply(address, args, PHONE)

    @property
    def axes(self) -> tuple[Argument, ...]:
        return dict(self.instrument.values())["/axes"]


@pytest.fixture
def desk(described: Pack) -> Desk:
    return Desk(described)


# -- the planes of a pack --------------------------------------------------------------------


def test_every_plane_of_the_pack_can_be_played(described: Pack) -> None:
    planes = Planes(described)
    assert {"raw", "principal", "descriptors", *described.planes} == set(planes.names)
    for name in planes.names:
        assert planes.get(name, (0, 1)).name == name
        assert planes.get(name, (0, 1)) is planes.get(name, (0, 1))


def test_a_plane_or_axes_that_are_not_there_fall_back_to_the_packs_own(described: Pack) -> None:
    planes = Planes(described)
    default = planes.default_axes("raw")
    missing = next(name for name in PLANES if name not in planes.names)
    assert planes.get(missing, (0, 1)).name == described.default_plane
    for axes in ((1, 1), (0, described.latent_dim), (AUTO, AUTO), (LATENT_MAX, LATENT_MAX + 1)):
        assert planes.get("raw", axes) is planes.get("raw", default)
    assert planes.get("raw", (2, 3)) is not planes.get("raw", (3, 2))
    for axes in ((0, 1), (LATENT_MAX, LATENT_MAX), (LATENT_MAX, 1)):
        assert planes.get("descriptors", axes) is planes.get("descriptors", (AUTO, AUTO))


def test_the_raw_planes_own_axes_are_the_two_most_informative_latents(footsteps: Pack) -> None:
    first, second = Planes(footsteps).default_axes("raw")
    rest = [k for i, k in enumerate(footsteps.kl) if i not in (first, second)]
    assert footsteps.kl[first] >= footsteps.kl[second] >= max(rest)


@pytest.mark.parametrize("axes", [(i, j) for i in range(4) for j in range(4) if i != j])
def test_any_pair_of_latents_is_a_plane(footsteps: Pack, axes: tuple[int, int]) -> None:
    known = Planes(footsteps).get("raw", axes).known
    np.testing.assert_array_equal(known, footsteps.anchors.latents[:, list(axes)])


@pytest.mark.parametrize(("x", "y"), [(0, 1), (3, 0), (6, 2)])
def test_any_pair_of_descriptors_is_a_plane_in_their_order(described: Pack, x: int, y: int) -> None:
    known = Planes(described).get("descriptors", (LATENT_MAX + x, LATENT_MAX + y)).known
    values = [*described.described.values()]
    for axis, column in zip((x, y), known.T, strict=True):
        np.testing.assert_array_equal(np.argsort(column), np.argsort(values[axis]))


def test_a_pack_of_one_latent_has_no_raw_plane(footsteps: Pack) -> None:
    a = footsteps.anchors
    thin = replace(footsteps, latent_dim=1, kl=(1.0,), anchors=replace(a, latents=a.latents[:, :1]))
    planes = Planes(replace(thin, descriptors={}))
    assert "raw" not in planes.names and "principal" not in planes.names
    assert planes.get("raw", (0, 0)).name == planes.default == "learned"


def test_a_pack_may_begin_on_its_descriptors_and_a_library_of_it_may_not(described: Pack) -> None:
    begun = replace(described, default_plane="descriptors")
    assert Planes(begun).default == "descriptors"
    assert Desk(begun).axes == ("brightness", "hardness")
    a = described.anchors
    two = replace(
        a, latents=a.latents[:2], labels=a.labels[:2], ids=a.ids[:2], names=a.names[:2],
        loudness=a.loudness[:2], onset=a.onset[:2],
    )  # fmt: skip
    library = replace(begun, anchors=two, planes={"map": np.eye(2, dtype=np.float32)})
    assert Planes(library).default == "map" and "descriptors" not in Planes(library).names


def test_a_pack_without_any_plane_is_refused(footsteps: Pack) -> None:
    none = replace(footsteps, latent_dim=1, planes={"mine": np.zeros((321, 2), "f4")})
    with pytest.raises(PackError, match=r"planes\.npz: holds none of raw"):
        Planes(replace(none, default_plane="mine", descriptors={}))


def test_an_anchors_place_leads_back_to_the_anchor(desk: Desk, described: Pack) -> None:
    desk.send("/expander", "nearest")
    desk.send("/guard", 0)
    pointing = Pointing(described, desk.board)
    for plane in desk.planes.names:
        desk.send("/plane", plane)
        for anchor in (0, 17, len(described.anchors) - 1):
            point, latent = desk.planes.look_up_anchor(desk.board, anchor)
            np.testing.assert_array_equal(latent, described.anchors.latents[anchor])
            desk.board.points[0] = point
            desk.board.starts[0] += 1
            np.testing.assert_allclose(pointing.aim(0, 1.0).latent, latent, atol=1e-5)


@pytest.mark.parametrize("anchor", [-1, 10**6])
def test_an_anchor_that_is_not_there_is_refused(desk: Desk, footsteps: Pack, anchor: int) -> None:
    last = len(footsteps.anchors) - 1
    with pytest.raises(CommandError, match=rf"anchor {anchor}: .* 0\.\.\.{last}"):
        desk.planes.look_up_anchor(desk.board, anchor)


# -- while it plays --------------------------------------------------------------------------


def test_every_plane_and_axes_are_heard_at_the_same_point(desk: Desk, described: Pack) -> None:
    pointing = Pointing(described, desk.board)
    desk.board.points[0] = 0.37, 0.61
    latents = []
    for plane, axes in (
        ("raw", (0, 1)), ("raw", (1, 0)), ("raw", (2, 3)), ("principal", ()), ("map", ()),
        ("descriptors", ("brightness", "attack")), ("descriptors", ("attack", "brightness")),
        ("descriptors", ("loudness", "depth")),
    ):  # fmt: skip
        desk.send("/plane", plane)
        if axes:
            desk.send("/axes", *axes)
            assert desk.axes == axes
        latents.append(pointing.aim(0, 0).latent)
    assert len(np.unique(np.round(latents, 4), axis=0)) == len(latents)


def test_a_plane_brings_its_own_axes_and_everyone_is_told_their_names(desk: Desk) -> None:
    desk.send("/plane", "raw")
    assert desk.axes == desk.planes.default_axes("raw")
    desk.send("/plane", "descriptors")
    assert desk.axes == ("brightness", "hardness")
    assert desk.changes[-1] == ("/axes", ("brightness", "hardness"), Sender(""))
    desk.send("/axes", "depth", "attack")
    assert desk.changes[-1] == ("/axes", ("depth", "attack"), PHONE)
    desk.send("/plane", "raw")
    assert desk.axes == desk.planes.default_axes("raw")


def test_axes_may_come_before_their_plane(desk: Desk) -> None:
    desk.send("/plane", "raw")
    desk.send("/axes", "depth", "attack")
    desk.send("/plane", "descriptors")
    assert desk.axes == ("depth", "attack")
    desk.send("/plane", "map")
    desk.send("/plane", "descriptors")
    assert desk.axes == ("depth", "attack")


def test_auto_is_the_planes_own(desk: Desk) -> None:
    for plane in ("raw", "descriptors"):
        desk.send("/plane", plane)
        default = desk.axes
        desk.send("/axes", *([0, 1] if plane == "raw" else ["attack", "depth"]))
        assert desk.axes != default
        desk.send("/axes", "auto", "auto")
        assert desk.axes == default


@pytest.mark.parametrize(
    ("axes", "complaint"),
    [
        ((0, 99), r"/axes: 0 and 99 are no two of 0\.\.\.63"),
        ((2, 2), "2 and 2 are no two of"),
        (("depth", "depth"), "are no two of brightness, hardness, .*loudness"),
        (("depth", 2), "two latents or two descriptors"),
        (("depth", "auto"), "/axes"),
        (("auto", 1), "two latents or two descriptors"),
        (("pitch", "depth"), "'pitch' is none of auto, brightness"),
    ],
)
def test_axes_that_this_pack_has_not_are_refused_and_change_nothing(
    desk: Desk, axes: tuple[Argument, ...], complaint: str
) -> None:
    before = desk.board.values.copy()
    with pytest.raises(CommandError, match=complaint):
        desk.send("/axes", *axes)
    np.testing.assert_array_equal(desk.board.values, before)
    assert desk.changes == []


def test_a_pack_without_descriptors_says_how_to_get_them(plain: Pack) -> None:
    desk = Desk(plain)
    for address, args in (("/plane", ["descriptors"]), ("/axes", ["brightness", "depth"])):
        with pytest.raises(CommandError, match=r"descriptors.*`latentpad plane") as caught:
            desk.send(address, *args)
        assert len(str(caught.value)) < 200


def test_a_preset_that_names_no_plane_goes_to_the_packs_own_and_everyone_is_told(
    desk: Desk, described: Pack
) -> None:
    from latentpad.presets.preset import parse

    desk.send("/plane", "raw")
    desk.changes.clear()
    preset = parse('title = "T"\npack = "footsteps"\n', "t.toml")
    assert desk.instrument.apply_all(preset.commands(), PHONE) == []
    assert ("/plane", (described.default_plane,), NOBODY) in desk.changes
    assert desk.board.values[OFFSET["/plane"]] == PLANES.index(described.default_plane)


def test_a_fresh_board_is_on_the_packs_own_plane(described: Pack) -> None:
    for name in ("learned", "descriptors", "map"):
        planes = Planes(replace(described, default_plane=name))
        assert planes.of(Board(BoardShape(1, 1, 1, 48000)).values.tolist()).name == name


def test_a_preset_that_names_no_axes_leaves_them_to_the_plane(desk: Desk) -> None:
    from latentpad.presets.preset import parse

    for text, axes in (
        ('"/plane" = "raw"', desk.planes.default_axes("raw")),
        ('"/plane" = "raw"\n"/axes" = [0, 1]', (0, 1)),
        ('"/plane" = "descriptors"', ("brightness", "hardness")),
        ('"/plane" = "descriptors"\n"/axes" = ["depth", "attack"]', ("depth", "attack")),
    ):
        preset = parse(f'title = "T"\npack = "footsteps"\n[values]\n{text}\n', "t.toml")
        assert desk.instrument.apply_all(preset.commands()) == []
        assert desk.axes == axes


def test_a_snapshot_brings_plane_and_axes_back(desk: Desk) -> None:
    desk.send("/plane", "descriptors")
    desk.send("/axes", "depth", "attack")
    desk.send("/snapshot/1/store")
    desk.send("/plane", "raw")
    desk.send("/snapshot/1/recall")
    assert desk.axes == ("depth", "attack")
    assert desk.board.values[OFFSET["/plane"]] == PLANES.index("descriptors")


@pytest.mark.parametrize("expander", EXPANDERS)
def test_every_expander_plays_on_descriptors(desk: Desk, described: Pack, expander: str) -> None:
    desk.send("/expander", expander)
    desk.send("/plane", "descriptors")
    pointing = Pointing(described, desk.board)
    for point in ((0, 0), (1, 1), (0.5, 0.5), (0, 1)):
        desk.board.points[0] = point
        desk.board.starts[0] += 1
        assert np.isfinite(pointing.aim(0, 0).latent).all()
