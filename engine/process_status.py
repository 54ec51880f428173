"""The status of a supervised process: whether it works and whether it is ready.

The control process numbers the processes that it starts one after the other: the generations. Each
process writes its own beat, and its generation when it is ready. The present process is ready if
both numbers match, so a new generation makes every earlier one unready at once.
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
    """The status of one supervised process. Any thread may read.

    `process_words` (2,) is written by the process: its beat, and the generation that is ready.
    `control_words` (1,) is written by the control process: the present generation, from 1 on.
    """

    process_words: NDArray[np.float64]
    control_words: NDArray[np.int64]

    @classmethod
    def playing(cls, board: Board) -> ProcessStatus:
        """The status of the playing process."""
        return cls(board.player[b.PLAYER_BEAT : b.PLAYER_READY + 1], board.generations[:1])

    @classmethod
    def decoding(cls, board: Board) -> ProcessStatus:
        """The status of the decoding process."""
        return cls(board.decoder[b.DECODER_BEAT : b.DECODER_READY + 1], board.generations[1:])

    @classmethod
    def unshared(cls) -> ProcessStatus:
        """For a process without shared memory: whoever reads its messages writes its status."""
        return cls(np.zeros(2), np.zeros(1, np.int64))

    @property
    def beat(self) -> float:
        """A number that changes while the process works."""
        return float(self.process_words[0])

    @property
    def generation(self) -> int:
        """The present generation; 0 before the first."""
        return int(self.control_words[0])

    @property
    def ready(self) -> bool:
        """Whether the present process is ready."""
        ready = self.generation > 0 and int(self.process_words[1]) == self.generation
        fence()  # the messages it sent before are there too
        return ready

    def count_beat(self) -> None:
        """Count one beat. The process only."""
        self.process_words[0] += 1

    def become_ready(self, generation: int) -> None:
        """Mark this generation as ready. The process only."""
        fence()  # who sees that it is ready also sees what it wrote before
        self.process_words[1] = generation

    def next_generation(self) -> int:
        """Begin the next generation and return it: no process is ready from now on. Control
        process only."""
        self.control_words[0] += 1
        return self.generation
