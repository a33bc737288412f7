# The only commands anybody runs; the build machine calls the same ones. `make help` lists them.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run run-split migrate test chaos ci fmt fmt-check lint buf buf-baseline docs deny clean \
	access-mutations bench bench-plan bench-slots bench-overload chart-test chart-generate image-test pod-test rolling

SERVICES := intake dispatch parts-inventory complaint survey
# For Linux; elsewhere name your own: make buf BUF=/path/to/buf
BUF := tests/node_modules/@bufbuild/buf-linux-$(subst x86_64,x64,$(shell uname -m))/bin/buf
DENY_VERSION := 0.20.2
DENY := .tools/bin/cargo-deny

help: ## lists these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1|\2/' | awk -F'|' '{printf "  %-16s %s\n", $$1, $$2}'

run: ## builds and starts everything in one process, on SQLite in ./data, with demo data
	cargo build --locked --profile fast -p aftercare-all-in-one
	exec target/fast/aftercare serve --demo

run-split: ## builds and starts the six binaries on a throw-away PostgreSQL and Redis
	cargo build --locked --profile fast $(SERVICES:%=-p aftercare-%) -p aftercare-gateway
	exec tests/with-services.sh tests/run-split.sh target/fast

migrate: ## runs pending migrations of the one-process form in ./data
	cargo build --locked --profile fast -p aftercare-all-in-one
	target/fast/aftercare migrate

test: $(BUF) ## all tests, beside a throw-away PostgreSQL and Redis of their own
	cargo build --locked --workspace --bins
	tests/with-services.sh cargo nextest run --locked --workspace

access-mutations: ## takes every check of who may do what away in turn, and sees that the access suite notices
	tests/access/mutations.py

ci: fmt-check buf chart-test lint docs deny test ## everything the build machine checks, the cheap things first

fmt: ## formats all sources
	cargo fmt --all

fmt-check:
	cargo fmt --all --check

lint: ## clippy on everything, warnings are errors
	cargo clippy --locked --workspace --all-targets -- -D warnings

buf: $(BUF) ## checks the contract: style, and that it breaks nobody
	$(BUF) lint proto
	$(BUF) breaking proto --against proto/baseline.binpb

buf-baseline: $(BUF) ## makes the present contract the one that must not be broken (with a release)
	$(BUF) build proto --exclude-source-info -o proto/baseline.binpb

$(BUF): tests/package-lock.json
	npm ci --prefix tests --ignore-scripts --no-audit --no-fund
	@touch $@

docs: ## the reference of the code, warnings are errors
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

deny: $(DENY) ## bans, licences and sources of everything we depend on
	$(DENY) --log-level warn check bans licenses sources

$(DENY):
	cargo install --locked --root .tools --version $(DENY_VERSION) cargo-deny

bench: ## benchmarks, bounded, each as a ratio of two things measured in one run
	cargo build --locked --profile fast -p aftercare-intake -p aftercare-gateway
	tests/with-services.sh cargo bench --locked --profile fast -p aftercare-tests --bench bench

# All but the gateway and the crowd stays on the first processor (tests/bench/overload.rs says why).
bench-overload: ## what is left of the gateway's peak when three and ten times as many calls arrive (about ten minutes)
	cargo build --locked --profile fast -p aftercare-intake -p aftercare-gateway
	cargo bench --locked --profile fast -p aftercare-tests --bench overload --no-run
	taskset -c 0 tests/with-services.sh cargo bench --locked --profile fast -p aftercare-tests --bench overload

# The planner alone; ARGS="--threads 2 --only RC1_10_5" and the like. PyVRP runs beside it where pip can get it.
PYVRP := target/pyvrp/bin/python
bench-plan: ## the planner on public instances and generated days (AFTERCARE_FULL=1: the long form)
	cargo build --locked --release -p aftercare-planner --features bench
	@test -x $(PYVRP) || { python3 -m venv target/pyvrp && target/pyvrp/bin/pip install --quiet pyvrp==0.14.1; } || echo "PyVRP cannot be installed here: no comparison."
	PYVRP_PYTHON=$(PYVRP) target/release/bench-plan $(ARGS)

bench-slots: ## slots, insertion and repair at 5,000 jobs x 400 technicians x 5 days, inside the service; prints figures
	AFTERCARE_FULL=1 tests/with-services.sh cargo nextest run --locked --cargo-profile fast -p aftercare-dispatch --lib scale_tests --no-capture

clean: ## removes what was built; data and tools stay
	cargo clean

chaos: ## 500 cases at once and 200 kills of random services (about fifteen minutes)
	cargo build --locked --workspace --bins
	AFTERCARE_FULL=1 tests/with-services.sh cargo nextest run --locked -p aftercare-tests --test chaos --no-capture

rolling: ## 100 stops of two processes of each service under load: no failed call, no broken stream (about ten minutes)
	cargo build --locked --workspace --bins
	AFTERCARE_FULL=1 tests/with-services.sh cargo nextest run --locked -p aftercare-tests --test e2e rolling --no-capture

chart-test: ## the Helm chart: lint, schemas, golden renders, restricted pods, policies equal to the call graph, queries
	tests/chart/run.sh

chart-generate: ## writes what the chart's checks compare with: README tables, schema, dashboards, golden renders
	tests/chart/run.sh generate

image-test: ## builds the seven images with buildah on a base of debootstrap, and looks at them (root on Debian)
	cargo build --locked --profile fast $(SERVICES:%=-p aftercare-%) -p aftercare-gateway -p aftercare-all-in-one
	tests/image/run.sh target/fast

pod-test: ## one case through six processes, each boxed as its pod is: uid 10001, read-only, 256 MiB, half a core (root)
	cargo build --locked --profile fast $(SERVICES:%=-p aftercare-%) -p aftercare-gateway
	AFTERCARE_TEST_BINARIES=$(CURDIR)/target/fast AFTERCARE_TEST_WRAPPER=$(CURDIR)/tests/in-pod.sh tests/with-services.sh \
		cargo nextest run --locked -p aftercare-tests --test e2e in_warranty::six_processes --no-capture
