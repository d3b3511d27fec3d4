"""`zoo generate` with words and photos: the same files from a preset, over gRPC and REST; and wrong input."""

import shutil

import numpy as np
import pytest
from exported_models import build_model, exported, from_png
from PIL import Image
from served_runs import files_in, run_zoo, running_server

from zoo.cli import main

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "words"
    build_model("latent_flow").save_to_preset(folder)
    return folder


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    models_dir = tmp_path_factory.mktemp("models")
    for name, model in (("latent_flow", "latent_flow"), ("dcgan", "dcgan")):
        shutil.copytree(exported(model).directory, models_dir / name / "1")
    with running_server(models_dir, tmp_path_factory.mktemp("config")) as addresses:
        yield addresses


@pytest.fixture
def generate(capsys, tmp_path, preset):
    def run(*arguments, source=("--preset", preset)):
        return run_zoo(capsys, "generate", *source, "--output", tmp_path / "output", *arguments)

    return run


@pytest.fixture
def output(tmp_path):
    return tmp_path / "output"


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A photo of a red shirt-like shape on grey."""
    path = tmp_path_factory.mktemp("photos") / "shirt.png"
    picture = np.full((240, 240, 3), 205, "uint8")
    picture[60:200, 70:170] = (190, 40, 50)
    picture[60:100, 40:200] = (190, 40, 50)
    Image.fromarray(picture).save(path)
    return path


def contents(directory):
    return {name: (directory / name).read_bytes() for name in files_in(directory)}


def test_a_preset_grpc_and_rest_write_the_same_files(generate, addresses, preset, output):
    written = []
    for source in (("--preset", preset), ("--server", addresses["grpc"]), ("--server", addresses["rest"])):
        words = ("--description", "a red bag", "--count", 2, "--seed", 7, "--steps", 2)
        code, out, _ = generate(*words, source=source)
        assert (code, out) == (0, f"Wrote 2 pictures to {output}\n")
        written.append(contents(output))
        shutil.rmtree(output)
    assert list(written[0]) == ["a-red-bag-7.png", "a-red-bag-8.png"]
    assert written[0] == written[1] == written[2]
    assert {from_png(file).shape for file in written[0].values()} == {(32, 32, 3)}


def test_attributes_and_a_description_go_together_and_warnings_are_printed_once(capsys, preset, output):
    words = ("--description", "knitted red bag", "--colour", "blue", "--category", "bag", "--count", 40)
    with pytest.raises(SystemExit) as ended:
        main(["generate", "--preset", str(preset), "--output", str(output), *map(str, words)])
    assert ended.value.code == 0
    error = capsys.readouterr().err
    assert error.count("zoo: warning: Unknown words: knitted.") == 1
    assert "The attribute that is asked for wins over: red." in error
    assert len(files_in(output)) == 40


def test_a_photos_product_is_varied_more_or_less(generate, photo, output):
    pictures = []
    for strength in (0, 0.9):
        code, _, _ = generate("--like", photo, "--strength", strength, "--overwrite")
        assert code == 0
        assert files_in(output) == ["like-shirt-0.png"]
        pictures.append(contents(output)["like-shirt-0.png"])
    assert pictures[0] != pictures[1]


@pytest.mark.parametrize("size", [20, 32, 50, 128])
def test_pictures_have_the_size_that_is_asked_for(generate, output, size):
    assert generate("--description", "bag", "--size", size)[0] == 0
    assert from_png(contents(output)["bag-0.png"]).shape == (size, size, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--strength", 0.5), "Received: --strength without --like."),
        (("--like", "{folder}/nothing.jpg"), "does not exist"),
        (("--like", "{folder}/text.jpg"), "text.jpg: not an image"),
        (("--like", "{folder}/empty.png"), "empty.png: No product was found"),
        (("--like", "{photo}", "--strength", 1.5), "1.5 is not in the range 0<=x<=1."),
        (("--description", "bag", "--guidance", "nan"), "nan"),
        (("--description", "bag", "--steps", 0), "0 is not in the range 1<=x<=100."),
        (("--description", "bag", "--size", 129), "--size must be at most 4 times the model's own size, 32"),
        (("--description", "bag", "--category", "sock"), "Unknown category. Received: 'sock'."),
        (("--description", "bag", "--material", "wool"), "Unknown option. Received: '--material'."),
    ],
)
def test_wrong_input_writes_nothing(generate, photo, tmp_path, output, arguments, message):
    (tmp_path / "text.jpg").write_text("no picture")
    Image.new("RGB", (64, 64), "white").save(tmp_path / "empty.png")
    code, _, error = generate(*(str(word).format(folder=tmp_path, photo=photo) for word in arguments))
    assert code in (1, 2)
    assert message in error
    assert not output.exists()


def test_models_without_words_say_so(generate, addresses, output):
    for words in (("--description", "a red bag"), ("--steps", 3)):
        source = ("--server", addresses["grpc"], "--model", "dcgan")
        code, _, error = generate(*words, source=source)
        assert code == 2
        assert "need a model that draws from words" in error
    assert not output.exists()


@pytest.mark.parametrize("text", ["", "   ", "x " * 5000, "فستان أحمر", "../../etc/passwd", "-"])
def test_any_text_gives_a_picture_with_a_plain_name(generate, output, text):
    code, _, _ = generate(f"--description={text}")
    assert code == 0
    (name,) = files_in(output)
    assert name.endswith("-0.png")
    assert "/" not in name
    assert len(name.encode()) < 255
