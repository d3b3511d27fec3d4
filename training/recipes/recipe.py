"""What differs between the trainings of two models."""

import abc
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import keras

from training.data.data_sets import DataSet
from training.input.augmentation import NAMES, check_augmentations
from training.pages.picture_sheet import PictureSheet
from training.recipes.search_space import SearchSpace
from training.runs.config import TrainingConfig
from zoo.errors import UnknownNameError, WrongUsageError


class Recipe(abc.ABC):
    """How one model is built, fed, compiled, shown and scored.

    Use it to make a new model trainable: write a subclass in a file of its own and name it in
    `training/recipes/recipes.py`.

    Attributes:
        model_name: What the model is called on the command line.
        epochs: Default number of epochs.
        batch_size: Default pictures a step.
        learning_rate: Default of every optimizer.
        model_options: The options of the model's class that a user may set, with their defaults.
        optimizer_options: The same of the optimizers.
        schedule: Default of how the learning rate changes.
        augmentations: Names of the random changes of training pictures that make sense for the model.
        default_augmentations: Those that are made when the user names none.
        degradations: Names of what may be done to low-res training pictures.
        needs_attributes: Whether it learns from pictures with attributes only.
        takes_patches: Whether it learns from patches, of which a picture has many.
        objective: The validation metric that says which epoch is the best one; None where none does.
        search_space: What `zoo tune` may change when the user does not say.
    """

    model_name: ClassVar[str]
    epochs: ClassVar[int]
    batch_size: ClassVar[int]
    learning_rate: ClassVar[float]
    model_options: ClassVar[dict[str, Any]]
    optimizer_options: ClassVar[dict[str, Any]] = {}
    schedule: ClassVar[str] = "constant"
    augmentations: ClassVar[Sequence[str]] = NAMES
    default_augmentations: ClassVar[Sequence[str]] = ()
    degradations: ClassVar[Sequence[str]] = ()
    needs_attributes: ClassVar[bool] = True
    takes_patches: ClassVar[bool] = False
    objective: ClassVar[str | None] = None
    search_space: ClassVar[SearchSpace] = {}

    @abc.abstractmethod
    def default_image_size(self, data_set: DataSet) -> int:
        """Returns the side in pixels that the model is trained at when the user names none."""

    def default_patches_per_image(self, data_set: DataSet) -> int:
        """Returns how many patches of each picture make an epoch when the user does not say."""
        return 1

    @abc.abstractmethod
    def import_model_class(self) -> type[keras.Model]:
        """Returns the class, registered with Keras, so that saved models of it can be loaded."""

    @abc.abstractmethod
    def build_model(self, config: TrainingConfig, data_set: DataSet) -> keras.Model:
        """Returns a new model under the configuration's precision."""

    @abc.abstractmethod
    def compile_model(
        self, model: keras.Model, config: TrainingConfig, num_steps: int | None = None, **kwargs
    ) -> None:
        """Sets the optimizers for a training of `num_steps`, if any; `kwargs` go to `compile`."""

    @abc.abstractmethod
    def choose_cache(self, config: TrainingConfig, data_set: DataSet) -> str:
        """Returns where the training pictures are kept when the user does not say: by their size."""

    @abc.abstractmethod
    def make_training_batches(self, config: TrainingConfig, data_set: DataSet, first_step: int):
        """Returns the endless, shuffled batches of the training split, from `first_step` on."""

    @abc.abstractmethod
    def make_evaluation_batches(self, config: TrainingConfig, data_set: DataSet, split: str):
        """Returns the batches of a split in their fixed order."""

    @abc.abstractmethod
    def draw_samples(self, model: keras.Model, config: TrainingConfig, data_set: DataSet) -> PictureSheet:
        """Returns a sheet that is the same at every call but for what the model has learned."""

    def check_data_set(self, data_set: DataSet) -> None:
        """Raises `WrongUsageError` if the model cannot learn from a data set."""
        if self.needs_attributes and not data_set.attributes:
            raise WrongUsageError(
                f"{self.model_name} needs an attribute, because it learns what pictures of each value share. "
                f"Received: {data_set.name}, which has none. Build it with a --table, or train "
                "srcnn or fsrcnn."
            )

    def check_changes(self, config: TrainingConfig) -> None:
        """Checks that training pictures are to be changed and cut in ways that exist.

        Raises:
            UnknownNameError: There is no such augmentation or degradation.
            WrongUsageError: There are to be patches where whole pictures are trained on.
        """
        if config.patches_per_image > 1 and not self.takes_patches:
            raise WrongUsageError(
                f"{config.model} is trained on whole pictures. Received: "
                f"patches_per_image={config.patches_per_image}. Leave `--patches-per-image` out."
            )
        check_augmentations(config.augment, self.augmentations)
        for name in config.degrade:
            if name not in self.degradations:
                advice = (
                    "" if self.degradations else "Only super-resolution has low-res pictures (srcnn, fsrcnn)."
                )
                raise UnknownNameError(f"degradation of {self.model_name}", name, self.degradations, advice)

    def score(self, model: keras.Model, config: TrainingConfig, data_set: DataSet) -> dict:
        """Returns the model's scores on the test split, by name; by default those of its `test_step`.

        Args:
            model: A loaded model; compiled here.
            config: Configuration of its run.
            data_set: Where the test split comes from.
        """
        self.compile_model(model, config, jit_compile=False)
        batches = self.make_evaluation_batches(config, data_set, "test")
        with warnings.catch_warnings():
            # Of batches as they should be here: they end.
            warnings.filterwarnings("ignore", message="Your input ran out of data")
            return model.evaluate(batches, verbose=0, return_dict=True)
