# `make demo` and `make test` need python3 (3.11 or newer) and a package index for pip, nothing else.
# Another interpreter: make demo PYTHON=python3.12

PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= dev,exact,onnx,plot,cli
PYTEST_ARGS ?=
WORKERS ?= logical
BENCH ?= run

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.PHONY: help demo test lint types check docs bench wheel clean

help:
	@echo "make demo    bound an embedded network and an embedded polynomial problem"
	@echo "make test    lint, types, tests and doctests"
	@echo "make lint    ruff check and ruff format --check"
	@echo "make types   mypy --strict on both packages"
	@echo "make check   pytest alone; PYTEST_ARGS='tests/test_imports.py -k direction' narrows it"
	@echo "             a worker for each processor, 8 at most; WORKERS=0: none, to debug"
	@echo "make docs    build the documentation into docs/_build/html, warnings as errors"
	@echo "make bench   compare phases, solvers, CVXPY and Python peers; tables in build/bench"
	@echo "             BENCH=affine_relu runs one file of benchmarks/, BENCH='*' all of them"
	@echo "make wheel   build the wheel into dist/"
	@echo "make clean   remove $(VENV), builds and caches"

demo: $(VENV)/.installed
	$(BIN)/python -m lipschitz_app demo

test: lint types check

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

# Workers share the processors, so that each has one thread for linear algebra.
check: $(VENV)/.installed-dev
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} OPENBLAS_NUM_THREADS=$${OPENBLAS_NUM_THREADS:-1} \
	  $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 --dist worksteal $(PYTEST_ARGS)

docs: $(VENV)/.installed-docs
	$(BIN)/python -m sphinx -W --keep-going -b html -d docs/_build/doctrees docs docs/_build/html

bench: $(VENV)/.installed-dev
	@set -e; for script in `grep -l __main__ benchmarks/$(BENCH).py`; do \
	  echo "== $$script"; $(BIN)/python "$$script"; \
	done

wheel: $(VENV)/.installed-dev
	rm -rf dist
	$(BIN)/python -m build --wheel --outdir dist .

clean:
	rm -rf $(VENV) build dist docs/_build docs/reference .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find polyopt lipschitz_app tests examples benchmarks -name __pycache__ -prune -exec rm -rf {} +

# The stamps: an environment is made once, and installed into again when pyproject.toml changes.

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: $(PYTHON) is `$(PYTHON) --version 2>&1`; Python 3.11 or newer is needed." >&2; \
	  echo "       Name another one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "creating $(VENV) with `$(PYTHON) --version`"
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "error: $(PYTHON) cannot create virtual environments; install its venv module" >&2; \
	  echo "       (on Debian and Ubuntu the package python3-venv)" >&2; exit 1; }
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.made
	@echo "installing polyopt and what it needs (about a minute)"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml $(VENV)/.made
	@echo "installing polyopt with the extras $(EXTRAS) (a minute or two)"
	@$(PIP) --editable ".[$(EXTRAS)]"
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: pyproject.toml $(VENV)/.made
	@echo "installing polyopt and what its documentation needs"
	@$(PIP) --editable ".[docs]"
	@touch $@ $(VENV)/.installed
