"""Sounds and models: the representation, the VAE, training, packs, libraries, and their files."""

import os

# Set before TensorFlow is imported: no banners on a performer's terminal.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Set before Keras is imported: the TensorFlow backend with Keras' defaults, float32 and channels
# last, independent of the user's environment. Without a folder Keras neither reads nor writes
# keras.json.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["KERAS_HOME"] = os.devnull
for _limit in ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH"):
    os.environ.pop(_limit, None)
