"""The demo with faked stages: what it runs in which order, what it compares, and what it writes."""

import subprocess
import sys

import numpy as np
import pytest
from exported_models import from_png, random_pictures
from served_runs import SERVED_NAMES, signatures_of_run, trained_run

import training.data.data_sets
from serving.demo import __main__ as demo
from serving.demo import answers as demo_answers
from serving.demo.answers import SEEDS_PER_VALUE, DemoAnswers, to_pictures, to_png_files
from serving.demo.page import Section
from training.pages.picture_sheet import PictureSheet

SHEET = PictureSheet(rows=[[np.zeros((4, 4, 1), "uint8")]])


@pytest.fixture
def answers_of(make_small_config, small_data_set, monkeypatch):
    """Given a model and changes of files by address, returns `DemoAnswers` of a server in this process."""

    def make(model, **changes):
        run = trained_run(model, make_small_config)
        signatures = signatures_of_run(model, make_small_config)

        class Client:
            def __init__(self, address):
                self._change = changes.get(address, lambda files: files)

            def predict(self, model_name, inputs, signature_name):
                assert model_name == SERVED_NAMES[model]
                outputs = signatures[signature_name].run(inputs)
                return {**outputs, "image_bytes": self._change(outputs["image_bytes"])}

            def close(self):
                pass

        monkeypatch.setattr(demo_answers, "connect", Client)
        # Compiled once for all tests.
        monkeypatch.setattr(demo_answers, "make_signatures", lambda keras_model: signatures.values())
        return DemoAnswers(run, small_data_set, SERVED_NAMES[model], "grpc", "rest")

    return make


def brighter(levels, row=1):
    def change(files):
        pictures = to_pictures(files)
        pictures[row] = np.where(pictures[row] > 127, pictures[row] - levels, pictures[row] + levels)
        return to_png_files([picture.astype("uint8") for picture in pictures])

    return change


PHOTOS = {"image_bytes": to_png_files(random_pictures(3, 9, 7, 3))}


def test_equal_answers_are_counted(answers_of):
    answers = answers_of("srcnn")
    pictures = answers.ask("upscale_png", PHOTOS, "image_bytes")
    answers.ask("upscale_png", PHOTOS, "image_bytes")
    assert [picture.shape for picture in pictures] == [(18, 14, 3)] * 3
    assert (answers.num_requests, answers.largest_difference) == (4, 0)


def test_one_grey_level_from_this_process_is_allowed_and_told(answers_of):
    answers = answers_of("srcnn", grpc=brighter(1), rest=brighter(1))
    answers.ask("upscale_png", PHOTOS, "image_bytes")
    assert answers.largest_difference == 1


DIFFERENT = {
    "from this process": (
        {"grpc": brighter(2), "rest": brighter(2)},
        "REST pictures differ by 0 grey levels, and by 2 from",
    ),
    "between the protocols": ({"rest": brighter(1)}, "REST pictures differ by 1 grey levels, and by 0 from"),
    "in number": ({"rest": lambda files: files[:2]}, "pictures differ by 255 grey levels"),
    "in size": (
        {"grpc": lambda files: to_png_files([image[:1] for image in to_pictures(files)])},
        "255 from those in process",
    ),
}


@pytest.mark.parametrize("key", DIFFERENT)
def test_different_answers_end_the_demo(answers_of, key):
    changes, message = DIFFERENT[key]
    answers = answers_of("srcnn", **changes)
    with pytest.raises(
        RuntimeError, match="srcnn_x2 must give the same pictures over gRPC, over REST"
    ) as raised:
        answers.ask("upscale_png", PHOTOS, "image_bytes")
    assert message in str(raised.value)


def test_generated_sheet_has_a_column_for_each_category(answers_of, small_data_set):
    answers = answers_of("dcgan")
    sheet = answers.generated_sheet()
    categories = list(small_data_set.attributes["category"])
    assert sheet.column_labels == categories
    assert sheet.row_labels == [f"seed {seed}" for seed in range(SEEDS_PER_VALUE)]
    assert [len(row) for row in sheet.rows] == [len(categories)] * SEEDS_PER_VALUE
    assert sheet.note == "Rendered catalogue: drawn by code, no photos."
    assert answers.num_requests == 2 * SEEDS_PER_VALUE
    inputs = {"seed": [3], "category": ["bag"], "colour": [""], "pattern": [""]}
    picture = answers.ask(
        "generate_png", {name: np.array(value) for name, value in inputs.items()}, "image_bytes"
    )
    np.testing.assert_array_equal(sheet.rows[3][categories.index("bag")], picture[0])


