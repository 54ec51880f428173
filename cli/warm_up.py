"""Compiles the kernels and caches them. setup.sh runs it, before TensorFlow is installed."""

from __future__ import annotations

from latentpad.engine.decode.rehearsal import rehearse_pointing
from latentpad.engine.kernel_cache import compile_once
from latentpad.engine.play.rehearsal import rehearse
from latentpad.models.packs import pack as packs


def main() -> None:
    """Compile for every shipped pack's representation, and the expanders: at set-up."""
    shipped = [packs.load(packs.find(name)) for name in packs.names()]
    for pack in shipped:
        rehearse(pack.representation)
    compile_once(lambda: rehearse_pointing(shipped[0]))


if __name__ == "__main__":
    main()
