# Two commands matter: `make demo` runs everything, `make test` tests everything. Both install what they need.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SPARK := $(VENV)/.installed-spark

# the first Python from 3.11 that really runs: a name on the PATH may be an empty shell
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3 python; do \
	if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then command -v "$$name"; break; fi; done)

.DEFAULT_GOAL := help
.PHONY: help install demo test lint format types layers bench lock chromium clean

help: ## Say what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

install: $(STAMP) ## Make .venv with everything pinned, and the segsync command in it

$(STAMP): requirements.lock requirements-installer.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "segsync needs Python 3.11 or newer, and none was found. Install it, or say where it is: make install PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module is missing; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --require-hashes -r requirements-installer.txt || echo "uv could not be installed; pip will do, it takes longer" >&2
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock \
		|| { echo "installing with pip" >&2; $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock; }
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . \
		|| $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

# only tests need it here: warehouses in Spark are an extra
$(SPARK): requirements-spark.lock $(STAMP)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements-spark.lock \
		|| $(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements-spark.lock
	@touch $(SPARK)

demo: $(STAMP) ## Run all of it with simulated channels; SEGSYNC_PORT and SEGSYNC_DATA choose port and folder
	@exec $(BIN)/segsync demo

test: $(STAMP) $(SPARK) chromium ## Lint, types, layers, and every kind of test
	@exec $(BIN)/python tests/run.py

lint: $(STAMP) ## Look for mistakes and for what is not formatted
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

format: $(STAMP) ## Format the code
	@$(BIN)/ruff format .

types: $(STAMP) ## Check types
	@$(BIN)/mypy

layers: $(STAMP) ## Check that imports point one way
	@$(BIN)/lint-imports

bench: $(STAMP) ## Measure speed and memory: a table, and build/figures.json; ARGS="first --members 100000" chooses
	@mkdir -p build && $(BIN)/python -m benchmarks --json build/figures.json $(ARGS)

chromium:
	@test -n "$$SEGSYNC_CHROMIUM" || command -v chromium >/dev/null || { \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Debian's Chromium for the browser tests"; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >/dev/null 2>&1 \
		|| echo "Chromium could not be installed: the browser tests will fail"; \
	else echo "Chromium is missing, and the browser tests need it: install the package chromium, or set SEGSYNC_CHROMIUM"; fi; }

lock: $(STAMP) ## Pin the newest versions that pyproject.toml allows
	@$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11.0 --extra dev \
		--no-header --no-emit-index-url --output-file requirements.lock pyproject.toml
	@printf 'packaging\npandas\npyspark>=4,<4.1\n' | $(BIN)/uv pip compile --quiet --upgrade --constraint requirements.lock --generate-hashes --universal --python-version 3.11.0 \
		--no-header --no-emit-index-url --output-file requirements-spark.lock -
	@{ echo "# Installs everything else, quickly. Taken from requirements.lock by \`make lock\`."; \
		sed -n '/^uv==/,/# via/p' requirements.lock | grep -v '# via' | sed '$$ s/ \\$$//'; } > requirements-installer.txt

clean: ## Remove what was installed and measured; the data folder stays
	@rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