@pytest.mark.slow
def test_edited_sheet_has_real_pictures_and_every_target(answers_of, small_data_set):
    answers = answers_of("conditional_vae")
    sheet = answers.edited_sheet()
    categories = small_data_set.attributes["category"]
    assert sheet.row_labels == ["real", *(f"as {category}" for category in categories)]
    shown = list(small_data_set.read("test").as_numpy_iterator())
    by_category = {categories[element["category"]]: element["image"] for element in reversed(shown)}
    assert set(sheet.column_labels) == set(by_category)
    for column, category in enumerate(sheet.column_labels):
        np.testing.assert_array_equal(sheet.rows[0][column], by_category[category])
        own = sheet.rows[1 + categories.index(category)][column]
        np.testing.assert_array_equal(own, sheet.rows[0][column])
    assert all(len(row) == len(sheet.column_labels) for row in sheet.rows)


def test_upscaled_sheet_has_the_answers_between_bicubic_and_the_original(answers_of):
    answers = answers_of("srcnn")
    sheet = answers.upscaled_sheet()
    assert sheet.column_labels == ["low-res", "bicubic", "SRCNN", "original"]
    # The first batch of the four test pictures.
    assert [[image.shape for image in row] for row in sheet.rows] == [[(8, 8, 3), *[(16, 16, 3)] * 3]] * 3
    for low_res, _, upscaled, _ in sheet.rows:
        (expected,) = answers.ask(
            "upscale_png", {"image_bytes": to_png_files(low_res[np.newaxis])}, "image_bytes"
        )
        np.testing.assert_array_equal(upscaled, expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_survive_their_files(channels):
    raw_images = random_pictures(2, 5, 4, channels)
    files = to_png_files(raw_images)
    assert files.dtype == object
    np.testing.assert_array_equal(to_pictures(files), raw_images)
    np.testing.assert_array_equal(from_png(files[1]), raw_images[1])


class RecordedStages(demo.Stages):
    """Stages that name themselves instead of running; some fail."""

    def __init__(self, failing=()):
        super().__init__()
        self.commands = []
        self._failing = failing

    def run(self, name, *command):
        self.commands.append(command)
        self.seconds[name] = 1.0
        if command in self._failing:
            raise subprocess.CalledProcessError(1, ["zoo", *command])

    def run_together(self, name, commands):
        for command in commands:
            self.run(name, *command)


BUILD = {name: ("data", "build", name) for name in ("fashion_mnist", "rendered_catalog")}


@pytest.mark.parametrize(
    ("prepared", "failing", "commands", "dataset"),
    [
        (["fashion_mnist"], [], [], "fashion_mnist"),
        ([], [], [BUILD["fashion_mnist"]], "fashion_mnist"),
        (
            [],
            [BUILD["fashion_mnist"]],
            [BUILD["fashion_mnist"], BUILD["rendered_catalog"]],
            "rendered_catalog",
        ),
        (["rendered_catalog"], [BUILD["fashion_mnist"]], [BUILD["fashion_mnist"]], "rendered_catalog"),
    ],
)
def test_real_pictures_are_tried_before_drawn_ones(monkeypatch, capsys, prepared, failing, commands, dataset):
    monkeypatch.setattr(
        training.data.data_sets, "find_prepared", lambda name, data_dir: name if name in prepared else None
    )
    stages = RecordedStages(failing)
    assert demo.prepare_data(stages) == dataset
    assert stages.commands == commands
    assert ("Real photos are not available" in capsys.readouterr().out) == (dataset == "rendered_catalog")


def test_demo_fails_when_not_even_drawn_pictures_can_be_had(monkeypatch):
    monkeypatch.setattr(training.data.data_sets, "find_prepared", lambda name, data_dir: None)
    with pytest.raises(subprocess.CalledProcessError):
        demo.prepare_data(RecordedStages(list(BUILD.values())))


def test_stages_print_run_and_time_commands(monkeypatch, capsys):
    started = []
    monkeypatch.setattr(subprocess, "run", lambda command, env, check: started.append((command, check)))
    stages = demo.Stages()
    stages.run("train", "train", "dcgan", "--run-name", "a run")
    stages.run("train", "train", "srcnn")
    assert stages.call("look", lambda: 7) == 7
    assert capsys.readouterr().out == "$ zoo train dcgan --run-name 'a run'\n$ zoo train srcnn\n"
    assert started[1] == ([sys.executable, "-P", "-m", "zoo", "train", "srcnn"], True)
    assert list(stages.seconds) == ["train", "look"]


def test_commands_that_run_together_are_printed_one_after_the_other(capsys):
    stages = demo.Stages()
    stages.run_together("help", [["train", "--help"], ["presets", "--help"]])
    first, second = capsys.readouterr().out.split("$ zoo presets --help\n")
    assert first.startswith("$ zoo train --help\nUsage: ")
    assert second.startswith("Usage: ")
    assert list(stages.seconds) == ["help"]
    with pytest.raises(subprocess.CalledProcessError):
        stages.run_together("fail", [["train", "--no-such-option"], ["presets", "--help"]])
    assert capsys.readouterr().out.startswith("$ zoo train --no-such-option\n")


@pytest.fixture
def demo_dir(monkeypatch, tmp_path):
    """Lets the demo write into a directory that it has written into before."""
    for name, path in (("DEMO", "demo"), ("RUNS", "demo/runs"), ("MODELS", "demo/models")):
        monkeypatch.setattr(demo, name, tmp_path / path)
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "old").write_text("")
    return tmp_path / "demo"


