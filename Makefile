# make play      install what playing needs, then start the instrument
# make test      install what the tests need, then run lint, types and tests
#                WORKERS test files run at once (0: one after the other)
# make laws      run the property tests on new random draws, ROUNDS times
# make measure   measure the latency and write benchmarks/latency.md
# make bench     measure the cost of each stage and write benchmarks/stages.md
# make lock      write the versions of all packages to requirements/
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
