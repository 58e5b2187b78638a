# Everything a developer types. `make demo` and `make test` each need nothing before them but Python 3.11 or later:
# they make .venv, install into it, and go. `make help` lists the rest.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# The tests start hundreds of Python processes: without compiled files each would compile all of gtm, and every pytest
# worker all tests. Containers often set this.
unexport PYTHONDONTWRITEBYTECODE

# Set PYTHON to choose one: make test PYTHON=python3.12
PYTHON ?=
CANDIDATES := $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python)

VENV := .venv
BIN := $(VENV)/bin
# A second environment, with the lowest versions that pyproject.toml allows.
LOWEST := .venv-lowest
# A third one, of a Python on the other side of 3.13, where what Python makes of a certificate by itself changed.
SECOND := .venv-second
SECOND_CANDIDATES := $(or $(SECOND_PYTHON),python3.13 python3.12 python3.14 python3.11 \
    $(wildcard $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions/3.1[1-9].*/bin/python))
TLS_TESTS := tests/tls/test_contexts.py tests/test_http_failure.py tests/probe/test_tls.py tests/probe/test_tls_files.py \
    tests/tls/test_peers.py tests/tls/test_renewal.py tests/share/test_etcd_tls.py tests/metrics/test_otlp_session.py
# Workers of pytest: more than the two cores of CI, for the tests of whole processes mostly wait.
WORKERS ?= 3
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# What an installation is made from: when one of these changes, the next target installs again.
RECIPE := pyproject.toml requirements-dev.lock
# Python loads an extension that is named for it alone (*.cpython-*.so) before the one that is for all (*.abi3.so), and an
# editable installation names it so although it is for all: an older one goes before, and a new one is renamed.
# The extension was gtm/engine/rust*.so before.
REMOVE_OUTDATED := find gtm \( -name '*.cpython-*.so' -o -path 'gtm/engine/*.so' \) -delete
NAME_FOR_ALL := find gtm -name '*.cpython-*.so' -exec sh -c 'mv "$$1" "$${1%.cpython-*}.abi3.so"' sh {} \;

.PHONY: docs help demo test checks together alone fast afternoon lowest lowest-fast lowest-slow second lock check crate format bench clean

help:  ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

demo: $(VENV)/installed  ## three regions, three probes and a DNS server on this machine; Ctrl-C ends it
	@$(BIN)/gtm demo

test:  ## the checks, then every test, on every core
	@$(MAKE) --no-print-directory checks
	@$(MAKE) --no-print-directory together
	@$(MAKE) --no-print-directory alone

# Side by side: mypy takes one core for most of a minute, and cargo takes one while it links the extension.
checks: $(VENV)/tools  ## the checks of Python and of Rust
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target check crate

# loadgroup keeps tests of one xdist_group (a fixed port) on one worker.
together: $(VENV)/installed-dev  ## every test that others may run beside, on every core
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not alone"

# They come from the files that say so: to collect all the others takes ten seconds.
alone: $(VENV)/installed-dev  ## the tests that measure what a busy machine would spoil, one after the other
	@$(BIN)/python -m pytest -n 0 -m alone $$(grep -rl --include='test_*.py' 'mark\.alone' tests)

fast: $(VENV)/installed-dev  ## every test that is neither slow nor alone, about three minutes on two cores
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not slow and not alone"

# As root, with nginx, unbound, Prometheus and Alertmanager.
afternoon: $(VENV)/installed-dev  ## of these only sixteen incidents, as docs/concepts/incidents.md has them; two minutes
	@$(BIN)/python -m pytest -n 0 -m alone tests/flow/test_afternoon.py

# What an old version of a library breaks shows there.
lowest: lowest-fast lowest-slow  ## tests with the lowest versions that pyproject.toml allows, in an environment of their own

# The rules of the house are about the text of files: no library decides there.
lowest-fast: $(LOWEST)/installed
	@HYPOTHESIS_EXAMPLES=25 $(LOWEST)/bin/python -m pytest -n auto --dist loadgroup -m "not slow" \
	    --ignore=tests/test_house

# Real failovers, and every kind of check in whole processes.
lowest-slow: $(LOWEST)/installed
	@$(LOWEST)/bin/python -m pytest -n $(WORKERS) --dist loadgroup tests/flow/test_failover.py tests/flow/test_kinds.py

$(LOWEST)/installed: $(VENV)/installed-dev
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(LOWEST)
	@$(BIN)/uv pip compile --quiet --resolution lowest-direct --all-extras --python $(LOWEST)/bin/python \
	    --output-file $(LOWEST)/versions.txt pyproject.toml
	@$(BIN)/uv pip sync --quiet --python $(LOWEST)/bin/python $(LOWEST)/versions.txt
	@# pyo3 is built anew for a Python at another path, and the extension linked again: it is given the path of .venv
	@PYO3_PYTHON=$(CURDIR)/$(BIN)/python PYO3_BUILD_EXTENSION_MODULE=1 \
	    $(BIN)/uv pip install --quiet --python $(LOWEST)/bin/python --no-deps --no-build-isolation --editable .
	@$(NAME_FOR_ALL)
	@touch $@

