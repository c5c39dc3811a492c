# GNU Make 3.81 or newer (macOS has 3.81). `make` alone lists the targets.
# Nothing needs to be installed by hand but Python: the targets make .venv, and bring it up to date.

# The Python that .venv is made with, 3.11 or newer; empty: the first that is found.
PYTHON ?=
# Processes that run tests, a file at a time; each may need two gigabytes.
WORKERS ?= 2
# Arguments for what a target runs: make explore ARGS='--help', make test ARGS='-k arrows'.
ARGS ?=
# uv, which is quicker than pip; empty (make UV= ...): venv and pip.
UV ?= $(shell command -v uv 2>/dev/null)

SHELL := bash
BIN := .venv/bin
STAMP := .venv/made-for
TYPES := .venv/types/cowcheck
PACKAGES := model machine checker specs

.DEFAULT_GOAL := help
.PHONY: help explore test check format docs matrix bench clean FORCE

help:  ## list the targets (what `make` alone does)
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "ARGS='...'      arguments for explore or test"
	@echo "WORKERS=...     how many processes run tests (2 by default)"
	@echo "PYTHON=...      the Python to make .venv with (3.11 or newer; by default the first one found)"

# cowcheck exits with 1 where it found a violation, and that is what exploring the published designs is expected to
# do: with 0 or 1 the exploration has finished. 2 (bad input), 3 (inconclusive) and 4 (a fault of cowcheck's own) have
# not judged everything, and fail. A module that cannot be imported would end Python with 1 too, so that comes first.
explore: $(STAMP)  ## explore the designs; a violation found is a result, not a failure
	@$(BIN)/python -c 'import cowcheck.checker.cli'
	@status=0; $(BIN)/cowcheck explore $(ARGS) || status=$$?; \
	if [ $$status -gt 1 ]; then exit $$status; fi

test: check  ## run `make check`, then the tests
	$(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile $(ARGS)

check: $(STAMP)  ## ruff and mypy: faults, formatting, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@echo $(BIN)/mypy; set -o pipefail; $(BIN)/mypy | sed 's|^$(TYPES)/||'

format: $(STAMP)  ## mend what ruff can mend, and format
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

docs: $(STAMP)  ## write the generated pages of docs/ anew
	$(BIN)/python -m cowcheck.checker.pages

matrix: $(STAMP)  ## check every mutant of the test kernel, and write docs/detection.md anew (some minutes)
	$(BIN)/python tests/kernels/matrix.py docs/detection.md

bench: $(STAMP)  ## measure, and write docs/benchmarks.md anew; COWCHECK_XV6 names an xv6 tree that was built
	$(BIN)/python -m tests.bench docs/benchmarks.md

clean:  ## remove all that make, Python and the tools have left, .venv too
	rm -rf .venv build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find $(PACKAGES) tests -name __pycache__ -type d -prune -exec rm -rf {} +

# .venv, with cowcheck and its test tools in it.
#
# The install is editable in setuptools' default ("lenient") mode: an import hook maps cowcheck.model to the folder
# model/ and so on. A new file is there at once, and tracebacks and counterexamples show real paths. The strict mode
# links the files that it saw when it was installed: a new design would not be found before the next install, and a
# deleted one would leave a dangling link. What strict mode is for, type checkers and editors, which cannot follow an
# import hook, are served by .venv/types instead: links to the folders, which mypy_path and pyright's extraPaths name.
#
# The stamp holds the folder that .venv was made for: a moved or copied .venv would run the code of the old place.
ifneq "$(wildcard $(STAMP))" ""
ifneq "$(shell cat $(STAMP))" "$(CURDIR)"
ANEW := FORCE
endif
endif
ifneq "$(PYTHON)" ""
ifneq "$(shell $(PYTHON) -V 2>&1)" "$(shell $(BIN)/python -V 2>&1)"
ANEW := FORCE
endif
endif

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)

$(STAMP): pyproject.toml Makefile $(ANEW)
	@set -eu; \
	fail() { printf 'cowcheck: %s\n' "$$*" >&2; exit 1; }; \
	if [ -n '$(ANEW)' ] || ! $(BIN)/python -c '$(NEW_ENOUGH)' 2>/dev/null \
	    || { [ -z '$(UV)' ] && ! $(BIN)/python -m pip --version >/dev/null 2>&1; }; then \
	    python=; \
	    for candidate in $(CANDIDATES); do \
	        if "$$candidate" -c '$(NEW_ENOUGH)' 2>/dev/null; then python=$$candidate; break; fi; \
	    done; \
	    if [ -z "$$python" ] && [ -n '$(UV)' ] && [ -z '$(PYTHON)' ]; then python='>=3.11'; fi; \
	    if [ -z "$$python" ]; then \
	        fail 'Python 3.11 or newer is needed, and none of these is one: $(CANDIDATES).' \
	            'Install one, or name one: make PYTHON=/path/to/python3.11'; \
	    fi; \
	    rm -rf .venv; \
	    if [ -n '$(UV)' ]; then \
	        '$(UV)' venv --quiet --python "$$python" .venv || fail 'uv could not make .venv (see above).'; \
	    elif ! "$$python" -m venv .venv; then \
	        rm -rf .venv; \
	        fail "$$python could not make .venv (see above). On Debian and Ubuntu: apt install python3-venv"; \
	    fi; \
	fi; \
	echo "installing cowcheck and its test tools into .venv ($$($(BIN)/python -V))"; \
	if [ -n '$(UV)' ]; then '$(UV)' pip install --quiet --python $(BIN)/python -e '.[test]'; \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'; fi; \
	rm -rf .venv/types; mkdir -p $(TYPES); \
	for package in $(PACKAGES); do ln -s ../../../$$package $(TYPES)/$$package; done; \
	printf '%s\n' '$(CURDIR)' > $(STAMP)
