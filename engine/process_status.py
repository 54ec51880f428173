"""The signs that a kept process gives: that it lives, and that it is ready. One writer for each.

The control process numbers the processes that it starts one after the other, the generations.
Each process writes its own beat, and its generation once it is ready. The one that is kept now is
ready when both numbers match, so a new generation makes every earlier one unready at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentpad.engine import board as b
from latentpad.engine.atomic import fence
from latentpad.engine.board import Board


@dataclass(frozen=True)
class ProcessStatus:
    """Of one kept process. Any thread may read.

    `own` (2,) is written by the process: its beat, and the generation that is ready. `kept` (1,)
    is written by the control process: the generation that it keeps now, from 1 on.
    """

    own: NDArray[np.float64]
    kept: NDArray[np.int64]

    @classmethod
    def playing(cls, board: Board) -> ProcessStatus:
        """Those of the playing process."""
        return cls(board.player[b.PLAYER_BEAT : b.PLAYER_READY + 1], board.generations[:1])

    @classmethod
    def decoding(cls, board: Board) -> ProcessStatus:
        """Those of the decoding process."""
        return cls(board.decoder[b.DECODER_BEAT : b.DECODER_READY + 1], board.generations[1:])

    @classmethod
    def unshared(cls) -> ProcessStatus:
        """For a process that has no memory in common: who hears what it says writes its signs."""
        return cls(np.zeros(2), np.zeros(1, np.int64))

    @property
    def beat(self) -> float:
        """Changes while the process lives."""
        return float(self.own[0])

    @property
    def generation(self) -> int:
        """Of the process that is kept now; 0 before the first."""
        return int(self.kept[0])

    @property
    def ready(self) -> bool:
        """Whether the process that is kept now does its work."""
        ready = self.generation > 0 and int(self.own[1]) == self.generation
        fence()  # what it has told before is there, too
        return ready

    def count_beat(self) -> None:
        """One more beat. The process only."""
        self.own[0] += 1

    def become_ready(self, generation: int) -> None:
        """The process only, which was started as this generation."""
        fence()  # who sees it ready sees what it has told
        self.own[1] = generation

    def next_generation(self) -> int:
        """The next process's generation: from now on no process is ready. Control process only."""
        self.kept[0] += 1
        return self.generation
