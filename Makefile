# make demo: set up and classify the records that ship.  make test: set up and run the tests.
PYTHON ?= $(shell for v in 3.13 3.12 3.11; do python$$v -c '' 2>/dev/null && echo python$$v && exit; done; echo python3)
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: install demo test lint dataset clean

install: $(STAMP)

$(STAMP): setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else f"Python 3.11, 3.12 or 3.13 is needed; {sys.executable} is {v[0]}.{v[1]}. Say which: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[train,dev]'
	@touch $@

demo: install
	@mkdir -p runs
	$(BIN)/gi-classifier predict --input data/demo.csv --output runs/demo.csv --force

test: install
	$(BIN)/python -m pytest

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

dataset: install
	$(BIN)/python scripts/make_dataset.py

clean:
	rm -rf .venv build dist runs *.egg-info
