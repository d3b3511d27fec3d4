"""What every test may rely on: a quiet TensorFlow, a home of its own, one small prepared data set."""

import os

# Before TensorFlow is imported anywhere.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pytest

pytest.register_assert_rewrite("checks")


@pytest.fixture(scope="session", autouse=True)
def home_of_its_own(tmp_path_factory):
    """Keeps tests from reading or writing what the user has prepared."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(tmp_path_factory.mktemp("zoo-home")))
        patch.setenv("TFDS_DATA_DIR", str(tmp_path_factory.mktemp("tfds")))
        yield


@pytest.fixture(scope="session")
def small_data_dir(tmp_path_factory):
    """A data directory with a `rendered_catalog` of 40 RGB pictures of 16 pixels: 32 train, 4, 4."""
    from training import rendered_catalog

    data_dir = tmp_path_factory.mktemp("data")
    rendered_catalog.prepare(data_dir, size=16, count=40)
    return data_dir


@pytest.fixture(scope="session")
def small_data_set(small_data_dir):
    from training.data_sets import load_data_set

    return load_data_set("rendered_catalog", small_data_dir)
