# Every target is one command; `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
MAKEFLAGS += --no-print-directory

# Where cargo puts the programs.
BINARIES := $(or $(CARGO_TARGET_DIR),target)/$(shell rustc --print host-tuple 2>/dev/null)/debug

# The suites of the cluster tests: cargo looks at them by name only.
SUITES := chart control_plane crds faults node operator release
NAMED := $(addprefix --test ,$(SUITES))

# Runs a target and says how long it took.
define timed
	began=$$SECONDS
	echo "== $(1)"
	$(MAKE) $(1)
	echo "== $(1) passed in $$((SECONDS - began)) s"
endef

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## build attune and replay a week of a fashion shop; needs Rust, a C compiler, Python 3.11 and pip
	@cargo build --locked -p attune
	examples/openbandit/replay.py --attune "$(BINARIES)/attune"

.PHONY: test
test: ## check or install what the tests need, then run all of them
	@.ci/prerequisites
	$(call timed,lint)
	$(call timed,build)
	$(call timed,test-unit)
	$(call timed,test-demo)
	$(call timed,test-clients-quick)
	$(call timed,test-evaluators-quick)
	$(call timed,bench-gate)
	$(call timed,callgrind)
	$(call timed,tools)
	echo "== test-cluster"
	$(MAKE) test-cluster

.PHONY: lint
lint: ## formatting and lints, warnings are errors
	@cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --workspace $(NAMED) --test scale -- -D warnings

# One command for all, so that every dependency is built once, with one set of features. What follows builds nothing.
.PHONY: build
build: ## all programs and tests
	@cargo build --locked --workspace --lib --bins --tests --examples
	cargo build --locked --workspace $(NAMED)

.PHONY: test-unit
test-unit: ## every test that needs no cluster
	@cargo test --locked --workspace

.PHONY: test-demo
test-demo: build ## the Open Bandit replay, which fails unless every decision and figure is right
	@examples/openbandit/replay.py --attune "$(BINARIES)/attune"

.PHONY: test-clients
test-clients: build ## stock OpenFeature SDKs against a decider; needs node, npm, Python, Maven and Chromium
	@e2e/clients/run "$(BINARIES)/attune-decider"

.PHONY: test-clients-quick
test-clients-quick: build ## those of them of JavaScript and Python, and requests made of the API's document; needs node, npm and pip
	@e2e/clients/run "$(BINARIES)/attune-decider" js python schemathesis

.PHONY: test-evaluators-quick
test-evaluators-quick: build ## some thousand answers of stock flagd evaluators, and the example receivers; needs node, npm and pip
	@e2e/evaluators/run "$(BINARIES)" quick

.PHONY: test-evaluators
test-evaluators: build ## a hundred thousand answers of each stock flagd evaluator against ours, and the example receivers
	@e2e/evaluators/run "$(BINARIES)" long

.PHONY: tools
tools: ## build the cluster of the tests from Go modules (15 minutes, once)
	@e2e/cluster/build-tools

# The last lines are the test runner's summary, so the time of each suite is in its own.
.PHONY: test-cluster
test-cluster: build ## the tests on a real Kubernetes
	@ATTUNE_TOOLS_BIN=$$(e2e/cluster/build-tools)
	export ATTUNE_TOOLS_BIN ATTUNE_BINARIES="$(abspath $(BINARIES))"
	cargo test --locked --workspace $(NAMED)

.PHONY: validity
validity: ## the statistics against simulations of known truth, 20,000 each; writes docs/validity.md
	@operator/lift/validity 20000

.PHONY: faults
faults: build ## every fault at its full length, on a real node
	@ATTUNE_TOOLS_BIN=$$(e2e/cluster/build-tools)
	export ATTUNE_TOOLS_BIN ATTUNE_BINARIES="$(abspath $(BINARIES))" ATTUNE_FAULTS=full
	cargo test --locked --workspace --test faults

# What libFuzzer needs to see which way an input went; none of it needs another compiler than the stable one.
COVERAGE := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
	-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing

# Seconds for each target.
FUZZ_SECONDS ?= 300

.PHONY: fuzz
fuzz: ## the readers of what others wrote, led by coverage; FUZZ_SECONDS for each (300)
	@cd operator/fuzz
	RUSTFLAGS="$(COVERAGE)" cargo build --locked --release --target $$(rustc --print host-tuple) --target-dir target
	for target in context bundle expression event; do
		mkdir -p target/found/$$target
		target/$$(rustc --print host-tuple)/release/$$target -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
			-rss_limit_mb=1024 -max_len=65536 -print_final_stats=1 -artifact_prefix=target/found/ \
			target/found/$$target corpus/$$target
	done

.PHONY: bench-build
bench-build:
	@cargo build --locked --release -p attune-decider --bin attune-decider --examples

.PHONY: bench
bench: bench-build ## what a decision costs, in process and beside a server that does nothing; needs wrk and two cores
	@cargo bench --locked -p attune-decider --bench engine
	operator/decider/benches/load
	$(MAKE) bench-batch

.PHONY: bench-state
bench-state: bench-build ## what a Redis that deciders share costs a decision, and how fast an outcome travels; needs redis-server
	@"$(abspath $(dir $(BINARIES)))/release/examples/shared" 5000 1000

# Some seconds of it, which fail by the processor time of an answer: other work on the machine does not matter.
.PHONY: bench-gate
bench-gate: bench-build ## fails where decisions cost far more than a server that does nothing; needs wrk and two cores
	@operator/decider/benches/load --gate --rounds 3 --seconds 1

.PHONY: callgrind
callgrind: bench-build ## the instructions of a decision's steps; fails where one is over its budget; needs valgrind
	@operator/decider/benches/instructions "$(abspath $(dir $(BINARIES)))/release"

# Seconds of the soak.
SOAK_SECONDS ?= 600

.PHONY: soak
soak: bench-build ## all that clients send at 70 % of what the decider takes, for SOAK_SECONDS (600); fails when memory grows
	@operator/decider/benches/load --soak $(SOAK_SECONDS)

.PHONY: bench-cluster
bench-cluster: ## the operator under thousands of resources and hundreds of deciders, as it is released
	@cargo build --locked --release -p attune-operator -p attune-decider
	ATTUNE_TOOLS_BIN=$$(e2e/cluster/build-tools)
	export ATTUNE_TOOLS_BIN ATTUNE_BINARIES="$(abspath $(dir $(BINARIES)))/release"
	cargo test --locked --workspace --test scale

.PHONY: bench-strategy
bench-strategy: ## the check of 1,000 audiences, 500 modules and 200 touchpoints, and of one edit in it
	@cargo bench --locked -p attune-index --bench strategy

# A million units take 1 GiB of /dev/shm.
.PHONY: bench-batch
bench-batch: ## decisions in bulk: how many a second on one core, and that memory is flat; needs Python and taskset
	@cargo build --locked --release -p attune --bin attune
	operator/cli/benches/batch "$(abspath $(dir $(BINARIES)))/release/attune"

# The batches of a million units take 2 GiB of memory and the database as much of the disk.
.PHONY: bench-measurement
bench-measurement: ## events stored a second on one core, analysis of a million units, verdicts from moments
	@cargo bench --locked -p attune-lift --bench verdict
	cargo bench --locked -p attune-collector --bench speed --no-run
	taskset -c 0 cargo bench --locked -p attune-collector --bench speed -- 100000 3
	taskset -c 0 cargo bench --locked -p attune-collector --bench speed -- 1000000 1
