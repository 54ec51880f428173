"""A real-time latent-space instrument: a finger on an XY pad plays a variational autoencoder.

This folder holds links to the packages, which lie beside it in the repository.
"""

__version__ = "0.2.0"
