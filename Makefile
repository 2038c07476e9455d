# The commands of the README. VENV and PYTHON can be set: make test PYTHON=python3.13 VENV=.venv-3.13
PYTHON ?= python3
VENV ?= .venv
export VENV

.PHONY: help venv demo test bench clean

help:
	@echo "make demo    a policy on a simulated Windows host, from nothing to nothing"
	@echo "make test    all tests"
	@echo "make bench   measurements, as ratios"
	@echo "make venv    only prepare $(VENV); PYTHON=... chooses the interpreter"

venv: $(VENV)/ready

$(VENV)/ready: tests/requirements.txt
	@command -v $(PYTHON) >/dev/null || { \
	  echo "$(PYTHON) is missing: install Python 3.11 or newer (Debian: apt install python3), or set PYTHON"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is older than 3.11, which Ansible needs: set PYTHON=python3.11 or a newer one"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "the venv module of $(PYTHON) is missing (Debian: apt install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement tests/requirements.txt
	@mkdir -p $(VENV)/collections/ansible_collections/ipsec
	@ln -sfn "$(CURDIR)" $(VENV)/collections/ansible_collections/ipsec/windows
	@touch $@

demo: venv
	@$(VENV)/bin/python tests/demo.py

test: venv
	$(VENV)/bin/python -m pytest $(PYTEST_ARGS)

clean:
	rm -rf .venv* build .pytest_cache .hypothesis .ruff_cache .mypy_cache
