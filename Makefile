# Two commands on a fresh machine: `make course` and `make test`.

VENV := .venv
# Any Python >= 3.11; choose one by `make PYTHON=python3.12 setup`.
PYTHON ?= python3
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BOOK_STAMP := $(VENV)/.installed_book
SCALE ?= laptop
# Every scale has a work folder of its own.
OUT ?= runs/course$(if $(filter-out laptop,$(SCALE)),-$(SCALE))
# Further options of `make lab`, `make explorer` and `make demo`, such as LAB_OPTIONS="--allow-root --ip=0.0.0.0" in a container.
LAB_OPTIONS ?=
EXPLORER_OPTIONS ?=
DEMO_OPTIONS ?=
# Voila with this project's template, whose pages load nothing from other hosts.
VOILA = JUPYTER_PATH="notebooks/page$${JUPYTER_PATH:+:$$JUPYTER_PATH}" $(BIN)/voila --template=mlcmkd

# Bytecode is kept, whatever the environment says: the tests and the kernels of a course start Python many times.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup course course-models test lab explorer demo book lint dist clean

setup: $(STAMP)

# Installed again only when the list of packages changes.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mlcmkd needs Python 3.11 or newer: make PYTHON=python3.11 setup")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --upgrade pip
	$(BIN)/python -m pip install --editable '.[test]'
	@touch $(STAMP)

course: setup
	$(BIN)/mlcmkd course --scale $(SCALE) --out $(OUT)

# The trained models of the lessons before LESSON, such as LESSON=06; without LESSON all.
course-models: setup
	$(BIN)/mlcmkd course-models $(LESSON)

# One worker per core, one thread per worker. The tests of a file stay together and share what they trained;
# the longest files start first (tests/budget.py).
test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

# Serves the whole project, so that the lessons' links to pages and figures work, and opens the first lesson.
lab: setup
	$(BIN)/jupyter lab --notebook-dir=. --LabApp.default_url=/lab/tree/notebooks/00_tour.ipynb $(LAB_OPTIONS)

# The explorer as a page without code; it uses the models of `make course`, or trains its own. Its links to
# lessons download them.
explorer: setup
	$(VOILA) notebooks/explorer.ipynb --VoilaConfiguration.file_allowlist="['.*\.ipynb']" \
		--VoilaConfiguration.file_denylist="[]" $(EXPLORER_OPTIONS)

# A page for predictions on images or a video, which are dropped on it. It uses the bundled models.
demo: setup
	$(VOILA) notebooks/demo.ipynb $(DEMO_OPTIONS)

$(BOOK_STAMP): $(STAMP)
	$(BIN)/python -m pip install --editable '.[book]'
	@touch $(BOOK_STAMP)

# The site: docs/_build/html/index.html. Warnings, dead links and pictures without a text are errors.
book: $(BOOK_STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going \
		docs docs/_build/html

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/python scripts/check_words.py
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff

# The sdist, and the wheel that is built from the sdist only.
dist: setup
	rm -rf dist
	$(BIN)/python -c 'from setuptools.build_meta import build_sdist; build_sdist("dist")'
	$(BIN)/python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist dist/*.tar.gz
	$(BIN)/twine check --strict dist/*

# Trained models in runs/ are kept; remove them by hand.
clean:
	rm -rf build dist *.egg-info docs/_build docs/lessons docs/exercises docs/source docs/reference/api
