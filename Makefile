# The commands that people and CI run. Each target does its own set-up: it rebuilds `.venv` when the lock file has
# changed.
STACKS := $(patsubst Pulumi.%.yaml,%,$(wildcard Pulumi.*.yaml))
STACK ?= $(if $(word 2,$(STACKS)),prod,$(or $(STACKS),prod))
ENGINE ?= embedded
PYTHON ?= python3
ANSWERS ?=
LIKE ?=
BASE ?=
BIN := .venv/bin
RUN := run-packages
DEVELOP := develop-packages

# Compiling the SDKs takes many times as long as loading them, so compiled files are kept even if the shell says
# otherwise.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup $(RUN) $(DEVELOP) init preview diff page up park unpark destroy drift watch check test lint docs lock clean
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(RUN):
	@$(PYTHON) set_up.py run

$(DEVELOP):
	@$(PYTHON) set_up.py develop

setup: $(DEVELOP) ## create .venv from the lock files; the other targets do that themselves

init: $(RUN) ## ask for what differs between owners and environments, then write it; ANSWERS=FILE, LIKE=STACK
	@$(BIN)/python -m operations init --stack $(STACK) $(if $(ANSWERS),--answers $(ANSWERS)) $(if $(LIKE),--like $(LIKE))

preview: $(RUN) ## plan STACK (default prod, or the only one), judge it with every pack; ENGINE=pulumi: with the CLI
	@case "$(ENGINE)" in \
		embedded) exec $(BIN)/python -m rehearsal --stack $(STACK) ;; \
		pulumi) exec $(BIN)/python -m operations deploy preview --stack $(STACK) ;; \
		*) echo "ENGINE=$(ENGINE): set it to embedded or pulumi" >&2; exit 2 ;; \
	esac

diff: $(RUN) ## show what this working copy changes in STACK against BASE (default main)
	@$(BIN)/python -m review diff --stack $(STACK) --base $(or $(BASE),main)

page: $(RUN) ## write STACK as one HTML file to look at, build/page.STACK.html; BASE=main adds what differs from main
	@$(BIN)/python -m review page --stack $(STACK) $(if $(BASE),--base $(BASE))

up: $(RUN) ## preview STACK with the Pulumi CLI and every pack, ask for confirmation, then apply it
	@$(BIN)/python -m operations deploy up --stack $(STACK)

park: $(RUN) ## stop what costs by the hour in STACK, once its file says parkMode: parked
	@$(BIN)/python -m operations park --stack $(STACK)

unpark: $(RUN) ## start STACK again, once its file says parkMode: unparked
	@$(BIN)/python -m operations unpark --stack $(STACK)

destroy: $(RUN) ## show what would be deleted with STACK, ask for its name, then destroy it
	@$(BIN)/python -m operations deploy destroy --stack $(STACK)

drift: $(RUN) ## compare the state of STACK with what exists, change nothing
	@$(BIN)/python -m operations deploy refresh --preview-only --stack $(STACK)

watch: $(RUN) ## plan STACK again whenever a file changes, and say what that changed
	@$(BIN)/python -m rehearsal.watch --stack $(STACK)

check: lint ## quick checks for every save: lint, types, tests without plan or process
	@$(BIN)/python -m pytest --numprocesses auto -m "not process and not nightly"

test: lint ## lint, types, and the whole test suite
	@$(BIN)/python -m pytest --numprocesses auto --dist worksteal

lint: $(DEVELOP)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy .

docs: $(RUN) ## rewrite the generated files: pages in docs/, readers in policies/config/
	@$(BIN)/python -m generators

lock: $(DEVELOP) ## resolve the dependencies again into the lock files
	@$(COMPILE) pyproject.toml --output-file requirements.lock
	@$(COMPILE) pyproject.toml --extra dev --constraints requirements.lock --output-file requirements-develop.lock
	@echo uv | $(COMPILE) - --constraints requirements-develop.lock --output-file requirements-uv.lock

# uv writes these options into the first lines of each lock file, where Renovate reads them.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes

clean: ## remove .venv and all caches
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis
