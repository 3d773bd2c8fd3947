# Everything runs inside .venv, with relative paths, so that a space in the folder's name does no harm.
# Works with GNU make 3.81 (macOS) and newer.

PYTHON ?= python3 python3.13 python3.12 python3.11
CPU ?=
TRANSFERLAB_SCALE ?= laptop
export TRANSFERLAB_SCALE
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PYDEVD_DISABLE_FILE_VALIDATION = 1
# where no bytecode is written, each of the hundred processes that the tests start would compile the package anew
unexport PYTHONDONTWRITEBYTECODE
# another environment that is active in the shell is not the one used here, and IPython would warn of it
unexport VIRTUAL_ENV

PY := .venv/bin/python
BOOK := $(PY) book/build.py
# one run store for the chapters, whatever folder they run in
RUNS = TRANSFERLAB_RUNS="$${TRANSFERLAB_RUNS:-$$PWD/runs}"
# tests train at the smallest scale, into a run store of their own; processes side by side keep to a core each
SMOKE = TRANSFERLAB_SCALE=smoke TRANSFERLAB_RUNS="$$PWD/_build/test-runs" OMP_NUM_THREADS=1
SMOKE_HTML := _build/smoke/_build/html
PYTEST := $(PY) -m pytest -ra
# a process a core, not more than four
SIDE_BY_SIDE := -n logical --maxprocesses 4
CPU_WHEELS := --extra-index-url https://download.pytorch.org/whl/cpu

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help venv lock assets train book student pdf study bench test check audit spelling unit nightly notebooks-test smoke-book browser-test store-outputs torture lab clean moved

help:
	@echo 'make book            install, train, run every chapter, render    8 to 13 min the first time, then about 1 min'
	@echo 'make student         the book and the chapters without solutions  about as long as make book; _build/student'
	@echo 'make pdf             the book as one PDF: _build/book.pdf         half a minute once it is built; needs Chromium'
	@echo 'make lab             open the chapters in JupyterLab              seconds once installed'
	@echo 'make test            all that continuous integration runs         8 to 12 min; seconds if nothing changed'
	@echo '  make check           lint, format, types, imports, spelling       seconds'
	@echo '  make unit            the unit and property tests                  about 3 min'
	@echo '  make notebooks-test  every chapter through nbval, smoke scale     about 1 min'
	@echo '  make browser-test    the book at smoke scale, in Chromium         4 to 6 min'
	@echo 'make nightly         tests that are too slow for every change     about 20 min'
	@echo 'make train           train the networks the chapters show         minutes; nothing that is in runs/ already'
	@echo 'make study           train the published study, resumable         about 16 h; book/results/*.csv'
	@echo 'make torture         200 kills, 2,000 networks, 8 processes       about an hour'
	@echo 'make bench           measure speed, on a machine at rest          about 40 min; book/results/machines'
	@echo 'make venv            install the pinned requirements in .venv     2 to 5 min, 1.5 GB (more with CUDA)'
	@echo 'make audit           known weaknesses of what is installed        seconds; asks the network'
	@echo 'make spelling        misspelled words, clumsy phrases             seconds'
	@echo 'make lock            pin anew what the requirements depend on     seconds; requirements.lock'
	@echo 'make clean           remove build products; runs/ and .venv stay  seconds'
	@echo
	@echo 'CPU=1                         install torch without CUDA (Linux): a far smaller download'
	@echo 'PYTHON=/path/to/python3       make .venv with this Python (3.11 or newer)'
	@echo 'TRANSFERLAB_SCALE=smoke       build the book in seconds, on networks too small to mean anything'

# --- the environment -------------------------------------------------------------------------------------

venv: .venv/installed
	@:

# The editable install names this folder; a folder that was moved or renamed is installed again.
ifneq "$(shell cat .venv/installed 2>/dev/null)" "$(shell pwd)"
.venv/installed: moved
endif
moved:

# --no-compile: pip compiles on one core; compileall does it on all of them, and does not mind files for other Pythons.
# .venv/installing marks an install under way: where it is left behind, pip was killed, and .venv starts afresh.
# Two calls of pip: everything but torch by the lock, with hashes; then torch, whose builds for CUDA and for the CPU are
# other files, and the package itself, which has no file to hash.
.venv/installed: requirements.txt requirements.lock pyproject.toml
	@if [ -e .venv/installing ] || ! $(PY) -m pip --version >/dev/null 2>&1; then \
	  found=; \
	  for candidate in $(PYTHON); do \
	    if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	    then found=$$candidate; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo 'error: no Python 3.11 or newer with venv among: $(PYTHON). Install one (Debian: python3 and python3-venv) or run make PYTHON=/path/to/python3' >&2; \
	    exit 1; \
	  fi; \
	  echo "Making .venv with $$("$$found" --version)"; \
	  "$$found" -m venv --clear .venv || exit 1; \
	fi
	@rm -f .venv/installed; touch .venv/installing
	$(PY) -m pip install --no-compile --require-hashes -r requirements.lock && \
	  $(PY) -m pip install --no-compile $(if $(CPU),$(CPU_WHEELS)) -r requirements.txt -e . || { rm -f .venv/installing; exit 1; }
	@$(PY) -m compileall -qq -j 0 .venv/lib >/dev/null 2>&1; true
	@rm .venv/installing; pwd > .venv/installed

# after a change of requirements.txt, or to take in what has been released since
lock: venv
	$(PY) -m uv pip compile --quiet --upgrade --custom-compile-command 'make lock' requirements.txt -o requirements.lock

