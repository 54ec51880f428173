"""The description of a model in a `.keras` file: allowed layers and operations, and nothing else.

Keras builds all that a description names. What a decoder does not need is removed from it
(initializers, regularizers, training settings), and the rest must be allowed.
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
# Modules of Keras' classes. Not all of `keras`: keras.utils, for example, can download.
MODULES = ("keras.layers", "keras.models", "keras.src.layers", "keras.src.models", "keras.src.ops")
CODED = ", code that is not Keras' own layers"
FLOATS = re.compile("(mixed_)?b?float(16|32|64)")  # all are computed in 32 bits
UNPLAYED = ("_initializer", "_regularizer", "_constraint")
MODELS = frozenset({"Functional", "Sequential", "Model"})
CODE = frozenset({"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})
# Values in a description, in Keras' format.
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
    """The checked description in a config.json, for a `batch`. Raises `complain`."""
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
                _check_own(node[key], ("keras",), complain)
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
    """Whether a node describes a layer, an operation or a model, and not a value or an activation.

    Raises `complain` if it is not allowed.
    """
    name, module = str(node["class_name"])[:60], _module(node)
    if name in VALUES or (name in POLICIES and module == "keras"):
        return False
    if name == "function" and module in ("builtins", "keras.activations"):
        function = str(node.get("config"))
        if function not in ACTIVATIONS:
            raise complain(
                f"holds {function[:60]}, which is not among the known activations: refused"
            )
        return False
    _check_own(node, MODULES, complain)
    operation = module.startswith("keras.src.ops")
    if name not in (OPERATIONS if operation else {*LAYERS, *MODELS}):
        what = sampling(name) or f"{module}.{name}, which is not among the known layers"
        raise complain(f"holds {what}: refused")
    return True


def _check_own(node: dict[str, Any], modules: tuple[str, ...], complain: Complain) -> None:
    """Raise `complain` unless a class is Keras' own, from one of `modules` or its submodules."""
    name, module = str(node.get("class_name"))[:60], _module(node)
    registered, class_name = node.get("registered_name"), node.get("class_name")
    is_custom = registered is not None and (registered != class_name or not node.get("module"))
    is_keras = module == "keras" or f"{module}.".startswith(tuple(f"{p}." for p in modules))
    if is_custom or not is_keras or name in CODE:
        full = f"{module}.{name}" if node.get("module") else name
        raise complain(f"holds {sampling(name) or full + CODED}: refused")


def _module(node: dict[str, Any]) -> str:
    # Keras writes some of its own classes without a module.
    return str(node.get("module") or "keras")[:60]


def _check_settings(node: dict[str, Any], batch: int | None, complain: Complain) -> None:
    """Set the `batch` in a step's shapes. Raises `complain` for settings that are slow to build."""
    name, config = node["class_name"], node.get("config")
    if not isinstance(config, dict):
        raise complain(f"is damaged: {name} has no settings")
    for key in ("batch_shape", "build_input_shape"):
        if isinstance(config.get(key), list):
            config[key][:1] = [batch]
    for key in ("unroll", "stateful"):
        if config.get(key):
            raise complain(f"holds {name} with {key}: save it with {key}=False")
    config.pop("lora_rank", None)  # its weights are merged into the others when it is saved
    if isinstance(config.get("dtype"), dict | str) and not _module(node).startswith(
        "keras.src.ops"
    ):
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
    """The message about a layer that samples a VAE's latents; "" for any other."""
    if "sampl" in kind.lower() and "UpSampl" not in kind:
        return f"{kind[:60]}: a sampling layer is code: export the encoder's mean output"
    return ""
