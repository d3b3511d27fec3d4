"""The examples in docstrings."""

import doctest
import importlib
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

REPOSITORY = Path(__file__).parent.parent
MODULES = [
    f"{path.parent.name}.{path.stem}"
    for layer in ("zoo", "training", "export", "serving")
    for path in sorted((REPOSITORY / layer).glob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    results = doctest.testmod(
        importlib.import_module(name),
        extraglobs={"np": np, "tf": tf, "keras": keras},
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert results.attempted > 0
    assert results.failed == 0
