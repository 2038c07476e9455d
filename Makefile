# The commands of the README. PYTHON, ANSIBLE and VENV can be set: make test PYTHON=python3.13 VENV=.venv-3.13
PYTHON ?= python3
# a version of ansible-core such as 2.18, which gets a virtual environment of its own; none means the newest for PYTHON
ANSIBLE ?=
VENV ?= .venv$(if $(ANSIBLE),-$(ANSIBLE))
export VENV

# the stamp of a virtual environment, named after what is in it
READY := $(VENV)/ready$(if $(ANSIBLE),-$(ANSIBLE))
COLLECTION := ansible_collections/ipsec/windows
# the molecule command: test, converge, verify, cleanup …
COMMAND ?= test
# how long to fuzz each target, and which targets; none means all
SECONDS ?= 60
TARGET ?=
# an inventory with real hosts in the group windows (docs/real-host.md); without one, a simulated host is used
INVENTORY ?=

.PHONY: help venv demo test judge fuzz bench lint docs galaxy changelog sanity molecule clean

help:
	@echo "make demo      creates, changes and deletes policies and a dynamic rule on simulated Windows hosts"
	@echo "make test      runs the tests; PYTEST_ARGS=... selects some"
	@echo "make judge     runs the long tests, and those that need other programs"
	@echo "make fuzz      runs the fuzzer; SECONDS=600 for each target, TARGET=blobs for one"
	@echo "make bench     prints measurements as ratios; PARTS=core (or tasks, domain, fleet) selects some"
	@echo "make lint      checks style, types, documentation and Windows PowerShell 5.1 syntax"
	@echo "make docs      builds the documentation site in build/docs"
	@echo "make galaxy    imports the built collection as Galaxy does"
	@echo "make changelog moves the changelog fragments into the release of galaxy.yml"
	@echo "make sanity    runs ansible-test sanity on the built collection"
	@echo "make molecule  runs the molecule scenario; COMMAND=converge, INVENTORY=real-hosts.yml"
	@echo "make venv      only prepares $(VENV); PYTHON=... selects the interpreter, ANSIBLE=2.18 the version"

venv: $(READY)

$(READY): tests/requirements.txt tests/fuzz/requirements.txt
	@command -v $(PYTHON) >/dev/null || { \
	  echo "$(PYTHON) is missing: install Python 3.11 or newer (Debian: apt install python3), or set PYTHON"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is older than 3.11, which Ansible needs: set PYTHON=python3.11 or a newer one"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "the venv module of $(PYTHON) is missing (Debian: apt install python3-venv)"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement tests/requirements.txt \
	  $(if $(ANSIBLE),"ansible-core==$(ANSIBLE).*")
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: \
	  --requirement tests/fuzz/requirements.txt || echo "atheris has no wheel for $(PYTHON) here: tests that fuzz are skipped"
	@mkdir -p $(VENV)/collections/$(dir $(COLLECTION))
	@ln -sfn "$(CURDIR)" $(VENV)/collections/$(COLLECTION)
	@touch $@

demo: venv
	@$(VENV)/bin/python tests/demo.py

test: venv
	$(VENV)/bin/python -m pytest $(PYTEST_ARGS)

judge: venv
	$(VENV)/bin/python -m pytest -m judge $(PYTEST_ARGS)

fuzz: venv
	@$(VENV)/bin/python tests/fuzz/campaign.py --seconds $(SECONDS) $(TARGET)

# ansible.windows, for its win_ping: on PyPI only the package ansible contains it
$(VENV)/peers: $(READY)
	@mkdir -p build/peers
	$(VENV)/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --dest build/peers ansible
	$(VENV)/bin/python tests/benchmarks/take_peer.py build/peers $@
	@touch $@

bench: $(VENV)/peers
	@$(VENV)/bin/python tests/bench.py $(PARTS)

# the tools of a target, in a virtual environment of its own
.venv-%/tools: tests/%-requirements.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

lint changelog: export PATH := $(CURDIR)/.venv-lint/bin:$(PATH)
docs: export PATH := $(CURDIR)/.venv-docs/bin:$(PATH)
galaxy: export PATH := $(CURDIR)/.venv-galaxy/bin:$(PATH)
lint docs changelog: export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/$(VENV)/collections

lint: venv .venv-lint/tools
	ruff check .
	ruff format --check .
	cd $(VENV)/collections && MYPYPATH=. mypy --config-file $(CURDIR)/pyproject.toml \
	  $(foreach part,module_utils plugin_utils action filter lookup,-p ansible_collections.ipsec.windows.plugins.$(part))
	ansible-lint --offline
	cd $(VENV)/collections/$(COLLECTION) && antsibull-docs lint-collection-docs --plugin-docs .
	antsibull-changelog lint
	@if command -v pwsh >/dev/null; then tests/powershell-syntax plugins/modules/__private/*.ps1 plugins/module_utils/*.psm1; \
	  elif [ -n "$$CI" ]; then echo "pwsh is not on PATH"; exit 1; \
	  else echo "pwsh is not on PATH: the PowerShell code is not checked"; fi

docs: venv .venv-docs/tools
	docs/site/build

galaxy: .venv-galaxy/tools
	tests/run-galaxy-importer

# moves the fragments into the release of the version in galaxy.yml, which may exist already
changelog: venv .venv-lint/tools
	cd $(VENV)/collections/$(COLLECTION) && antsibull-changelog release --update-existing

sanity: venv
	PATH="$(CURDIR)/$(VENV)/bin:/usr/bin:/bin" tests/run-sanity

$(VENV)/molecule: $(READY)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check molecule
	@touch $@

molecule: $(VENV)/molecule
	PATH="$(CURDIR)/$(VENV)/bin:$(PATH)" ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/$(VENV)/collections" \
	  IPSEC_INVENTORY="$(if $(INVENTORY),$(abspath $(INVENTORY)))" molecule $(COMMAND)

clean:
	rm -rf .venv* build .pytest_cache .hypothesis .ruff_cache .mypy_cache
