# make demo   set everything up and harmonize a real webcam clip into a real group photograph: demo_out/index.html
# make test   set up the test tools and run the tests
# make lint   ruff, mypy
# make test-gpu   only the tests that need an NVIDIA GPU; missing hardware is a failure there
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
NATIVE := setup.py pyproject.toml $(shell find csrc -type f)
export IPH_RT_ASSETS ?= $(CURDIR)/.cache/assets
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test test-gpu lint clean system
.DELETE_ON_ERROR:

demo: $(VENV)/.demo
	$(BIN)/iph-rt fetch
	$(BIN)/iph-rt demo --out demo_out

test: $(VENV)/.dev
	$(BIN)/python -m pytest

test-gpu: $(VENV)/.dev
	IPH_RT_REQUIRE_GPU=1 $(BIN)/python -m pytest -m gpu

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy

$(VENV)/bin/python:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(MAKE) --no-print-directory system PACKAGES="python3-venv python3-dev"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python $(NATIVE)
	@ldconfig -p 2>/dev/null | grep -q libEGL.so.1 && ldconfig -p | grep -q libGLESv2.so.2 && ldconfig -p | grep -q libGL.so.1 \
	  || $(MAKE) --no-print-directory system PACKAGES="libegl1 libgles2 libgl1"
	$(BIN)/python -m pip install --quiet --editable '.[demo]'
	touch $@

$(VENV)/.dev: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

# Debian and Ubuntu packages: installed where that needs no password, named where it does.
system:
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq $(PACKAGES) >/dev/null; \
	elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then sudo apt-get update -qq && sudo apt-get install -y -qq $(PACKAGES) >/dev/null; \
	else echo "iph_rt: for the best result install these system packages first: sudo apt-get install $(PACKAGES)"; fi

clean:
	rm -rf build demo_out iph_rt/_native*.so *.egg-info
