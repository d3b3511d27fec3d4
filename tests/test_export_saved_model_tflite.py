"""`zoo export --tflite`: what an app computes with the file is what the Keras model computes."""

import pytest
import tensorflow as tf
from exported_models import build_model, random_pictures
from served_runs import run_zoo, trained_run

from export.saved_model import tflite
from export.saved_model.tflite import convert, write_tflite

pytestmark = pytest.mark.filterwarnings("ignore:.*Warning. tf.lite.Interpreter is deprecated")


def enlarge(content, raw_images):
    """Enlarges a picture as an app does that has read the file."""
    runner = tf.lite.Interpreter(model_content=content).get_signature_runner("upscale")
    return runner(images=raw_images)["images"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["srcnn_x2", "fsrcnn_x3", "fsrcnn_rgb_x4", "ecbsr_x2"])
@pytest.mark.parametrize("float16", [False, True])
def test_pictures_of_any_size_are_enlarged_as_keras_enlarges_them(name, float16):
    model = build_model(name)
    content = convert(model, float16)
    for height, width in ((40, 25), (9, 64), (1, 1)):
        raw_images = random_pictures(1, height, width, 3)
        found, expected = enlarge(content, raw_images), model.upscale(raw_images).numpy()
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        assert abs(found.astype("int32") - expected).max() <= 1


@pytest.mark.slow
def test_a_run_is_written_as_a_file_and_not_published(capsys, make_small_config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run, sizes = trained_run("fsrcnn", make_small_config), {}
    for name, options in {"full": [], "half": ["--tflite-float16"]}.items():
        path = tmp_path / "app" / f"{name}.tflite"
        code, out, _ = run_zoo(capsys, "export", run, "--tflite", path, *options)
        sizes[name] = path.stat().st_size
        assert (code, out) == (0, f"TFLite: {path}  {sizes[name] / 1e6:.2f} MB\n")
        assert tf.lite.Interpreter(str(path)).get_signature_list()["upscale"]["inputs"] == ["images"]
    assert sizes["half"] < sizes["full"]
    assert sorted(entry.name for entry in (tmp_path / "app").iterdir()) == ["full.tflite", "half.tflite"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["app"]


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_other_models_are_refused(capsys, make_small_config, tmp_path, options):
    path = tmp_path / "dcgan.tflite"
    code, _, error = run_zoo(
        capsys, "export", trained_run("dcgan", make_small_config), "--tflite", path, *options
    )
    assert code == 1
    assert "Only ecbsr, fsrcnn, srcnn can become TFLite files" in error
    assert "Received: a model of class DCGAN. Serve it instead" in error
    assert not path.exists()


def test_a_file_that_answers_otherwise_is_not_written(tmp_path, monkeypatch):
    content = convert(build_model("srcnn_x2"))
    monkeypatch.setattr(tflite, "convert", lambda model, float16: content)
    path = tmp_path / "model.tflite"
    path.write_bytes(b"the one before")
    message = r"within 1 grey level\. Received: off by .*Nothing was written; serve the model instead"
    with pytest.raises(RuntimeError, match=message):
        write_tflite(build_model("fsrcnn_x3"), path)
    assert path.read_bytes() == b"the one before"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tflite-float16"], "--tflite-float16 needs --tflite, because"),
        (["--tflite", "x.tflite", "--variant", "frozen"], "Received: --tflite and --variant."),
        (["--tflite", "x.tflite", "--compare-variants"], "Received: --tflite and --compare-variants."),
    ],
)
def test_options_that_exclude_each_other_are_wrong_usage(capsys, options, message):
    code, _, error = run_zoo(capsys, "export", "srcnn_x2", *options)
    assert code == 2
    assert message in error
