# Penstock. `make help` lists the commands; `make up` and `make test` need nothing but Python 3.11 or newer.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
MANIFESTS := scripts/setup feature-service/src/feature_service/domain/feature/window_sums.c protos/pyproject.toml $(wildcard */pyproject.toml libs/*/pyproject.toml)
SOURCES := gateway llm-service chat-stream-service feature-service cache-service cli client libs tests bench examples protos/generate.py $(wildcard scripts/*.py) conftest.py
PAGES := configuration_page compose_settings errors_page features_page client_api glossary_page architecture_page alert_rules metrics_page grafana_dashboards limits_page
export PYTHON
# $(call timed,NAME,COMMAND): run it and say how long it took, whether it passed or not.
timed = started=$$(date +%s); $(2); code=$$?; echo "$(1) took $$(($$(date +%s) - started)) s"; exit $$code

.PHONY: help
help: ## Show this list
	@while IFS= read -r line; do case "$$line" in \
	  '##@ '*) printf '\n%s\n' "$${line#*@ }" ;; \
	  [a-z]*:*'## '*) printf '  make %-15s %s\n' "$${line%%:*}" "$${line##*## }" ;; esac; done <Makefile

##@ Run the system

.venv/.run: requirements.lock requirements-setup.lock $(MANIFESTS)
	@scripts/setup
	@touch $@

.venv/.dev: requirements-dev.lock requirements-setup.lock requirements-mem0.lock $(MANIFESTS)
	@scripts/setup dev
	@touch $@ .venv/.run

.PHONY: setup
setup: .venv/.dev ## Make .venv with everything for development

.PHONY: up
up: .venv/.run ## Start all five services in the foreground (Ctrl-C stops them)
	@$(BIN)/penstock up

.PHONY: down
down: .venv/.run ## Stop a system that was started with `penstock up`
	@$(BIN)/penstock down

##@ Test and check

.PHONY: test
test: .venv/.dev ## Run the tests that need nothing but Python (SERVICE=llm-service: those of one part; WORKERS=4: processes)
	@$(call timed,make test,$(BIN)/python scripts/run_tests.py $(if $(WORKERS),--workers $(WORKERS)) $(if $(NOTE),--note-longest) $(SERVICE))

.PHONY: test-clients
test-clients: .venv/.dev ## Run every client that is tested against a running system, each from where it can be installed
	@scripts/client-envs
	@$(BIN)/pytest -q tests/clients tests/readers

.PHONY: test-all
test-all: .venv/.dev ## Run every test, those that need a Docker engine too
	@$(BIN)/python scripts/run_tests.py --all $(if $(WORKERS),--workers $(WORKERS))

.PHONY: fuzz
fuzz: .venv/.dev ## Run the tests that draw their examples with new ones for SECONDS=600 (TESTS=feature-service: those of one part)
	@$(BIN)/python scripts/fuzz.py --seconds $(or $(SECONDS),600) $(TESTS)

.PHONY: faults
faults: .venv/.dev ## Provoke faults for real and print what was measured beside what it must be (TESTS=tests/faults/test_cache_without_redis.py; PAGE=1: into docs/faults.md)
	@$(BIN)/python scripts/fault_table.py $(if $(PAGE),--page) $(TESTS)

.PHONY: mutate
mutate: .venv/.dev ## Put small faults into PACKAGE=llm_service.domain.billing and tell which no test notices (ARGS="--sample 60 --seed 1 --jobs 2")
	@scripts/mutate $(PACKAGE) $(ARGS)

.PHONY: check
check: .venv/.dev ## Everything a change must pass
	@$(call timed,make check,$(MAKE) --no-print-directory format-check lint types imports protos-check docs-check test)

##@ Single checks

.PHONY: format
format: .venv/.dev ## Format the sources
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)

.PHONY: format-check
format-check: .venv/.dev ## Check the format without changing a file
	@$(BIN)/ruff format --check $(SOURCES)

.PHONY: lint
lint: .venv/.dev ## Lint the sources
	@$(BIN)/ruff check $(SOURCES)

.PHONY: types
types: .venv/.dev ## Check the types (pyright, strict)
	@$(BIN)/pyright

.PHONY: imports
imports: .venv/.dev ## Check which part may import which
	@$(BIN)/lint-imports

##@ Write what is generated

.PHONY: protos
protos: .venv/.dev ## Generate the Python of the protos
	@$(BIN)/python protos/generate.py

.PHONY: protos-check
protos-check: .venv/.dev ## Lint the protos; check that no client breaks and that their Python is current
	@$(BIN)/buf lint protos
	@$(BIN)/buf breaking protos --against protos/released.binpb || { \
	  echo "The protos break what clients were built with (protos/released.binpb). Add instead of changing; where a break is" \
	    "meant and the change log says so: make protos-released" >&2; exit 1; }
	@$(BIN)/python protos/generate.py --check

.PHONY: protos-released
protos-released: .venv/.dev ## Take the protos as they are for what clients are built with (at a release)
	@$(BIN)/buf build protos --exclude-source-info -o protos/released.binpb

.PHONY: docs
docs: .venv/.dev ## Write the generated pages of docs/
	@for page in $(PAGES); do $(BIN)/python scripts/$$page.py || exit; done
	@$(BIN)/python -m bench.semantic_curve

.PHONY: docs-check
docs-check: .venv/.dev ## Check that the generated pages are current
	@for page in $(PAGES); do $(BIN)/python scripts/$$page.py --check || exit; done
	@$(BIN)/python -m bench.semantic_curve --check

.PHONY: openapi
openapi: .venv/.dev ## Write docs/openapi.json from a running gateway, and what of client/ is generated from it
	@$(BIN)/python scripts/openapi_document.py
	@$(BIN)/python scripts/client_api.py

.PHONY: manifests
manifests: .venv/.dev ## Render the Kubernetes overlays into deploy/kubernetes/rendered (needs kubectl)
	@$(BIN)/python scripts/manifests.py

.PHONY: lock
lock: .venv/.dev ## Resolve the dependencies again
	@scripts/lock

##@ Measure

.PHONY: bench
bench: .venv/.dev ## Measure this system beside its floors and print ratios
	@$(BIN)/python -m bench

.PHONY: load
load: .venv/.dev ## Let people, streams and models come to the running system (ARGS="--seconds 60 --mode mixed"; PAGE=1: into docs/load.md)
	@scripts/load-env
	@$(BIN)/python -m bench.load_test $(if $(PAGE),--page) $(ARGS)

.PHONY: bench-peers
bench-peers: .venv/.dev ## Install what `make bench` measures beside this system
	@scripts/bench-peers

##@ Release

.PHONY: dist
dist: .venv/.dev ## Build the wheels into dist/, and the all-in-one image where a Docker engine answers
	@scripts/dist

##@ Containers

# Docker's plug-in where it is installed, else the program of version 1.
COMPOSE ?= $$(docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)

.PHONY: images
images: ## Build the container images
	@$(COMPOSE) build

.PHONY: compose-up
compose-up: images ## Start the system in containers, in the background
	@$(COMPOSE) up -d

.PHONY: compose-down
compose-down: ## Stop the containers; their volumes stay
	@$(COMPOSE) down
