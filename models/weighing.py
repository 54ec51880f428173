"""What a model would take, found before any memory is taken for it; and what Keras says of it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from models.pack_files import MOST_CELLS

MOST_BYTES = 512 << 20  # a model's weights
MOST_MADE = 4 * MOST_CELLS  # numbers that one step makes of one sound
Complain = Callable[[str], Exception]  # makes the caller's error, which names the file


def weighed(make: Callable[[], Any], most: int, complain: Complain) -> Any:
    """`make()` without its weights: shapes only, no memory taken whatever they claim.

    Raises `complain` if the model needs more than `most` numbers, or makes more than a sound's,
    or cannot be made; what `make` complains of itself is passed on. Imports Keras.
    """
    import keras
    from keras.src.backend.common import global_state

    own = type(complain(""))
    # Keras notes the scope's variables to make them real when the next scope ends: all the
    # memory that they claim. They are forgotten with the model.
    noted = "uninitialized_variables"
    before = list(global_state.get_global_attribute(noted, []))
    try:
        with keras.StatelessScope(initialize_variables=False):
            model = make()
            needs = sum(math.prod(w.shape) for w in model.weights)
            largest = _largest(model)
    except own:
        raise
    # Keras raises whatever its layers raise on a malformed description.
    except Exception as error:
        raise complain(f"cannot be built: {reason(error)}") from None
    finally:
        global_state.set_global_attribute(noted, before)
    if needs > most:
        raise complain(f"is damaged: its layers need {needs} weights, the file holds {most}")
    if largest > MOST_MADE:
        raise complain(f"has a layer that makes {largest} numbers of one sound: too many")
    return model


def _largest(model: Any) -> int:
    """The most numbers that a step of the model, or of one within it, makes of one sound."""
    import keras

    most = 0
    for step in model.operations:
        inner = _largest(step) if hasattr(step, "operations") else 0
        made = [math.prod(n or 1 for n in t.shape) for t in keras.tree.flatten(step.output)]
        most = max(most, inner, *made)
    return most


def reason(error: Exception) -> str:
    """What an exception says, in a line: without Keras' headings and its bold type."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    headings = ("Exception encountered", "A total of")
    told = [line for line in lines if not line.startswith(headings)]
    return (told or [type(error).__name__])[0][:200]
