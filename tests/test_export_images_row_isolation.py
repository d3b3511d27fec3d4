"""`zoo export --isolate-rows`: damage that only a decoder finds is an error of its row, over a session."""

import functools
import struct

import numpy as np
import pytest
from exported_models import build_model, exported, random_pictures, to_png
from kept_directories import make_directory
from picture_files import JPEG, chunk, jpeg_with

from export.saved_model.exporter import save
from export.signatures.of_models import make_signatures
from serving.model_server.core.saved_model_session import SavedModelSession
from serving.wire.status import InvalidArgument

pytestmark = pytest.mark.slow

SIGNATURES = {"srcnn_x2": "upscale_png", "conditional_vae": "edit_png", "classifier_rgb": "classify_png"}

HEADER = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
START = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", HEADER)
# Their headers, sizes and ends are in order.
DAMAGED = {
    "pixels that are no zlib stream": START + chunk(b"IDAT", b"\xff" * 40) + chunk(b"IEND"),
    "pixels that end too early": START + chunk(b"IDAT", b"\x78\x9c\x03\x00\x00\x00\x00\x01") + chunk(b"IEND"),
    "a quantisation table of no number": jpeg_with([(0xDB, b"\x0f" + bytes(64))]),
}
GOOD = [to_png(random_pictures(1, 20, 30, 3, seed)[0]) for seed in range(2)] + [JPEG]


@functools.cache
def session(name, isolates_rows) -> SavedModelSession:
    if not isolates_rows:
        return SavedModelSession(exported(name).directory)
    directory = make_directory("isolating-model")
    save(make_signatures(build_model(name), isolates_rows=True), directory)
    return SavedModelSession(directory)


def ask(name, files, isolates_rows):
    """Asks a model with the same attributes for every row; returns arrays by output."""
    model_session = session(name, isolates_rows)
    signature = model_session.signature(SIGNATURES[name])
    rows = {alias: np.array([""] * len(files), object) for alias in signature.inputs}
    rows["image_bytes"] = np.array(files, object)
    return model_session.predict(signature, rows, decode=lambda array: array)


@pytest.mark.parametrize("name", SIGNATURES)
@pytest.mark.parametrize("key", DAMAGED)
def test_the_damaged_row_has_an_error_and_its_neighbours_their_answers(name, key):
    with pytest.raises(InvalidArgument):
        ask(name, [GOOD[0], DAMAGED[key]], isolates_rows=False)
    outputs = ask(name, [GOOD[0], DAMAGED[key], GOOD[1], b"GIF89a", GOOD[2]], isolates_rows=True)
    alone = ask(name, GOOD, isolates_rows=False)
    kind = "JPEG" if DAMAGED[key].startswith(b"\xff") else "PNG"
    message = (
        f"`image_bytes` must hold pixels that can be decoded. Received: a {kind} of {len(DAMAGED[key])} "
        "bytes that the decoder rejects. Save the photo again."
    )
    errors = [error.decode() for error in outputs["error"]]
    assert errors[1] == message
    assert "Received: a file of kind GIF" in errors[3]
    assert [errors[row] for row in (0, 2, 4)] == [""] * 3
    for alias, values in alone.items():
        np.testing.assert_array_equal(outputs[alias][[0, 2, 4]], values)
        if alias != "error":
            assert np.all(outputs[alias][[1, 3]] == (b"" if values.dtype == object else 0))


@pytest.mark.parametrize("files", [[], [DAMAGED["pixels that end too early"]] * 3, [b""], GOOD])
def test_rows_may_all_be_damaged_or_none_or_not_be_there(files):
    outputs = ask("srcnn_x2", files, isolates_rows=True)
    assert outputs["image_bytes"].shape == outputs["error"].shape == (len(files),)
    assert [bool(error) for error in outputs["error"]] == [file not in GOOD for file in files]
    assert [bool(answer) for answer in outputs["image_bytes"]] == [file in GOOD for file in files]
