# make demo and make test need nothing but cargo. `make ci` is what .ci/run calls.

CARGO ?= cargo
DENY_VERSION := 0.20.2
DENY := target/tools/bin/cargo-deny
FUZZ_VERSION := 0.13.2
FUZZ := target/tools/bin/cargo-fuzz
TIME ?= 60
# What the core must never be linked with: only the shell may.
SHELL_ONLY := tokio|hyper|http|axum|tower|kube|clap|anyhow|rustls|ring|rcgen|x509|prometheus|tracing|opentelemetry|ureq|reqwest

.PHONY: help demo run tools truth build test generate fmt lint core docs deny bench bench-serve fuzz ci

help: ## Print this
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

demo: ## Start the webhook, post the example reviews over HTTPS, stop it, then check the example manifests
	@$(CARGO) build --quiet --locked --bins --example demo
	@target/debug/examples/demo target/debug/kubevirt-preflight
	@PATH="$(CURDIR)/target/debug:$$PATH" sh examples/demo.sh

run: build ## Run the webhook on the example cluster, with a development certificate in certs/
	@target/debug/kubevirt-preflight certs
	target/debug/kubevirt-preflight serve --bind 127.0.0.1:9443 --observe-bind 127.0.0.1:8080 \
		--tls-cert certs/tls.crt --tls-key certs/tls.key --networks examples/cluster.yaml --world examples/world.yaml

build: ## Build the program
	@$(CARGO) build --quiet --locked

test: ## Run all tests
	$(CARGO) test --quiet --locked

generate: ## Write what is generated: the rule table in README.md, the flags in docs/serve.md, docs/schema
	GENERATE=1 $(CARGO) test --quiet --locked --test it generated

fmt: ## Check the layout of the code, also of what only macros name
	$(CARGO) fmt --check
	rustfmt --check --edition 2024 src/rules/*.rs

lint: ## Clippy, warnings denied
	$(CARGO) clippy --quiet --locked --all-targets -- -D warnings

core: ## The core builds without the shell and is linked with none of its crates
	$(CARGO) check --quiet --locked --lib --no-default-features
	@if $(CARGO) tree --locked -e normal --no-default-features --prefix none | grep -E '^($(SHELL_ONLY))([-_][a-z_-]*)? v'; \
	then echo 'The core depends on these crates of the shell; move the code that uses them to src/cli, src/serve, src/standing or src/watch.' >&2; exit 1; fi

docs: ## rustdoc, private items included, warnings denied
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --quiet --locked --no-deps --document-private-items --lib

deny: $(DENY) ## Licenses, bans and sources of the dependencies
	$(DENY) --locked check bans licenses sources

# A debug build: it takes a fraction of the time and is fast enough.
$(DENY):
	$(CARGO) install cargo-deny --version $(DENY_VERSION) --locked --debug --root target/tools \
		--target-dir target/tools/build

bench: ## How long a response takes, by body and cluster, and a check of 10,000 manifests
	$(CARGO) bench --quiet --locked --bench respond --bench check

bench-serve: ## The server under load beside one of the same stack that does nothing, and what was aimed at
	$(CARGO) bench --quiet --locked --bench serve

# The real parts that the tests hold us against: each is a Go module of its own, so that their dependencies never meet.
GO ?= go
PARTS := plugins multus etcd kubernetes
BUILT := $(PARTS:%=target/tools/%/built)
# Without these kubectl does not tell its version.
target/tools/kubernetes/built: VERSION := -X k8s.io/component-base/version.gitVersion=v1.35.4 \
	-X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=35

NAD_CRD := target/tools/multus/networks-crd.yaml

tools: $(BUILT) $(NAD_CRD) ## Build the API server, etcd, Multus and the CNI plugins with Go, and see to dnsmasq
	@tests/tools/dnsmasq target/tools/dnsmasq

$(BUILT): target/tools/%/built: tests/tools/%/go.mod tests/tools/%/go.sum
	@$(GO) version >/dev/null 2>&1 || { echo 'The API server, Multus and the CNI plugins are built with Go: install Go 1.26 or newer.' >&2; exit 1; }
	CGO_ENABLED=0 GOTOOLCHAIN=local $(GO) build -C tests/tools/$* -trimpath -ldflags='-s -w $(VERSION)' \
		-o $(CURDIR)/target/tools/$*/ tool
	@touch $@

# N random texts beside the fixed cases, drawn from SEED; GENERATE=1 writes the tables of docs/truth.md.
N ?= 0
truth: tools ## Hold preview and check against real Multus and real CNI plugins (N=1000 SEED=1: random texts, too)
	@$(CARGO) test --quiet --locked --test truth -- --random $(N) $(SEED:%=--seed %) $(if $(ONLY),--only '$(ONLY)')

$(NAD_CRD): target/tools/multus/built
	@cp "$$($(GO) list -C tests/tools/multus -m -f '{{.Dir}}' \
		github.com/k8snetworkplumbingwg/network-attachment-definition-client)/artifacts/networks-crd.yaml" $@
	@chmod 644 $@

# Not a part of ci: it needs a nightly toolchain and never ends by itself.
fuzz: $(FUZZ) ## Run both fuzz targets, for TIME seconds each
	@PATH="$(CURDIR)/target/tools/bin:$$PATH" sh fuzz/run.sh respond $(TIME)
	@PATH="$(CURDIR)/target/tools/bin:$$PATH" sh fuzz/run.sh nad $(TIME)

$(FUZZ):
	$(CARGO) install cargo-fuzz --version $(FUZZ_VERSION) --locked --debug --root target/tools \
		--target-dir target/tools/build

# What the namespaces of `make truth` need, tried before anything is built for them.
SPACES := --net --mount --pid --fork --mount-proc ip link add br0 type bridge

# The seed is fixed: a change is judged by the same texts as the one before it.
ci: fmt lint core test docs deny ## All checks, cheapest first; the real thing where it can run
	@if ! $(GO) version >/dev/null 2>&1; then \
		echo 'truth: skipped: Go, which builds Multus and the plugins, is not installed.'; \
	elif ! unshare $(SPACES) 2>/dev/null && ! unshare --user --map-root-user $(SPACES) 2>/dev/null; then \
		echo 'truth: skipped: network namespaces can be made here neither as root nor in a user namespace.'; \
	else $(MAKE) --no-print-directory truth N=300 SEED=1; fi
