"""Packages the clients alone, which need no TensorFlow, as product-image-zoo-client.

`make client` builds its wheel. Version, Python versions and requirements come from the repository's setup.py.
"""

import os
import re
import shutil
from distutils.core import run_setup  # from setuptools if Python has none
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ["serving", "serving.client", "serving.wire"]
REQUIREMENTS = {"grpcio", "httpx2", "ml_dtypes", "numpy", "protobuf", "tenacity"}
# The commands' options, which need more packages than the clients, and this file.
LEFT_OUT = {"serving.client.access", "serving.client.setup"}

PAGE = """\
# product-image-zoo-client

The Python clients of product-image-zoo: gRPC and REST, plain and encrypted, synchronous and asynchronous.
They talk to its server or to TensorFlow Serving, and need neither TensorFlow nor Keras.

```python
from serving.client import connect

with connect("localhost:8500") as client:
    outputs = client.predict("dcgan", {"seed": [7], "category": ["bag"]})
```

Install either this package or product-image-zoo, which includes the same modules, but not both.
"""


class BuildClient(build_py):
    """Copies the clients' modules, but only `__init__.py` of the enclosing package."""

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        return [
            (parent, name, file)
            for parent, name, file in super().find_package_modules(package, package_dir)
            if f"{parent}.{name}" not in LEFT_OUT and (parent != "serving" or name == "__init__")
        ]


def requirements_of(distribution: Distribution) -> list[str]:
    """Returns the clients' requirements, with the versions of the whole distribution."""
    return [text for text in distribution.install_requires if re.split("[<>=]", text)[0] in REQUIREMENTS]


def main() -> None:
    """Runs setuptools for the clients' distribution."""
    whole = run_setup(str(REPOSITORY / "setup.py"), stop_after="init")
    root = os.path.relpath(REPOSITORY)
    # Separate from the other build's files, because a wheel includes every file in its build directory.
    build_dir = os.path.join(root, "build", "client")
    shutil.rmtree(build_dir, ignore_errors=True)
    os.makedirs(build_dir)
    setup(
        name="product-image-zoo-client",
        version=whole.get_version(),
        description="Clients of model servers for product pictures, over gRPC and REST, without TensorFlow.",
        long_description=PAGE,
        long_description_content_type="text/markdown",
        license=whole.get_license(),
        python_requires=str(whole.python_requires),
        package_dir={"": root},
        packages=PACKAGES,
        package_data={"serving": ["py.typed"]},
        install_requires=requirements_of(whole),
        cmdclass={"build_py": BuildClient},
        options={"build": {"build_base": build_dir}, "egg_info": {"egg_base": build_dir}},
        classifiers=whole.get_classifiers(),
    )


if __name__ == "__main__":
    main()
