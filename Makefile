# make demo: set up, classify the records that ship and explain them.  make test: set up and run the tests.
PYTHON ?= $(shell for v in 3.13 3.12 3.11; do python$$v -c '' 2>/dev/null && echo python$$v && exit; done; echo python3)
BIN := .venv/bin
ENCODER ?= runs/encoder
CORPUS ?= runs/corpus.txt

.PHONY: install demo test lint dataset weights clean

install: .venv/.complete

# To predict and explain, without TensorFlow.
.venv/.basic: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else f"Python 3.11, 3.12 or 3.13 is needed; {sys.executable} is {v[0]}.{v[1]}. Say which: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[plots]'
	@touch $@

# To train and test as well.
.venv/.complete: .venv/.basic
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[train,dev]'
	@touch $@

demo: .venv/.basic
	@mkdir -p runs
	$(BIN)/gi-classifier predict --input data/demo.csv --output runs/demo.csv --force
	$(BIN)/gi-classifier keywords data/demo.csv --output runs/keywords.csv --top 8 --force
	$(BIN)/gi-classifier report data/demo.csv --output runs/report.html --force

test: install
	$(BIN)/python -m pytest

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The dataset from its knowledge base; the weights from it, a pre-trained encoder and unlabelled text.
dataset: install
	$(BIN)/python scripts/make_dataset.py

weights: install
	$(BIN)/gi-classifier train --train data/train.txt --val data/val.txt --test data/test.txt \
		--base $(ENCODER) --unlabelled $(CORPUS) --output weights --force --set batch_size=64 \
		--set learning_rate=5e-4 --set warmup_steps=330 --set decay_steps=3960 --set epochs=6 \
		--set patience=6 --set token_dropout=0.15 --set label_smoothing=0.05 --set initial_bias=zero

clean:
	rm -rf .venv build dist runs *.egg-info
