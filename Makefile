# make demo    load a million trades into a PostgreSQL of its own, and check them     ROWS=1000000 LOAD_ARGS=
# make test    all tests, each worker with its own PostgreSQL and PostgREST           PYTEST_ARGS= WORKERS=2
# make lint    ruff, mypy, import contracts
# make soak    each fault, over and over: kill -9 500 times; up to 2 hours           SOAK_ARGS='--rounds 50 kill'
# make bench   measure against other ways; writes benchmarks/ and the README; 18 min  BENCH_ARGS='--only ways'
#
# Each sets up what it needs: it takes a Python of 3.11 or later (PYTHON names another) and a network.

.PHONY: help demo test lint soak bench bench-quick clean
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed

WORKERS ?= 2
ROWS ?= 1000000
DEMO := .demo/$(ROWS)
DUMP := $(DEMO)/trades.jsonl

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

$(READY): pyproject.toml tools/setup.sh
	@PYTHON='$(PYTHON)' sh tools/setup.sh $(VENV)

$(DUMP): examples/make_trades.py | $(READY)
	@echo "Making a dump of $(ROWS) trades"
	@$(BIN)/python examples/make_trades.py $(ROWS) $@.part && mv $@.part $@

demo: export XDG_STATE_HOME = $(CURDIR)/$(DEMO)/state
demo: $(READY) $(DUMP)
	$(BIN)/bulkload --sandbox --concurrency 8 --run-dir $(DEMO)/trades.bulkload $(LOAD_ARGS) $(DUMP)
	$(BIN)/bulkload sandbox -- $(CURDIR)/$(BIN)/python examples/check_sums.py $(DUMP)

# A file stays with one worker, for its tests share tables. The first files take longest: tests/faults waits.
test: $(READY)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

soak: $(READY)
	$(BIN)/python -m tests.soak $(SOAK_ARGS)

$(VENV)/.bench: $(READY)
	@echo "Installing what bulkload is measured against into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group bench && touch $@

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

bench-quick: $(VENV)/.bench
	$(BIN)/python -m benchmarks --quick $(BENCH_ARGS)

clean:
	rm -rf $(VENV) .demo .cache/bench .cache/bench-npm .cache/test-npm
