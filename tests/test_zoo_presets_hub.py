"""Presets of the Hugging Face Hub, with a fake `huggingface_hub` that caches in a folder."""

import re
import shutil
import sys
import types
from pathlib import Path

import pytest

from zoo import FSRCNN, SRCNN
from zoo.presets.hub import VARIABLE
from zoo.presets.registry import read_preset

FILES = ["preset.json", "weights.npz"]


class FakeHub(types.ModuleType):
    """Keeps repositories in a folder, and what was downloaded of them in another; counts connections."""

    def __init__(self, directory: Path):
        super().__init__("huggingface_hub")
        self.online, self.cache = directory / "online", directory / "cache"
        self.num_connections = 0
        self.asked = []

    def snapshot_download(self, repo_id, *, revision, allow_patterns, local_files_only):
        self.asked.append((repo_id, revision))
        assert allow_patterns == FILES
        place = Path(repo_id, revision or "main")
        if not local_files_only:
            self.num_connections += 1
            if not (self.online / place).exists():
                raise ConnectionError("404: no such repository")
            shutil.copytree(self.online / place, self.cache / place, dirs_exist_ok=True)
        if not (self.cache / place).exists():
            raise FileNotFoundError("not in the cache")
        return str(self.cache / place)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with the repository shop/upscaler, in two revisions."""
    fake = FakeHub(tmp_path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", fake)
    monkeypatch.delenv(VARIABLE, raising=False)
    for revision, factor in (("main", 3), ("v1.0", 2)):
        SRCNN(upscale_factor=factor).save_to_preset(fake.online / "shop" / "upscaler" / revision)
    return fake


def test_nothing_is_downloaded_unasked(hub):
    message = (
        "A preset must be in the cache of the Hugging Face Hub, because downloads are not allowed. "
        "Received: hf://shop/upscaler, which is not. Allow them: from_preset(..., allow_download=True), or "
        "set ZOO_ALLOW_DOWNLOAD=1."
    )
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        SRCNN.from_preset("hf://shop/upscaler")
    assert hub.num_connections == 0


def test_an_allowed_download_is_made_once(hub):
    assert SRCNN.from_preset("hf://shop/upscaler", allow_download=True).upscale_factor == 3
    assert SRCNN.from_preset("hf://shop/upscaler", allow_download=True).upscale_factor == 3
    assert SRCNN.from_preset("hf://shop/upscaler").upscale_factor == 3
    assert hub.num_connections == 1
    assert hub.asked[0] == ("shop/upscaler", None)


def test_a_revision_can_be_named_and_the_environment_can_allow(hub, monkeypatch):
    monkeypatch.setenv(VARIABLE, "0")
    with pytest.raises(FileNotFoundError, match="Received: hf://shop/upscaler@v1.0, which is not."):
        SRCNN.from_preset("hf://shop/upscaler@v1.0")
    monkeypatch.setenv(VARIABLE, "1")
    assert SRCNN.from_preset("hf://shop/upscaler@v1.0").upscale_factor == 2
    assert hub.asked[-1] == ("shop/upscaler", "v1.0")
    preset = read_preset("hf://shop/upscaler@v1.0")
    assert (preset.name, preset.is_shipped) == ("upscaler", False)
    assert read_preset(preset.reference).model_config["upscale_factor"] == 2


def test_half_a_repository_in_the_cache_is_completed(hub):
    cached = hub.cache / "shop" / "upscaler" / "main"
    cached.mkdir(parents=True)
    shutil.copy(hub.online / "shop" / "upscaler" / "main" / "preset.json", cached)
    with pytest.raises(FileNotFoundError, match="downloads are not allowed"):
        SRCNN.from_preset("hf://shop/upscaler")
    assert SRCNN.from_preset("hf://shop/upscaler", allow_download=True).upscale_factor == 3


def test_what_is_downloaded_is_checked(hub):
    path = hub.online / "shop" / "upscaler" / "main" / "weights.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(ValueError, match="The weights of the preset upscaler must match their checksum"):
        SRCNN.from_preset("hf://shop/upscaler", allow_download=True)
    with pytest.raises(TypeError, match=r"Received: 'hf://shop/upscaler', a preset of SRCNN\."):
        FSRCNN.from_preset("hf://shop/upscaler")


def test_a_repository_that_holds_no_preset_is_named(hub):
    (hub.online / "shop" / "photos" / "main").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="photos/main, where preset.json is missing"):
        SRCNN.from_preset("hf://shop/photos", allow_download=True)


def test_a_failed_download_says_why(hub):
    message = (
        "A preset's repository must be readable on the Hugging Face Hub. Received: hf://shop/none, "
        "whose download failed: 404: no such repository. Check its name and revision"
    )
    with pytest.raises(OSError, match=re.escape(message)):
        SRCNN.from_preset("hf://shop/none", allow_download=True)


@pytest.mark.parametrize("reference", ["hf://", "hf://shop", "hf://a/b/c", "hf://a/b@", "hf://a b/c"])
def test_what_names_no_repository_is_refused(hub, reference):
    message = (
        "A preset of the Hugging Face Hub must be named hf://owner/name or hf://owner/name@revision. "
        f"Received: {reference!r}."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        SRCNN.from_preset(reference)
    assert hub.asked == []


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    message = (
        "The package huggingface_hub must be installed, because the preset is on the Hugging Face Hub. "
        "Received: hf://shop/upscaler. "
        "Install it: pip install 'product-image-zoo[hub]'."
    )
    with pytest.raises(ImportError, match=re.escape(message)):
        SRCNN.from_preset("hf://shop/upscaler")
