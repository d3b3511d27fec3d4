"""How SRCNN is trained."""

from training.super_resolution_recipe import SuperResolutionRecipe
from zoo.srcnn import SRCNN


class SRCNNRecipe(SuperResolutionRecipe):
    """Trains `zoo.srcnn.SRCNN`."""

    model_name = "srcnn"
    epochs = 20
    batch_size = 64
    learning_rate = 1e-3
    patch_size = 48
    model_options = {"upscale_factor": 2, "kernels": "9-1-5", "is_residual": False, "colour_space": "luma"}

    def import_model_class(self):
        return SRCNN
