"""Values at the ends of their ranges, in any combination, always give finite sound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentpad.engine import board as b
from latentpad.engine.arguments import Argument
from latentpad.engine.offline import OfflineRenderer
from latentpad.engine.parameters import FINGER, GLOBAL, VOICES, Parameter
from latentpad.models.packs.pack import Pack

Command = tuple[str, tuple[Argument, ...]]
LONG = settings.get_current_profile_name() == "long"
unit = st.one_of(st.sampled_from((0.0, 0.5, 1.0)), st.floats(0, 1))
numbers = st.one_of(st.sampled_from((-1e308, -3.4e38, -1.0, 0.0, 1.0, 3.4e38, 1e308)), st.floats())


def set_to_an_end(row: Parameter) -> st.SearchStrategy[Command]:
    ends = st.sampled_from((row.low, row.high, row.default[0]))
    values = st.tuples(*(st.one_of(ends, ends, st.floats(row.low, row.high)) for _ in row.default))
    return st.builds(lambda v, n: (row.address.format(n=n), v), values, st.integers(1, 2))


gestures: st.SearchStrategy[Command] = st.one_of(
    st.builds(lambda n, x, y: (f"/pad/{n}/xy", (x, y)), st.integers(1, 2), unit, unit),
    st.builds(lambda n: (f"/pad/{n}/touch", (1,)), st.integers(1, 2)),
    st.builds(lambda p, v: ("/note", (p, v)), st.floats(0, 127), st.floats(0, 127)),
    st.builds(lambda k, z: (f"/latent/{k}", (z,)), st.integers(1, 4), numbers),
    st.builds(lambda k, a: (f"/lattice/{k}", (a,)), st.integers(0, 320), numbers),
    st.builds(lambda k: (f"/anchor/{k}", ()), st.integers(0, 320)),
    st.builds(lambda k: (f"/snapshot/{k}/store", ()), st.integers(0, 1)),
    st.builds(lambda k, s: (f"/snapshot/{k}/recall", (s,)), st.integers(0, 1), numbers),
)
# Griffin-Lim takes a tenth of a second for each of them, and is no parameter's end.
rows = st.sampled_from([row for row in (*GLOBAL, *FINGER) if row.address != "/phase"])
steps = st.lists(
    st.tuples(
        st.lists(st.one_of(rows.flatmap(set_to_an_end), gestures), min_size=1, max_size=8),
        st.integers(1, 12),
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="module")
def renderer(footsteps: Pack) -> OfflineRenderer:
    return OfflineRenderer(footsteps)


@settings(
    max_examples=settings().max_examples if LONG else 20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(steps)
def test_every_end_of_every_range_is_played_within_the_ceiling(
    renderer: OfflineRenderer, steps: list[tuple[list[Command], int]]
) -> None:
    board = renderer.board
    renderer.instrument.apply("/pad/xy", (0.5, 0.5))
    for commands, hops in steps:
        renderer.instrument.apply_all(commands)
        for _ in range(hops):
            heard = renderer.hop()
            assert np.isfinite(heard).all() and np.abs(heard).max() <= 1.0
    for what in (board.values, board.latents, board.lattice_weight):
        assert np.isfinite(what).all()
    for v in range(VOICES):
        if published := board.published[v]:
            latent = board.sound_latent[v, published % b.BUFFERS]
            assert np.isfinite(latent[: renderer.instrument.latent_dim]).all()
    assert np.isfinite(board.sounds).all()
    assert renderer.voices.guarded == 0, "a voice gave what are no numbers"
    assert board.decoder[b.DECODES_FAILED] == 0
