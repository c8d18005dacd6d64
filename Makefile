# Needs python3 (3.11 or newer), make and a shell of Unix (on Windows that of Git). Every target sets up the virtual environment it needs.
#   PYTHON=python3.12   the Python to make the environment with
#   VENV=.venv          where the environment goes
#   JOBS=2              how many tests `make test` and `make test-fast` run beside each other
#   T=tests/x.py        what `make check` runs: a file, or tests/x.py::test_name
#   ARGS='...'          more arguments for the program that the target runs; `make test` with some asks for no coverage
#   SPEC=configs/fruits.yaml   what `make run` and `make audit` work on
# pip's own settings (PIP_INDEX_URL, PIP_FIND_LINKS, pip.conf ...) apply.

PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
ARGS ?=
T ?=
SPEC ?= configs/fruits.yaml

ifneq ($(words $(VENV)),1)
$(error VENV must be one path without blanks)
endif

ifneq ($(filter check,$(MAKECMDGOALS)),)
ifeq ($(strip $(T)),)
$(error say which tests: make check T=tests/util/test_rng.py)
endif
endif

BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
LINTED := imgprep tests benchmarks sample_data docs

# Where this is set, each of the thousand processes of the tests would compile all of imgprep for itself.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# One environment serves all targets; two installations into it at once would break it.
.NOTPARALLEL:
.PHONY: help run shell audit check test-fast test test-frameworks lint format docs docs-serve bench fuzz man clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/.ready-run ## prepare the sample collection: audit, convert, split, pack
	$(BIN)/imgprep run $(SPEC) $(ARGS)

shell: $(VENV)/.ready-run ## open a shell in which imgprep is found
	@VIRTUAL_ENV="$(abspath $(VENV))" PATH="$(abspath $(BIN)):$$PATH" "$${SHELL:-sh}" $(ARGS)

audit: $(VENV)/.ready-run ## judge the sample collection only
	$(BIN)/imgprep audit $(SPEC) $(ARGS)

check: $(VENV)/.ready-test ## run the tests of one file, without coverage: make check T=tests/util/test_rng.py
	$(BIN)/python -m pytest -q $(T) $(ARGS)

test-fast: $(VENV)/.ready-test ## run the tests that take no time, without coverage
	$(BIN)/python -m pytest -q -m "not slow" --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

test: $(VENV)/.ready-test ## run all tests, with the branch coverage of those that take no time, over all processes
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report $(if $(strip $(ARGS)),--fail-under=0)

test-frameworks: ## run what needs PyTorch, Keras, TensorFlow, datasets, grain or Ray
	@$(MAKE) --no-print-directory VENV=$(VENV)-frameworks $(VENV)-frameworks/.ready-frameworks
	$(VENV)-frameworks/bin/python -m pytest -q -W default tests/dataset/adapters tests/dataset/export tests/sources/test_parquet.py \
		tests/e2e/test_export_and_import.py tests/engines/test_ray.py tests/e2e/test_ray.py $(ARGS)
	$(VENV)-frameworks/bin/python -m pytest -q tests/engines/test_base.py -k ray $(ARGS)

lint: $(VENV)/.ready-lint ## check style, formatting and types
	$(BIN)/ruff check $(LINTED)
	$(BIN)/ruff format --check $(LINTED)
	$(BIN)/mypy

format: $(VENV)/.ready-lint ## format the code and mend what can be mended
	$(BIN)/ruff check --fix $(LINTED)
	$(BIN)/ruff format $(LINTED)

docs: $(VENV)/.ready-docs ## build the documentation site into build/site; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict $(ARGS)

docs-serve: $(VENV)/.ready-docs ## show the documentation site while you write it
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve $(ARGS)

bench: $(VENV)/.ready-run ## measure imgprep beside other programs: make bench ARGS='--quick --only convert'
	$(BIN)/python -m benchmarks $(ARGS)

fuzz: $(VENV)/.ready-test ## feed mutated files to imgprep for FUZZ_SECONDS (600)
	FUZZ_SECONDS=$${FUZZ_SECONDS:-600} $(BIN)/python -m pytest -q -o faulthandler_timeout=0 tests/faults/test_fuzz.py $(ARGS)

man: $(VENV)/.ready-run ## write the manual page to build/man/imgprep.1
	mkdir -p build/man
	$(BIN)/python -m imgprep.cli.man > build/man/imgprep.1

clean: ## remove what was built; the environment stays
	rm -rf build dist htmlcov .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find $(LINTED) -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.ready-run: EXTRAS :=
$(VENV)/.ready-test: EXTRAS := [test]
$(VENV)/.ready-lint: EXTRAS := [lint]
$(VENV)/.ready-docs: EXTRAS := [docs]
$(VENV)/.ready-frameworks: EXTRAS := [test,frameworks]

$(VENV)/.ready-run $(VENV)/.ready-test $(VENV)/.ready-lint $(VENV)/.ready-docs $(VENV)/.ready-frameworks: pyproject.toml hatch_build.py $(wildcard native/*) $(VENV)/.ready
	@echo "Installing imgprep$(EXTRAS) into $(VENV) ..." >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.$(EXTRAS)'
	@touch $@

$(VENV)/.ready:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "$(PYTHON): not found; install Python 3.11 or newer, or say where it is: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is `$(PYTHON) --version 2>&1`, imgprep needs Python 3.11 or newer: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments; install its venv package (Debian, Ubuntu: apt install python3-venv)" >&2; \
	  exit 1; }
	@echo "Making the virtual environment $(VENV) ..." >&2
	@$(PYTHON) -m venv $(VENV)
	@touch $@
