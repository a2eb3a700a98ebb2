# One door: what CI runs, and what a developer runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
.PHONY: help setup demo test check fix bench docs test-laws test-train test-peers test-browser test-exports test-ray test-vllm site paper paper-full ablation bench-filters bench-generator pack-gpu test-http test-faults test-remote bench-decoding fuzz bench-engines

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

test-laws: setup  ## Try every law on 2,000 examples instead of 100
	$(BIN)/python -m pytest -m 'hypothesis and not slow' --hypothesis-profile deep

test-train: setup  ## Run the slow tests with the real model too
	$(BIN)/katsuo models pull smollm2-135m
	$(BIN)/python -m pytest -m 'slow and not gpu'

test-peers: setup  ## Compare with llama.cpp, lm-evaluation-harness and torchmetrics, in .venv-peers
	test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet -r tests/peers/requirements.txt
	$(BIN)/katsuo models pull smollm2-135m
	KATSUO_PEERS_PYTHON=$(CURDIR)/.venv-peers/bin/python $(BIN)/python -m pytest -m slow tests/peers

test-ray: setup  ## Run shards on a Ray cluster that is started for it, in .venv-ray
	test -x .venv-ray/bin/python || $(PYTHON) -m venv .venv-ray
	.venv-ray/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[ray,dev]'
	.venv-ray/bin/python -m pytest -m slow tests/on_ray

# A batch of kills that went well is a line of .faults/kills.jsonl and not run again; remove the file to begin anew.
test-faults: setup  ## Kill drivers, workers and nodes a hundred times, and ten with the real model; poison; S3; endpoints
	$(BIN)/katsuo models pull smollm2-135m
	KATSUO_KILLS=10 KATSUO_FAULTS=$(CURDIR)/.faults/kills.jsonl $(BIN)/python -m pytest -rP -m slow tests/faults tests/roads/test_poison.py
	if test -x .venv-ray/bin/python; then \
	    KATSUO_KILLS=10 KATSUO_FAULTS=$(CURDIR)/.faults/kills.jsonl .venv-ray/bin/python -m pytest -rP -m slow tests/faults -k ray; fi
	if test -d tests/http; then $(BIN)/python -m pytest -m slow tests/http; fi
	$(MAKE) test-remote

test-remote: setup  ## Publish and fetch a run on a real S3 server of this machine, in .venv-s3
	test -x .venv-s3/bin/python || $(PYTHON) -m venv .venv-s3
	.venv-s3/bin/python -m pip install --quiet -r tests/remote/requirements.txt --editable '.[s3]'
	.venv-s3/bin/python -m pytest -m slow tests/remote

test-vllm: .venv-vllm/.ready  ## Generate with vLLM's build for processors, in .venv-vllm
	.venv-vllm/bin/katsuo models pull smollm2-135m
	.venv-vllm/bin/python -m pytest -m vllm tests/vllm

test-http: setup .venv-vllm/.ready  ## Generate behind llama.cpp's server and vLLM's, each in an environment of its own
	test -x .venv-http-llamacpp/bin/python || $(PYTHON) -m venv .venv-http-llamacpp
	.venv-http-llamacpp/bin/python -m pip install --quiet -r tests/servers/requirements.txt
	$(BIN)/katsuo models pull smollm2-135m
	KATSUO_HTTP_LLAMACPP=$(CURDIR)/.venv-http-llamacpp/bin/python KATSUO_HTTP_VLLM=$(CURDIR)/.venv-vllm/bin/python \
	    $(BIN)/python -m pytest -m slow tests/servers