def write_evaluations(demo_dir):
    for model in ("srcnn", "conditional_vae", "dcgan"):
        (demo_dir / "runs" / model).mkdir(parents=True)
        (demo_dir / "runs" / model / "evaluation.json").write_text('{"scores": {}}')


@pytest.mark.parametrize("dataset", ["fashion_mnist", "rendered_catalog"])
def test_demo_trains_scores_exports_and_asks_the_three_models(demo_dir, monkeypatch, capsys, dataset):
    stages = RecordedStages()
    monkeypatch.setattr(demo, "Stages", lambda: stages)
    monkeypatch.setattr(demo, "prepare_data", lambda stages: dataset)

    def serve_and_ask(name):
        write_evaluations(demo_dir)
        return [Section(f"Pictures of {name}", "What they show.", SHEET)], 0

    monkeypatch.setattr(demo, "serve_and_ask", serve_and_ask)
    demo.main()
    words = [command[:2] for command in stages.commands]
    runs = {model: str(demo_dir / "runs" / model) for model in ("srcnn", "conditional_vae", "dcgan")}
    assert words == [
        *(("export", preset) for preset in ("cutout_products", "recolour_products", "ecbsr_x2")),
        *(("train", model) for model in runs),
        *((stage, run) for stage in ("evaluate", "export") for run in runs.values()),
    ]
    judges = {command[1]: command[-1] for command in stages.commands if "--judge" in command}
    preset = "classifier_fashion_mnist"
    assert (
        judges
        == {
            "fashion_mnist": {runs["conditional_vae"]: preset, runs["dcgan"]: preset},
            "rendered_catalog": {runs["dcgan"]: runs["conditional_vae"]},
        }[dataset]
    )
    drawn = dataset == "rendered_catalog"
    assert all(("--image-size" in command) == drawn for command in stages.commands[3:6])
    page = (demo_dir / "index.html").read_text()
    assert f"Pictures of {dataset}" in page
    assert (demo.DRAWN in page) == drawn
    assert not (demo_dir / "old").exists()
    printed = capsys.readouterr().out
    assert str(demo_dir / "index.html") in printed
    assert f"tensorboard --logdir {demo_dir / 'runs'}" in printed
    assert f"zoo serve --models-dir {demo_dir / 'models'}" in printed


def test_every_model_is_asked_on_one_server(monkeypatch, capsys):
    events = []

    class Server:
        engine = type("Engine", (), {"name": "embedded", "reason": "as requested"})
        grpc_address, rest_address = "grpc", "rest"

        def __init__(self, models_dir, port, rest_api_port):
            events.append(("start", models_dir, port, rest_api_port))

        def __enter__(self):
            return self

        def __exit__(self, *error):
            events.append(("stop",))

        def wait_until_ready(self):
            events.append(("ready",))

    class Answers:
        num_requests = 2

        def __init__(self, run, data_set, model_name, grpc_address, rest_address):
            events.append(("ask", run.name, data_set, model_name, grpc_address, rest_address))
            self.largest_difference = {"srcnn": 0, "conditional_vae": 1, "dcgan": 0}[run.name]

        def upscaled_sheet(self):
            return "enlarged"

        def edited_sheet(self):
            return "edited"

        def generated_sheet(self):
            return "generated"

    monkeypatch.setattr("serving.launch.engine.RunningServer", Server)
    monkeypatch.setattr(demo_answers, "DemoAnswers", Answers)
    monkeypatch.setattr(
        demo.shop_photos, "ask_for_photos", lambda grpc, rest, output: (grpc, rest, output.name)
    )
    monkeypatch.setattr(training.data.data_sets, "load_data_set", lambda name: f"pictures of {name}")
    sections, largest_difference = demo.serve_and_ask("fashion_mnist")
    asked = [
        ("ask", model, "pictures of fashion_mnist", SERVED_NAMES[model], "grpc", "rest")
        for model in ("srcnn", "conditional_vae", "dcgan")
    ]
    start = ("start", demo.MODELS, demo.PORTS["port"], demo.PORTS["rest_api_port"])
    assert events == [start, ("ready",), *asked, ("stop",)]
    photos, *others = sections
    assert (photos.sheet, photos.folder) == (("grpc", "rest", "photos"), "photos")
    assert [section.sheet for section in others] == ["enlarged", "edited", "generated", "generated"]
    captions = [section.caption for section in others]
    assert captions[2:] == ["Generated by conditional_vae", "Generated by dcgan"]
    assert largest_difference == 1
    assert "conditional_vae: 2 responses, gRPC and REST identical, at most 1 grey" in capsys.readouterr().out
