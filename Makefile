# Every target sets up what it needs: a virtual environment in .venv, made with uv where it is there, else with venv and pip.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
MANIFESTS := pyproject.toml probe/pyproject.toml constraints.txt

.PHONY: demo test faults check bench clean
demo: $(VENV)/.run ## the meter-reading camera, sixty seconds
	@$(BIN)/driftline demo $(ARGS)

# In the order of the tree, which ends with the shortest: by the number of tests, the files of one long test would come
# last, and one process would run them while the others have ended. One process more than there are cores, since many
# tests wait for other processes.
test: check ## what CI runs: style, types, layers, and every test
	$(BIN)/python -m pytest --numprocesses $$($(BIN)/python -c 'import os; print(1 + (os.cpu_count() or 1))') --dist loadfile --no-loadscope-reorder $(ARGS)

N ?= 1000
faults: $(VENV)/.dev ## N times kill -9 of an agent (N=10000 for a night), and other faults in proportion
	DRIFTLINE_FAULTS=$(N) $(BIN)/python -m pytest -m faults --numprocesses auto --dist loadfile -rP tests/faults $(ARGS)

check: $(VENV)/.dev ## style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(VENV)/.dev ## every measured claim; prints its tables
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "driftline needs Python 3.11 or later; none was found on PATH"; exit 1; }
	@if command -v uv >/dev/null 2>&1; then uv venv --quiet --python "$(PYTHON)" $(VENV); \
	else "$(PYTHON)" -m venv $(VENV) || { echo "python3 cannot make a virtual environment; on Debian: apt install python3-venv"; rm -rf $(VENV); exit 1; }; fi

define install
	@echo "setting up: $(1)"
	@if command -v uv >/dev/null 2>&1; then uv pip install --quiet --python $(BIN)/python -c constraints.txt -e ./probe -e "$(1)"; \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ./probe -e "$(1)"; fi
	@touch $@
endef

$(VENV)/.run: $(VENV)/bin/python $(MANIFESTS)
	$(call install,.[onnx])

$(VENV)/.dev: $(VENV)/bin/python $(MANIFESTS)
	$(call install,.[dev])
	@touch $(VENV)/.run

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .coverage
