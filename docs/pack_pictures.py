"""Draw the pictures of a pack's card anew: `python docs/pack_pictures.py PACK [RECORDINGS]`.

plane.png shows where on the pad its sounds lie. reconstructions.png needs the folder of the
recordings that the pack learned from: without it that picture stays as it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from latentpad.models.audio import reading
from latentpad.models.maps import picture as plane_picture
from latentpad.models.packs import networks, pack
from latentpad.models.training import card


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", help="by name or folder")
    parser.add_argument("recordings", nargs="?", type=Path)
    asked = parser.parse_args()
    found = pack.load(pack.find(asked.pack))
    pictures = {plane_picture.FILE: plane_picture.draw(found)}
    if asked.recordings is not None:
        r = found.representation
        chosen = card.pictured_rows([row["split"] for row in found.sources()])
        recorded = [
            r.decibels(
                r.magnitudes(reading.read_samples(asked.recordings / str(found.anchors.ids[i]), r))
            )
            for i in chosen
        ]
        pictures[card.RECONSTRUCTIONS] = card.reconstructions(
            found, networks.load_decoder(found), chosen, recorded
        )
    for name, picture in pictures.items():
        (found.path / name).write_bytes(picture)
        print(found.path / name)


if __name__ == "__main__":
    main()
