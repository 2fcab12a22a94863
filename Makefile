# The words people expect. Everything runs in $(VENV), which `setup` makes.
PYTHON ?= python3
VENV ?= .venv
TESTS ?=
WORKERS ?= 2
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.PHONY: setup lint format type test bench docs reference man lock dist clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $(STAMP)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

type: $(STAMP)
	$(BIN)/mypy

test: $(STAMP)
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(TESTS)

bench: $(STAMP)
	$(BIN)/python -m benchmarks

# The manual page, from the options; tests/cli/test_help.py says when it is out of date.
man: $(STAMP)
	$(BIN)/python -m frame_booster.cli.man > man/frame-booster.1

# The pages and the schema that are written by programs; tests/test_docs.py says when they are out of date.
reference: $(STAMP)
	$(BIN)/python -m tests.reference

# The site in site/, from docs/. Strict: a link, or a place in a page, that leads nowhere ends it (not with --quiet).
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

$(VENV)/.docs: $(STAMP)
	$(BIN)/python -m pip install --quiet --editable ".[docs]"
	touch $@

# All versions that the images and reproducible installs take, for both lanes, with hashes.
UV = UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --upgrade --generate-hashes pyproject.toml
lock: $(VENV)/.release
	$(UV) --universal --python-version 3.11 --extra openvino --output-file requirements/lock.txt
	$(UV) --python-platform x86_64-manylinux_2_28 --python-version 3.13 --extra cuda --output-file requirements/cuda.txt

# What is published, in dist/, and whether it is whole.
dist: $(VENV)/.release
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*
	$(BIN)/python -m tests.distribution dist

$(VENV)/.release: $(STAMP)
	$(BIN)/python -m pip install --quiet build twine uv
	touch $@

clean:
	rm -rf $(VENV) build dist site .mypy_cache .ruff_cache .pytest_cache
