"""What the commands say of how sure their results are."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from serving.pictures.confidences import Confidences


@pytest.mark.parametrize(
    ("outputs", "printed"),
    [
        ({"confidence": np.array([0.97], "float32")}, "a.jpg: sure by 0.97\n"),
        ({"confidence": np.array([0.4], "float32")}, "a.jpg: sure by 0.40  look at it: hard to tell\n"),
        # A model that was exported without it, or that others made.
        ({"image_bytes": np.array([b""], dtype=object)}, ""),
    ],
)
def test_low_confidences_are_pointed_out(outputs, printed, capsys):
    confidences = Confidences("hard to tell")
    confidences.note(outputs)
    confidences.report(Path("photos/a.jpg"))
    assert capsys.readouterr().out == printed


def test_asking_a_server_needs_no_tensorflow():
    script = "import sys, serving.pictures.confidences; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
