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
    ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
    for layer in ("zoo", "training", "export", "serving")
    for path in sorted((REPOSITORY / layer).rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


def test_examples_are_found_in_every_layer():
    layers = {name.split(".")[0] for name in MODULES}
    assert layers == {"zoo", "training", "export", "serving"}
    assert len(MODULES) >= 100


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    results = doctest.testmod(
        importlib.import_module(name),
        extraglobs={"np": np, "tf": tf, "keras": keras},
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert results.attempted > 0
    assert results.failed == 0
