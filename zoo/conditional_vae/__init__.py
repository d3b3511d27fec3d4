"""The conditional variational autoencoder, which edits photos and generates pictures."""

from zoo.conditional_vae.conditional_vae import ConditionalVAE

__all__ = ["ConditionalVAE"]
