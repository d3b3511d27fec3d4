"""README and the pages: their links lead somewhere, and what they tell to type exists."""

import ast
import importlib
import re
import shlex
from pathlib import Path

import click
import pytest

from zoo import cli

REPOSITORY = Path(__file__).parent.parent
README = REPOSITORY / "README.md"
PAGES = [
    README,
    REPOSITORY / "CONTRIBUTING.md",
    REPOSITORY / "SECURITY.md",
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]
MAX_README_LINES = 200
# Attributes of the catalogues that the pages speak of; `zoo edit` takes each as --NAME and --target-NAME.
ATTRIBUTES = ("category", "colour")

_BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_ASSIGNMENT = re.compile(r"\w+=")
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
_OF_REPOSITORY = re.compile(r"(?:zoo|training|export|serving|tests|docs)/[\w./-]*")
_END_OF_COMMAND = {"|", "&", "&&", ";", ">", ">>", "2>"}


def str_of(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


def code_blocks(page: Path, language: str) -> list[str]:
    return [text for name, text in _BLOCK.findall(page.read_text(encoding="utf-8")) if name == language]


def command_lines(page: Path) -> list[list[str]]:
    """The words of every command line that a page shows, in blocks or within its text."""
    without_blocks = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    lines = [text.replace("\n", " ") for text in _INLINE.findall(without_blocks)]
    for block in code_blocks(page, "bash"):
        lines += block.replace("\\\n", " ").splitlines()
    return [words for words in map(_to_words, lines) if words]


def _to_words(line: str) -> list[str]:
    start = re.match(r"(?:\w+=(?:\"[^\"]*\"|\S+) +)*(zoo|python|make) ", line)
    if not start:
        return []
    words = shlex.split(line[start.start(1) :], comments=True)
    words = [word for word in words if word not in ("…", "...")]
    ends = [position for position, word in enumerate(words) if word in _END_OF_COMMAND]
    return words[: min(ends, default=len(words))]


def lines_of(program: str):
    """Parametrises a test by every distinct line that calls a program."""
    found = {
        tuple(words): f"{str_of(page)}: {shlex.join(words)}"
        for page in PAGES
        for words in command_lines(page)
        if words[0] == program
    }
    return pytest.mark.parametrize("words", [pytest.param(words[1:], id=id_) for words, id_ in found.items()])


@pytest.fixture
def no_values(monkeypatch):
    """Makes click parse command lines without checking values, which may be placeholders; choices are."""

    def process_value(parameter, context, value):
        if isinstance(parameter.type, click.Choice) and isinstance(value, str):
            parameter.type.convert(value, parameter, context)
        return value

    monkeypatch.setattr(click.Parameter, "process_value", process_value)


def parse(words) -> click.Context:
    """Parses a command line of `zoo`, and raises `click.UsageError` where a user would meet one."""
    command, words = cli.command, list(words)
    while isinstance(command, click.Group):
        context = click.Context(command, info_name="zoo")
        _, rest, _ = command.make_parser(context).parse_args(words)
        if not rest:
            return context
        _, command, words = command.resolve_command(context, rest)
    # Which options there are depends on the model.
    return command.make_context("zoo", ["dcgan" if word == "MODEL" else word for word in words])


def test_readme_is_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= MAX_README_LINES


@pytest.mark.parametrize("page", PAGES, ids=str_of)
def test_relative_links_lead_to_files(page):
    links = _LINK.findall(page.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=str_of)
def test_paths_of_the_repository_exist(page):
    text = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    paths = [
        word for code in _INLINE.findall(text) for word in code.split() if _OF_REPOSITORY.fullmatch(word)
    ]
    assert [path for path in paths if not (REPOSITORY / path).exists()] == []


@lines_of("zoo")
def test_zoo_command_lines_parse(no_values, words):
    context = parse(words)
    attributes = context.meta.get("zoo.attributes", {})
    assert {name.removeprefix("target_") for name in attributes} <= set(ATTRIBUTES)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train dcgan --epoch-count 3", "No such option"),
        ("train dcgan --epochs", "requires an argument"),
        ("train dcgan srcnn", "unexpected extra argument"),
        ("export runs/gan --variant smaller", "is not one of"),
        ("serve start", "start"),
    ],
)
def test_wrong_command_lines_do_not_parse(no_values, line, message):
    with pytest.raises((click.UsageError, ValueError), match=message):
        parse(line.split())


def test_presets_of_command_lines_exist():
    from zoo.presets.registry import list_presets

    named = set()
    for page in PAGES:
        for words in command_lines(page):
            named |= {after for word, after in zip(words, words[1:], strict=False) if word == "--preset"}
    assert {name for name in named if name.islower()} <= set(list_presets())


@lines_of("python")
def test_python_command_lines_name_files_and_flags_that_exist(words):
    if words[0] == "-c":
        return
    if words[:2] == ("-m", "pytest"):
        missing = [word for word in words if word.startswith("tests/") and not (REPOSITORY / word).exists()]
        assert missing == []
        return
    if words[0] == "-m":
        path = REPOSITORY.joinpath(*words[1].split("."))
        source = next(found for found in (path.with_suffix(".py"), path / "__main__.py") if found.exists())
        text = "".join(file.read_text(encoding="utf-8") for file in source.parent.glob("*.py"))
    else:
        source = REPOSITORY / words[0]
        text = "".join(
            file.read_text(encoding="utf-8") for file in (source, *source.parent.glob("serving*.py"))
        )
    flags = [word.partition("=")[0] for word in words[1:] if word.startswith("--")]
    spelled = [(flag, f'"{name}"') for flag in flags for name in (flag, flag[2:])]
    known = {flag for flag, name in spelled if name in text} | {"--help"}
    assert [flag for flag in flags if flag not in known] == []


@lines_of("make")
def test_make_targets_exist(words):
    targets = re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert words[0] in targets


@pytest.mark.parametrize("page", PAGES, ids=str_of)
def test_python_examples_import_what_exists(page):
    for block in code_blocks(page, "python"):
        tree = compile(block, str(page), "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []
