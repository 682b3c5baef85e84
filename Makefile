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
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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
	@cargo build --locked --workspace --lib --bins --tests
	cargo build --locked --workspace $(NAMED)

.PHONY: test-unit
test-unit: ## every test that needs no cluster
	@cargo test --locked --workspace

.PHONY: test-demo
test-demo: build ## the Open Bandit replay, which fails unless every decision and figure is right
	@examples/openbandit/replay.py --attune "$(BINARIES)/attune"

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

.PHONY: bench-cluster
bench-cluster: ## the operator under thousands of resources and hundreds of deciders, as it is released
	@cargo build --locked --release -p attune-operator -p attune-decider
	ATTUNE_TOOLS_BIN=$$(e2e/cluster/build-tools)
	export ATTUNE_TOOLS_BIN ATTUNE_BINARIES="$(abspath $(dir $(BINARIES)))/release"
	cargo test --locked --workspace --test scale

# The batches of a million units take 2 GiB of memory and the database as much of the disk.
.PHONY: bench-measurement
bench-measurement: ## events stored a second on one core, analysis of a million units, verdicts from moments
	@cargo bench --locked -p attune-lift --bench verdict
	cargo bench --locked -p attune-collector --bench speed --no-run
	taskset -c 0 cargo bench --locked -p attune-collector --bench speed -- 100000 3
	taskset -c 0 cargo bench --locked -p attune-collector --bench speed -- 1000000 1
