"""One operation of a graph, with its inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from latentpad.models.importing.graph import Node
from latentpad.models.importing.layout import ForeignError


@dataclass(frozen=True)
class Step:
    """One operation and its inputs, of which one at least is a Keras tensor and others are
    arrays."""

    node: Node
    values: list[Any]

    @property
    def x(self) -> Any:
        return self.values[0]

    def attribute(self, key: str) -> Any:
        return self.node.attributes[key]

    def flag(self, key: str) -> bool:
        return key in self.node.attributes and bool(self.node.attributes[key].b)

    def constant(self, index: int) -> Any:
        value = self.values[index]
        if not isinstance(value, np.ndarray | np.generic):
            raise ForeignError(f"has no fixed input {index + 1}")
        return np.asarray(value)

    def channels_last(self) -> None:
        if self.node.attributes["data_format"].s not in (b"", b"NHWC"):
            raise ForeignError("is of channels first: only channels last is played")

    def sizes(self, key: str) -> tuple[int, ...]:
        """Strides or dilations over height and width."""
        self.channels_last()
        listed = list(self.node.attributes[key].list.i) or [1, 1, 1, 1]
        if len(listed) != 4 or listed[0] != 1 or listed[3] != 1:
            raise ForeignError(f"has {key} {listed}")
        return listed[1], listed[2]
