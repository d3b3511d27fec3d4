"""`import zoo`: models by name, loaded lazily and without TensorFlow until first use."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import zoo
from zoo.classifier import Classifier
from zoo.cleaning import Cleaner
from zoo.conditional_vae import ConditionalVAE
from zoo.cutout import Cutout
from zoo.dcgan import DCGAN
from zoo.latent_flow import Autoencoder, LatentFlow
from zoo.recolour import Recolour
from zoo.stitching import Stitcher
from zoo.style import StyleTransfer
from zoo.super_resolution import ECBSR, FSRCNN, SRCNN, SuperResolution

REPOSITORY = Path(__file__).parent.parent
MODELS = (
    *(Autoencoder, Classifier, Cleaner, ConditionalVAE, Cutout, DCGAN, ECBSR, FSRCNN, LatentFlow, Recolour),
    *(SRCNN, Stitcher, StyleTransfer, SuperResolution),
)
HEAVY = {"tensorflow", "keras", "numpy", "tensorflow_datasets", "PIL", "grpc"}


@pytest.mark.parametrize("model_class", MODELS)
def test_a_model_is_imported_from_the_package(model_class):
    assert getattr(zoo, model_class.__name__) is model_class
    assert model_class.__name__ in zoo.__all__
    assert model_class.__name__ in dir(zoo)


def test_everything_that_the_package_promises_is_there():
    assert set(zoo.__all__) == {model_class.__name__ for model_class in MODELS} | {"__version__"}
    names = {}
    exec("from zoo import *", names)
    assert names.keys() >= set(zoo.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match=re.escape("module 'zoo' has no attribute 'Dcgan'")):
        zoo.Dcgan  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Dcgan' from 'zoo'"):
        from zoo import Dcgan  # noqa: F401


def test_the_package_imports_nothing_heavy():
    script = "import sys, zoo; dir(zoo); print(zoo.__version__, *sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True
    )
    version, *imported = done.stdout.split()
    assert version == zoo.__version__
    assert "zoo" in imported
    assert HEAVY & set(imported) == set()


def test_the_version_is_that_of_the_distribution(setup_arguments):
    assert setup_arguments["version"] == zoo.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", zoo.__version__)
