"""What a `.keras` file says of its model: listed layers and operations, and nothing else.

Keras builds whatever a description names. What a decoder does not need to play is taken out of it
(how weights begin, how they are held back, how it was trained), and what is left must be listed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from latentpad.models.keras_files.layers import LAYERS, OPERATIONS, PIECES
from latentpad.models.text import reason

Complain = Callable[[str], Exception]  # makes the caller's error, which names the file

MOST_STEPS = 2000  # layers and operations
MOST_CALLS = 10_000  # tensors that they take
DEEPEST = 16  # models, layers and wrappers within each other
# Where Keras says that a class comes from. Not all of `keras`: keras.utils, for one, can download.
PLACES = ("keras.layers", "keras.models", "keras.src.layers", "keras.src.models", "keras.src.ops")
CODED = ", code that is not Keras' own layers"
FLOATS = re.compile("(mixed_)?b?float(16|32|64)")  # played in 32 bits, whatever they were
UNPLAYED = ("_initializer", "_regularizer", "_constraint")
MODELS = frozenset({"Functional", "Sequential", "Model"})
CODE = frozenset({"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})
# Values, as Keras writes them in a description.
VALUES = frozenset(
    {"__keras_tensor__", "__numpy__", "__tensor__", "__slice__", "__ellipsis__", "__bytes__"}
)
POLICIES = frozenset(
    {"DTypePolicy", "FloatDTypePolicy", "QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy",
     "DTypePolicyMap"}
)  # fmt: skip
ACTIVATIONS = frozenset(
    {"celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu",
     "hard_swish", "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish",
     "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign",
     "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink",
     "threshold"}
)  # fmt: skip


def parse_description(text: bytes, batch: int | None, complain: Complain) -> dict[str, Any]:
    """The description in a config.json, for a `batch`, of listed layers only. Raises `complain`."""
    try:
        description = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise complain(f"is no Keras 3 file: {reason(error)}") from None
    if not isinstance(description, dict):
        raise complain("is no Keras 3 file: config.json describes no model")
    steps = calls = 0
    waiting: list[tuple[Any, int]] = [(description, 0)]
    while waiting:
        node, depth = waiting.pop()
        if isinstance(node, list):
            waiting.extend((inner, depth) for inner in node)
        if not isinstance(node, dict):
            continue
        node.pop("compile_config", None)
        for key in [key for key in node if key.endswith(UNPLAYED)]:
            if isinstance(node[key], dict):
                _own(node[key], ("keras",), complain)
            node[key] = "zeros" if key.endswith("_initializer") else None
        if "class_name" in node:
            step = _is_step(node, complain)
            steps, calls, depth = steps + step, calls + 1 - step, depth + step
            if step:
                _check_settings(node, batch, complain)
        if steps > MOST_STEPS or calls > MOST_CALLS:
            raise complain(f"has more than {MOST_STEPS} layers, or {MOST_CALLS} tensors: too many")
        if depth > DEEPEST:
            raise complain(f"has layers more than {DEEPEST} deep within each other")
        waiting.extend((inner, depth) for inner in node.values())
    return description


def _is_step(node: dict[str, Any], complain: Complain) -> bool:
    """Whether a description is a listed layer's, operation's or model's; or a value's, or an
    activation's. Raises `complain` if it is none of these.
    """
    name, place = str(node["class_name"])[:60], _place(node)
    if name in VALUES or (name in POLICIES and place == "keras"):
        return False
    if name == "function" and place in ("builtins", "keras.activations"):
        function = str(node.get("config"))
        if function not in ACTIVATIONS:
            raise complain(
                f"holds {function[:60]}, which is not among the known activations: refused"
            )
        return False
    _own(node, PLACES, complain)
    operation = place.startswith("keras.src.ops")
    if name not in (OPERATIONS if operation else {*LAYERS, *MODELS}):
        what = sampling(name) or f"{place}.{name}, which is not among the known layers"
        raise complain(f"holds {what}: refused")
    return True


def _own(node: dict[str, Any], places: tuple[str, ...], complain: Complain) -> None:
    """Raise `complain` if a class is not Keras' own, from one of `places` or within it."""
    name, place = str(node.get("class_name"))[:60], _place(node)
    registered, whole = node.get("registered_name"), node.get("class_name")
    theirs = registered is not None and (registered != whole or not node.get("module"))
    inside = place == "keras" or f"{place}.".startswith(tuple(f"{p}." for p in places))
    if theirs or not inside or name in CODE:
        full = f"{place}.{name}" if node.get("module") else name
        raise complain(f"holds {sampling(name) or full + CODED}: refused")


def _place(node: dict[str, Any]) -> str:
    # Keras writes some of its own without a module.
    return str(node.get("module") or "keras")[:60]


def _check_settings(node: dict[str, Any], batch: int | None, complain: Complain) -> None:
    """Give a step's shapes the `batch`. Raises `complain` of what would only be built at length."""
    name, config = node["class_name"], node.get("config")
    if not isinstance(config, dict):
        raise complain(f"is damaged: {name} has no settings")
    for key in ("batch_shape", "build_input_shape"):
        if isinstance(config.get(key), list):
            config[key][:1] = [batch]
    for key in ("unroll", "stateful"):
        if config.get(key):
            raise complain(f"holds {name} with {key}: save it with {key}=False")
    config.pop("lora_rank", None)  # its weights are within the others once it is saved
    if isinstance(config.get("dtype"), dict | str) and not _place(node).startswith("keras.src.ops"):
        kind = config["dtype"]
        settings = kind.get("config") if isinstance(kind, dict) else {"name": kind}
        if isinstance(settings, dict) and FLOATS.fullmatch(str(settings.get("name"))):
            config["dtype"] = "float32"
    if name in ("Split", "Unstack"):
        pieces = config.get("indices_or_sections", config.get("num"))
        pieces = len(pieces) if isinstance(pieces, list) else pieces
        if not isinstance(pieces, int) or not 0 < pieces <= PIECES:
            raise complain(f"holds {name} into {str(pieces)[:20]} pieces: {PIECES} are the most")


def sampling(kind: str) -> str:
    """What to tell of a layer that draws a VAE's latents; "" of any other."""
    if "sampl" in kind.lower() and "UpSampl" not in kind:
        return f"{kind[:60]}: a sampling layer is code: export the encoder's mean output"
    return ""
