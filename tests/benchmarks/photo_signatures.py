"""Measures time and memory of an exported model's answers to a large photo.

    python tests/benchmarks/photo_signatures.py models/recolour/1 --photo photo.jpg [--side 2000]

The photo is resized to a square of SIDE pixels and sent as a JPEG file to the model's default signature, in
this process, as a server would. Prints the median time of an answer, how much of it goes into reading and
writing the files, and the most memory that the process held beyond TensorFlow and the loaded model.
"""

import argparse
import io
import os
import resource
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from PIL import Image

REPEATS = 7
# Inputs besides the photo, where a signature has them.
OTHER_INPUTS = {
    "background": b"white",
    "target_colour": b"red",
    "source_colour": b"",
    "strength": np.float32(1.0),
    "target_category": b"",
}


def memory_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def median_seconds(function) -> float:
    function()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--photo", type=Path, required=True)
    parser.add_argument("--side", type=int, default=2000)
    options = parser.parse_args()
    picture = Image.open(options.photo).convert("RGB").resize((options.side,) * 2, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    signature = tf.saved_model.load(str(options.directory)).signatures["serving_default"]
    _, specs = signature.structured_input_signature
    inputs = {
        name: tf.constant(
            [buffer.getvalue() if name == "image_bytes" else OTHER_INPUTS.get(name, b"")], spec.dtype
        )
        for name, spec in specs.items()
    }
    small = Image.open(options.photo).convert("RGB").resize((64, 64))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG")
    signature(**{**inputs, "image_bytes": tf.constant([buffer.getvalue()])})
    before = memory_mib()
    outputs = signature(**inputs)
    whole = median_seconds(lambda: signature(**inputs))
    decode = median_seconds(
        lambda: tf.io.decode_jpeg(inputs["image_bytes"][0], dct_method="INTEGER_ACCURATE")
    )
    files = [outputs[name][0] for name in ("image_bytes", "mask_bytes") if name in outputs]
    pictures = [tf.io.decode_png(file) for file in files]
    encode = median_seconds(lambda: [tf.io.encode_png(image, compression=1) for image in pictures])
    print(f"{options.side} x {options.side} pixels: {whole:.2f} s, of which files {decode + encode:.2f} s")
    print(f"memory: {memory_mib() - before:.0f} MiB beyond {before:.0f} MiB")


if __name__ == "__main__":
    main()
