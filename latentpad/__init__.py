"""A real-time latent-space instrument: a finger on an XY pad plays a variational autoencoder.

The folders lie beside this one in the repository; here are links to them.
"""

__version__ = "0.2.0"
