# Two commands are enough: `make demo` and `make test`. Each sets itself up on a fresh clone.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
TORCH  ?= torch==2.13.0
# Files are compiled when they are first imported: most never are.
PIP    := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile

.PHONY: setup setup-dev demo test lint bench check-all format clean

setup: $(VENV)/.ready
setup-dev: $(VENV)/.ready-dev

# torch goes first and alone, and its own line is left out of the constraints: `make setup TORCH='...'` decides which build.
$(VENV)/.torch: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) $(TORCH)
	grep -v '^torch==' constraints.txt > $(VENV)/constraints.txt
	touch $@

$(VENV)/.ready: $(VENV)/.torch pyproject.toml
	$(PIP) -c $(VENV)/constraints.txt -e '.[train,scenes]'
	touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	$(PIP) -c $(VENV)/constraints.txt -e '.[train,scenes,video,data,export,dev]'
	touch $@

demo: $(VENV)/.ready
	$(BIN)/leadline demo --out out/demo

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

# In a process of their own: after them, where the renderer was used too, a later test ended the process (docs/LOG.md).
RUNTIMES := tests/export tests/runtime tests/cli/test_bench.py tests/cli/test_live.py

test: lint
	$(BIN)/python -m pytest $(addprefix --ignore=,$(RUNTIMES))
	$(BIN)/python -m pytest $(RUNTIMES)

format: $(VENV)/.ready-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.ready-dev
	mkdir -p out
	$(BIN)/python -m benchmarks --json out/bench.json

# Shapes and types checked at run time where the mathematics is; an int is a float there, as the language has it.
CHECKED := leadline,beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))

check-all: lint
	$(BIN)/python -m pytest -m 'not gpu' $(addprefix --ignore=,$(RUNTIMES))
	$(BIN)/python -m pytest -m 'not gpu' $(RUNTIMES)
	$(BIN)/python -m pytest tests/geometry tests/losses '--jaxtyping-packages=$(CHECKED)'
	$(BIN)/python -m pytest -m gpu

clean:
	rm -rf out build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