# --- the book --------------------------------------------------------------------------------------------

# what the pages load in the browser (widgets, formulas), so that the book works offline
assets: venv
	@$(PY) book/fetch_assets.py

# Chapters train what they miss, but without a word while the book is built; here the progress is seen.
train: venv
	$(RUNS) $(PY) -m transferlab warm

# --all: every chapter is executed afresh; the run store, not a cache of outputs, saves the time.
book: assets train
	$(RUNS) $(BOOK) build . --all -W --keep-going
	$(RUNS) $(PY) book/check.py _build
	@echo; echo "The book: $$PWD/_build/html/index.html"

# what a class gets: the chapters in _build/student/notebooks, the book in _build/student/_build/html
student: assets train
	rm -rf _build/student
	$(PY) -m transferlab student --out _build/student
	$(RUNS) $(BOOK) build _build/student --all -W --keep-going
	$(RUNS) $(PY) book/check.py _build/student/_build
	$(PY) book/traces.py _build/student
	@echo; echo "To hand out: $$PWD/_build/student/notebooks and $$PWD/_build/student/_build/html"

# printed by a Chromium on the PATH; nothing is fetched
pdf: book
	$(PY) book/pdf.py _build/html _build/book.pdf

# the published tables, row by row: it can be stopped at any time and goes on from there. STUDY names one of them.
study: venv
	$(if $(or $(if $(STUDY),,all),$(filter emoji%,$(STUDY))),$(PY) -m transferlab prepare emoji)
	$(RUNS) $(PY) -m transferlab study $(STUDY)
	$(PY) book/audit.py

# speed, measured: the machine should have nothing else to do meanwhile
bench: venv
	$(PY) tests/benchmarks/sweep.py
	$(PY) tests/benchmarks/levers.py
	$(PY) tests/benchmarks/surroundings.py --book
	$(PY) tests/benchmarks/emoji.py
	$(PY) tests/benchmarks/costs.py

lab: venv
	$(RUNS) $(PY) -m jupyterlab

# --- the tests -------------------------------------------------------------------------------------------

# All files that git tracks or would: if none has changed since everything passed, there is nothing to find out.
# Continuous integration (CI is set) never takes that for an answer; nor does make test AGAIN=1.
test:
	@now=$$(git ls-files -z -co --exclude-standard 2>/dev/null | xargs -0 cksum 2>/dev/null | cksum); \
	if [ -z "$$CI$(AGAIN)" ] && git rev-parse >/dev/null 2>&1 && [ "$$(cat _build/passed 2>/dev/null)" = "$$now" ]; then \
	  echo 'Everything passed, and no file has changed since. To run it all again: make test AGAIN=1'; \
	else \
	  rm -f _build/passed; \
	  $(MAKE) check unit notebooks-test browser-test && echo "$$now" > _build/passed && \
	  echo && echo 'All checks and tests passed.'; \
	fi

check: venv spelling
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy --num-workers auto
	$(PY) -c 'from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_logo=True))'

# Not part of make test, which must not fail tomorrow on files that passed today; a nightly workflow runs them.
# Torch is not in the lock, and is looked up by its direct pin.
audit: venv
	$(PY) -m pip_audit --disable-pip --require-hashes -r requirements.lock
	$(PY) -m pip_audit --disable-pip --no-deps -r requirements.txt

spelling: venv
	$(PY) -m codespell_lib
	$(PY) tests/prose.py

unit: venv
	$(SMOKE) $(PYTEST) tests transferlab -m 'not browser and not nightly' $(SIDE_BY_SIDE) --dist worksteal

# what costs more than it tells at every change: kills, leaks, a cluster with certificates
nightly: smoke-book
	$(SMOKE) TRANSFERLAB_HTML=$(SMOKE_HTML) $(PYTEST) tests -m nightly $(SIDE_BY_SIDE) --dist worksteal

# from the last chapter on: it takes longest, and would run alone at the end
notebooks-test: venv
	rm -rf _build/test-runs
	$(SMOKE) $(PYTEST) $(SIDE_BY_SIDE) --dist loadfile --no-loadscope-reorder --nbval --nbval-current-env \
	  --nbval-sanitize-with tests/nbval_sanitize.cfg --nbval-cell-timeout 600 $$(ls -r notebooks/*.ipynb)

# after a chapter was changed: store the outputs that nbval compares
store-outputs: venv
	rm -rf _build/test-runs
	$(SMOKE) $(PY) tests/store_outputs.py

smoke-book: assets
	rm -rf _build/smoke
	$(SMOKE) $(BOOK) build . --path-output _build/smoke --all -W --keep-going
	$(SMOKE) $(PY) book/check.py _build/smoke/_build

browser-test: smoke-book
	TRANSFERLAB_HTML=$(SMOKE_HTML) $(PYTEST) tests/browser -m 'not nightly' $(SIDE_BY_SIDE) --dist loadgroup --no-loadscope-reorder

# the long forms of tests: 200 kills at random moments, 2,000 networks in a store, 1,000 executions, eight processes sharing a store
torture: venv
	TRANSFERLAB_KILLS=200 TRANSFERLAB_NETWORKS=2000 TRANSFERLAB_EXECUTIONS=1000 TRANSFERLAB_PROCESSES=8 \
	  $(PYTEST) -s tests/test_torture.py tests/test_large.py tests/test_sharing.py

clean:
	rm -rf _build .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis *.egg-info
	find book notebooks tests transferlab -name __pycache__ -prune -exec rm -rf {} +
	find notebooks -name .ipynb_checkpoints -prune -exec rm -rf {} +
