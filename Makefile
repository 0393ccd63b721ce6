# One word each; every target sets up what it needs on a fresh machine.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
DEMO := demo
SAMPLE := STOCKOPS_HOME=$(DEMO) STOCKOPS_SOURCE=sample STOCKOPS_AS_OF=2013-03-01 $(BIN)/stockops

PYTEST ?=

.PHONY: setup demo test test-unit test-llm check lock bench chaos fuzz clean

setup: $(STAMP)

# constraints.txt pins every version, torch to 2.13.0: pip takes its CPU build where the index offers one.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[sample,baselines,ray,dev]'
	touch $@

# The main job on real history, without network or key: a parent, a child, a forecast with its picture, a report.
demo: setup
	$(SAMPLE) train-parent
	$(SAMPLE) train-child --ticker AAPL
	$(SAMPLE) predict-child --ticker AAPL
	$(SAMPLE) analyze --ticker AAPL
	@echo "see AAPL_forecast.png, AAPL_predictions.png and analysis/latest_report.md in $(DEMO)/outputs/AAPL" >&2

# One file of tests stays in one process: its fixtures start servers. In order: the files that take longest come first.
test: setup
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder $(PYTEST)

# The quick part: what takes seconds is marked `slow` and left out.
test-unit: setup
	$(BIN)/pytest tests/unit -m 'not slow' -n $$(nproc) --dist worksteal

# A real llama.cpp engine, built from source in some minutes, in an environment of its own.
.venv-llama/.ready:
	$(PYTHON) -m venv .venv-llama
	.venv-llama/bin/pip install --quiet 'llama-cpp-python[server]>=0.3.16' 'gguf>=0.17'
	touch $@

test-llm: setup .venv-llama/.ready
	$(BIN)/pytest tests/integration/adapters/test_llama_cpp_engine.py

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/*.yml

BENCH ?=

bench: setup
	$(BIN)/python benchmarks/bench.py $(BENCH)

CHAOS ?=

# Twelve minutes of kills, damage, crowds and hostile servers; prints the table of docs/reliability.md.
chaos: setup
	PYTHONPATH=. $(BIN)/python benchmarks/chaos.py $(CHAOS)

# The fuzzers of the tests with a budget of minutes: every door that others' bytes come through.
fuzz: setup
	TEST_FUZZ=10000 $(BIN)/pytest -n auto --dist loadfile -k 'fuzz or flipped or act_on or signed' tests/unit tests/integration/adapters/test_sqlite_ledger.py

# Writes constraints.txt anew from what this environment holds, after an upgrade that passed the tests.
lock: setup
	$(BIN)/pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt

clean:
	rm -rf .venv .venv-* $(DEMO) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
