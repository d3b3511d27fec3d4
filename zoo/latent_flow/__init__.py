"""Draws new products from attributes and words: an autoencoder, and a flow in its latents."""

from zoo.latent_flow.autoencoder import Autoencoder
from zoo.latent_flow.latent_flow import LatentFlow

__all__ = ["Autoencoder", "LatentFlow"]
