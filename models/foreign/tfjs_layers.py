"""The layers of a TensorFlow.js model that are known, each with its settings, made as Keras 3's.

Topologies are Keras 2 configs; every layer and every setting is taken from the lists below or
refused by name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from models.foreign.layout import ForeignError
from models.keras_file import sampling


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Not hard_sigmoid: Keras 3 has another slope than Keras 2 and TensorFlow.js.
ACTIVATIONS = _words(
    "linear relu relu6 sigmoid tanh elu selu softmax softplus softsign swish silu gelu "
    "exponential mish"
)
_CONV = "filters kernel_size strides padding data_format dilation_rate groups activation use_bias"
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
        "Conv1D Conv2D": _CONV,
        "Conv1DTranspose Conv2DTranspose": _CONV + " output_padding",
        "DepthwiseConv2D": _CONV.replace("filters ", "") + " depth_multiplier",
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
        "Dropout SpatialDropout1D SpatialDropout2D GaussianDropout": "rate",
        "GaussianNoise": "stddev",
        "Add Subtract Multiply Average Maximum Minimum": "",
        "Concatenate": "axis",
    }.items()
    for name in names.split()
}
#: Settings that change nothing of what a trained model gives.
IDLE = _words(
    "trainable dtype batch_input_shape batch_shape input_dtype noise_shape seed name sparse ragged "
    "implementation fused renorm renorm_momentum renorm_clipping virtual_batch_size synchronized "
    "momentum input_dim input_length input_shape rank supports_masking"
)


def layer(kind: Any, config: Any, path: Path) -> Any:
    """The Keras layer of a Keras 2 config. Raises ForeignError, and whatever Keras does."""
    name = str(config.get("name"))[:60]
    if kind not in LAYERS:
        raise ForeignError(
            f"{path}: layer {name}: {sampling(str(kind)) or str(kind)[:60]}: refused"
        )
    config = dict(config)
    if kind == "LeakyReLU" and "alpha" in config:
        config["negative_slope"] = config.pop("alpha")
    if kind == "BatchNormalization" and config.get("renorm"):
        raise ForeignError(f"{path}: layer {name}: renorm is unknown to Keras 3")
    wanted = {k: v for k, v in config.items() if k in LAYERS[kind] and v is not None}
    for key, value in config.items():
        idle = key in IDLE or key.endswith(("_initializer", "_regularizer", "_constraint"))
        if key not in LAYERS[kind] and not idle and value is not None:
            raise ForeignError(f"{path}: layer {name}: setting {key[:60]} is unknown for {kind}")
    if wanted.get("data_format", "channels_last") != "channels_last":
        raise ForeignError(f"{path}: layer {name}: only channels_last is played")
    if isinstance(wanted.get("activation", ""), dict):
        wanted["activation"] = wanted["activation"].get("class_name")
    if wanted.get("activation", "linear") not in ACTIVATIONS:
        raise ForeignError(f"{path}: layer {name}: activation {wanted['activation']!s:.60} refused")
    if kind == "BatchNormalization" and isinstance(wanted.get("axis"), list):
        (wanted["axis"],) = wanted["axis"]
    from keras import layers

    return getattr(layers, kind)(**wanted, name=config.get("name"))
