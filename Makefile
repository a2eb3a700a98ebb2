# One door: what CI runs, and what a developer runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
.PHONY: help setup demo test check fix bench docs test-train test-peers test-browser test-exports test-ray test-vllm paper paper-full ablation bench-filters bench-generator bench-engines pack-gpu

help:  ## Say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

setup: $(VENV)/.ready  ## Build .venv with the pinned versions

$(VENV)/.ready: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[train,dev]'
	touch $@

demo: setup  ## Take the whole road on the invented harbour
	$(BIN)/python examples/harbour/demo.py

test: setup  ## Run the test suite
	$(BIN)/python -m pytest -m 'not slow and not gpu'

test-train: setup  ## Run the slow tests with the real model too
	$(BIN)/katsuo models pull smollm2-135m
	$(BIN)/python -m pytest -m 'slow and not gpu'

test-peers: setup  ## Compare with llama.cpp, lm-evaluation-harness and torchmetrics, in .venv-peers
	test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet -r tests/peers/requirements.txt
	$(BIN)/katsuo models pull smollm2-135m
	KATSUO_PEERS_PYTHON=.venv-peers/bin/python $(BIN)/python -m pytest -m slow tests/peers

test-ray: setup  ## Run shards on a Ray cluster that is started for it, in .venv-ray
	test -x .venv-ray/bin/python || $(PYTHON) -m venv .venv-ray
	.venv-ray/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[ray,dev]'
	.venv-ray/bin/python -m pytest -m slow tests/on_ray

test-vllm: .venv-vllm/.ready  ## Generate with vLLM's build for processors, in .venv-vllm
	.venv-vllm/bin/katsuo models pull smollm2-135m
	.venv-vllm/bin/python -m pytest -m vllm tests/vllm

# torchvision, torchaudio and torchcodec come along for other versions of torch and break its import; nothing needs them.
.venv-vllm/.ready: pyproject.toml tests/vllm/requirements.txt
	test -x .venv-vllm/bin/python || $(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/python -m pip install --quiet -r tests/vllm/requirements.txt --editable .
	.venv-vllm/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	touch $@

EXPORTS := axolotl llamafactory unsloth lmeval
test-exports: setup  ## Load every export in the trainer that it is for, each in .venv-exports-<library>
	for name in $(EXPORTS); do \
	    test -x .venv-exports-$$name/bin/python || $(PYTHON) -m venv .venv-exports-$$name || exit 1; \
	    .venv-exports-$$name/bin/python -m pip install --quiet -r tests/exports/$$name.txt || exit 1; \
	    .venv-exports-$$name/bin/python -m pip install --quiet --no-deps -r tests/exports/alone-$$name.txt || exit 1; \
	done
	KATSUO_EXPORTS=.venv-exports- $(BIN)/python -m pytest -m slow -rP tests/exports

test-browser: setup  ## Take the review page's journey in headless Chromium, with axe-core, in .browser; wants apt and npm
	command -v chromium >/dev/null || apt-get install -y --no-install-recommends chromium
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --upgrade --target .browser playwright==1.65.2
	npm install --silent --no-audit --no-fund --prefix .browser axe-core@4
	PYTHONPATH=.browser $(BIN)/python -m pytest -m browser tests/browser

check: setup  ## Format, lint, types, import contracts, stale docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/docs tests/test_architecture.py

fix: setup  ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup  ## Run the benchmarks, one after the other
	$(BIN)/python benchmarks/run.py

# Exit code 3 says that an adapted model did harm: its report is there, and the next recipe goes on.
PAPER := main matrix arms curve targets
paper: setup  ## Run the paper's experiments on two cores (hours; goes on where it was stopped); wants KATSUO_DATA
	$(BIN)/python benchmarks/quality/base_like.py runs/smollm2-135m-plain
	for name in $(PAPER); do $(BIN)/katsuo run recipes/paper/$$name.yaml --run runs/paper-$$name || test $$? -eq 3 || exit 1; done
	$(BIN)/python benchmarks/quality/paper.py runs

paper-full: setup  ## The same with all probes, five prompts and more tasks, for a GPU
	$(BIN)/python benchmarks/quality/base_like.py runs/smollm2-135m-plain
	for name in $(PAPER); do $(BIN)/katsuo run recipes/paper/$$name.yaml --run runs/paper-full-$$name \
	    --set limit=2000 --set ingest.shard_passages=1024 --set evaluate.prompts=5 --set evaluate.max_probes=null --set adapt.seeds=3 || test $$? -eq 3 || exit 1; done
	$(BIN)/python benchmarks/quality/paper.py runs full

ablation: setup  ## What each filter does for the model that learns, on dev (30 tunings; goes on where it was stopped); wants KATSUO_DATA
	$(BIN)/katsuo run recipes/paper/ablation.yaml --run runs/paper-ablation
	$(BIN)/python benchmarks/quality/paper.py runs

bench-filters: setup  ## Measure every filter on errors made on purpose; wants KATSUO_DATA
	$(BIN)/python benchmarks/quality/bench_filters.py

CONTESTANTS :=
bench-generator: setup  ## Measure generators beside the prompted base (under 2 hours; goes on where it was stopped); wants KATSUO_DATA
	$(BIN)/katsuo models pull smollm2-135m
	$(BIN)/python benchmarks/quality/bench_generator.py $(CONTESTANTS)

# A peer that does not install here is a row of the result, with the reason: so neither line may fail.
bench-engines: setup  ## Measure the product beside bare OpenVINO, transformers, vLLM, CTranslate2 and llama.cpp (under 30 minutes)
	$(BIN)/katsuo models pull smollm2-135m
	-$(MAKE) .venv-vllm/.ready
	-$(MAKE) .venv-engines/.ready
	$(BIN)/python benchmarks/speed/bench_engines.py

.venv-engines/.ready: benchmarks/speed/peers/requirements.txt
	test -x .venv-engines/bin/python || $(PYTHON) -m venv .venv-engines
	grep -v '^#' $< | xargs -n 1 .venv-engines/bin/python -m pip install --quiet --only-binary :all:
	touch $@

RECIPE := recipes/generator.yaml
pack-gpu: setup  ## Write gpu-pack/: all that teaching RECIPE needs on a machine with a GPU and no network (PACK="--wheels DIR")
	$(BIN)/katsuo parcel pack $(RECIPE) --out gpu-pack $(PACK)

docs: setup  ## Write the pages that are made from the code
	$(BIN)/python docs/make_cli.py
