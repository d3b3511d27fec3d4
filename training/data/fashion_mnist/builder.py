"""Prepares Fashion-MNIST as a TFDS data set, from local IDX files or else from TFDS's download.

Sources:
    [Fashion-MNIST] Xiao et al. 2017, arXiv 1708.07747: 60,000 + 10,000 pictures of 28x28 grey pixels.
"""

import functools
import io
import os
import urllib.request
import warnings
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets.core.download import checksums as tfds_checksums
from tqdm import tqdm

from training.data import preparation
from training.data.fashion_mnist import idx_files

NAME = "fashion_mnist"
CATEGORIES = (
    "t-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
IMAGE_SIZE = 28
DEBIAN_DIR = "/usr/share/datasets/fashion-mnist"

# SHA-256 of the decompressed files. With the originals' gzip headers, Debian's files are byte-identical to
# those whose checksums TFDS registers, as a test verifies.
SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
_FILE_PREFIXES = {"train": "train", "test": "t10k"}
_CONNECT_SECONDS = 5


class FashionMnistUnavailableError(RuntimeError):
    """Raised if no source of Fashion-MNIST works; the message lists each source with the reason."""


# TFDS has no types, so mypy does not know its argument.
class FashionMnist(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """TFDS builder for Fashion-MNIST with the attribute `category`.

    The order of records, and hence the last 5,000 of the train split, is that of TFDS's own `fashion_mnist`.
    The builder is not registered with TFDS, whose own data set of the same name stays available.

    Args:
        images_dir: Directory with the four IDX files, plain or gzipped. If given, no other source is tried.
            By default Debian's directory is tried first, then the download.
        sha256: Expected checksums of the decompressed files, by file name without `.gz`.
        **kwargs: As for `tfds.core.GeneratorBasedBuilder`, e.g. `data_dir`.

    Raises:
        IdxFileError: On `download_and_prepare`, if a file in `images_dir` is missing or wrong.
        FashionMnistUnavailableError: On `download_and_prepare` without `images_dir`, if no source works.

    Example:

    ```python
    builder = FashionMnist(images_dir="/usr/share/datasets/fashion-mnist", data_dir="data")
    builder.download_and_prepare()
    ```
    """

    name = NAME
    VERSION = tfds.core.Version("1.0.0")

    def __init__(
        self,
        *,
        images_dir: str | os.PathLike | None = None,
        sha256: Mapping[str, str] = SHA256,
        **kwargs,
    ):
        self._images_dir = images_dir
        self._sha256 = dict(sha256)
        super().__init__(**kwargs)

    @property
    def url_infos(self):
        # TFDS would look for a checksum file next to this module; the one of its own builder is used instead.
        return _registered_downloads()

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description="Product pictures of Zalando: 70,000 of 28x28 grey pixels in ten categories.",
            features=tfds.features.FeaturesDict(
                {
                    # An Image rather than a plain tensor, for TFDS's viewers and converters.
                    "image": tfds.features.Image(
                        shape=(IMAGE_SIZE, IMAGE_SIZE, 1), dtype=np.uint8, encoding_format="png"
                    ),
                    "category": tfds.features.ClassLabel(names=CATEGORIES),
                }
            ),
            supervised_keys=("image", "category"),
            homepage="https://github.com/zalandoresearch/fashion-mnist",
            license="MIT",
            metadata=tfds.core.MetadataDict(source="", attributes=["category"]),
        )

    def _split_generators(self, dl_manager):
        arrays, source = self._read_first_source(dl_manager)
        self.info.metadata["source"] = source
        return {
            split: self._generate_examples(
                split, arrays[f"{prefix}-images-idx3-ubyte"], arrays[f"{prefix}-labels-idx1-ubyte"]
            )
            for split, prefix in _FILE_PREFIXES.items()
        }

    def _generate_examples(self, split, images, labels):
        description = f"Preparing {self.name} {split}"
        for index in tqdm(range(len(images)), desc=description, unit=" images", leave=False, disable=None):
            buffer = io.BytesIO()
            # Encoded at the fastest setting: TFDS's own encoder takes twice as long to save 3%.
            Image.fromarray(images[index]).save(buffer, "PNG", compress_level=1)
            yield index, {"image": buffer.getvalue(), "category": int(labels[index])}

    def _read_first_source(self, dl_manager) -> tuple[dict[str, np.ndarray], str]:
        if self._images_dir is not None:
            return self._read_directory(self._images_dir), f"local IDX files in {self._images_dir}"
        failures = []
        try:
            return self._read_directory(DEBIAN_DIR), f"local IDX files in {DEBIAN_DIR}"
        except idx_files.IdxFileError as error:
            if Path(DEBIAN_DIR).is_dir():
                warnings.warn(f"{DEBIAN_DIR} is skipped. {error}", stacklevel=2)
            failures.append(f"(1) {DEBIAN_DIR} (Debian's package dataset-fashion-mnist): {error}")
        try:
            return self._download(dl_manager), "TFDS's download"
        except (OSError, tfds.download.DownloadError, idx_files.IdxFileError) as error:
            failures.append(f"(2) download: {error}")
            raise FashionMnistUnavailableError(
                f"At least one source of Fashion-MNIST must work. Received: {' '.join(failures)} "
                "Install that package, or name a directory with the four IDX files: "
                "`zoo data build fashion_mnist --images DIR`."
            ) from error

    def _read_directory(self, directory: str | os.PathLike) -> dict[str, np.ndarray]:
        return self._read_files(
            {name: idx_files.find_idx_file(directory, name, sha256) for name, sha256 in self._sha256.items()}
        )

    def _download(self, dl_manager) -> dict[str, np.ndarray]:
        urls = {PurePosixPath(url).stem: url for url in self.url_infos}
        _check_reachable(urls["train-images-idx3-ubyte"])
        tfds.enable_progress_bar()
        try:
            return self._read_files(dl_manager.download(urls))
        finally:
            tfds.disable_progress_bar()

    def _read_files(self, paths: Mapping[str, os.PathLike]) -> dict[str, np.ndarray]:
        arrays = {name: idx_files.read_idx_file(paths[name], sha256) for name, sha256 in self._sha256.items()}
        for prefix in _FILE_PREFIXES.values():
            images = f"{prefix}-images-idx3-ubyte"
            labels = f"{prefix}-labels-idx1-ubyte"
            _check_pair(paths[images], arrays[images], paths[labels], arrays[labels])
        return arrays


def prepare(
    data_dir: str | os.PathLike,
    images_dir: str | os.PathLike | None = None,
    overwrite: bool = False,
) -> Path:
    """Prepares Fashion-MNIST.

    Args:
        data_dir: Directory of prepared data sets.
        images_dir: As for `FashionMnist`.
        overwrite: Whether to replace an already prepared one.

    Returns:
        The directory of the prepared data set.

    Raises:
        OSError: If `data_dir` cannot be written, or the disk is full.
        IdxFileError: If a file in `images_dir` is missing or wrong.
        FashionMnistUnavailableError: If `images_dir` is not given and no source works.

    Example:

    ```python
    version_dir = prepare("data", images_dir="/usr/share/datasets/fashion-mnist")
    ```
    """
    return preparation.prepare(
        NAME,
        lambda staging_dir: FashionMnist(images_dir=images_dir, data_dir=staging_dir),
        data_dir,
        overwrite=overwrite,
    )


def find_prepared_by_tfds() -> list[Path]:
    """Lists the versions 3.* of `fashion_mnist` prepared by TFDS itself, newest first."""
    versions = preparation.find_prepared_versions(preparation.tfds_data_dir(), NAME)
    return [path for path in versions if path.name.startswith("3.")]


def _check_pair(images_path, images: np.ndarray, labels_path, labels: np.ndarray) -> None:
    if images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE) or labels.shape != images.shape[:1]:
        raise idx_files.IdxFileError(
            f"There must be one label per picture of {IMAGE_SIZE}x{IMAGE_SIZE} pixels. "
            f"Received: {images_path} of shape {images.shape}, {labels_path} of shape {labels.shape}. "
            "Replace both files by fresh copies."
        )
    if labels.size and labels.max() >= len(CATEGORIES):
        raise idx_files.IdxFileError(
            f"Labels must be less than {len(CATEGORIES)}, the number of categories. "
            f"Received: {labels_path} with label {labels.max()}. Replace the file by a fresh copy."
        )


@functools.cache
def _registered_downloads() -> dict[str, tfds_checksums.UrlInfo]:
    return tfds_checksums.load_url_infos(tfds.core.tfds_path("url_checksums/fashion_mnist.txt"))


def _check_reachable(url: str) -> None:
    # TFDS retries ten times with growing pauses, for minutes, before it reports a missing network.
    request = urllib.request.Request(url, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise ConnectionError(f"{url} cannot be reached ({error})") from error
