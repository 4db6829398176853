# make discover   discover a rule on this machine and measure it
# make test       style, types and the quick tests
# make thorough   the other tests: what takes seconds each
# make slow       tests that train something
# make test-torch the rule in PyTorch, in an environment of its own
# make wheel-test the README with the built wheel, in an empty environment
# make docs       the docs site, into build/docs
# Every target installs into .venv first, with the first Python ≥ 3.11 that is found.

PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
LPG := .venv/bin/lpg

# What `make discover` runs.
CONFIG ?= laptop
RUN ?= runs/$(CONFIG)
# It goes on with wider windows and half as many environments.
REFINED ?= $(RUN)-refined
# An interrupted run is resumed.
META_TRAIN = $(LPG) meta-train $(CONFIG) --out $(RUN) $(if $(wildcard $(RUN)/config.json),--resume)
REFINE = $(LPG) meta-train refine --set initial_rule=$(RUN) --out $(REFINED) $(if $(wildcard $(REFINED)/config.json),--resume)
# The suite is the one that the rule is meta-trained on; environments, agents and seeds are new. Both contestants have one
# setting for all ten environments: the rule the middle of the learning rates of its meta-training, not searched; A2C the best of
# forty trials (lpg/evaluation/tuned/a2c.json), on seeds that are not reported.
SUITE ?= tables
SCALE ?= 0.1707
EVALUATE = $(LPG) evaluate --rule discovered=$(REFINED) --rule untrained=$(RUN)/checkpoints/rule-000000.safetensors \
	--rule a2c --suite $(SUITE) --steps-scale $(SCALE) --seeds 8 --settings general --out $(REFINED)/evaluation

# Quick tests compile without optimisation (tests/conftest.py); slow tests train something and need optimised programs.
# Two workers of one thread each compile some programs twice (a fifth more CPU time) but use two cores.
PYTEST := PJRT_NPROC=1 .venv/bin/python -m pytest -p no:cacheprovider -q
WORKERS ?= 2

.PHONY: discover test thorough test-torch wheel-test slow bench docs lint format clean

.venv: .venv/installed

.venv/installed: pyproject.toml
	@test -n "$(PYTHON)" || { echo "no Python ≥ 3.11 found; say where it is: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

discover: .venv/installed
	$(META_TRAIN)
	$(REFINE)
	$(EVALUATE)

test: lint
	$(PYTEST) -m "not slow and not thorough" -n $(WORKERS) --dist worksteal

thorough: .venv/installed
	$(PYTEST) -m "thorough and not slow" -n $(WORKERS) --dist worksteal

slow: .venv/installed
	XLA_FLAGS= $(PYTEST) -m slow --durations=10

test-torch: .venv-torch/installed
	PJRT_NPROC=1 XLA_FLAGS= .venv-torch/bin/python -m pytest -p no:cacheprovider -q -k torch \
		tests/torch_test.py tests/end_to_end/examples_test.py

wheel-test: .venv/installed
	.ci/wheel-test $(PYTHON)

# Everything in .venv, and PyTorch. The CPU build is a tenth of the usual one, which brings CUDA; not every index has it.
.venv-torch/installed: .venv/installed
	.venv/bin/python -m venv .venv-torch
	echo "import site; site.addsitedir('$$(.venv/bin/python -c 'import site; print(site.getsitepackages()[0])')')" \
		> $$(.venv-torch/bin/python -c 'import site; print(site.getsitepackages()[0])')/venv.pth
	.venv-torch/bin/python -m pip install --quiet --disable-pip-version-check 'torch==2.13.0+cpu' || \
		.venv-torch/bin/python -m pip install --quiet --disable-pip-version-check 'torch>=2.6,<3'
	touch $@

bench: .venv/installed
	.venv/bin/python -m benchmarks.meta_training

docs: .venv/installed
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict

lint: .venv/installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

format: .venv/installed
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

clean:
	rm -rf .cache .venv .venv-torch .mypy_cache .ruff_cache .pytest_cache build dist *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
