# Everything runs in .venv, which is made once and reused: a second call installs nothing.
# Needs python3 (3.11 or newer, with venv) and make.

PYTHON ?= python3
DEVICE ?= cpu
SUITE  ?= default
ARGS   ?=
# What `make reproduce` measures: .venv/bin/hgb reproduce lists them. Without a name, every paper's, quickly.
NAME   ?=
# What to install beside the package: `make bench DEVICE=cuda EXTRA=cuda12` for an older NVIDIA driver,
# `make reproduce EXTRA=peers` for the other libraries in a comparison.
EXTRA  ?= $(DEVICE)
# The run that `make report` reads: the newest one, unless named.
RUN    ?= $(patsubst %/,%,$(firstword $(shell ls -td results/local/*/ 2>/dev/null)))

ifeq ($(filter $(DEVICE),cpu cuda),)
$(error DEVICE is '$(DEVICE)'; it can be cpu or cuda)
endif

BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup bench reproduce gpu-record test quick slow lint check report docs wheel clean

help:
	@echo "make TARGET [PYTHON=python3]"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1 - \2/p' Makefile

setup: .venv/installed-dev  ## make .venv with everything a developer needs

bench: .venv/installed-$(EXTRA)  ## run the benchmark (SUITE=default, DEVICE=cpu or cuda, ARGS=...)
	$(BIN)/hgb run --suite $(SUITE) --device $(DEVICE) $(ARGS)

reproduce: .venv/installed-$(EXTRA)  ## measure papers' claims: all quickly, or NAME=blorc in full (EXTRA=peers, ARGS=...)
	$(BIN)/hgb reproduce $(if $(NAME),$(NAME),all --quick) --device $(DEVICE) $(ARGS)

test: .venv/installed-dev  ## run the tests (ARGS=... goes to pytest)
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(ARGS)

quick: .venv/installed-dev  ## run what is not slow (ARGS=tests/problems/operators)
	$(BIN)/python -m pytest -m 'not slow' --numprocesses auto --dist worksteal $(ARGS)

slow: .venv/installed-dev  ## run the tests and write tests/slow.txt anew: what takes more than half a CPU second
	PYTHONPATH=tests/oracles:$$PYTHONPATH $(BIN)/python -m pytest --numprocesses auto --dist worksteal -p cpu_seconds
	PYTHONPATH=tests/oracles:$$PYTHONPATH $(BIN)/python -m pytest -m 'not slow' --numprocesses auto --dist worksteal -p cpu_seconds

lint: .venv/installed-dev  ## check format, lint, types, direction of imports
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/pyright
	@mkdir -p .types && ln -sfn .. .types/hypergrad_bench
	$(BIN)/pyright --project tests/pyrightconfig.json
	$(BIN)/lint-imports

check: lint  ## the same, and the contents of the wheel
	$(BIN)/python -m pytest -q tests/test_packaging.py

gpu-record: .venv/installed-cuda  ## record reference results on an NVIDIA GPU, in ten minutes at most
	.ci/gpu-record

report: .venv/installed-$(EXTRA)  ## rebuild tables, figures and page of the newest run (RUN=results/local/... for another)
	@if [ -z '$(RUN)' ]; then echo "No run in results/local yet: 'make bench' makes one." >&2; exit 2; fi
	$(BIN)/hgb table $(RUN)
	$(BIN)/hgb report $(RUN)

docs: .venv/installed-docs  ## build the documentation in site/; a warning is an error
	@mkdir -p .types/library/hypergrad_bench
	@ln -sfn $(addprefix ../../../,__init__.py problems solvers hypergrad) .types/library/hypergrad_bench/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

wheel: .venv/installed-dev  ## build the sdist, and the wheel from it, in dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation
	@rm -rf *.egg-info

clean:  ## remove .venv, build products and caches; results/ stays
	rm -rf .venv .types build dist site *.egg-info .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each extra: a change of pyproject.toml installs again, nothing else does. The extra cpu is empty,
# so that every installation holds it.
.venv/installed-%: pyproject.toml | .venv/made
	$(BIN)/python -m pip install --editable '.[$*]'
	@touch $@ .venv/installed-cpu

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "'$(PYTHON)' is missing or older than Python 3.11: name another, for example make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is incomplete: install it first (Debian, Ubuntu: apt install python3-venv)." >&2; exit 2; }
	$(PYTHON) -m venv .venv
	@touch $@
