"""What makes and holds sounds: the representation, the VAE, its training, and model packs."""

import os

# Before TensorFlow is imported by anyone: its banners are no news to a performer.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
