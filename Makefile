# What people and CI run. Each target does its own set-up: `.venv` is made from the lock file when that has changed.
STACK ?= prod
ENGINE ?= embedded
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup preview up destroy drift watch test lint docs lock clean
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock
	@echo "Setting up $(VENV) from requirements.lock (about a minute, once)" >&2
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Choose another with make PYTHON=...") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@touch $@

setup: $(READY) ## make .venv from the lock file

preview: $(READY) ## plan STACK (default prod) and judge it with every pack; ENGINE=pulumi: with the CLI, against the account
	@case "$(ENGINE)" in \
		embedded) exec $(BIN)/python -m rehearsal --stack $(STACK) ;; \
		pulumi) exec $(BIN)/python -m operations deploy preview --stack $(STACK) ;; \
		*) echo "ENGINE=$(ENGINE): accepted: embedded or pulumi" >&2; exit 2 ;; \
	esac

up: $(READY) ## preview STACK with the Pulumi CLI and every pack, then apply it once that is confirmed
	@$(BIN)/python -m operations deploy up --stack $(STACK)

destroy: $(READY) ## show what goes with STACK, then destroy it once its name is typed
	@$(BIN)/python -m operations deploy destroy --stack $(STACK)

drift: $(READY) ## compare the state of STACK with what exists, change nothing
	@$(BIN)/python -m operations deploy refresh --preview-only --stack $(STACK)

watch: $(READY) ## plan STACK again whenever a file changes, and say what that changed
	@$(BIN)/python -m rehearsal.watch --stack $(STACK)

test: lint ## lint, types, and the whole test suite
	@$(BIN)/python -m pytest --numprocesses auto

lint: $(READY)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy .

docs: $(READY) ## write again what is generated: pages in docs/, readers in policies/config/
	@$(BIN)/python -m components.expected_readers
	@$(BIN)/python -m docs.generate

lock: $(READY) ## resolve the dependencies again into requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --custom-compile-command "make lock" --quiet --output-file requirements.lock

clean: ## remove .venv and all caches
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis
