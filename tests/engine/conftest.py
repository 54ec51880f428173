"""The shipped pack and its decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from latentpad.models.packs.pack import SHIPPED, Pack, load

if TYPE_CHECKING:
    from latentpad.engine.decode.decoder import Decoder


@pytest.fixture(scope="session")
def footsteps() -> Pack:
    return load(SHIPPED / "footsteps")


@pytest.fixture(scope="session")
def decoder(footsteps: Pack) -> Decoder:
    from latentpad.engine.decode.decoder import fastest_decoder

    return fastest_decoder(footsteps)[0]
