# make demo: set up, classify the records that ship and explain them.  make test: set up and run the tests.
# make test-fast: what is quick, while writing.  make test-long: what takes longer than make test.
# make coverage: make test, with the branches that it runs counted and printed.
PYTHON ?= $(shell for v in 3.13 3.12 3.11; do python$$v -c '' 2>/dev/null && echo python$$v && exit; done; echo python3)
BIN := .venv/bin
CORPUS ?= runs/corpus.txt.gz
SENTENCES ?= runs/sentences.tsv.gz
# Tests run in WORKERS processes of one thread each; TESTS are files or options of pytest.
WORKERS ?= 2
TESTS ?=
PYTEST = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 \
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

.PHONY: install demo test test-fast test-long coverage lint dataset weights clean

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
	$(PYTEST) $(TESTS)

test-fast: install
	$(PYTEST) -m "not slow and not long" --ignore tests/training $(TESTS)

test-long: install
	$(PYTEST) -m long $(TESTS)

coverage: install
	$(PYTEST) --cov --cov-report=term --cov-fail-under=95 --durations=30 $(TESTS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The dataset from its knowledge base.
dataset: install
	$(BIN)/python scripts/make_dataset.py

# The weights from it, from unlabelled text (CORPUS) and from sentences that data/real_labels.tsv labels
# (SENTENCES). torch and transformers come with the dev extra on Python 3.11.
weights: install
	$(BIN)/python scripts/real_sentences.py $(SENTENCES) runs/splits --dataset data --corpus $(CORPUS)
	cut -f1 data/train.txt > runs/composed.txt
	cut -f1 runs/splits/test.tsv > runs/held-out.txt
	$(BIN)/python scripts/make_vocabulary.py runs/vocab.txt --corpus $(CORPUS)
	$(BIN)/python scripts/pretrain_bfloat16.py runs/splits/corpus.txt runs/composed.txt --held-out runs/held-out.txt \
		--vocabulary runs/vocab.txt --output runs/encoder --steps 14700 --set epochs=3 --set batch_tokens=2048 \
		--set learning_rate=0.0015 --set warmup_steps=300 --set mask_share=0.2 --set seed=43
	$(BIN)/python scripts/training_records.py runs/splits runs/records
	$(BIN)/gi-classifier train runs/records/train.tsv --val runs/records/val.tsv --test data/test.txt --base runs/encoder \
		--output runs/weights --force --set batch_size=64 --set learning_rate=5e-4 --set warmup_steps=300 \
		--set decay_steps=4000 --set epochs=3 --set patience=3 --set token_dropout=0.15 \
		--set label_smoothing=0.05 --set initial_bias=zero --set bfloat16=true
	$(BIN)/gi-classifier continue runs/weights runs/records/train.tsv --val runs/records/val.tsv --test data/test.txt \
		--unlabelled runs/splits/unlabelled.txt --output runs/weights --force --set epochs=2 --set learning_rate=4e-4 \
		--set warmup_steps=60 --set decay_steps=3600 --set teacher_confidence=0 --set unlabelled_pieces=8000 --set seed=44
	for split in train val; do grep -vxFf data/written.tsv runs/splits/$$split.tsv > runs/$$split-known.tsv; done
	$(BIN)/gi-classifier fit-novelty runs/train-known.tsv --val runs/val-known.tsv --model runs/weights --force
	(awk 'NR % 14 == 0' runs/splits/unlabelled.txt; cut -f1 runs/records/val.tsv) > runs/passages.txt
	$(BIN)/gi-classifier fit-bulk runs/passages.txt --model runs/weights --seed 44 --force
	rm -rf weights && cp -r runs/weights weights

clean:
	rm -rf .venv build dist runs *.egg-info .coverage*
