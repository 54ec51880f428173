"""Measures the time of one decode: `python -m latentpad.models.decode_cost DECODER.keras`.

Prints milliseconds as JSON. It is a separate program because TensorFlow accepts a number of threads
only before its first use.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def decode(decoder: Path, runs: int = 300) -> dict[str, float]:
    """Measure the decoding of one latent on one thread, in another process: p50 and p99 in ms.

    Raises RuntimeError, with the last line that the other process printed, if it fails.
    """
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "latentpad.models.decode_cost", str(decoder), str(runs)],
        capture_output=True,
        text=True,
        check=False,
        # The backend that the instrument decodes with, whatever the model was trained with.
        env={"TF_ENABLE_ONEDNN_OPTS": "0", **os.environ, "PYTHONPATH": path}
        | {"KERAS_BACKEND": "tensorflow"},
    )
    if done.returncode:
        errors = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise RuntimeError(f"a decode cannot be measured: {errors[-1]}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def main(decoder: str, runs: int) -> None:
    import keras
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    model = keras.saving.load_model(decoder, compile=False)
    spec = tf.TensorSpec((1, model.input_shape[1]), tf.float32)
    call = tf.function(lambda z: model(z, training=False), input_signature=[spec])
    z = tf.zeros(spec.shape)
    times = []
    for run in range(runs + 20):
        began = time.perf_counter()
        call(z).numpy()
        if run >= 20:
            times.append(1000 * (time.perf_counter() - began))
    p50, p99 = np.percentile(times, [50, 99])
    print(json.dumps({"p50_ms": round(float(p50), 2), "p99_ms": round(float(p99), 2)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