# Where there is no such Python, uv fetches one. The libraries are those of .venv: only the Python differs.
second: $(VENV)/installed-dev  ## tests of TLS on a second Python, in an environment of its own
	@side='import sys; print(sys.version_info >= (3, 13) if sys.version_info >= (3, 11) else "")'; \
	case "$$($(BIN)/python -c "$$side")" in True) other=3.12 wanted=False;; *) other=3.13 wanted=True;; esac; \
	for python in $(SECOND_CANDIDATES); do \
	    if [ "$$("$$python" -c "$$side" 2>/dev/null)" = "$$wanted" ]; then other="$$python"; break; fi; \
	done; \
	if ! $(BIN)/uv venv --quiet --clear --python "$$other" $(SECOND); then \
	    echo "no Python on the other side of 3.13 here: the tests of TLS ran on one Python alone" >&2; \
	    [ -z "$$CI" ]; exit; \
	fi; \
	echo "tests of TLS on $$($(SECOND)/bin/python --version)"; \
	$(BIN)/uv pip freeze --quiet --exclude-editable --python $(BIN)/python >$(SECOND)/versions.txt \
	&& $(BIN)/uv pip sync --quiet --python $(SECOND)/bin/python $(SECOND)/versions.txt \
	&& $(SECOND)/bin/python -m pytest -n auto --dist loadgroup $(TLS_TESTS)

# Every version and hash that a release, and with the other file the environment of a developer, is installed from.
lock: $(VENV)/tools  ## writes requirements.lock and requirements-dev.lock with the newest versions
	@for extra in otlp:requirements.lock dev:requirements-dev.lock; do \
	    $(BIN)/uv pip compile --quiet --universal --generate-hashes --extra "$${extra%%:*}" --python-version 3.11 \
	        --no-header --upgrade --output-file "$${extra#*:}" pyproject.toml || exit; \
	done

check: $(VENV)/tools  ## lint, format, types, floors; changes nothing
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

# Where the extension could not be built the project is complete without it, so there is nothing to check; in CI that is
# an error, unless GTM_WITHOUT_RUST is set. The module itself has no tests in Rust, and its own build would be for them alone.
crate: $(VENV)/installed-dev  ## format, clippy and tests of the Rust engine, if it was built
	@if $(BIN)/gtm --version | grep --quiet ' rust engine' && cargo clippy --version >/dev/null; then \
	    unset MAKEFLAGS MFLAGS; cd dataplane && cargo fmt --all --check \
	    && cargo clippy --quiet --workspace --all-targets -- --deny warnings \
	    && cargo test --quiet --workspace --exclude gtm-dataplane; \
	elif [ -n "$$CI" ] && [ -z "$$GTM_WITHOUT_RUST" ]; then \
	    echo "the Rust engine was not built, or cargo has no clippy" >&2; exit 1; \
	else \
	    echo "the Rust engine was not built here: its own tests are left out"; \
	fi

format: $(VENV)/tools  ## formats the code, and mends what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# About twenty minutes. As root, missing servers are installed with apt-get; otherwise they are left out, and named.
bench: $(VENV)/installed-dev  ## measures this machine, beside other servers; see docs/reference/performance.md
	@$(BIN)/python -m bench.compare --install
	@$(BIN)/python -m bench.variants --variants 10:1,1000000:1 --peers gtm,knot,nsd,gdnsd
	@$(BIN)/python -m bench.variants --variants 10:1,10:2 --peers gtm --load steered
	@$(BIN)/python -m bench.losses
	@$(BIN)/python -m bench.swap
	@$(BIN)/python -m bench.geo
	@$(BIN)/python -m bench.reference_engine

docs: $(VENV)/tools  ## writes the generated pages: reference, man pages, the picture of the rivers
	@$(BIN)/python -m tools.docs

clean:  ## removes .venv and everything else that was made here
	@rm -rf $(VENV) $(LOWEST) $(SECOND) build dist *.egg-info dataplane/target
	@find gtm -name '*.so' -delete
	@rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An installation with the dev tools is also one without, so the second stamp serves for the first.
$(VENV)/installed: $(RECIPE) $(BIN)/python
	@echo "installing gtm into $(VENV)"
	@$(REMOVE_OUTDATED)
	@$(PIP) install --editable .
	@$(NAME_FOR_ALL)
	@touch $@

$(VENV)/tools: $(RECIPE) $(BIN)/python
	@echo "installing what gtm needs, and the tools for its tests, into $(VENV)"
	@$(PIP) install 'uv>=0.5'
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirements requirements-dev.lock
	@touch $@

$(VENV)/installed-dev: $(VENV)/tools
	@echo "installing gtm into $(VENV)"
	@$(REMOVE_OUTDATED)
	@# without isolation: setuptools is there, and `make lowest` finds pyo3 built for the same Python
	@PYO3_PYTHON=$(CURDIR)/$(BIN)/python PYO3_BUILD_EXTENSION_MODULE=1 \
	    $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(NAME_FOR_ALL)
	@touch $(VENV)/installed $@

# A candidate counts only if it runs: a version manager leaves names on the PATH that do not. --clear, because what an
# interrupted run left behind may be half a venv.
$(BIN)/python:
	@found=; for python in $(CANDIDATES); do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    found="$$python"; \
	    "$$python" -c 'import ensurepip, venv' 2>/dev/null || continue; \
	    echo "making $(VENV) with $$("$$python" --version)"; \
	    "$$python" -m venv --clear $(VENV) && exit 0; \
	    rm -rf $(VENV); \
	    exit 1; \
	done; \
	if [ -n "$$found" ]; then \
	    echo "$$found cannot make a virtual environment with pip: its venv or ensurepip module is missing." >&2; \
	    echo "On Debian and Ubuntu: apt install $${found##*/}-venv" >&2; \
	else \
	    echo "no Python 3.11 or later found (tried: $(CANDIDATES))." >&2; \
	    echo "Install one (on Debian and Ubuntu: apt install python3 python3-venv), or say where it is:" >&2; \
	    echo "    make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; \
	fi; \
	exit 1
