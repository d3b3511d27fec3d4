"""Requests that are wrong as a whole: INVALID_ARGUMENT, and the process lives.

All are sent in one process of their own, because what they are sent for is that a kernel that is fed them
could end it.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from exported_models import exported

pytestmark = pytest.mark.slow

GREY = "conditional_vae"
# Model, signature, inputs as (dtype, shape), and what the message must say.
REQUESTS = {
    "seeds without rows": ("dcgan", "generate", {"seed": ("int64", []), "category": ("str", [1])}, "[?]"),
    "seeds of two ranks": ("dcgan", "generate", {"seed": ("int64", [1, 1]), "category": ("str", [1])}, "[?]"),
    "seeds that are decimals": (
        "dcgan",
        "generate_png",
        {"seed": ("float32", [1]), "category": ("str", [1])},
        "int64",
    ),
    "categories that are numbers": (
        "dcgan",
        "generate",
        {"seed": ("int64", [1]), "category": ("int64", [1])},
        "string",
    ),
    "more seeds than categories": (
        "dcgan",
        "generate",
        {"seed": ("int64", [2]), "category": ("str", [1])},
        "must have the same number of rows",
    ),
    "a seed and no category": (
        "dcgan",
        "generate_png",
        {"seed": ("int64", [1]), "category": ("str", [0])},
        "must have the same number of rows",
    ),
    "longer latents": (
        "dcgan",
        "decode",
        {"latents": ("float32", [1, 9]), "category": ("str", [1])},
        "[?,8]",
    ),
    "latents without rows": (
        GREY,
        "decode",
        {"latents": ("float32", [8]), "category": ("str", [1])},
        "[?,8]",
    ),
    "encode: float pictures": (
        GREY,
        "encode",
        {"images": ("float32", [1, 28, 28, 1]), "category": ("str", [1])},
        "uint8",
    ),
    "encode: one picture without rows": (
        GREY,
        "encode",
        {"images": ("uint8", [28, 28, 1]), "category": ("str", [1])},
        "[?,?,?,1]",
    ),
    **{
        f"edit: pictures of {shape}": (
            GREY,
            "edit",
            {"images": ("uint8", shape), "category": ("str", [1]), "target_category": ("str", [1])},
            message,
        )
        for shape, message in (
            ([1, 28, 28, 3], "[?,?,?,1]"),
            ([1, 28, 28], "[?,?,?,1]"),
            ([28], "[?,?,?,1]"),
            ([1, 0, 28, 1], "Images must have 1 to 25000000 pixels"),
            ([1, 28, 0, 1], "Images must have 1 to 25000000 pixels"),
            ([1, 1, 25_000_001, 1], "Images must have 1 to 25000000 pixels"),
            ([2, 28, 28, 1], "must have the same number of rows"),
        )
    },
    "edit_png: fewer targets": (
        GREY,
        "edit_png",
        {"image_bytes": ("str", [2]), "category": ("str", [2]), "target_category": ("str", [1])},
        "must have the same number of rows",
    ),
    **{
        f"upscale: pictures of {shape}": ("srcnn_x2", "upscale", {"images": ("uint8", shape)}, message)
        for shape, message in (
            ([1, 8, 8, 1], "[?,?,?,3]"),
            ([1, 8, 8, 4], "[?,?,?,3]"),
            ([8, 8, 3], "[?,?,?,3]"),
            ([1, 1, 8, 8, 3], "[?,?,?,3]"),
            ([], "[?,?,?,3]"),
            ([1, 0, 8, 3], "Images must have 1 to 25000000 pixels"),
            ([3, 8, 0, 3], "Images must have 1 to 25000000 pixels"),
            ([1, 5001, 5000, 3], "Images must have 1 to 25000000 pixels"),
        )
    },
    "upscale: float pictures": ("srcnn_x2", "upscale", {"images": ("float32", [1, 8, 8, 3])}, "uint8"),
    "upscale_png: a file without rows": ("srcnn_x2", "upscale_png", {"image_bytes": ("str", [])}, "[?]"),
    "classify_png: a file without rows": ("classifier", "classify_png", {"image_bytes": ("str", [])}, "[?]"),
    "classify_png: files of two ranks": (
        "classifier",
        "classify_png",
        {"image_bytes": ("str", [1, 1])},
        "[?]",
    ),
    "classify_png: pictures": (
        "classifier",
        "classify_png",
        {"image_bytes": ("uint8", [1, 28, 28, 1])},
        "string",
    ),
    "upscale_png: numbers": ("srcnn_x2", "upscale_png", {"image_bytes": ("int64", [1])}, "string"),
}

# Answered, although the request names pictures that would fill the memory: it has none of them.
NO_ROWS = {
    "upscale: no pictures of terabytes": (
        "srcnn_x2",
        "upscale",
        {"images": ("uint8", [0, 2**20, 2**20, 3])},
        "",
    ),
    "edit: no pictures of terabytes": (
        GREY,
        "edit",
        {
            "images": ("uint8", [0, 2**20, 2**20, 1]),
            "category": ("str", [0]),
            "target_category": ("str", [0]),
        },
        "",
    ),
}

# Asks every request of the loaded SavedModel, and of a session as TF Serving runs it: fed by the C binding,
# because `Session.run` would refuse wrong shapes, and cast wrong types, before the graph sees them.
SCRIPT = """
import json, sys
import numpy as np
import tensorflow as tf
from tensorflow.python.client import pywrap_tf_session

