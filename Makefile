# PrivMsg. `make` lists the targets. Each installs what it needs first (scripts/setup.sh), and may be run again.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup run build desktop programs test lint bench demo chaos api-check fuzz image-check check-targets bare-check deny

CARGO ?= cargo
# The server is a workspace of its own (server/Cargo.toml), so that it is tested with the SQLite that it ships with.
SERVER := --manifest-path server/Cargo.toml
BIN := $(or $(CARGO_TARGET_DIR),target)/release
# Crates whose documentation is checked: those that others build on.
DOC_CRATES := privmsg-protocol privmsg-e2ee privmsg-store privmsg-client
# For `make run`: what follows `privmsg-server run`, e.g. ARGS='--config config/server/config.toml'.
ARGS ?=

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## check for Rust, install missing system packages (apt)
	@scripts/setup.sh build

run: setup ## build the server and start it on http://127.0.0.1:9443, data in ./data (ARGS='--config FILE')
	$(CARGO) build --release --locked $(SERVER)
	@exec $(BIN)/privmsg-server run $(ARGS)

build: setup ## build server and terminal client into target/release
	$(CARGO) build --release --locked $(SERVER)
	$(CARGO) build --release --locked -p privmsg-cli

desktop: ## build the desktop app into target/release
	@scripts/setup.sh desktop
	$(CARGO) build --release --locked -p privmsg-desktop -p privmsg-sound

programs: ## build server and clients for the tests, into target/debug
	@scripts/setup.sh desktop
	$(CARGO) build --locked $(SERVER)
	$(CARGO) build --workspace --bins --locked

# The server's tests first: they leave a server in target/debug that is made for tests (with Tokio's clock to stop), and
# the clients' tests are to meet one as it is built for use. The clients' programs come with their tests: built alone, all that
# stands on Tokio would be built once more, with fewer features. They wait more than they compute: two at once leave half a processor idle.
test: ## run all tests
	@scripts/setup.sh test
	$(CARGO) test --workspace --locked $(SERVER)
	$(CARGO) build --locked $(SERVER)
	RUST_TEST_THREADS="$${RUST_TEST_THREADS:-$$((2 * $$(nproc)))}" $(CARGO) test --workspace --locked
	scripts/api-check.sh "" 5

lint: ## formatting, clippy, rustdoc, shellcheck, licences, tests that claims name; warnings are errors
	@scripts/setup.sh lint
	scripts/check-workspaces.sh
	scripts/check-claims.sh
	$(CARGO) deny --log-level error check licenses bans sources
	$(CARGO) deny --log-level error $(SERVER) check licenses bans sources
	$(CARGO) fmt --all --check
	$(CARGO) fmt --all --check $(SERVER)
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) clippy --workspace --all-targets --locked $(SERVER) -- -D warnings
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --no-deps --locked $(addprefix -p ,$(DOC_CRATES))
	shellcheck scripts/*.sh .ci/run

# Not part of `lint`, because it asks the network, and what is found today was fine yesterday.
deny: ## known vulnerabilities of what is built in, besides licences, sources and duplicates (network)
	@scripts/setup.sh lint
	$(CARGO) deny --log-level error check
	$(CARGO) deny --log-level error $(SERVER) check

bench: build ## load generator against the release server; figures for docs/benchmarks.md
	$(CARGO) run --release --locked -p privmsg-testkit --bin bench -- $(ARGS)

demo: build ## a scripted conversation between two people with the real programs
	$(CARGO) run --release --locked -p privmsg-testkit --bin demo -- $(ARGS)

chaos: build ## kill server and clients at random under load; checks that nothing is lost or doubled
	$(CARGO) run --release --locked -p privmsg-testkit --bin chaos -- $(ARGS)

api-check: ## try the API against its own description with schemathesis (EXAMPLES=100 cases for each endpoint)
	@scripts/setup.sh test
	$(CARGO) build --locked $(SERVER)
	scripts/api-check.sh "" $(or $(EXAMPLES),100)

fuzz: ## run the fuzz targets, each TIME seconds (TIME=600; TARGETS='headers multipart'); needs nightly Rust and cargo-fuzz
	scripts/fuzz.sh $(or $(TIME),600) $(TARGETS)

image-check: ## build the image without a registry and try it (root, minutes)
	scripts/try-image.sh

check-targets: ## build the core for Windows, check it for wasm32 and Android (half an hour the first time)
	scripts/check-targets.sh

bare-check: ## run 'make run' and 'make test' on bare systems made by debootstrap (root, an hour or more; ARGS=debian)
	scripts/bare-check.sh $(ARGS)
