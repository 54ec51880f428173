"""What the expanders cost: microseconds of a single point, and seconds to fit, against anchors.

python benchmarks/expanders.py [anchors ...]
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.expanders import NAMES, cost

ANCHORS = (1_000, 10_000, 100_000, 1_000_000)


def main() -> None:
    lengths = tuple(int(word) for word in sys.argv[1:]) or ANCHORS
    print("us a point (median of single calls), s to fit; latents of 16 dimensions")
    print(f"{'expander':16}" + "".join(f"{length:>18,}" for length in lengths))
    for name in NAMES:
        costs = [cost(name, length) for length in lengths]
        cells = (f"{point:8.1f} us {fit:5.2f} s" for fit, point in costs)
        print(f"{name:16}" + "".join(f"{cell:>18}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
