"""The conditional variational autoencoder, which generates pictures and edits photos."""

from zoo.conditional_vae.conditional_vae import ConditionalVAE

__all__ = ["ConditionalVAE"]
