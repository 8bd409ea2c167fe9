# `make` alone lists the targets. ARGS="..." hands flags on: make run ARGS="--port 9000"
# Nothing is installed outside .venv, except the programs that tests need (tools/programs.sh).

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

BIN := .venv/bin
# A virtual environment cannot be moved: in another folder the marks have another name.
HERE := $(shell pwd | cksum | cut -d ' ' -f 1)
VENV := .venv/.made-$(HERE)
RUN := .venv/.run-$(HERE)
DEV := .venv/.dev-$(HERE)
PIP_INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --no-input
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes \
    --strip-extras --allow-unsafe --no-emit-index-url --no-emit-trusted-host \
    --no-emit-find-links --no-emit-options $(LOCK_ARGS)
ARGS ?=
# Compiled modules are kept, whatever is set here: hundreds of programs are started and measured.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help install run test lint format audit loadtest bench chaos lock docs locale force

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

install: $(RUN) ## Make .venv with what the programs need
	@echo "Ready: make run starts the server."

run: $(RUN) ## Run the server (flags: make run ARGS="--port 9000")
	@exec $(BIN)/python -m cmd.server $(ARGS)

# Long files first: tests/conftest.py.
test: $(DEV) ## Run all tests, those on a real MySQL server too
	@sh tools/programs.sh mariadb telnet tmux chromium
	@$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(DEV) ## Check style, types, layers, docs and the compose file
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/flake8
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.docs --check
	$(BIN)/python -m tools.locale --check
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

format: $(DEV) ## Format the code and sort its imports
	$(BIN)/ruff check --select I --fix .
	$(BIN)/ruff format .

audit: $(DEV) ## Ask whether the libraries have known holes
	@$(BIN)/python -m tools.audit $(ARGS)

loadtest: $(RUN) ## Let 1000 simulated clients chat (flags: ARGS="--clients 100")
	@exec $(BIN)/python -m loadtest $(ARGS)

bench: $(RUN) ## Measure ours against the C reference, in one run (needs gcc)
	@exec $(BIN)/python -m bench $(ARGS)

chaos: $(DEV) ## Break everything around the server (CHAOS_ROUNDS=10)
	@sh tools/programs.sh mariadb
	@CHAOS_ROUNDS=$${CHAOS_ROUNDS:-10} $(BIN)/pytest tests/chaos -rP $(ARGS)

lock: $(DEV) ## Write the lock files anew (all newer: LOCK_ARGS=--upgrade)
	$(COMPILE) --output-file requirements.txt pyproject.toml
	$(COMPILE) --extra dev --constraint requirements.txt \
	    --output-file requirements-dev.txt pyproject.toml

locale: $(DEV) ## Bring the translations up to date with the code
	$(BIN)/python -m tools.locale

docs: $(DEV) ## Write the generated pages of docs/ anew
	$(BIN)/python -m tools.docs
	$(BIN)/python -m tools.screens

# Made anew too where the Python it was made with is gone.
$(VENV): $(if $(wildcard $(BIN)/python),,force)
	@sh tools/venv.sh
	@touch $@

$(RUN): $(VENV) requirements.txt pyproject.toml
	@echo "Installing requirements.txt ..."
	@$(PIP_INSTALL) --require-hashes -r requirements.txt
	@$(PIP_INSTALL) --no-deps --editable .
	@touch $@

$(DEV): $(RUN) requirements-dev.txt
	@echo "Installing requirements-dev.txt ..."
	@$(PIP_INSTALL) --require-hashes -r requirements-dev.txt
	@touch $@
