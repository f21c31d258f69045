# Every target does its own set-up, once; `python -m repurchase` does the same without make.
# A scheduler that reads exit codes (0 sound, 3 draft, 1 failed, 2 wrong use) calls that instead:
# make turns every failure into 2.

ifeq ($(OS),Windows_NT)
PYTHON ?= python
PY := .venv/Scripts/python.exe
else
PYTHON ?= python3
PY := .venv/bin/python
endif
SETUP := $(PYTHON) lib/setup_env.py
# tests/conftest.py puts the files that take longest first
PYTEST := $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder
PROFILE ?= demo

# Values reach the shell through the environment, so that no space, quote or $ in them means anything.
# LANGUAGE counts only on make's own command line: many desktops export one of their own.
export REVIEW_PROFILE := $(value PROFILE)
export REVIEW_PERIOD := $(value PERIOD)
export REVIEW_DATA := $(value DATA)
export REVIEW_CHAPTER := $(value CHAPTER)
export REVIEW_BY := $(value BY)
export REVIEW_ON := $(value ON)
export REVIEW_WAIT := $(value WAIT)
export REVIEW_KEEP := $(value KEEP)
export REVIEW_COMPANIES := $(value COMPANIES)
export REVIEW_REPUBLISH := $(filter-out 0 no false,$(value REPUBLISH))
export REVIEW_DRY := $(filter-out 0 no false,$(value DRY_RUN))
ifeq ($(origin LANGUAGE),command line)
export REVIEW_LANGUAGE := $(value LANGUAGE)
else
export REVIEW_LANGUAGE :=
endif
export REVIEW_WHAT := $(value WHAT)
export REVIEW_RUNS := $(value RUNS)
export REVIEW_ORDERS := $(value ORDERS)
export REVIEW_OTHERS := $(value OTHERS)
export REVIEW_WRITE := $(filter-out 0 no false,$(value WRITE))
export REVIEW_STRICT := $(filter-out 0 no false,$(value STRICT))
export REVIEW_INCOMPLETE := $(filter-out 0 no false,$(value ALLOW_INCOMPLETE))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help monthly-report publish prune lab preview diff-chapter test coverage lint bench bench-large calibration lock clean

help: ## this list
	@echo 'make monthly-report [PROFILE=demo] [PERIOD=2025-09 | 2025-Q3 | 2025] [DATA=path/to/file]'
	@echo '                    [LANGUAGE=en | zh-CN] [ALLOW_INCOMPLETE=1]'
	@echo
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  %-16s %s\n", $$1, $$2}' Makefile

monthly-report: ## the review of one period as PDF and HTML, in reports/<profile>/<period>/
	@$(SETUP)
	@$(PY) -m repurchase monthly-report --profile="$$REVIEW_PROFILE" \
		$${REVIEW_PERIOD:+--period="$$REVIEW_PERIOD"} \
		$${REVIEW_DATA:+--data="$$REVIEW_DATA"} \
		$${REVIEW_LANGUAGE:+--language="$$REVIEW_LANGUAGE"} \
		$${REVIEW_INCOMPLETE:+--allow-incomplete} \
		$${REVIEW_REPUBLISH:+--republish} $${REVIEW_WAIT:+--wait="$$REVIEW_WAIT"}

publish: ## sign a candidate (PROFILE= PERIOD= BY=name [ON=day] [REPUBLISH=1]); no run replaces it
	@$(SETUP)
	@$(PY) -m repurchase publish --profile="$$REVIEW_PROFILE" --period="$$REVIEW_PERIOD" \
		--by="$$REVIEW_BY" $${REVIEW_ON:+--on="$$REVIEW_ON"} \
		$${REVIEW_REPUBLISH:+--republish} $${REVIEW_WAIT:+--wait="$$REVIEW_WAIT"}

prune: ## remove candidates beyond the newest KEEP=13 periods and old snapshots (DRY_RUN=1: say which)
	@$(SETUP)
	@$(PY) -m repurchase prune $${REVIEW_KEEP:+--keep="$$REVIEW_KEEP"} $${REVIEW_DRY:+--dry-run}

lab: ## JupyterLab on the notebooks, with the right kernel and outputs kept out of git
	@$(SETUP) --extra lab
	@$(PY) -m repurchase lab

preview: ## one chapter as PDF in a few seconds (CHAPTER=retention), in reports/<profile>/.preview/
	@$(SETUP)
	@$(PY) -m repurchase preview --chapter="$$REVIEW_CHAPTER" --profile="$$REVIEW_PROFILE" \
		$${REVIEW_PERIOD:+--period="$$REVIEW_PERIOD"} \
		$${REVIEW_DATA:+--data="$$REVIEW_DATA"} \
		$${REVIEW_LANGUAGE:+--language="$$REVIEW_LANGUAGE"}

diff-chapter: ## how a profile's own notebook differs from the release's (CHAPTER=, PROFILE=)
	@$(SETUP)
	@$(PY) -m repurchase diff-chapter --chapter="$$REVIEW_CHAPTER" --profile="$$REVIEW_PROFILE"

test: ## every test (ARGS="-k words" for some of them)
	@$(SETUP) --extra dev
	@$(PYTEST) $(ARGS)

coverage: ## the same, and what of the library no test ran; half as slow again
	@$(SETUP) --extra dev
	@$(PYTEST) --cov --cov-report=term $(ARGS)

lint: ## ruff and mypy
	@$(SETUP) --extra dev
	@$(PY) -m ruff check
	@$(PY) -m mypy

bench: ## measured side by side, budgets beside it (WHAT="pack kills" RUNS=3 WRITE=1 STRICT=1)
	@$(SETUP)
	@$(PY) tests/benchmarks/run.py $${REVIEW_WHAT:+"$$REVIEW_WHAT"} \
		$${REVIEW_RUNS:+--runs="$$REVIEW_RUNS"} $${REVIEW_ORDERS:+--orders="$$REVIEW_ORDERS"} \
		$${REVIEW_OTHERS:+--others="$$REVIEW_OTHERS"} \
		$${REVIEW_WRITE:+--write} $${REVIEW_STRICT:+--strict}

bench-large: ## time and memory on 10M and 100M orders (ORDERS=10000000,100000000 WRITE=1 STRICT=1)
	@$(SETUP)
	@$(PY) tests/benchmarks/run.py large $${REVIEW_ORDERS:+--large="$$REVIEW_ORDERS"} \
		$${REVIEW_WRITE:+--write} $${REVIEW_STRICT:+--strict}

calibration: ## do intervals cover, do alarms stay rare (COMPANIES=1000 [WRITE=1])
	@$(SETUP) --extra dev
	@$(PY) tests/truth/run.py $${REVIEW_COMPANIES:+--companies="$$REVIEW_COMPANIES"} \
		$${REVIEW_WRITE:+--docs=docs/calibration.md}

lock: ## development only: resolve requirements.lock and lib/locks anew (UPGRADE=1: newest versions)
	@$(SETUP) --lock $(if $(UPGRADE),--upgrade)

clean: ## remove the environment and caches; reports/ is the archive and stays
	@$(SETUP) --clean
