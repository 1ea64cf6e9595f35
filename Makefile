# make study: everything from nothing to Figure 8.   make help: the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# For commands that need no environment of their own where one is active.
INSTALLED := $(if $(VIRTUAL_ENV)$(CONDA_PREFIX),,$(BIN)/.installed)
CORES ?= all
CONFIG ?= config.yaml
# One more than the cores of a small machine: the tests of SLURM mostly wait.
TEST_PROCESSES ?= 3

export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: study check test lint format bench bench-gpu docs store prune clean help
.DEFAULT_GOAL := help

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

study: $(BIN)/.installed ## run the study of CONFIG (default: the demo) and say what it found
	snakemake --cores $(CORES) --configfile $(CONFIG) --quiet rules host
	@python scripts/summarise.py $(CONFIG)

test: $(BIN)/.installed-dev ## run all tests, on the real model and through the real workflow
	snakemake results/models/smollm2/model.json --cores $(CORES) --quiet all
	pytest --numprocesses $(TEST_PROCESSES)

check: lint ## lint, unit tests and the oracle on tiny models: before every commit
	pytest --numprocesses auto -m "not slow" tests/unit tests/oracle

lint: $(BIN)/.installed-dev ## ruff, mypy, snakefmt, snakemake --lint
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile rules
	snakemake --lint

format: $(BIN)/.installed-dev ## rewrite code in the house's format
	ruff check --fix .
	ruff format .
	snakefmt Snakefile rules

bench: $(BIN)/.installed ## measure engine and workflow, as ratios within one run
	snakemake results/models/smollm2/model.json --cores $(CORES) --quiet all
	python scripts/bench.py

bench-gpu: ## measure the engine on a GPU, with a model of Llama-3-8B's shape; takes torch and transformers alone
	$(PYTHON) scripts/bench_gpu.py --output results/bench/bench_gpu.json --profile results/bench/bench_gpu_profile.txt

docs: $(BIN)/.installed ## write what the registries and the rules say: docs/seams.md, docs/workflow.svg
	python scripts/write_seam_docs.py --output docs/seams.md
	snakemake diagram --cores 1 --force --quiet all

store: $(INSTALLED) ## say what the store holds and which study refers to it
	@python scripts/store.py

prune: $(INSTALLED) ## remove from the store what no study refers to
	@python scripts/store.py --prune

clean: ## remove the demo's results; models and store stay
	rm -rf results/demo .snakemake

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(BIN)/.installed: $(BIN)/python envs/requirements.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --requirement envs/requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

$(BIN)/.installed-dev: $(BIN)/.installed envs/requirements-dev.txt
	$(BIN)/python -m pip install --quiet --requirement envs/requirements-dev.txt
	@touch $@
