"""Known layers of Keras 2 and TensorFlow.js, with their settings, as Keras 3 layers.

Every layer and every setting is in the lists below, or refused by name. A setting of Keras 2 that
Keras 3 lacks is left out if it means what Keras 3 does anyway.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from latentpad.models.importing.layout import ForeignError
from latentpad.models.keras_files.description import FLOATS, sampling


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Not hard_sigmoid: Keras 3 has another slope than Keras 2 and TensorFlow.js.
ACTIVATIONS = _words(
    "linear relu relu6 leaky_relu sigmoid tanh elu selu softmax softplus softsign swish silu gelu "
    "exponential mish"
)
_CONV = "filters kernel_size strides padding data_format dilation_rate activation use_bias"
_POOL = "pool_size strides padding data_format"
_NORM = "axis epsilon center scale"
#: Layer -> the settings that are taken over.
LAYERS: dict[str, frozenset[str]] = {
    name: _words(settings)
    for names, settings in {
        "Dense": "units activation use_bias",
        "Activation": "activation",
        "Reshape": "target_shape",
        "Flatten": "data_format",
        "Permute": "dims",
        "RepeatVector": "n",
        "Conv1D Conv2D": _CONV + " groups",
        "Conv1DTranspose Conv2DTranspose": _CONV + " output_padding",
        "DepthwiseConv1D DepthwiseConv2D": _CONV.replace("filters ", "") + " depth_multiplier",
        "SeparableConv1D SeparableConv2D": _CONV + " depth_multiplier",
        "UpSampling1D": "size",
        "UpSampling2D": "size data_format interpolation",
        "Cropping1D": "cropping",
        "Cropping2D": "cropping data_format",
        "ZeroPadding1D ZeroPadding2D": "padding data_format",
        "MaxPooling1D MaxPooling2D AveragePooling1D AveragePooling2D": _POOL,
        "GlobalMaxPooling1D GlobalMaxPooling2D GlobalAveragePooling1D GlobalAveragePooling2D": (
            "data_format keepdims"
        ),
        "BatchNormalization": _NORM + " momentum",
        "LayerNormalization": _NORM,
        "ReLU": "max_value negative_slope threshold",
        "LeakyReLU": "negative_slope",
        "PReLU": "shared_axes",
        "ELU": "alpha",
        "Softmax": "axis",
        "Rescaling": "scale offset",
        "Dropout SpatialDropout1D SpatialDropout2D GaussianDropout AlphaDropout": "rate",
        "GaussianNoise": "stddev",
        "ActivityRegularization": "l1 l2",
        "InputLayer": "",
        "Add Subtract Multiply Average Maximum Minimum": "",
        "Concatenate": "axis",
    }.items()
    for name in names.split()
}
#: Settings that do not affect a trained model's output.
IDLE = _words(
    "trainable batch_input_shape batch_shape input_dtype noise_shape seed name implementation "
    "fused renorm_momentum renorm_clipping virtual_batch_size synchronized momentum input_dim "
    "input_length input_shape rank supports_masking optional"
)
#: Settings that Keras 3 lacks, and the values that it implements.
PLAIN: dict[str, Any] = {
    "groups": 1, "data_format": "channels_last", "interpolation": "nearest", "renorm": False,
    "sparse": False, "ragged": False,
}  # fmt: skip
#: Keras 2's layers and settings with another name in Keras 3.
RENAMED_LAYERS = {"ThresholdedReLU": "ReLU"}
RENAMED = {"LeakyReLU": {"alpha": "negative_slope"}, "ThresholdedReLU": {"theta": "threshold"}}
#: Layers without weights that Keras 2 also accepts as an activation.
BENDS = _words("Activation LeakyReLU ReLU ThresholdedReLU ELU Softmax")


def layer(kind: Any, config: Any, path: Path) -> Any:
    """The Keras 3 layer of a Keras 2 config. Raises ForeignError, and Keras' exceptions."""
    new = {RENAMED.get(kind, {}).get(key, key): value for key, value in config.items()}
    kind = RENAMED_LAYERS.get(kind, kind)
    settings = check(kind, new, path)
    if "activation" in settings:
        settings["activation"] = _activation(settings["activation"], _about(config, path), path)
    if kind == "BatchNormalization" and isinstance(settings.get("axis"), list):
        if len(settings["axis"]) != 1:
            raise ForeignError(f"{_about(config, path)}: is over several axes: Keras 3 takes one")
        (settings["axis"],) = settings["axis"]
    from keras import layers

    return getattr(layers, kind)(**settings, name=config.get("name"))


def check(kind: Any, config: Any, path: Path) -> dict[str, Any]:
    """The settings of a config that its layer takes. Raises ForeignError if there are others."""
    about = _about(config, path)
    if kind not in LAYERS:
        raise ForeignError(f"{about}: {sampling(str(kind)) or str(kind)[:60]}: refused")
    for key, value in config.items():
        idle = key in IDLE or key.endswith(("_initializer", "_regularizer", "_constraint"))
        if value is None or idle or key in LAYERS[kind]:
            continue
        if key == "dtype":
            name = value.get("config", {}).get("name") if isinstance(value, dict) else value
            if not FLOATS.fullmatch(str(name)):
                raise ForeignError(f"{about}: is of the type {str(name)[:60]}, not of floats")
        elif key not in PLAIN:
            raise ForeignError(f"{about}: setting {key[:60]} is unknown for {kind}")
        elif value != PLAIN[key]:
            raise ForeignError(f"{about}: {kind} with {key} {str(value)[:60]} cannot be played")
    if config.get("data_format") not in (None, "channels_last"):
        raise ForeignError(f"{about}: only channels_last is played")
    if config.get("interpolation") not in (None, "nearest", "bilinear"):
        what = str(config["interpolation"])[:60]
        raise ForeignError(f"{about}: interpolation {what} is another in Keras 3: refused")
    return {k: v for k, v in config.items() if k in LAYERS[kind] and v is not None}


def _about(config: Any, path: Path) -> str:
    return f"{path}: layer {str(config.get('name'))[:60]}"


def _activation(activation: Any, about: str, path: Path) -> Any:
    """A name that Keras 3 knows, or a layer that stands for one."""
    if isinstance(activation, dict):
        kind = activation.get("class_name")
        if kind in BENDS:
            return layer(kind, activation["config"], path)
        activation = activation["config"] if kind == "function" else kind
    if activation not in ACTIVATIONS:
        raise ForeignError(f"{about}: activation {activation!s:.60} refused")
    return activation
