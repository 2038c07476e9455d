# The commands of the README. VENV and PYTHON can be set: make test PYTHON=python3.13 VENV=.venv-3.13
PYTHON ?= python3
VENV ?= .venv
export VENV


LINT := .venv-lint
COLLECTION := ansible_collections/ipsec/windows
# what molecule does: test, converge, verify, cleanup …
COMMAND ?= test
# how long each target is fuzzed, and which ones; none are all
SECONDS ?= 60
TARGET ?=
# an inventory with real hosts in the group windows (docs/real-host.md); none is a simulated one
INVENTORY ?=

.PHONY: help venv demo test fuzz bench lint sanity molecule clean

help:
	@echo "make demo      a policy on simulated Windows hosts, from nothing to nothing"
	@echo "make test      all tests; PYTEST_ARGS=... chooses"
	@echo "make fuzz      what the fuzzer finds; SECONDS=600 for each target, TARGET=blobs for one"
	@echo "make bench     measurements, as ratios; PARTS=core (or tasks, fleet) chooses"
	@echo "make lint      style, types, documentation, Windows PowerShell 5.1 syntax"
	@echo "make sanity    ansible-test sanity on the built collection"
	@echo "make molecule  the molecule scenario; COMMAND=converge, INVENTORY=real-hosts.yml"
	@echo "make venv      only prepare $(VENV); PYTHON=... chooses the interpreter"

venv: $(VENV)/ready

$(VENV)/ready: tests/requirements.txt tests/fuzz/requirements.txt
	@command -v $(PYTHON) >/dev/null || { \
	  echo "$(PYTHON) is missing: install Python 3.11 or newer (Debian: apt install python3), or set PYTHON"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is older than 3.11, which Ansible needs: set PYTHON=python3.11 or a newer one"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "the venv module of $(PYTHON) is missing (Debian: apt install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement tests/requirements.txt
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: \
	  --requirement tests/fuzz/requirements.txt || echo "atheris has no wheel for $(PYTHON) here: tests that fuzz are skipped"
	@mkdir -p $(VENV)/collections/$(dir $(COLLECTION))
	@ln -sfn "$(CURDIR)" $(VENV)/collections/$(COLLECTION)
	@touch $@

demo: venv
	@$(VENV)/bin/python tests/demo.py

test: venv
	$(VENV)/bin/python -m pytest $(PYTEST_ARGS)

fuzz: venv
	@$(VENV)/bin/python tests/fuzz/campaign.py --seconds $(SECONDS) $(TARGET)

# ansible.windows, for its win_ping, out of the one package on PyPI that has it
$(VENV)/peers: $(VENV)/ready
	@mkdir -p build/peers
	$(VENV)/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --dest build/peers ansible
	$(VENV)/bin/python tests/benchmarks/take_peer.py build/peers $@
	@touch $@

bench: $(VENV)/peers
	@$(VENV)/bin/python tests/bench.py $(PARTS)

$(LINT)/ready: tests/lint-requirements.txt
	$(PYTHON) -m venv $(LINT)
	$(LINT)/bin/python -m pip install --quiet --disable-pip-version-check --requirement tests/lint-requirements.txt
	@touch $@

lint: export PATH := $(CURDIR)/$(LINT)/bin:$(PATH)
lint: export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/$(VENV)/collections
lint: venv $(LINT)/ready
	ruff check .
	ruff format --check .
	cd $(VENV)/collections && MYPYPATH=. mypy --config-file $(CURDIR)/pyproject.toml \
	  $(foreach part,module_utils plugin_utils action filter,-p ansible_collections.ipsec.windows.plugins.$(part))
	ansible-lint --offline
	cd $(VENV)/collections/$(COLLECTION) && antsibull-docs lint-collection-docs --plugin-docs .
	antsibull-changelog lint
	@if command -v pwsh >/dev/null; then tests/powershell-syntax plugins/modules/ipsec_host.ps1; \
	  elif [ -n "$$CI" ]; then echo "there is no pwsh on PATH"; exit 1; \
	  else echo "the PowerShell is not checked: there is no pwsh on PATH"; fi

sanity: venv
	PATH="$(CURDIR)/$(VENV)/bin:/usr/bin:/bin" tests/sanity

$(VENV)/molecule: $(VENV)/ready
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check molecule
	@touch $@

molecule: $(VENV)/molecule
	PATH="$(CURDIR)/$(VENV)/bin:$(PATH)" ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/$(VENV)/collections" \
	  IPSEC_INVENTORY="$(if $(INVENTORY),$(abspath $(INVENTORY)))" molecule $(COMMAND)

clean:
	rm -rf .venv* build .pytest_cache .hypothesis .ruff_cache .mypy_cache
