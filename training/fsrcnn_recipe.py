"""How FSRCNN is trained."""

from training.super_resolution_recipe import SuperResolutionRecipe
from zoo.fsrcnn import FSRCNN


class FSRCNNRecipe(SuperResolutionRecipe):
    """Trains `zoo.fsrcnn.FSRCNN`."""

    model_name = "fsrcnn"
    epochs = 20
    batch_size = 16
    learning_rate = 2e-3
    schedule = "cosine"
    patch_size = 72
    model_options = {"upscale_factor": 2, "is_residual": True, "colour_space": "luma"}

    def import_model_class(self):
        return FSRCNN
