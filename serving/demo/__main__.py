"""`make demo`, which runs every stage on real photos with the commands that a user would type.

Trains three models, scores, exports and serves them together with presets for a shop's photos, sends requests
to each over gRPC and REST, and writes `demo/index.html`.
"""

import shlex
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import click

from serving.demo import shop_photos
from serving.demo.page import Section, write_page
from zoo.command_line.own_packages import python_command, python_environment
from zoo.command_line.quiet_import import import_tensorflow

DEMO = Path("demo")
RUNS, MODELS = DEMO / "runs", DEMO / "models"
PORTS = {"port": 18500, "rest_api_port": 18501}
# The fewest pictures that a Frechet distance allows, and enough for means; all 10,000 take minutes.
NUM_SCORED_IMAGES = {"srcnn": 256, "conditional_vae": 2048, "dcgan": 2048}
# Judges models of Fashion-MNIST and is not trained in the demo; the conditional VAE judges drawings.
JUDGE = "classifier_fashion_mnist"
RENDERED_IMAGE_SIZE = 32
# Model, training options, and name for serving.
TRAININGS = (
    ("srcnn", ["--epochs", "1"], "srcnn_x2"),
    ("conditional_vae", ["--epochs", "3"], "conditional_vae"),
    ("dcgan", ["--epochs", "3"], "dcgan"),
)
INTRODUCTION = (
    "A running server made every picture below over gRPC and over REST, and both gave the same bytes. "
    "Presets, which were trained for hours, come first. The others are models that this demo has trained on "
    "{dataset} within minutes, to show the way there; the server's pictures are at most {difference} grey "
    "levels from theirs in process."
)
DRAWN = "The models were trained on drawings, not photos, because Fashion-MNIST was not available."

UPSCALED = (
    "Enlarged: low-res, bicubic, SRCNN, original",
    "Test photos of half the size. Edges should be as sharp as the original's; what is lost stays lost.",
)
EDITED = (
    "Edited: real, and as every category",
    (
        "Real test photos, each as every category. What it is already stays as it is. After a minute of "
        "training edits blur, and some do not reach their category; cvae_fashion_mnist learned for an hour."
    ),
)
GENERATED = (
    "The first seeds of each category, none chosen. After a minute or two of training some show no product; "
    "dcgan_fashion_mnist was trained for two and a half hours."
)


