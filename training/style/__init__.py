"""What the style model learns from: style pictures, a loss network and the losses on its features."""
