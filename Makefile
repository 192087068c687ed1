# vend: `make demo` shows it, `make test` proves it. One profile and one target directory for everything.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo build first drivers target lint test bench fuzz crash planted

WASM := wasm32-wasip2
VEND := target/debug/vend

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

demo: build ## order real things, pull the plug, count (STAY=1 leaves it running)
	@examples/demo/demo.sh

build: first drivers ## the core, its drivers, and the cloud that tests use
	cargo build --locked

first:
	@test -x $(VEND) || echo "Building for the first time: 10 to 15 minutes on two cores; afterwards only what changed."

drivers: target ## the drivers, those for tests included
	cd plugins && cargo build --locked --release --workspace --lib --examples

# The toolchain and its target are named in rust-toolchain.toml; older rustups do not install them unasked.
target:
	@if ! test -d "$$(rustc --print target-libdir --target $(WASM) 2>/dev/null || echo missing)"; then rustup target add $(WASM); fi

lint: ## formatting and lints, core and drivers
	cargo fmt --all --check
	cargo clippy --locked --all-targets -- -D warnings
	cd plugins && cargo fmt --check && cargo clippy --locked --release --workspace --lib --examples -- -D warnings

# The released core, a backend of its own, the load: all on this machine. What the figures mean is in docs/performance.md.
CASES =
bench: drivers ## what vend costs, as a table and target/bench.json: QUICK=1 in two minutes, CASES="orders large" some of it
	@cargo bench --locked --bench vend -- $(CASES)

# libFuzzer without sanitizers runs on the stable toolchain. What it finds new goes to target/fuzz/corpus; see fuzz/README.md.
TARGET = $(shell cd fuzz/fuzz_targets && ls | sed 's/\.rs$$//')
SECONDS = 60
FUZZ = cargo fuzz run --sanitizer none --target-dir target/fuzz --codegen-units 16
fuzz: ## look for inputs that break a decoder: TARGET=NAME (all, if left out) SECONDS=60 each
	@cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz
	@for target in $(TARGET); do mkdir -p target/fuzz/corpus/$$target; \
		$(FUZZ) $$target target/fuzz/corpus/$$target fuzz/corpus/$$target -- \
		-max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1; done

test: ## everything, with times; installs the servers it needs when it is root or CI
	@.ci/test

# Over the programs as they are released; SEED=n makes the same choices again. See tests/it/crash/README.md.
CYCLES = 200
ORDERS = 20
SEED = $(shell date +%s)
crash: drivers ## kill the released core at random under load, and count: CYCLES=200 ORDERS=20 SEED=n
	cargo build --locked --release
	@CYCLES=$(CYCLES) ORDERS=$(ORDERS) SEED=$(SEED) VEND_TEST_PROGRAMS=target/release \
		cargo test --locked --test it -- --nocapture --test-threads 1 crash::killed crash::many

planted: drivers ## break rules of durability and of orders, one by one: each has to turn a test red
	@tests/planted/run.sh