class Stages:
    """Runs and times stages.

    Attributes:
        seconds: Stage name to its seconds, in order.
    """

    def __init__(self):
        self.seconds: dict[str, float] = {}

    def run(self, name: str, *command: str) -> None:
        """Prints and runs a `zoo` command; its output goes to the terminal.

        Raises:
            subprocess.CalledProcessError: The command failed.
        """
        click.secho(f"$ {shlex.join(('zoo', *command))}", bold=True)
        words, environment = [*python_command("zoo"), *command], python_environment()
        self.call(name, lambda: subprocess.run(words, env=environment, check=True))

    def run_together(self, name: str, commands: Sequence[Sequence[str]]) -> None:
        """Runs `zoo` commands at the same time, and prints each with its output once it has ended.

        Raises:
            subprocess.CalledProcessError: One failed.
        """

        def run_all():
            processes = [
                subprocess.Popen(
                    [*python_command("zoo"), *command],
                    env=python_environment(),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
                for command in commands
            ]
            # Waits for all even if one fails, so that none goes on behind the user's back.
            outputs = [process.communicate()[0] for process in processes]
            for command, process, output in zip(commands, processes, outputs, strict=True):
                click.secho(f"$ {shlex.join(('zoo', *command))}", bold=True)
                click.echo(output, nl=False)
                if process.returncode:
                    raise subprocess.CalledProcessError(process.returncode, process.args)

        self.call(name, run_all)

    def call(self, name: str, function):
        """Times a function and returns its result."""
        start = time.perf_counter()
        result = function()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        return result


def main() -> None:
    """Runs the demo and writes `demo/index.html`."""
    import_tensorflow()
    if DEMO.exists():
        shutil.rmtree(DEMO)
    RUNS.mkdir(parents=True)
    stages = Stages()
    where = ["--models-dir", str(MODELS)]
    stages.run_together("export", [["export", preset, *where] for preset in shop_photos.PRESETS])
    dataset = prepare_data(stages)
    size = ["--image-size", str(RENDERED_IMAGE_SIZE)] if dataset == "rendered_catalog" else []
    for model, options, _ in TRAININGS:
        run = ["--dataset", dataset, "--runs-dir", str(RUNS), "--run-name", model]
        stages.run(f"train {model}", "train", model, *run, *options, *size)
    if dataset == "rendered_catalog":
        judges = {"dcgan": str(RUNS / "conditional_vae")}
    else:
        judges = {"dcgan": JUDGE, "conditional_vae": JUDGE}
    for model, _, _ in TRAININGS:
        judge = ["--judge", judges[model]] if model in judges else []
        stages.run(
            "evaluate", "evaluate", str(RUNS / model), "--samples", str(NUM_SCORED_IMAGES[model]), *judge
        )
    stages.run_together("export", [["export", str(RUNS / model), *where] for model, _, _ in TRAININGS])
    sections, difference = stages.call("serve and ask", lambda: serve_and_ask(dataset))
    write_page(
        DEMO,
        INTRODUCTION.format(dataset=dataset, difference=difference),
        DRAWN if dataset == "rendered_catalog" else "",
        sections,
        {model: RUNS / model for model, _, _ in TRAININGS},
        stages.seconds,
    )
    print_hints()


def prepare_data(stages: Stages) -> str:
    """Prepares Fashion-MNIST, or the rendered catalogue if it is not available; returns the name."""
    from training.data.data_sets import find_prepared
    from training.data.preparation import default_data_dir

    def is_prepared(name):
        return find_prepared(name, default_data_dir()) is not None

    try:
        if not is_prepared("fashion_mnist"):
            stages.run("prepare data", "data", "build", "fashion_mnist")
    except subprocess.CalledProcessError:
        click.secho(
            "Real photos are not available (see the reason above). The demo continues with the rendered "
            "catalogue, whose images are drawn by code.",
            fg="red",
        )
        if not is_prepared("rendered_catalog"):
            stages.run("prepare data", "data", "build", "rendered_catalog")
        return "rendered_catalog"
    return "fashion_mnist"


def serve_and_ask(dataset: str):
    """Starts the best available engine and sends requests to every model over gRPC and REST.

    Returns:
        The page's sections, and the largest difference between server and this process in grey levels.
    """
    from serving.demo.answers import DemoAnswers
    from serving.launch.engine import RunningServer
    from training.data.data_sets import load_data_set

    data_set = load_data_set(dataset)
    sections, differences = [], []
    with RunningServer(MODELS, PORTS["port"], PORTS["rest_api_port"]) as server:
        click.echo(f"Engine: {server.engine.name} ({server.engine.reason})")
        server.wait_until_ready()
        photos = shop_photos.ask_for_photos(server.grpc_address, server.rest_address, DEMO / "photos")
        sections.append(
            Section(
                "Photos of a shop: on white, in four colours, and enlarged",
                "By the presets cutout_products, recolour_products and ecbsr_x2, at the photos' own size. A "
                "product of the ground's colour loses an edge, or keeps some of the ground.",
                photos,
                "photos",
            )
        )
        for model, _, model_name in TRAININGS:
            answers = DemoAnswers(
                RUNS / model, data_set, model_name, server.grpc_address, server.rest_address
            )
            if model == "srcnn":
                sections.append(Section(*UPSCALED, answers.upscaled_sheet()))
            elif model == "conditional_vae":
                sections.append(Section(*EDITED, answers.edited_sheet()))
            if model != "srcnn":
                sections.append(Section(f"Generated by {model}", GENERATED, answers.generated_sheet()))
            differences.append(answers.largest_difference)
            click.echo(
                f"{model_name}: {answers.num_requests} responses, gRPC and REST identical, at most "
                f"{answers.largest_difference} grey levels from this process"
            )
    return sections, max(differences)


def print_hints() -> None:
    """Prints commands to try next."""
    click.secho(f"\nOpen {DEMO / 'index.html'}", bold=True)
    click.echo(f"Inspect the training: .venv/bin/tensorboard --logdir {RUNS}")
    click.echo(f"Start a server:       .venv/bin/zoo serve --models-dir {MODELS}")
    click.echo("Generate a sneaker:   .venv/bin/zoo generate --server localhost:8500 --category sneaker")


if __name__ == "__main__":
    main()
