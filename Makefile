# Filmpass. `make` alone lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test lint format env env-dev lock clean durability mutants bench soak siege contract hostile fuzz footprint fidelity peers

PYTHON ?= python3
VAR ?= var
HTTP_PORT ?= 8080
DIMSE_PORT ?= 11112
DEMO ?= 1
STUDY ?=
TLS ?= 0
T ?=
N ?= 20
SEED ?= 1
NODES ?= 1
ROUNDS ?= 5
ONLY ?=
DB ?= sqlite
MINUTES ?= 5
LINKS ?= 2000
SECONDS ?= 6
EXAMPLES ?= 200
REPORT ?=

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

peers: ## real clients against a fresh instance: DICOMweb libraries, Orthanc, DCMTK, odil, PixelMed, dcmjs-dimse, OHIF, twilio (three minutes)
	@scripts/environment dev "$(PYTHON)"
	@.venv/bin/python scripts/peers.py

durability: ## law 1 in full: traces, and every write of doors, worker and relay failing once, in three ways (20 minutes)
	@scripts/environment dev "$(PYTHON)"
	@DURABILITY=all .venv/bin/python -m pytest -q tests/durability --durations=0

mutants: ## plant faults one at a time in a copy; the tests must go red for each (ONLY=part of a name, FULL=1 for all tests)
	@scripts/environment dev "$(PYTHON)"
	@.venv/bin/python scripts/mutants.py $(if $(FULL),--full) --only "$(ONLY)"

bench: ## measure beside Orthanc, and hold it to the goals (ROUNDS=5 ONLY=ready,preview,page,lighthouse,hold,stow,cstore,pictures,frames,searches DB=postgresql)
	@scripts/environment dev "$(PYTHON)"
	@exec .venv/bin/python -m bench --rounds $(ROUNDS) --database $(DB) $(if $(ONLY),--only "$(ONLY)")

footprint: ## what one study costs: rows, bytes, requests to an object store, core seconds (two minutes)
	@scripts/environment dev "$(PYTHON)"
	@exec .venv/bin/python -m bench.footprint

soak: ## kill schedules: N seeds from SEED on, each a fresh installation under kill -9 (N=20 SEED=1 DB=postgresql NODES=2)
	@scripts/environment dev "$(PYTHON)"
	@exec .venv/bin/python -m tests.soak --count $(N) --seed $(SEED) --database $(DB) --nodes $(NODES)

siege: ## neighbours and links under attack, measured: times of refused and absent, readers beside guessers, a crowd behind one address (DB=postgresql ROUNDS=5 SECONDS=6 LINKS=2000)
	@scripts/environment dev "$(PYTHON)"
	@exec .venv/bin/python -m tests.neighbours --database $(DB) --rounds $(ROUNDS) --seconds $(SECONDS) --links $(LINKS)

contract: ## hold the hospital API to its own document, by generated requests with each kind of key (EXAMPLES=200 of each operation)
	@scripts/environment dev "$(PYTHON)"
	@FILMPASS_TEST_CONTRACT_EXAMPLES=$(EXAMPLES) .venv/bin/python -m pytest -q --timeout 3600 tests/neighbours/test_contract.py

hostile: ## every hostile file and word through both doors on to the page, with the servers under limits (2 minutes)
	@scripts/environment dev "$(PYTHON)"
	@HOSTILE=all .venv/bin/python -m pytest -q -s tests/hostile --durations=0

fuzz: ## mutated files, documents, headers and texts for MINUTES; the first crash is kept (MINUTES=5 DB=postgresql ONLY=files)
	@scripts/environment dev "$(PYTHON)"
	@exec .venv/bin/python -m tests.fuzz --minutes $(MINUTES) --database $(DB) $(if $(ONLY),--only "$(ONLY)")

fidelity: ## pictures and decoded values beside those of DCMTK, PixelMed and dcmjs-imaging; writes a page (90 seconds; REPORT=folder)
	@scripts/environment dev "$(PYTHON)"
	@.venv/bin/python -c "from scripts.lanes import obtain_node_packages as obtain; raise SystemExit(obtain() or 0)"
	@exec .venv/bin/python -W ignore -m tests.fidelity $(if $(REPORT),--report "$(REPORT)")

clean: ## remove the environment and everything that `make run` made
	@rm -rf .venv $(VAR)
