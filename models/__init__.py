"""What makes and holds sounds: the representation, the VAE, its training, and model packs."""

import os

# Before TensorFlow is imported by anyone: its banners are no news to a performer.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Before Keras is imported by anyone: whatever the user's own work is set to, here it is TensorFlow
# with Keras' own defaults, float32 and channels last. Where Keras finds no folder of its own it
# reads no keras.json and writes none.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["KERAS_HOME"] = os.devnull
for _limit in ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH"):
    os.environ.pop(_limit, None)
