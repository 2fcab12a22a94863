# The words people expect. Everything runs in $(VENV), which `setup` makes.
PYTHON ?= python3
VENV ?= .venv
TESTS ?=
WORKERS ?= 2
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.PHONY: setup lint format type test bench man clean

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
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile $(TESTS)

bench: $(STAMP)
	$(BIN)/python -m benchmarks

# The manual page, from the options; tests/cli/test_help.py says when it is out of date.
man: $(STAMP)
	$(BIN)/python -m frame_booster.cli.man > man/frame-booster.1

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
