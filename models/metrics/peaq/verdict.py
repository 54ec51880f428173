"""From the eleven model output variables to one grade: the network of BS.1387-1, section 6."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

_INPUTS: dict[str, tuple[float, float, tuple[float, float, float]]] = {
    # name: least, greatest, weights into the three hidden nodes
    "BandwidthRef": (393.916656, 921, (-0.502657, 0.436333, 1.219602)),
    "BandwidthTest": (361.965332, 881.131226, (4.307481, 3.246017, 1.123743)),
    "TotalNMR": (-24.045116, 16.212030, (4.984241, -2.211189, -0.192096)),
    "WinModDiff1": (1.110661, 107.137772, (0.051056, -1.762424, 4.331315)),
    "ADB": (-0.206623, 2.886017, (2.321580, 1.789971, -0.754560)),
    "EHS": (0.074318, 13.933351, (-5.303901, -3.452257, -10.814982)),
    "AvgModDiff1": (1.113683, 63.257874, (2.730991, -6.111805, 1.519223)),
    "AvgModDiff2": (0.950345, 1145.018555, (0.624950, -1.331523, -5.955151)),
    "RmsNoiseLoud": (0.029985, 14.819740, (3.102889, 0.871260, -5.922878)),
    "MFPD": (0.000101, 1, (-1.051468, -0.939882, -0.142913)),
    "RelDistFrames": (0, 1, (-1.804679, -0.503610, -0.620456)),
}
_HIDDEN_BIAS = np.array([-2.518254, 0.654841, -2.207228])
_OUTPUT = np.array([-3.817048, 4.107138, 4.629582])
_OUTPUT_BIAS = -0.307594
_WORST, _BEST = -3.98, 0.22

NAMES = tuple(_INPUTS)
_LEAST = np.array([least for least, _, _ in _INPUTS.values()])
_RANGE = np.array([greatest - least for least, greatest, _ in _INPUTS.values()])
_HIDDEN = np.array([weights for _, _, weights in _INPUTS.values()])


@dataclass(frozen=True)
class Peaq:
    """How much worse than its reference a sound is, by BS.1387-1's basic version."""

    odg: float
    """Objective difference grade: 0 imperceptible, −4 very annoying (0.22 to −3.98)."""
    di: float
    """Distortion index: the grade before it is squeezed into its scale; more is better."""
    WinModDiff1: float
    """Difference of the envelopes' modulation, of 100 ms at a time, %."""
    AvgModDiff1: float
    """The same, of all frames by their level."""
    AvgModDiff2: float
    """The same, with more weight on modulation that was added."""
    RmsNoiseLoud: float
    """Partial loudness of what was added, sone."""
    BandwidthRef: float
    """Bandwidth of the reference, FFT bins of 23.4 Hz."""
    BandwidthTest: float
    """Bandwidth of the other sound, FFT bins of 23.4 Hz."""
    TotalNMR: float
    """Noise to mask, dB."""
    RelDistFrames: float
    """Share of the frames with noise 1.5 dB above the mask in some band."""
    ADB: float
    """Average distorted block: log10 of the steps above the threshold, in distorted frames."""
    MFPD: float
    """Maximum filtered probability of detection."""
    EHS: float
    """Error harmonic structure: how harmonic the error is, times 1000."""
    valid: bool
    """Every variable had frames to be measured on."""
    missing: tuple[str, ...]
    """The variables that no frame qualified for, and that are 0 for that; see `valid`."""


def verdict(variables: Mapping[str, float], missing: tuple[str, ...] = ()) -> Peaq:
    """The grade of the variables of `NAMES`.

    As in Kabal's program, they are not clipped to the range that the network was trained on.
    """
    scaled = (np.array([variables[name] for name in NAMES]) - _LEAST) / _RANGE
    di = float(expit(scaled @ _HIDDEN + _HIDDEN_BIAS) @ _OUTPUT + _OUTPUT_BIAS)
    odg = float(_WORST + (_BEST - _WORST) * expit(di))
    named = {name: variables[name] for name in NAMES}
    return Peaq(odg=odg, di=di, valid=not missing, missing=missing, **named)
