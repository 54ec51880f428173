"""Level, onset and end of the sounds of latents."""

from __future__ import annotations

from latentpad.engine.decode.decoder import Decoder
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats, Outline, outline


class Outlines:
    """Measures decoded sounds. One thread."""

    def __init__(self, pack: Pack, decoder: Decoder) -> None:
        self._representation, self._decoder = pack.representation, decoder

    def of(self, latents: Floats) -> list[Outline]:
        """The outline of the sound of each latent (n, D)."""
        return [outline(sound, self._representation) for sound in self._decoder.whole(latents)]
