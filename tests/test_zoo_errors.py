"""Unknown names are answered with the one that was probably meant."""

import pytest

from zoo.errors import UnknownNameError

KNOWN = ["fsrcnn_x3", "fsrcnn_x2", "conditional_vae", "dcgan"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("fsrcnn_2x", "fsrcnn_x2"), ("vae", "conditional_vae"), ("DCGAN", "dcgan"), ("dcgann", "dcgan")],
)
def test_near_misses(name, meant):
    message = UnknownNameError("preset", name, KNOWN, "Choose one.").args[0]
    known = ", ".join(KNOWN)
    assert (
        message == f"Unknown preset. Received: {name!r}. Known: {known}. Did you mean {meant!r}? Choose one."
    )


@pytest.mark.parametrize("name", ["", "x", "sock", "fsrcnn"])
def test_what_is_near_to_none_or_to_several_is_not_guessed(name):
    assert "Did you mean" not in UnknownNameError("preset", name, KNOWN).args[0]
