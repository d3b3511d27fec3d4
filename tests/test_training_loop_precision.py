"""The dtype policy that `auto` chooses on each kind of machine."""

import re

import pytest

from training.loop import precision
from training.loop.precision import resolve_jit, resolve_precision
from zoo.errors import UnknownNameError


@pytest.fixture
def set_machine(monkeypatch, tmp_path):
    """Pretends GPUs of some compute capabilities, and a /proc/cpuinfo."""

    def set_(gpus=(), cpuinfo=None):
        path = tmp_path / "cpuinfo"
        if cpuinfo is not None:
            path.write_text(cpuinfo)
        monkeypatch.setattr(precision, "_gpu_capabilities", lambda: list(gpus))
        monkeypatch.setattr(precision, "Path", lambda name: {"/proc/cpuinfo": path}[name])

    return set_


@pytest.mark.parametrize("name", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_a_policy_that_is_asked_for_is_taken_as_it_is(set_machine, name):
    set_machine(gpus=[(9, 0)], cpuinfo="flags : amx_bf16")
    assert resolve_precision(name) == (name, "requested")


@pytest.mark.parametrize(
    ("gpus", "cpuinfo", "expected"),
    [
        ([(7, 0)], "flags : amx_bf16", ("mixed_float16", "the GPU has tensor cores")),
        ([(9, 0), (6, 1)], "flags : amx_bf16", ("float32", "the GPU has no tensor cores")),
        ([], "processor : 0\nflags\t\t: fpu avx512_bf16\n", ("mixed_bfloat16", "the CPU has avx512_bf16")),
        ([], "flags : amx_bf16 avx512_bf16", ("mixed_bfloat16", "the CPU has amx_bf16")),
        # The flag of another thing must not be taken for it, nor a processor named after it.
        ([], "model name : avx512_bf16\nflags : avx512_bf16_like fpu", None),
        ([], "processor : 0\n", None),
        ([], None, None),
    ],
)
def test_auto_takes_what_the_machine_is_fast_at(set_machine, gpus, cpuinfo, expected):
    set_machine(gpus, cpuinfo)
    no_hardware = ("float32", "there is neither a GPU nor a CPU with bfloat16 instructions")
    assert resolve_precision("auto") == (expected or no_hardware)


def test_gpus_that_tensorflow_sees_are_asked_for_their_capability(monkeypatch):
    import tensorflow as tf

    details = {"new": {"compute_capability": (8, 6)}, "unknown": {}}
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: {"GPU": list(details)}[kind])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", details.get)
    assert resolve_precision("auto") == ("float32", "the GPU has no tensor cores")
    del details["unknown"]
    assert resolve_precision("auto") == ("mixed_float16", "the GPU has tensor cores")


def test_an_unknown_policy_is_answered_with_those_that_exist():
    message = "Unknown precision. Received: 'float16'. Known: auto, float32, mixed_float16, mixed_bfloat16."
    with pytest.raises(UnknownNameError, match=re.escape(message)):
        resolve_precision("float16")


@pytest.mark.parametrize(
    ("jit", "gpus", "expected"),
    [
        ("auto", [], False),
        ("auto", [(8, 0)], "auto"),
        ("on", [], True),
        ("on", [(8, 0)], True),
        ("off", [(8, 0)], False),
    ],
)
def test_xla_is_left_to_keras_on_gpus_alone(set_machine, jit, gpus, expected):
    set_machine(gpus)
    assert resolve_jit(jit) == expected


def test_an_unknown_choice_of_jit():
    with pytest.raises(UnknownNameError, match="choice of --jit. Received: 'yes'. Known: auto, on, off."):
        resolve_jit("yes")
