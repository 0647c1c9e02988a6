# The two commands for everyone: `make run` and `make test`. `make help` lists the rest.
HOST ?= 127.0.0.1
PORT ?= 8080
RUNTIME ?= auto
BASE_IMAGE ?= $(PLUGWAY_BASE_IMAGE)
PY := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help run demo test lint bench bench-check bench-more proto reference images lock clean
.venv/.run:; @./scripts/venv.sh run
.venv/.dev:; @./scripts/venv.sh dev

help: ## This list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Run the gateway and its plugins (HOST, PORT, RUNTIME=auto|process|docker).
	@./scripts/venv.sh run
	@PLUGWAY_HOST=$(HOST) PLUGWAY_PORT=$(PORT) PLUGWAY_RUNTIME=$(RUNTIME) $(if $(BASE_IMAGE),PLUGWAY_BASE_IMAGE=$(BASE_IMAGE)) .venv/bin/plugway serve

# RUNTIME has a default for `make run`; here only one that was given counts.
demo: ## Move a plugin under load, then a bad version that takes itself back (RUNTIME=process|docker).
	@./scripts/venv.sh run
	@$(if $(BASE_IMAGE),PLUGWAY_BASE_IMAGE=$(BASE_IMAGE)) $(PY) scripts/demo.py --runtime $(if $(filter file,$(origin RUNTIME)),process,$(RUNTIME))

test: ## Run every test that this machine has the parts for.
	@./scripts/venv.sh dev
	@./scripts/test.sh $(ARGS)

lint: ## Types, style, layers, proto: nothing is changed.
	@./scripts/venv.sh dev
	@./scripts/lint.sh

bench: ## The gateway beside its peers, one table (ARGS="--only small,down --peers gateway,nginx --json").
	@./scripts/venv.sh dev
	@$(PY) -m tests.benchmarks $(ARGS)

bench-check: ## Fails where a call has become dearer beside its peers than is written down.
	@./scripts/venv.sh dev
	@$(PY) -m tests.benchmarks.regression $(ARGS)

bench-more: ## Measure many plugins, workers, starts, rollouts, neighbours, installs and reloads.
	@./scripts/venv.sh dev
	@for what in scale workers startup rollout neighbours installs reload; do $(PY) -m tests.benchmarks.$$what || exit; done

proto: ## Regenerate the committed stubs from proto/.
	@./scripts/venv.sh dev
	@./scripts/stubs.sh

reference: ## Write docs/reference and docs/settings.md anew from the code.
	@./scripts/venv.sh dev
	@$(PY) -m scripts.reference

images: ## Build the images of the gateway and the shipped plugins (BASE_IMAGE).
	@./scripts/venv.sh run
	@$(if $(BASE_IMAGE),PLUGWAY_BASE_IMAGE=$(BASE_IMAGE)) $(PY) deploy/images.py

lock: ## Rewrite the lock files (needs uv).
	@./scripts/lock.sh

clean: ## Remove what can be made again; keeps .plugway.
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache
