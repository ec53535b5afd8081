# make demo: the whole job on a synthetic county.  make test: every check.  Nothing else need be typed.
.PHONY: setup demo serve test tests lint bench clean lock
export OMP_WAIT_POLICY ?= passive
export OPENBLAS_NUM_THREADS ?= 1
BENCH ?= explain

setup:
	@scripts/setup

demo: setup
	.venv/bin/huixin demo

serve: setup
	.venv/bin/huixin serve

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

test: setup
	@scripts/install-browser
	@scripts/install-java
	@$(MAKE) --no-print-directory -j2 lint tests

# Three workers on two cores: a third of the time a test waits for servers that it started.
tests: setup
	.venv/bin/pytest -n 3 --dist loadfile --no-loadscope-reorder

bench: setup
	.venv/bin/huixin bench $(BENCH)

lock:
	scripts/lock

clean:
	rm -rf .venv var build dist *.egg-info
