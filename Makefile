# make study: everything from nothing to Figure 8.   make help: the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORES ?= all
CONFIG ?= config.yaml
BENCH_PROMPTS := results/demo/prompts/smollm2/inc_year/tokens_384.test.jsonl

export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: study test lint format bench store prune clean help
.DEFAULT_GOAL := help

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

study: $(BIN)/.installed ## run the study of CONFIG (default: the demo) and say what it found
	snakemake --cores $(CORES) --configfile $(CONFIG) --quiet rules host
	@python scripts/summarise.py $(CONFIG)

test: $(BIN)/.installed-dev ## run all tests, on the real model and through the real workflow
	snakemake results/models/smollm2/model.json --cores $(CORES) --quiet all
	pytest

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
	snakemake $(BENCH_PROMPTS) --cores $(CORES) --quiet all
	python scripts/bench.py --model results/models/smollm2/model.json --prompts $(BENCH_PROMPTS)
	python scripts/bench_sweep.py

store: $(BIN)/.installed ## say what the store holds and which study refers to it
	@python scripts/store.py

prune: $(BIN)/.installed ## remove from the store what no study refers to
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
