# Filmpass. `make` alone lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test lint format env env-dev lock clean

PYTHON ?= python3
VAR ?= var
HTTP_PORT ?= 8080
DIMSE_PORT ?= 11112
DEMO ?= 1
STUDY ?=
TLS ?= 0
T ?=

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: ## everything on this machine: web, worker, relay, DICOM receiver and a demo hospital (STUDY= HTTP_PORT= DIMSE_PORT= VAR= DEMO=0 TLS=1)
	@scripts/environment run "$(PYTHON)"
	@exec .venv/bin/python -m demo.run --var "$(VAR)" --http-port $(HTTP_PORT) --dimse-port $(DIMSE_PORT) --demo $(DEMO) --tls $(TLS) $(if $(STUDY),--study "$(STUDY)")

test: ## format, lint, types, import contracts and every test (T=path for one)
	@scripts/environment dev "$(PYTHON)"
	@scripts/check $(T)

lint: ## format check, lint, types and import contracts only
	@scripts/environment dev "$(PYTHON)"
	@scripts/check --lint-only

format: ## rewrite the code in the house format
	@scripts/environment dev "$(PYTHON)"
	@.venv/bin/ruff format . && .venv/bin/ruff check --fix-only .

env-dev: ## only make the environment
	@scripts/environment dev "$(PYTHON)"

lock: ## compile requirements*.txt from requirements*.in
	@scripts/environment dev "$(PYTHON)"
	@for f in requirements-uv requirements requirements-dev; do \
	  .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header $$f.in -o $$f.txt; done

clean: ## remove the environment and everything that `make run` made
	@rm -rf .venv $(VAR)
