"""TensorFlow imported without Keras."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
from zoo.command_line.quiet_import import import_tensorflow
import_tensorflow(with_keras=False)
import serving.model_server.core.server_core
import serving.model_server.grpc_api.service, serving.model_server.rest_api.service
print("keras" in sys.modules)
import keras, tensorflow as tf
print(keras.layers.Dense(2)(tf.ones((1, 3))).shape == (1, 2), tf.keras.layers.Dense is keras.layers.Dense)
"""


def test_the_server_starts_without_keras_and_keras_stays_importable():
    """Keras and what it imports are a third of the time that the import of TensorFlow takes."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd=Path(__file__).parent.parent
    )
    assert done.stdout.split() == ["False", "True", "True"], done.stderr
