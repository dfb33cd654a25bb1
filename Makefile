# Every command sets up what it needs by itself, from the lock files, in .venv. It needs Python 3.11+ and make.

MAKEFLAGS += --no-print-directory
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
LOCK := uv pip compile pyproject.toml --extra embedded --group build --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --quiet

.PHONY: help demo compare up test check format chaos bench lock clean

help:
	@echo "make demo     a tour on the embedded stack and the sandbox: no account, no key, no cost"
	@echo "make compare  run a published comparison of both providers anew, on the sandbox"
	@echo "make up       the whole stack in the foreground"
	@echo "make test     every test"
	@echo "make chaos    break everything for some minutes, then audit (SEED=... JOBS=...)"
	@echo "make bench    measure it on this machine, each figure beside its bar (ARGS=--quick)"
	@echo "make check    lint, format and types"
	@echo "make format   put the code into its format"
	@echo "make lock     resolve the dependencies anew (needs uv)"
	@echo "make clean    remove what these commands made; the data folder stays"

demo: .venv/runtime
	@$(BIN)/darkroom demo

compare: .venv/runtime
	@$(BIN)/darkroom demo --comparison

up: .venv/runtime
	@$(BIN)/darkroom up

# One more than there are processors: much of what is tested is waiting. The tests start hundreds of Pythons,
# which are not to compile what they import each for itself.
test: WORKERS = $(shell $(BIN)/python -c 'import os; print((os.cpu_count() or 1) + 1)')
test: .venv/dev
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest --numprocesses $(WORKERS) --cov --cov-report term --cov-fail-under 95

chaos: .venv/dev
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(JOBS),--jobs $(JOBS))

bench: .venv/runtime
	@$(BIN)/python -m bench $(ARGS)

check: .venv/dev
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy --explicit-package-bases --num-workers 2 .

format: .venv/dev
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

lock:
	@command -v uv > /dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	@$(LOCK) --output-file requirements.lock
	@$(LOCK) --group dev --constraints requirements.lock --output-file requirements-dev.lock

clean:
	rm -rf .venv build .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is older than its lock exactly when the lock has changed since; pyproject.toml holds the commands' names.
.venv/runtime: requirements.lock pyproject.toml | .venv/bin/python
	@echo "Installing what Darkroom runs on (requirements.lock); this is done once."
	@$(PIP) install --require-hashes --no-deps --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: requirements-dev.lock pyproject.toml | .venv/bin/python
	@echo "Installing what the tests and checks need (requirements-dev.lock); this is done once."
	@$(PIP) install --require-hashes --no-deps --requirement requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ .venv/runtime

.venv/bin/python:
	@python=$$(sh dev/find-python) && echo "Making a virtual environment in .venv with $$python." \
		&& "$$python" -m venv .venv
