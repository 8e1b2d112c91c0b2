# Everything a developer runs, by name; `make` lists it. All tools live in .venv: what the project needs at the versions
# of requirements.lock, what its tests need besides at those of tests/requirements.txt.

SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
TOOLS := .venv/.tools
EMULATORS := .venv-emulators
SECOND := .venv-second
ORACLE := .venv-zetasql
JOBS ?= 2
# Of the slow tests some are mostly waiting, for the UI and the daemon.
WAITING ?= 2
SLOW := faults emulators googlesql ui readme
UV := uv==0.13.8
# Python keeps the bytecode of what it imports, which is a fraction of all there is, unless it is told not to.
COMPILED := $(if $(PYTHONDONTWRITEBYTECODE),--compile-bytecode)

.DEFAULT_GOAL := help
.PHONY: help setup tools emulators second-emulator oracle demo test test-faults test-soak test-ui test-readme test-gcp test-sql cloud test-all lint format lock bench clean

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) .env .dagster/dagster.yaml ## Make .venv and .env (every other target does so first)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 setup"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(UV)
	$(BIN)/uv pip install --system-certs --quiet $(COMPILED) --python $(BIN)/python --requirements requirements.lock
	$(BIN)/uv pip install --system-certs --quiet --python $(BIN)/python --no-deps --editable .
	$(if $(COMPILED),$(BIN)/python -m compileall -q src dlt_sources)
	@grep -q '^# lakehouse: plain' $(BIN)/activate || printf '\n# lakehouse: plain dagster commands find the instance and the code\nset -a; . "%s/.env"; set +a\n' "$(CURDIR)" >> $(BIN)/activate
	@touch $@

$(TOOLS): tests/requirements.txt $(INSTALLED)
	$(BIN)/uv pip install --system-certs --quiet $(COMPILED) --python $(BIN)/python --requirements $<
	@touch $@

.env:
	@printf '%s\n' 'DAGSTER_HOME="$(CURDIR)/.dagster"' \
	  '# so that "dagster asset list" and "dagster asset materialize" need no -m lakehouse.definitions' \
	  DAGSTER_CLI_ASSET_LIST_MODULE_NAME=lakehouse.definitions \
	  DAGSTER_CLI_ASSET_MATERIALIZE_MODULE_NAME=lakehouse.definitions > $@

.dagster/dagster.yaml:
	@mkdir -p .dagster && ln -s ../dagster.yaml $@

tools: setup $(TOOLS) ## What tests and lint need besides (every target of theirs does so first)

demo: setup ## Four months of generated sample data through the whole pipeline, and what came of them
	@$(BIN)/lakehouse demo

# Each file of tests in one process, those that take longest first.
PYTEST := $(BIN)/pytest --dist loadfile

# Tests with lint beside them; what lint said is printed after the tests, and either of them can fail.
define with-lint
@said=$$(mktemp); $(MAKE) --no-print-directory lint > "$$said" 2>&1 & linting=$$!; \
$(1); tests=$$?; wait $$linting; lint=$$?; cat "$$said"; rm "$$said"; exit $$((tests || lint))
endef

test: tools ## Lint, types and the fast tests
	$(call with-lint,$(PYTEST) -n $(JOBS) $(addprefix --ignore tests/,$(SLOW)))

test-faults: tools ## Kills, losses of power, races, restatements, unpublished months; sensors in the real daemon
	$(PYTEST) -n $(JOBS) tests/faults

SCALE ?= 25
SOAK := $(addprefix tests/faults/test_,random_kills.py interrupts.py daemon.py power_loss.py bad_answers.py) tests/warehouse tests/googlesql/test_compositions.py
SOAKED := LAKEHOUSE_SOAK=$(SCALE) $(if $(SEED),LAKEHOUSE_SOAK_SEED=$(SEED)) LAKEHOUSE_REQUIRE_EMULATORS=true $(PYTEST) -n $(JOBS)
test-soak: tools emulators oracle ## Everything that CI takes a share of, and SCALE times (25) what it tries of what is drawn from SEED (any): restatements, kills, interrupts, losses of power, bad answers
	@drawn=0; $(SOAKED) --dist load $(SOAK) || drawn=$$?; \
	$(SOAKED) $(addprefix --ignore ,$(SOAK)) && exit $$drawn

test-ui: tools ## A person's way through the Dagster UI, in Chromium; pictures in .screenshots
	$(BIN)/pytest tests/ui

test-readme: tools ## Every command of the README, in order, in a fresh copy
	$(BIN)/pytest tests/readme

emulators: $(EMULATORS)/.installed

test-gcp: tools emulators ## The SQL on a BigQuery emulator, against DuckDB and pandas; landed files in Cloud Storage, emulated
	LAKEHOUSE_REQUIRE_EMULATORS=true $(BIN)/pytest tests/emulators tests/bronze/test_store.py tests/bronze/test_observations.py tests/bronze/test_gcs_*.py
	LAKEHOUSE_REQUIRE_EMULATORS=true LAKEHOUSE_ALL_STORES=true $(PYTEST) -n $(JOBS) tests/gcp tests/warehouse -k "gcp or bigquery or second_emulator"

cloud: tools emulators ## Google Cloud, emulated, until Ctrl-C: to try the gcp profile without an account
	@$(BIN)/python -m tests.emulators.try_out

# BigQuery's needs another sqlglot than we do, and a Python before 3.13; they are always let keep bytecode themselves.
$(EMULATORS)/.installed: tests/emulators/requirements.txt | $(INSTALLED)
	$(BIN)/uv venv --system-certs --quiet --clear --python '>=3.11,<3.13' $(EMULATORS)
	$(BIN)/uv pip install --system-certs --quiet --python $(EMULATORS)/bin/python --requirements $<
	@touch $@

# Another emulator of BigQuery, for the tests that are marked as gaps of the first; it needs Python 3.13.
second-emulator: $(SECOND)/.installed

$(SECOND)/.installed: tests/emulators/second.txt | $(INSTALLED)
	$(BIN)/uv venv --system-certs --quiet --clear --python 3.13 $(SECOND)
	$(BIN)/uv pip install --system-certs --quiet --python $(SECOND)/bin/python --requirements $<
	@touch $@

# What the engine is compiled to is kept with it: that takes half a minute, starting it then less than a second.
oracle: $(ORACLE)/.installed

$(ORACLE)/.installed: tests/googlesql/requirements.txt | $(INSTALLED)
	$(BIN)/uv venv --system-certs --quiet --clear --python '>=3.11,<3.13' $(ORACLE)
	$(BIN)/uv pip install --system-certs --quiet --python $(ORACLE)/bin/python --requirements $<
	$(ORACLE)/bin/python tests/googlesql/engine.py < /dev/null
	@touch $@

test-sql: tools oracle ## The SQL on Google's own engine, against DuckDB
	$(PYTEST) -n $(JOBS) tests/googlesql

# Of what is large by nature a share, another one each time: tests/shares.py says of which files how much.
test-all: tools emulators oracle ## All that CI runs: all of the above at once, of the largest files a drawn share
	$(call with-lint,LAKEHOUSE_SHARES=true $(PYTEST) -n $$(($(JOBS) + $(WAITING))))

lint: tools ## ruff, mypy (strict), sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --processes 1 sql

format: tools ## Format Python and SQL
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix sql

LOCKED := --system-certs --universal --python-version 3.11 --upgrade --no-emit-index-url --no-header --no-annotate --quiet

lock: tools ## Compile requirements.lock anew, without index addresses
	$(BIN)/uv pip compile $(LOCKED) --all-extras pyproject.toml --output-file requirements.lock
	$(BIN)/uv pip compile $(LOCKED) --group dev --constraint requirements.lock --output-file tests/requirements.txt
	$(BIN)/uv pip compile $(LOCKED) tests/emulators/requirements.in --output-file tests/emulators/requirements.txt
	$(BIN)/uv pip compile $(subst 3.11,3.13,$(LOCKED)) tests/emulators/second.in --output-file tests/emulators/second.txt
	$(BIN)/uv pip compile $(LOCKED) tests/googlesql/requirements.in --output-file tests/googlesql/requirements.txt

bench: tools ## Measure against bare DuckDB
	$(BIN)/python -m bench.load_time
	$(BIN)/python -m bench.rerun
	$(BIN)/python -m bench.month
	$(if $(wildcard /usr/lib/postgresql/*/bin/initdb),$(BIN)/python -m bench.changing_table)

clean: ## Remove .venv, .env and all tool caches; data and run history stay
	rm -rf .venv $(EMULATORS) $(SECOND) $(ORACLE) .env .pytest_cache .mypy_cache .ruff_cache
