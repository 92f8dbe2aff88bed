# Two commands do all the set-up on Debian 12, Ubuntu 24.04 or newer: `make run` and `make test`.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CACHE := $(or $(CLAWGATE_CACHE),$(HOME)/.cache/clawgate)

.PHONY: run test unit property bench lint fuzz deb clean build system

run: build  ## build, then start the gateway on 127.0.0.1:18789
	@exec $(BIN)/clawgate serve --state $${CLAWGATE_STATE:-$(HOME)/.local/state/clawgate} $(ARGS)

test: build lint unit  ## everything that must be green

build: $(VENV)/.built

lint: $(VENV)/.built
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/cython-lint pyx

unit: $(VENV)/.built
	$(BIN)/python -m pytest --cov=gw --cov-report=term:skip-covered --cov-fail-under=90 $(ARGS)

property: $(VENV)/.built  ## scheduler and idempotency, ten minutes of random interleavings
	CLAWGATE_PROPERTY_MINUTES=$(or $(MINUTES),10) $(BIN)/python -m pytest --timeout 0 -s tests/property/test_scheduler.py

bench: $(VENV)/.built
	$(BIN)/pip install -q -e '.[bench]'
	$(BIN)/python -m tests.bench $(ARGS)

fuzz: $(VENV)/.built
	tests/fuzz/run $(ARGS)

deb:
	packaging/build-deb.sh

clean:
	rm -rf $(VENV) build dist *.egg-info gw/_native/*.so pyx/*.c pyx/*.cpp

# The compiler, Python's headers and RE2's, by the system's package manager where they are missing.
system:
	@packaging/install-build-deps.sh

$(VENV)/.built: setup.py pyproject.toml $(wildcard pyx/*.pyx pyx/*.pxd) | system
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --cache-dir $(CACHE)/pip --upgrade pip 'setuptools>=77' 'cython>=3.1,<4'
	$(BIN)/python -m pip install -q --cache-dir $(CACHE)/pip --no-build-isolation -e '.[dev]'
	touch $@
