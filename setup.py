"""Packaging of product-image-zoo."""

import re
from pathlib import Path

from setuptools import find_packages, setup

DOCS = [
    "mkdocs-material>=9.7,<10",
    "mkdocstrings[python]>=1.0,<2",
]

# The version stands in `zoo/__init__.py` alone.
PACKAGE = Path(__file__).with_name("zoo").joinpath("__init__.py").read_text(encoding="utf-8")
(VERSION,) = re.findall(r'^__version__ = "(.+)"$', PACKAGE, re.MULTILINE)

setup(
    name="product-image-zoo",
    version=VERSION,
    description="Keras 3 model zoo for product pictures: generate, edit, enlarge, export and serve.",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    packages=find_packages(include=["zoo*", "training*", "export*", "serving*"]),
    package_data={
        # Trained weights; see zoo/presets/registry.py.
        "zoo": ["py.typed", "preset_files/*/preset.json", "preset_files/*/weights.npz"],
        # Jobs for clusters, to be copied.
        "training": ["py.typed", "distribution/deploy/*"],
        "export": ["py.typed"],
        # Templates; see serving/deploy/deployment.py.
        "serving": [
            "py.typed",
            "audit/rules.json",
            "demo/photos/*",
            "deploy/templates/**/*",
            "bench/load.js",
            "examples/**/*",
        ],
    },
    # Capped to tested minor releases are those whose private parts are used: see tests/test_private_parts.py.
    install_requires=[
        "tensorflow>=2.20,<2.22",
        "keras>=3.12,<3.16",
        "tensorflow-datasets>=4.9.9",
        "numpy>=2.0",
        "pillow>=11",
        "tensorboard>=2.20",
        "keras-tuner>=1.4.8,<1.5",
        "scikit-learn>=1.7",  # nearest neighbours; Gaussian processes for keras-tuner
        "scipy>=1.15",  # bootstrap
        "tensorflow-serving-api>=2.19",
        "ml_dtypes>=0.5",  # bfloat16 without TensorFlow
        "h5py>=3.11",  # weights files of other projects
        "protobuf>=6.31.1",
        "grpcio>=1.67",
        "grpcio-health-checking>=1.67",
        # What is not this project's business.
        "annotated-types>=0.7",  # limits of hyperparameters
        "click>=8.2",  # command line
        "tqdm>=4.66",  # terminal progress
        "charset-normalizer>=3.5",  # encodings of tables
        "python-calamine>=0.9",  # spreadsheets
        "filelock>=3.30",  # locks of files and directories
        "imagehash>=4.3.2",  # perceptual hashes of photos
        "simplejpeg>=1.8",  # finds JPEG files that TensorFlow cannot decode
        "imagecodecs>=2025.8",  # PNG and TIFF files of 16 bits a channel
        "tifffile>=2025.6",  # TIFF files of 16 bits a channel
        "uvicorn>=0.54,<0.55",  # HTTP server
        "httptools>=0.6",  # its HTTP parser
        "httpx2>=2",  # HTTP client
        "tenacity>=9.1",  # its retries, and those over gRPC
    ],
    extras_require={
        "gpu": ["tensorflow[and-cuda]>=2.20,<2.22"],
        "wandb": ["wandb>=0.22"],
        "beam": ["apache-beam>=2.77,<2.78"],  # whole catalogues; its runners' private parts change
        "c2pa": ["c2pa-python>=0.38,<1", "cryptography>=44"],  # signed provenance
        "heic": ["pillow-heif>=1"],  # photos of phones; its wheels contain encoders under the GPL
        "stitching": ["opencv-python-headless>=4.10,<5"],  # points that photos have in common
        "hub": ["huggingface-hub>=1"],  # presets named hf://owner/name
        "docs": DOCS,  # the documentation site
        "dev": [
            *DOCS,
            "mkdocs>=1.6",
            "nbclient>=0.10",  # runs docs/tour.ipynb
            "nbformat>=5.10",
            "ipykernel>=6.29",
            "apache-beam>=2.77,<2.78",
            "opencv-python-headless>=4.10,<5",
            "c2pa-python>=0.38,<1",
            "pillow-heif>=1",
            "wandb>=0.22",
            "pytest>=8",
            "pytest-xdist>=3.6",
            "pytest-cov>=6",
            "mypy>=1.18",
            "pyyaml>=6",
            "ruff>=0.9",
            "uv>=0.9",  # make constraints
            "pre-commit>=4",
            "trustme>=1.2",
            "cryptography>=44",
            "kubernetes-validate>=1.30",  # the schemas of Kubernetes
            "jsonschema>=4.23",
            "psutil>=6",
            "packaging>=24",  # versions of what is installed
        ],
    },
    entry_points={
        "console_scripts": [
            "zoo=zoo.cli:main",
            "zoo-model-server=serving.model_server.__main__:run",
        ]
    },
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Developers",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Image Processing",
    ],
)
