# make demo and make test need nothing but cargo. `make ci` is what .ci/run calls.

CARGO ?= cargo
DENY_VERSION := 0.20.2
DENY := target/tools/bin/cargo-deny
FUZZ_VERSION := 0.13.2
FUZZ := target/tools/bin/cargo-fuzz
TIME ?= 60
# What the core must never be linked with: only the shell may.
SHELL_ONLY := tokio|hyper|http|axum|tower|kube|clap|anyhow|rustls|ring|rcgen|x509|prometheus|tracing|opentelemetry|ureq|reqwest

.PHONY: help demo run tools truth e2e build test generate fmt lint core docs deny bench bench-serve bench-watch fuzz image ci

help: ## Print this
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

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

generate: ## Write what is generated: tables in docs/rules.md, docs/serve.md and the chart, schemas, the chart's list of sources
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

bench: ## How long a response takes, by body and cluster, a check of 10,000 manifests, and what a large cluster costs
	$(CARGO) bench --quiet --locked --bench respond --bench check --bench world

bench-serve: ## The server under load beside one of the same stack that does nothing, and what was aimed at
	$(CARGO) bench --quiet --locked --bench serve

bench-watch: ## The program on a large cluster: when it is ready, its memory, its rebuilds, and reviews meanwhile
	$(CARGO) bench --quiet --locked --bench watch

# The list of what is linked is put into the program itself, where scanners of images look for it.
AUDITABLE_VERSION := 0.7.7
AUDITABLE := target/tools/bin/cargo-auditable
MUSL := x86_64-unknown-linux-musl
# `make image IMAGE_PROFILE=e2e` takes a fraction of the time.
IMAGE_PROFILE ?= release
IMAGE ?= kubevirt-preflight:$(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

image: $(AUDITABLE) ## Build the image (static, FROM scratch, with its SBOM inside) as target/image/kubevirt-preflight.tar
	@command -v musl-gcc >/dev/null || { echo 'The image needs musl-gcc, which compiles the C of ring: install musl-tools (Debian) or musl-gcc (Fedora).' >&2; exit 1; }
	@rustup target add $(MUSL) 2>/dev/null || { echo 'The target $(MUSL) cannot be added: rustup is not installed or has no network.' >&2; exit 1; }
	PATH="$(CURDIR)/target/tools/bin:$$PATH" $(CARGO) auditable build --quiet --locked --bins --target $(MUSL) --profile $(IMAGE_PROFILE)
	@mkdir -p target/image/rootfs
	@cp target/$(MUSL)/$(IMAGE_PROFILE)/kubevirt-preflight target/image/rootfs/
	@image/build.sh target/image/rootfs target/image/kubevirt-preflight.tar $(IMAGE)

$(AUDITABLE):
	$(CARGO) install cargo-auditable --version $(AUDITABLE_VERSION) --locked --debug --root target/tools \
		--target-dir target/tools/build

# The real parts that the tests hold us against: each is a Go module of its own, so that their dependencies never meet.
GO ?= go
PARTS := plugins multus etcd kubernetes kubevirt helm
BUILT := $(PARTS:%=target/tools/%/built)
# Without these kubectl does not tell its version.
target/tools/kubernetes/built: VERSION := -X k8s.io/component-base/version.gitVersion=v1.35.4 \
	-X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=35

NAD_CRD := target/tools/multus/networks-crd.yaml

tools: $(BUILT) $(NAD_CRD) ## Build the API server, etcd, helm, Multus and the CNI plugins with Go, and see to dnsmasq
	@tests/tools/dnsmasq target/tools/dnsmasq

$(BUILT): target/tools/%/built: tests/tools/%/go.mod tests/tools/%/go.sum
	@$(GO) version >/dev/null 2>&1 || { echo 'The API server, helm, Multus and the CNI plugins are built with Go: install Go 1.26 or newer.' >&2; exit 1; }
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

KUBEVIRT_CRD := target/tools/kubevirt/kubevirt-crd.yaml

$(KUBEVIRT_CRD): target/tools/kubevirt/built
	@target/tools/kubevirt/resource-generator --type=kv > $@.part && mv $@.part $@

# The program is that of the image, built as `make image` builds it but without optimisation; FROM=cargo takes cargo's own
# build, where no image can be built.
e2e: IMAGE_PROFILE := e2e
e2e: tools $(KUBEVIRT_CRD) $(if $(filter cargo,$(FROM)),,image) ## Install the chart by helm on a real API server and try it there (ONLY=NAME: a part)
	@$(CARGO) test --quiet --locked --test e2e -- $(if $(filter cargo,$(FROM)),,--image $(CURDIR)/target/image/kubevirt-preflight.tar) \
		$(if $(ONLY),'$(ONLY)')

# Not a part of ci: it needs a nightly toolchain and never ends by itself.
fuzz: $(FUZZ) ## Run both fuzz targets, for TIME seconds each
	@PATH="$(CURDIR)/target/tools/bin:$$PATH" sh fuzz/run.sh respond $(TIME)
	@PATH="$(CURDIR)/target/tools/bin:$$PATH" sh fuzz/run.sh nad $(TIME)

$(FUZZ):
	$(CARGO) install cargo-fuzz --version $(FUZZ_VERSION) --locked --debug --root target/tools \
		--target-dir target/tools/build

# What the namespaces of `make truth` need, tried before anything is built for them.
SPACES := --net --mount --pid --fork --mount-proc ip link add br0 type bridge

# Out of the image where that can be built; what is missing is told by `make image`.
PROGRAM = $(shell command -v musl-gcc >/dev/null && for engine in docker podman buildah; do \
	$$engine version >/dev/null 2>&1 && exit; done; echo cargo)

# The seed is fixed: a change is judged by the same texts as the one before it.
# helm is built before the tests, which hold the chart against what it renders.
ci: fmt lint core $(if $(shell $(GO) version 2>/dev/null),target/tools/helm/built) test docs deny ## All checks, cheapest first; the real thing where it can run
	@if ! $(GO) version >/dev/null 2>&1; then \
		echo 'truth, e2e: skipped: Go, which builds the API server, Multus and the plugins, is not installed.'; \
	elif ! unshare $(SPACES) 2>/dev/null && ! unshare --user --map-root-user $(SPACES) 2>/dev/null; then \
		echo 'truth, e2e: skipped: network namespaces can be made here neither as root nor in a user namespace.'; \
	else $(MAKE) --no-print-directory truth N=300 SEED=1 && $(MAKE) --no-print-directory e2e FROM=$(PROGRAM); fi