# torchvision, torchaudio and torchcodec come along for other versions of torch and break its import; nothing needs them.
.venv-vllm/.ready: pyproject.toml tests/vllm/requirements.txt tests/vllm/alone.txt
	test -x .venv-vllm/bin/python || $(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/python -m pip install --quiet -r tests/vllm/requirements.txt --editable .
	.venv-vllm/bin/python -m pip install --quiet --no-deps -r tests/vllm/alone.txt
	.venv-vllm/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	touch $@

EXPORTS := axolotl llamafactory unsloth lmeval
test-exports: setup  ## Load every export in the trainer that it is for, each in .venv-exports-<library>
	for name in $(EXPORTS); do \
	    test -x .venv-exports-$$name/bin/python || $(PYTHON) -m venv .venv-exports-$$name || exit 1; \
	    .venv-exports-$$name/bin/python -m pip install --quiet -r tests/exports/$$name.txt || exit 1; \
	    .venv-exports-$$name/bin/python -m pip install --quiet --no-deps -r tests/exports/alone-$$name.txt || exit 1; \
	done
	KATSUO_EXPORTS=$(CURDIR)/.venv-exports- $(BIN)/python -m pytest -m slow -rP tests/exports

test-browser: setup  ## Take the review page's journey in headless Chromium, with axe-core, in .browser; wants apt and npm
	command -v chromium >/dev/null || apt-get install -y --no-install-recommends chromium
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --upgrade --target .browser playwright==1.65.2
	npm install --silent --no-audit --no-fund --prefix .browser axe-core@4
	PYTHONPATH=.browser $(BIN)/python -m pytest -m browser tests/browser

FUZZ_SECONDS := 600
fuzz: .venv-fuzz/.ready  ## Fuzz readers, wire formats, recipes and exports with atheris for ten minutes, in .venv-fuzz
	.venv-fuzz/bin/python -m tests.fuzz.run all --seconds $(FUZZ_SECONDS) --into .fuzz

.venv-fuzz/.ready: pyproject.toml constraints.txt tests/fuzz/requirements.txt
	test -x .venv-fuzz/bin/python || $(PYTHON) -m venv .venv-fuzz
	.venv-fuzz/bin/python -m pip install --quiet --constraint constraints.txt -r tests/fuzz/requirements.txt --editable .
	touch $@

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

ablation: setup  ## What each filter does for the model that learns, on dev (60 tunings; goes on where it was stopped); wants KATSUO_DATA
	$(BIN)/katsuo run recipes/paper/ablation.yaml --run runs/paper-ablation
	$(BIN)/katsuo run recipes/paper/ablation_seeds.yaml --run runs/paper-ablation-seeds
	$(BIN)/python benchmarks/quality/paper.py runs

bench-filters: setup  ## Measure every filter on errors made on purpose; wants KATSUO_DATA
	$(BIN)/python benchmarks/quality/bench_filters.py

CONTESTANTS :=
bench-generator: setup  ## Measure generators beside the prompted base (under 2 hours; goes on where it was stopped); wants KATSUO_DATA
	$(BIN)/katsuo models pull smollm2-135m
	$(BIN)/python benchmarks/quality/bench_generator.py $(CONTESTANTS)

N := 300
bench-decoding: setup  ## Measure mended and held drafts beside free ones, N a type (hours; goes on where it was stopped); wants KATSUO_DATA
	$(BIN)/katsuo models pull smollm2-135m
	$(BIN)/python benchmarks/quality/bench_decoding.py --n $(N)

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

site: setup .venv-site/.ready  ## Make pages of all Markdown, in site/; a dead link ends it
	rm -rf site
	.venv-site/bin/sphinx-build -q -W --keep-going -n -b html -d .venv-site/doctrees -c docs/site . site
	KATSUO_SITE=$(CURDIR)/site $(BIN)/python -m pytest -q -m slow tests/site
	@echo open site/index.html

.venv-site/.ready: docs/site/requirements.txt
	test -x .venv-site/bin/python || $(PYTHON) -m venv .venv-site
	.venv-site/bin/python -m pip install --quiet -r docs/site/requirements.txt
	touch $@

docs: setup  ## Write the pages that are made from the code
	$(BIN)/python docs/make_cli.py
	$(BIN)/python docs/make_recipe.py
