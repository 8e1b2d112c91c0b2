# Everything a developer runs, by name; `make` lists it. All tools live in .venv, at the versions of requirements.lock.

SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
EMULATORS := .venv-emulators
JOBS ?= 2
UV := uv==0.13.8

.DEFAULT_GOAL := help
.PHONY: help setup run test test-faults test-gcp test-all lint format lock bench clean

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) .env .dagster/dagster.yaml ## Make .venv and .env (every other target does so first)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 setup"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(UV)
	$(BIN)/uv pip install --system-certs --quiet --compile-bytecode --python $(BIN)/python --requirements requirements.lock
	$(BIN)/uv pip install --system-certs --quiet --python $(BIN)/python --no-deps --editable .
	@grep -q '^# lakehouse: plain' $(BIN)/activate || printf '\n# lakehouse: plain dagster commands find the instance and the code\nset -a; . "%s/.env"; set +a\n' "$(CURDIR)" >> $(BIN)/activate
	@touch $@

.env:
	@printf '%s\n' 'DAGSTER_HOME="$(CURDIR)/.dagster"' \
	  '# so that "dagster asset list" and "dagster asset materialize" need no -m lakehouse.definitions' \
	  DAGSTER_CLI_ASSET_LIST_MODULE_NAME=lakehouse.definitions \
	  DAGSTER_CLI_ASSET_MATERIALIZE_MODULE_NAME=lakehouse.definitions > $@

.dagster/dagster.yaml:
	@mkdir -p .dagster && ln -s ../dagster.yaml $@

test: setup ## Lint, types and the fast tests
	$(MAKE) --no-print-directory lint
	$(BIN)/pytest -n $(JOBS) --dist loadfile --ignore tests/faults --ignore tests/emulators

test-faults: setup ## Kills, races, restatements and unpublished months
	$(BIN)/pytest -n $(JOBS) --dist loadfile tests/faults

test-gcp: setup $(EMULATORS)/.installed ## The SQL on a BigQuery emulator, against DuckDB and pandas
	$(BIN)/pytest tests/emulators

# The emulator needs another sqlglot than we do, and a Python before 3.13.
$(EMULATORS)/.installed: tests/emulators/requirements.txt | $(INSTALLED)
	$(BIN)/uv venv --system-certs --quiet --clear --python '>=3.11,<3.13' $(EMULATORS)
	$(BIN)/uv pip install --system-certs --quiet --compile-bytecode --python $(EMULATORS)/bin/python --requirements $<
	@touch $@

test-all: test test-faults test-gcp ## All that CI runs

lint: setup ## ruff, mypy (strict), sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --processes 1 sql

format: setup ## Format Python and SQL
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix sql

lock: setup ## Compile requirements.lock anew, without index addresses
	$(BIN)/uv pip compile --system-certs pyproject.toml --group dev --universal --python-version 3.11 --upgrade \
	  --no-emit-index-url --no-header --no-annotate --quiet --output-file requirements.lock
	$(BIN)/uv pip compile --system-certs tests/emulators/requirements.in --universal --python-version 3.11 --upgrade \
	  --no-emit-index-url --no-header --no-annotate --quiet --output-file tests/emulators/requirements.txt

bench: setup ## Measure against bare DuckDB
	$(BIN)/python -m bench.load_time
	$(BIN)/python -m bench.rerun
	$(BIN)/python -m bench.month

clean: ## Remove .venv, .env and all tool caches; data and run history stay
	rm -rf .venv $(EMULATORS) .env .pytest_cache .mypy_cache .ruff_cache
