# Two commands do all the set-up on Debian 12, Ubuntu 24.04 or newer: `make run` and `make test`.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
CACHE := $(or $(CLAWGATE_CACHE),$(HOME)/.cache/clawgate)

.PHONY: run test unit lab property bench lint fuzz deb smoke clean build system

run: build  ## build, then start the gateway on 127.0.0.1:18789
	@exec $(BIN)/clawgate serve --state $${CLAWGATE_STATE:-$(HOME)/.local/state/clawgate} $(ARGS)

test: build lint unit  ## everything that must be green

build: $(VENV)/.built gw/data/patterns.jsonl

lint: build
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/cython-lint pyx

# Most tests wait for processes rather than compute, so two at a time take little more than half as long.
unit: build
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal --cov=gw --cov-report=term:skip-covered --cov-fail-under=90 $(ARGS)

lab: build  ## with the real OpenClaw: its clients against us, and us beside and in front of its gateway
	$(BIN)/python -m pytest -m lab -p no:randomly $(ARGS)

property: $(VENV)/.built  ## scheduler and idempotency, ten minutes of random interleavings
	CLAWGATE_PROPERTY_MINUTES=$(or $(MINUTES),10) $(BIN)/python -m pytest --timeout 0 -s tests/property/test_scheduler.py

bench: $(VENV)/.built
	$(BIN)/pip install -q -e '.[bench]'
	$(BIN)/python -m tests.bench $(ARGS)

fuzz: $(VENV)/.built
	tests/fuzz/run $(ARGS)

deb:  ## dist/clawgate_<version>_<arch>.deb; ARGS=--release for a profile-guided interpreter
	packaging/build-deb.sh $(ARGS)

smoke:  ## the package in dist/ on freshly booted Debian 11 and 13
	$(PYTHON) packaging/smoke/run.py $(ARGS) dist/clawgate_*.deb

clean:
	rm -rf $(VENV) build dist *.egg-info gw/_native/*.so gw/data/patterns.jsonl pyx/*.c pyx/*.cpp

# What can be known of the shipped patterns before a start.
gw/data/patterns.jsonl: $(VENV)/.built $(shell find policies -name '*.yaml') $(wildcard gw/_native/*.py)
	$(BIN)/python -m gw.policy.prepare

# The compiler, Python's headers and RE2's, by the system's package manager where they are missing.
system:
	@packaging/install-build-deps.sh

$(VENV)/.built: setup.py pyproject.toml $(wildcard pyx/*.pyx pyx/*.pxd) | system
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --cache-dir $(CACHE)/pip --upgrade pip 'setuptools>=77' 'cython>=3.1,<4'
	$(BIN)/python -m pip install -q --cache-dir $(CACHE)/pip --no-build-isolation -e '.[dev]'
	touch $@
