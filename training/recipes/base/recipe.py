"""The base class of recipes, through which the rest of the project uses a kind of model."""

import abc
import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import keras

from training.data.data_sets import DataSet
from training.input.augmentation import NAMES, check_augmentations
from training.pages.picture_sheet import PictureSheet
from training.recipes.base.option import Option, options_of
from training.recipes.base.search_space import SearchSpace
from training.runs.config import TrainingConfig
from zoo.errors import UnknownNameError, WrongUsageError


class TimedAnswer(NamedTuple):
    """The call that answers a request, as the evaluation times it.

    Args:
        call: Maps tensors to the answer.
        make_inputs: Returns the call's arguments for a batch size.
        description: What the call does, e.g. `"generating"`.
    """

    call: Callable
    make_inputs: Callable[[int], tuple]
    description: str


class Recipe(abc.ABC):
    """Builds, feeds, compiles, samples and scores one model.

    Subclass it in `training/recipes/<model_name>.py` to make a new model trainable. No other code needs to
    name the model; `training/recipes/base/registry.py` finds the file.

    Attributes:
        model_name: The model's name on the command line, and the name of the recipe's file.
        epochs: Default number of epochs.
        batch_size: Default number of photos per step.
        learning_rate: Default learning rate of every optimizer.
        optimizer_options: Options of the optimizers with their defaults; their names become flags.
        option_words: Default and help, by the class's argument, of options that take words which the recipe
            translates.
        option_flags: Flags, by the class's argument, that differ from the argument's name.
        fixed_arguments: Arguments of the class that come from the configuration or the data set.
        schedule: Default learning rate schedule.
        augmentations: Names of the augmentations that suit the model.
        default_augmentations: Augmentations applied unless the user chooses others.
        degradations: Names of the degradations that low-res training images may undergo.
        needs_attributes: Whether the model learns only from photos with attributes.
        takes_patches: Whether the model learns from patches, many per photo.
        objective: The validation metric that decides which epoch is best; None without such a metric.
        search_space: Default search space of `zoo tune`.
        part_groups: Names that stand for several parts of the model in `--freeze`.
        is_generative: Whether the model makes pictures of requested attributes, which a judge can score. Each
            epoch ends with their distance to real photos, `val_kernel_distance`.
        takes_judge: Whether its pictures can be compared with photos by a judge.
        draws_slowly: Whether drawing takes so long that epochs end without that distance.
        is_judge: Whether the model has `judge` and `extract_features`, and can judge other models' pictures.
        has_encoder: Whether the model has `encode`, whose latents TensorBoard's projector shows.
        scores_folders: Whether the model can be scored on a folder of photos, which have no attributes.
        scores_masks: Whether it is scored on masks, which a folder of photos must have too.
        evaluations: Modules whose `make_stages(subject)` score it; see `training/evaluation/subject.py`.
        signatures: Module whose `make_signatures(model, isolates_rows)` defines its serving signatures.
        same_networks: Names of other models with the same networks, whose weights `--init-from` may take.
        visible_options: Options of the model that its clients see beside signatures and attributes.
        converts_to_tflite: Whether it can be exported as a TFLite file that enlarges photos.
    """

    model_name: ClassVar[str]
    epochs: ClassVar[int]
    batch_size: ClassVar[int]
    learning_rate: ClassVar[float]
    optimizer_options: ClassVar[dict[str, Any]] = {}
    option_words: ClassVar[Mapping[str, tuple[str, str]]] = {}
    option_flags: ClassVar[Mapping[str, str]] = {}
    fixed_arguments: ClassVar[Sequence[str]] = (
        "attributes",
        "image_size",
        "channels",
        "seed",
        "dtype",
        "name",
    )
    schedule: ClassVar[str] = "constant"
    augmentations: ClassVar[Sequence[str]] = NAMES
    default_augmentations: ClassVar[Sequence[str]] = ()
    degradations: ClassVar[Sequence[str]] = ()
    needs_attributes: ClassVar[bool] = True
    takes_patches: ClassVar[bool] = False
    objective: ClassVar[str | None] = None
    search_space: ClassVar[SearchSpace] = {}
    part_groups: ClassVar[Mapping[str, Sequence[str]]] = {}
    is_generative: ClassVar[bool] = False
    takes_judge: ClassVar[bool] = False
    draws_slowly: ClassVar[bool] = False
    is_judge: ClassVar[bool] = False
    has_encoder: ClassVar[bool] = False
    scores_folders: ClassVar[bool] = False
    scores_masks: ClassVar[bool] = False
    # Strings, because a recipe must import neither evaluation nor a layer to its right.
    evaluations: ClassVar[Sequence[str]] = ("training.evaluation.test_pictures",)
    signatures: ClassVar[str]
    same_networks: ClassVar[Sequence[str]] = ()
    visible_options: ClassVar[Sequence[str]] = ()
    converts_to_tflite: ClassVar[bool] = False

    @abc.abstractmethod
    def default_image_size(self, data_set: DataSet) -> int:
        """Returns the default side in pixels of the images that the model is trained on."""

    def default_patches_per_image(self, data_set: DataSet) -> int:
        """Returns the default number of patches per photo and epoch."""
        return 1

    @abc.abstractmethod
    def import_model_class(self) -> type[keras.Model]:
        """Returns the model's class, registered with Keras for loading saved models."""

    @functools.cached_property
    def options(self) -> tuple[Option, ...]:
        """The options of the model's class, and those of its optimizers."""
        of_class = options_of(
            self.import_model_class(), self.fixed_arguments, self.option_words, self.option_flags
        )
        return of_class + self.describe_optimizer_options()

    def describe_optimizer_options(self) -> tuple[Option, ...]:
        """Returns the options of the optimizers; override it where `optimizer_options` is not empty."""
        return ()

    @functools.cached_property
    def model_options(self) -> dict[str, Any]:
        """The options of the model's class, with their defaults."""
        return {
            option.name: option.default
            for option in self.options
            if option.name not in self.optimizer_options
        }

    @abc.abstractmethod
    def build_model(self, config: TrainingConfig, data_set: DataSet) -> keras.Model:
        """Builds a new model with the configuration's precision."""

    @abc.abstractmethod
    def compile_model(
        self, model: keras.Model, config: TrainingConfig, num_steps: int | None = None, **kwargs
    ) -> None:
        """Compiles the model for a training of `num_steps` steps, None if it is not trained.

        `kwargs` are passed to the model's `compile`.
        """

    @abc.abstractmethod
    def choose_cache(self, config: TrainingConfig, data_set: DataSet) -> str:
        """Returns the default cache for the training photos, chosen by their size."""

    @abc.abstractmethod
    def make_training_batches(self, config: TrainingConfig, data_set: DataSet, first_step: int):
        """Makes the endless, shuffled batches of the training split, starting at step `first_step`."""

    @abc.abstractmethod
    def make_evaluation_batches(self, config: TrainingConfig, data_set: DataSet, split: str):
        """Makes the batches of a split in a fixed order."""

    @abc.abstractmethod
    def draw_samples(self, model: keras.Model, config: TrainingConfig, data_set: DataSet) -> PictureSheet:
        """Draws a sheet of samples; between calls it changes only with the model's weights."""

    def draw_traversals(self, model: keras.Model, config: TrainingConfig) -> PictureSheet | None:
        """Draws a sheet of latent traversals; None if the model has no latents."""
        return None

    @abc.abstractmethod
    def make_answer(self, model: keras.Model) -> TimedAnswer:
        """Returns the call that answers a request; `zoo evaluate` measures its speed and memory."""

    def served_name(self, model: keras.Model) -> str:
        """Returns the default name under which the model is served."""
        return self.model_name

    def check_data_set(self, data_set: DataSet) -> None:
        """Raises `WrongUsageError` if the model cannot learn from the data set."""
        if self.needs_attributes and not data_set.attributes:
            raise WrongUsageError(
                f"{self.model_name} needs a data set with attributes, because it learns how photos depend on "
                f"them. Received: dataset={data_set.name}, which has none. Build it with a --table, or train "
                "srcnn or fsrcnn."
            )

    def check_changes(self, config: TrainingConfig) -> None:
        """Checks the augmentations, degradations and patches of a configuration.

        Raises:
            UnknownNameError: There is no such augmentation or degradation.
            WrongUsageError: Several patches per photo are requested from a model that trains on whole photos.
        """
        if config.patches_per_image > 1 and not self.takes_patches:
            raise WrongUsageError(
                f"`--patches-per-image` must be 1 for {config.model}, because it is trained on whole photos. "
                f"Received: patches_per_image={config.patches_per_image}. Omit the option."
            )
        check_augmentations(config.augment, self.augmentations)
        for name in config.degrade:
            if name not in self.degradations:
                advice = "" if self.degradations else "Only super-resolution models degrade their input."
                raise UnknownNameError(f"degradation of {self.model_name}", name, self.degradations, advice)

    def to_answer(self, model: keras.Model) -> keras.Model:
        """Returns a trained model as it answers, without what only its training needs."""
        return model

    def to_train(self, model: keras.Model) -> keras.Model:
        """Returns a model that `to_answer` returned as it is trained further."""
        return model

    def score(self, model: keras.Model, config: TrainingConfig, data_set: DataSet) -> dict:
        """Scores the model on the test split, by default with its `test_step`.

        Args:
            model: A loaded model; this method compiles it.
            config: Configuration of the model's run.
            data_set: Data set with the test split.

        Returns:
            Scores by name.
        """
        self.compile_model(model, config, jit_compile=False)
        batches = self.make_evaluation_batches(config, data_set, "test")
        with warnings.catch_warnings():
            # Keras warns of batches that end, as they should here.
            warnings.filterwarnings("ignore", message="Your input ran out of data")
            return model.evaluate(batches, verbose=0, return_dict=True)