directories, requests = (json.loads(text) for text in sys.argv[1:])

def make_array(dtype, shape):
    return np.full(shape, b"", object) if dtype == "str" else np.zeros(shape, dtype)

def outcome(function):
    try:
        function()
    except Exception as error:
        return [type(error).__name__, str(error)]
    return ["answered", ""]

loaded, sessions = {}, {}
for name, directory in directories.items():
    loaded[name] = tf.saved_model.load(directory).signatures
    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        meta_graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], directory)
    sessions[name] = session, meta_graph.signature_def

def ask_loaded(name, signature, inputs):
    tensors = {
        alias: tf.convert_to_tensor(array, tf.string if array.dtype == object else None)
        for alias, array in inputs.items()
    }
    loaded[name][signature](**tensors)

def ask_session(name, signature, inputs):
    session, signatures = sessions[name]
    tensor = lambda info: session.graph.get_tensor_by_name(info.name)._as_tf_output()
    feeds = {tensor(signatures[signature].inputs[alias]): array for alias, array in inputs.items()}
    fetches = [tensor(info) for info in signatures[signature].outputs.values()]
    pywrap_tf_session.TF_SessionRun_wrapper(session._session, None, feeds, fetches, [], None)

for key, (name, signature, inputs, _) in requests.items():
    arrays = {alias: make_array(*described) for alias, described in inputs.items()}
    print(json.dumps([key, "loaded", *outcome(lambda: ask_loaded(name, signature, arrays))]), flush=True)
    print(json.dumps([key, "session", *outcome(lambda: ask_session(name, signature, arrays))]), flush=True)
print(json.dumps(["the process", "lives", "", ""]))
"""


@pytest.fixture(scope="module")
def outcomes():
    """What became of each request, by its name and by who was asked; as far as the process lived."""
    directories = {name: str(exported(name).directory) for name in ("dcgan", GREY, "srcnn_x2", "classifier")}
    arguments = [json.dumps(directories), json.dumps({**REQUESTS, **NO_ROWS})]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent.parent,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {(key, asked): (outcome, message) for key, asked, outcome, message in lines}


def test_the_process_lives(outcomes):
    assert ("the process", "lives") in outcomes


@pytest.mark.parametrize("asked", ["loaded", "session"])
@pytest.mark.parametrize("key", REQUESTS)
def test_wrong_request_is_an_invalid_argument(outcomes, key, asked):
    outcome, message = outcomes[key, asked]
    assert outcome == "InvalidArgumentError"
    assert REQUESTS[key][3] in message


@pytest.mark.parametrize("asked", ["loaded", "session"])
@pytest.mark.parametrize("key", NO_ROWS)
def test_no_rows_cost_no_memory_whatever_size_they_name(outcomes, key, asked):
    assert outcomes[key, asked] == ("answered", "")
