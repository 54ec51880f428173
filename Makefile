# make play   everything that a fresh machine needs, then the instrument
# make test   everything that the tests need too, then lint, types and tests
#             in as many files at once as WORKERS says (0: one after the other)
# make laws   the property tests on new random draws, ROUNDS times
# make lock   the packages' versions, written to requirements/
PYTHON := .venv/bin/python
ARGS ?=
ROUNDS ?= 10
WORKERS ?= 3

.PHONY: play test laws setup lint lock measure bench clean

play: setup
	@.venv/bin/latentpad play $(ARGS)

setup:
	@./setup.sh play

test:
	@./setup.sh test
	@$(MAKE) --no-print-directory lint
	@$(PYTHON) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

laws:
	@./setup.sh test
	@for round in $$(seq $(ROUNDS)); do \
	  LATENTPAD_DRAWS=random $(PYTHON) -m pytest -m hypothesis $(ARGS) || exit 1; \
	done

lint:
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

measure:
	@./setup.sh test
	@.venv/bin/latentpad measure --out benchmarks/latency.md $(ARGS)

bench: setup
	@.venv/bin/latentpad bench --out benchmarks/stages.md $(ARGS)

lock:
	@./setup.sh test
	@requirements/lock.sh

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
