# meterbook: `make` lists what you can do. Everything sets itself up.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
HOME_DEMO := build/demo
HOME_RUN := build/run
NEXT := build/duckdb-next
k ?=
m ?=
EXAMPLES ?= few
JOBS ?= 2
PYTEST := POLARS_MAX_THREADS=1 $(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --durations 15   # files side by side, in the order of tests/conftest.py
export POLARS_MAX_THREADS ?= 2

help: ## what you can do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

$(STAMP): requirements/dev.txt pyproject.toml
	@test -x $(BIN)/python || { echo "setup: making .venv"; $(PYTHON) -m venv .venv; }
	@test -x $(BIN)/uv || { echo "setup: installing uv"; $(BIN)/pip install --quiet --disable-pip-version-check "uv==0.13.9"; }
	@echo "setup: installing the pinned, hashed requirements"
	@$(BIN)/uv pip sync --quiet --require-hashes requirements/dev.txt
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

setup: $(STAMP) ## environment from the pinned, hashed requirements

run: $(STAMP) ## a small sample world, then the site on http://127.0.0.1:8501 and the collector open for more
	$(BIN)/meterbook --home $(HOME_RUN) run --demo --size small

demo: $(STAMP) ## the whole way once on the sample world: send, load, build, publish, report; then end
	$(BIN)/meterbook --home $(HOME_DEMO) run --demo --once --size medium

sample: $(STAMP) ## the sample world into build/sample
	$(BIN)/meterbook sample --out build/sample

check: lint ## what `make lint` checks, and the fast tests; laws try few examples, `EXAMPLES=all` has all
	MB_TEST_EXAMPLES=$(EXAMPLES) $(PYTEST) -q -m "not slow"

lint: $(STAMP) ## format, lint, types, layers, docs in step
	$(MAKE) --no-print-directory -j $(JOBS) types style

types:
	$(BIN)/mypy

style:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	! grep -rnE 'map_elements|iter_rows' --include=*.py app collector meterbook sample_data transforms warehouse
	$(BIN)/cog -I scripts --check docs/*.md docs/reference/*.md
	$(BIN)/zensical build --strict --clean > /dev/null

test: $(STAMP) ## every test, the real browser and real peers too; `make test k=cost`, `make test m=slow`
	$(PYTEST) $(if $(k),-k "$(k)") $(if $(m),-m "$(m)")

mutants: $(STAMP) ## small changes of transforms/ and collector/ that no test notices; `make mutants args="--only transforms/ledger"`
	nice -n 10 $(BIN)/python scripts/mutants.py $(args)

test-next: $(STAMP) ## the fast tests of tables, builds and commands with the newest DuckDB that is allowed
	@test -d $(NEXT) || $(BIN)/uv pip install --quiet --no-deps --target $(NEXT) "duckdb==2.0.1"
	PYTHONPATH=$(NEXT) MB_TEST_EXAMPLES=$(EXAMPLES) $(PYTEST) -q -m "not slow" tests/warehouse tests/meterbook/build tests/meterbook/cli

fix: $(STAMP) ## format, sort, write the generated docs
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/cog -I scripts -r docs/*.md docs/reference/*.md

$(HOME_DEMO)/serving/CURRENT:
	$(MAKE) demo

bench: $(STAMP) $(HOME_DEMO)/serving/CURRENT ## speed and memory, beside peers and floors measured in the same run
	$(BIN)/python benchmarks/all.py

bench-collector: $(STAMP) ## the collector alone, beside rotel and a floor in the same run
	$(BIN)/python benchmarks/all.py receiver fairness evidence

bench-bills: $(STAMP) ## bills alone: growth, 5-million-row months, beside DuckDB SQL (and focus-converter in build/)
	$(BIN)/python benchmarks/bills.py

bench-cardinality: $(STAMP) ## every drop-label answer at 1 and 10 million series, beside DuckDB in the same run
	$(BIN)/python benchmarks/cardinality.py

bench-ledger: $(STAMP) ## the exact split of 1 and 10 million container-hours, beside DuckDB SQL; 5,000 rules
	$(BIN)/python benchmarks/all.py ledger rules

bench-pages: $(STAMP) $(HOME_DEMO)/serving/CURRENT ## every page of the demo in Chromium, beside a blank Streamlit page
	$(BIN)/python benchmarks/pages.py --home $(HOME_DEMO)

screenshots: $(STAMP) $(HOME_DEMO)/serving/CURRENT ## every page on the demo's snapshot into build/screenshots, and the README's picture
	$(BIN)/python scripts/screenshots.py --home $(HOME_DEMO) --out build/screenshots
	$(BIN)/python scripts/crop.py build/screenshots/executive-light.png docs/images/executive.png 1060

docs: $(STAMP) ## build the docs, strict
	$(BIN)/cog -I scripts -r docs/*.md docs/reference/*.md
	$(BIN)/zensical build --strict --clean

lock: $(STAMP) ## pin and hash the requirements anew
	$(BIN)/uv pip compile pyproject.toml --group dev -c constraints.txt --universal --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements/dev.txt -q
	$(BIN)/uv pip compile pyproject.toml -c requirements/dev.txt --universal --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements/run.txt -q

dist: $(STAMP) ## wheel and sdist, and the check that the wheel owns only our names
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist
	$(BIN)/python scripts/check_wheel.py dist

release: $(STAMP) ## fragments into CHANGELOG.md and the version into pyproject.toml: `make release VERSION=0.2.0`
	$(BIN)/python scripts/release.py "$(VERSION)"

clean: ## remove what was built; the environment stays
	rm -rf build dist site

.PHONY: help setup run demo sample check lint types style test mutants test-next fix bench bench-bills bench-cardinality bench-collector bench-ledger bench-pages screenshots docs lock dist release clean
