"""Photos in, PNG files out: one bad photo does not stop the others, and no photo is replaced."""

import errno
import os

import click
import pytest
from served_runs import files_in

from serving.client.errors import PredictionError, RowError
from serving.pictures.files import convert_photos
from zoo.files.atomic_write import write_bytes


@pytest.fixture
def photos(tmp_path):
    """Given names, makes photos that hold their own names."""

    def make(*names):
        paths = [tmp_path / "photos" / name for name in names]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(path.name.encode())
        return paths

    return make


def shout(image_bytes):
    return image_bytes.upper()


def test_names_are_kept_and_end_in_png(photos, tmp_path, capsys):
    output = tmp_path / "new" / "output"
    convert_photos(photos("a.jpg", "b.JPEG", "c.png", "d", "e.tar.gz"), output, shout)
    contents = {path.name: path.read_bytes() for path in output.iterdir()}
    assert contents == {
        "a.png": b"A.JPG",
        "b.png": b"B.JPEG",
        "c.png": b"C.PNG",
        "d.png": b"D",
        "e.tar.png": b"E.TAR.GZ",
    }
    assert capsys.readouterr().out == f"Wrote 5 of 5 pictures to {output}\n"


def test_bad_photos_are_named_and_the_others_converted(photos, tmp_path, capsys):
    paths = photos("bad.png", "damaged.png", "gone.png", "good.png")
    paths[2].unlink()

    def convert(image_bytes):
        if image_bytes == b"bad.png":
            raise RowError({0: "not a picture"}, 1)
        if image_bytes == b"damaged.png":
            raise PredictionError("Invalid PNG data", 400, "INVALID_ARGUMENT")
        return shout(image_bytes)

    output = tmp_path / "output"
    with pytest.raises(click.ClickException) as raised:
        convert_photos(paths, output, convert)
    assert not isinstance(raised.value, click.UsageError)
    assert raised.value.message == (
        f"{paths[0]}: not a picture {paths[1]}: Invalid PNG data "
        f"{paths[2]}: [Errno 2] No such file or directory: '{paths[2]}'"
    )
    assert files_in(output) == ["good.png"]
    assert capsys.readouterr().out == f"Wrote 1 of 4 pictures to {output}\n"


@pytest.mark.parametrize(
    "error",
    [PredictionError("Servable not found", 404, "NOT_FOUND"), PredictionError("late", 504, "HTTP 504")],
)
def test_what_is_wrong_with_more_than_a_photo_stops_at_once(photos, tmp_path, error):
    asked = []

    def convert(image_bytes):
        asked.append(image_bytes)
        raise error

    with pytest.raises(PredictionError) as raised:
        convert_photos(photos("a.png", "b.png"), tmp_path / "output", convert)
    assert raised.value is error
    assert asked == [b"a.png"]


def test_unknown_value_of_an_option_is_wrong_usage_at_once(photos, tmp_path):
    def convert(image_bytes):
        raise RowError({0: "Unknown category. Received: 'x'. Known: bag."}, 1)

    with pytest.raises(click.UsageError, match="Unknown category. Received: 'x'. Known: bag."):
        convert_photos(photos("a.png", "b.png"), tmp_path / "output", convert)
    assert not (tmp_path / "output").exists()


def never(image_bytes):
    pytest.fail("a photo was converted")


@pytest.mark.parametrize("names", [["a.png", "a.jpg"], ["one/a.png", "two/a.png"], ["a.png", "a.png"]])
def test_two_photos_of_one_name_are_refused_before_anything_is_written(photos, tmp_path, names):
    paths, output = photos(*names), tmp_path / "output"
    with pytest.raises(click.UsageError, match="Two photos would become") as raised:
        convert_photos(paths, output, never)
    assert f"become {output / 'a.png'}. Received: {paths[0]} and {paths[1]}." in raised.value.message


def test_result_never_replaces_its_photo(photos, tmp_path):
    (path,) = photos("a.png")
    link = tmp_path / "links" / "a.png"
    link.parent.mkdir()
    link.symlink_to(path)
    for photo, output in ((path, path.parent), (link, path.parent), (path, link.parent)):
        with pytest.raises(
            click.UsageError, match="A result must not replace its photo. Received: "
        ) as raised:
            convert_photos([photo], output, never)
        assert str(photo) in raised.value.message
    assert path.read_bytes() == b"a.png"


@pytest.mark.parametrize("kind", ["file", "link to nowhere"])
def test_another_file_is_not_replaced(photos, tmp_path, kind):
    target = tmp_path / "output" / "a.png"
    target.parent.mkdir()
    target.write_bytes(b"another original") if kind == "file" else target.symlink_to("nowhere")
    (path,) = photos("a.jpg")
    with pytest.raises(
        click.UsageError, match="must not replace a file that exists. Received: .*a.png. Choose"
    ):
        convert_photos([path], target.parent, never)
    convert_photos([path], target.parent, shout, overwrite=True)
    assert target.read_bytes() == shout(b"a.jpg")


def test_photo_beside_its_result_is_kept(photos):
    (path,) = photos("a.jpg")
    convert_photos([path], path.parent, shout)
    assert files_in(path.parent) == ["a.jpg", "a.png"]


def test_picture_is_written_whole_over_an_older_one(tmp_path):
    path = tmp_path / "new" / "a.png"
    write_bytes(path, b"old")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert files_in(tmp_path) == ["new/a.png"]


def test_full_disk_keeps_the_older_picture_and_names_the_photo(photos, tmp_path, monkeypatch):
    output = tmp_path / "output"
    write_bytes(output / "a.png", b"old")

    def fail(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    (path,) = photos("a.jpg")
    with pytest.raises(click.ClickException, match="a.jpg: .*No space left on device"):
        convert_photos([path], output, shout, overwrite=True)
    assert files_in(output) == ["a.png"]
    assert (output / "a.png").read_bytes() == b"old"


def test_output_that_is_a_file_is_named(photos, tmp_path):
    (tmp_path / "output").write_text("a file")
    with pytest.raises(click.ClickException, match="a.jpg: .*File exists: '.*output'"):
        convert_photos(photos("a.jpg"), tmp_path / "output", shout)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_output_is_named(photos, tmp_path):
    output = tmp_path / "output"
    output.mkdir(mode=0o555)
    with pytest.raises(click.ClickException, match="a.jpg: .*Permission denied"):
        convert_photos(photos("a.jpg"), output, shout)
