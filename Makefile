# Two commands for a fresh machine: `make demo` and `make test`. Both set up .venv once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# In the order of tests/conftest.py, which begins with the longest.
IN_PARALLEL := --numprocesses 2 --dist loadfile --no-loadscope-reorder
FASHION_MNIST := /usr/share/datasets/fashion-mnist

.PHONY: help setup demo test test-slow docs client bench-serving soak-serving constraints lint format benchmark clean
.DEFAULT_GOAL := help

help: ## Show this list.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.installed: setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "Python 3.11 to 3.13 is needed. Received: $$($(PYTHON) --version). Name another one: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "venv is missing. On Debian: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

setup: $(VENV)/.installed ## Create .venv with everything pinned in constraints.txt (done by the others).

demo: setup ## Train, export, serve and ask the three models; leaves demo/index.html.
	@if [ ! -e $(FASHION_MNIST) ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Debian's dataset-fashion-mnist"; \
		{ apt-get install -qq -y --no-install-recommends dataset-fashion-mnist || \
		  { apt-get update -qq && apt-get install -qq -y --no-install-recommends dataset-fashion-mnist; }; } \
		  >/dev/null 2>&1 || echo "It could not be installed; the demo looks for the pictures elsewhere."; \
	fi
	$(BIN)/python -m serving.demo

test: setup lint ## Lint, then the default test run (six to nine minutes on two idle cores, after installation).
	$(BIN)/python -m pytest $(IN_PARALLEL)

test-slow: setup ## The tests that take longer than about seven seconds each (about twenty minutes).
	$(BIN)/python -m pytest -m slow $(IN_PARALLEL)

docs: setup ## Build the documentation site; leaves site/index.html.
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

client: setup ## Build the wheel of the clients alone, without TensorFlow; leaves it in dist/.
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist ./serving/client

bench-serving: setup ## What the embedded server adds to its models, beside targets (fifteen minutes).
	$(BIN)/python tests/benchmarks/serving.py

soak-serving: setup ## Ten minutes of load while versions come and go: failed requests and memory.
	$(BIN)/python tests/benchmarks/serving.py --soak 10

# Not `setup`: what setup.py asks for may contradict the pins that this writes anew.
$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv

constraints: $(BIN)/uv ## Pin what setup.py's extras resolve to; newest releases with UPGRADE=--upgrade.
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --no-annotate --no-emit-index-url \
		--custom-compile-command 'make constraints' --constraint .ci/constraints.in $(UPGRADE) setup.py \
		--output-file constraints.txt

lint: setup ## Check style and formatting, and the types of the public surface.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup ## Format the code.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Remove .venv, the demo's results and the built site.
	rm -rf $(VENV) demo site
