# SPDX-License-Identifier: GPL-2.0-or-later
# scoutgate: `make help` lists the targets.

O ?= build
V ?= 0
# one name for it, by which its dependencies are remembered
override O := $(patsubst $(CURDIR)/%,%,$(abspath $(O)))
PREFIX ?= /usr/local
DESTDIR ?=
# CROSS_COMPILE=aarch64-linux-gnu- builds for that machine
ifeq ($(origin CC),default)
CC = $(CROSS_COMPILE)gcc
endif
PKG_CONFIG ?= $(CROSS_COMPILE)pkg-config
CLANG ?= clang
# Ubuntu's /usr/sbin/bpftool looks for the tools of the running kernel alone
BPFTOOL ?= $(firstword $(wildcard /usr/lib/linux-tools/*/bpftool \
	/usr/sbin/bpftool /sbin/bpftool) bpftool)
CLANG_FORMAT ?= clang-format
PYTHON ?= /usr/bin/python3
COMPILERS ?= $(sort $(patsubst /usr/bin/clang-%,%,$(wildcard /usr/bin/clang-[0-9][0-9])))
RELEASES ?= bookworm trixie
KERNELS ?= bullseye bookworm trixie
JOBS ?= 1

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' $(1) $(2))

.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
# goals are made one after the other, and what a goal needs beside each other
ifeq ($(MAKELEVEL)$(word 2,$(MAKECMDGOALS)),0)
MAKEFLAGS += --jobs=$(shell nproc)
endif
.DEFAULT_GOAL := all

PACKAGES := libbpf libconfuse libmnl json-c libsystemd libnftables smartcols libcrypto
# from 1.0 on its calls return -errno
LIBBPF_NEEDED := 1.0
CFLAGS ?= -O2 -g
# of a clone: with the number and the name of its last commit, so that a later one is
# the newer
VERSION := 0.9$(if $(wildcard .git),$(shell git rev-list --count HEAD 2>/dev/null | sed 's/^/+/')$(shell \
	git rev-parse --short=8 HEAD 2>/dev/null | sed 's/^/.g/'))
ALL_CFLAGS = $(CFLAGS) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wshadow \
	-Wmissing-prototypes -Wformat=2 -Werror -fstack-protector-strong $(NO_FOLDER) \
	-Iinclude -iquote user -I$(O) $(shell $(PKG_CONFIG) --cflags $(PACKAGES)) \
	$(if $(SAN),-fsanitize=address$(comma)undefined -fno-omit-frame-pointer) \
	$(if $(COV),--coverage)
ALL_LDFLAGS = $(LDFLAGS) $(if $(SAN),-fsanitize=address$(comma)undefined) \
	$(if $(COV),--coverage)
# debug information without this folder's name: the same bytes from any folder
NO_FOLDER := -fdebug-prefix-map=$(CURDIR)=.
LIBS = $(shell $(PKG_CONFIG) --libs $(PACKAGES)) -lelf -lz
comma := ,
# v3: 32-bit jumps, which every supported kernel knows (5.1)
BPF_CFLAGS = -O2 -g -target bpf -mcpu=v3 -std=gnu11 -Wall -Wextra -Werror \
	-Wno-unused-parameter -Ivmlinux -Iinclude -Imaps -Ibpf $(NO_FOLDER) \
	$(shell $(PKG_CONFIG) --cflags libbpf)

USER_SOURCES := $(wildcard user/*/*.c)
LIB_OBJECTS := $(patsubst %.c,$(O)/%.o,$(filter-out user/cmd/main.c,$(USER_SOURCES)))
OBJECTS := $(LIB_OBJECTS) $(O)/user/cmd/main.o

##@ Use
help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {print "\n" substr($$0, 5) ":"} \
		/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

deps-build: ## install the Debian packages that building and running need
	$(Q)tests/deps build

deps: ## install those that the tests need, too
	$(Q)tests/deps
	$(Q)tests/unpacked $(O)/networkmanager network-manager

all: $(O)/scoutgate ## build the gate: $(O)/scoutgate

demo: deps ## show the main job on an embedded lab (root; KEEP=1 leaves it)
	$(Q)$(MAKE) --no-print-directory all
	$(Q)KEEP=$(KEEP) tests/e2e/demo $(abspath $(O)/scoutgate)

check: deps ## run every test (root; T=WORD: the programs with it in their names)
	$(Q)$(MAKE) --no-print-directory run-check

check-long: deps ## the same, with every kill and fault that a test can try (an hour)
	$(Q)KILLS=200 EVERY=1 PROGRAM_LIMIT=7200 $(MAKE) --no-print-directory run-check

life: deps ## a host's life in minutes, beside Netfilter's (root)
	$(Q)$(MAKE) --no-print-directory all
	$(Q)SCOUTGATE=$(abspath $(O)/scoutgate) tests/e2e/life

beside: deps ## what the script that the gate replaces lets through, and what the gate does (root)
	$(Q)$(MAKE) --no-print-directory all
	$(Q)SCOUTGATE=$(abspath $(O)/scoutgate) tests/e2e/beside

floods: deps ## floods, beside Netfilter under the same (root; an hour; DURATION_S=10 PATTERN="syn vpn *")
	$(Q)$(MAKE) --no-print-directory all $(O)/tests/e2e/flood
	$(Q)SCOUTGATE=$(abspath $(O)/scoutgate) DURATION_S=$(DURATION_S) \
		tests/e2e/floods $(if $(PATTERN),"$(PATTERN)")

figures: deps ## print what the daemon and the lists cost (root; F=links: that one)
	$(Q)$(MAKE) --no-print-directory run-figures

check-kernels: deps ## the tests under Debian's 5.10, 6.1 and 6.12, in QEMU (root)
	$(Q)$(MAKE) --no-print-directory all build-tests
	$(Q)tests/kernels/run $(O) $(KERNELS)

check-releases: deps ## build, bring up and test (T=WORD) on Debian's releases, in folders (root)
	$(Q)T=$(T) tests/releases $(O) $(RELEASES)

check-packages: deps ## install, upgrade and purge the Debian package in booted releases (root)
	$(Q)$(MAKE) --no-print-directory all $(O)/tests/e2e/attached
	$(Q)tests/packages $(O) $(RELEASES)

check-image: deps ## build a Bitscout image, boot it, and walk through its menus (root)
	$(Q)$(MAKE) --no-print-directory all $(O)/tests/e2e/attached
	$(Q)tests/image $(O)

check-arm64: deps ## build for arm64, and test that in an emulated machine (root)
	$(Q)tests/arm64 $(O)

check-compilers: deps ## load the datapath as each clang that is here makes it (root)
	$(Q)$(MAKE) --no-print-directory run-check-compilers

bench: deps ## measure it beside other gates (root; BENCHFLAGS=--quick); $(O)/bench.json, .svg
	$(Q)$(MAKE) --no-print-directory run-bench

install: all ## install the program, its units, manual pages, completions and an example configuration
	$(Q)install -D -m 0755 $(O)/scoutgate $(DESTDIR)$(PREFIX)/sbin/scoutgate
	$(Q)install -D -m 0755 user/systemd/keep-closed \
		$(DESTDIR)$(PREFIX)/lib/scoutgate/keep-closed
	$(Q)test -e $(DESTDIR)/etc/scoutgate.conf || \
		install -D -m 0644 user/scoutgate.conf $(DESTDIR)/etc/scoutgate.conf
	$(Q)$(foreach pair,$(TEXT_FILES),$(call install_text,$(subst =, ,$(pair))) &&) :

deb: all ## build the Debian package: $(O)/scoutgate_VERSION_ARCH.deb (dpkg-dev, git)
	$(Q)rm -rf $(O)/deb
	$(Q)$(MAKE) --no-print-directory install O=$(O) DESTDIR=$(abspath $(O))/deb/root \
		PREFIX=/usr
	$(Q)CROSS_COMPILE=$(CROSS_COMPILE) user/package/build $(O) $(VERSION)

uninstall: ## remove what install put there; an edited configuration stays
	$(Q)rm -f $(DESTDIR)$(PREFIX)/sbin/scoutgate $(DESTDIR)$(PREFIX)/lib/scoutgate/keep-closed \
		$(foreach pair,$(TEXT_FILES),$(DESTDIR)$(PREFIX)/$(lastword $(subst =, ,$(pair))))
	$(Q)! cmp -s user/scoutgate.conf $(DESTDIR)/etc/scoutgate.conf || \
		rm $(DESTDIR)/etc/scoutgate.conf
	$(Q)for dir in $(OWN_FOLDERS); do \
		! test -d $(DESTDIR)$(PREFIX)/$$dir || \
		rmdir --ignore-fail-on-non-empty $(DESTDIR)$(PREFIX)/$$dir; done

# what of user/ goes where below PREFIX, which it may name
TEXT_FILES = \
	man/scoutgate.8=share/man/man8/scoutgate.8 \
	man/scoutgate.conf.5=share/man/man5/scoutgate.conf.5 \
	man/scoutgate-howto.7=share/man/man7/scoutgate-howto.7 \
	man/scoutgate-ledger.5=share/man/man5/scoutgate-ledger.5 \
	completion/scoutgate.bash=share/bash-completion/completions/scoutgate \
	completion/_scoutgate=$(ZSH_COMPLETIONS)/_scoutgate \
	systemd/scoutgate.service=lib/systemd/system/scoutgate.service \
	systemd/scoutgate-closed.service=lib/systemd/system/scoutgate-closed.service \
	systemd/scoutgate.catalog=lib/systemd/catalog/scoutgate.catalog \
	systemd/50-scoutgate.network=lib/systemd/network/50-scoutgate.network \
	$(foreach net,80-container-ve 80-container-vz 80-vm-vt 80-namespace-ns,\
		systemd/no-masquerade.conf=lib/systemd/network/$(net).network.d/50-scoutgate.conf) \
	$(foreach unit,openvpn@ openvpn-client@ wg-quick@ systemd-nspawn@,\
		systemd/after-gate.conf=$(EXAMPLES)/$(unit).service.d/50-scoutgate.conf) \
	$(foreach file,openvpn-peer wireguard.conf,examples/hooks/$(file)=$(EXAMPLES)/hooks/$(file)) \
	$(foreach file,README.md scoutgate-22.04.conf scoutgate-20.04.conf host-iptables ssh.service.conf,\
		examples/bitscout/$(file)=$(EXAMPLES)/bitscout/$(file))
# where Debian's zsh looks, below /usr and below /usr/local
ZSH_COMPLETIONS = share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
EXAMPLES := share/doc/scoutgate/examples
# folders that are the gate's alone, the inner ones first
OWN_FOLDERS = $(patsubst %/,%,$(sort $(filter %.d/,$(dir $(subst =, ,$(TEXT_FILES)))))) \
	$(EXAMPLES)/bitscout $(EXAMPLES)/hooks $(EXAMPLES) $(dir $(EXAMPLES)) lib/scoutgate
install_text = install -d -m 0755 $(DESTDIR)$(PREFIX)/$(dir $(lastword $(1))) && \
	sed 's,/usr/local,$(PREFIX),g' user/$(firstword $(1)) | \
		install -m 0644 /dev/stdin $(DESTDIR)$(PREFIX)/$(lastword $(1))

clean: ## remove what was built
	$(Q)rm -rf $(O)

##@ Work
format: ## format every C file
	$(Q)$(CLANG_FORMAT) -i $(C_FILES)

lint: deps ## formatting, static checks, include graph, headers alone, manual pages
	$(Q)O=$(O) tests/lint/run

mutate: deps ## break it line by line: do the tests see it? (root; M=WORD: faults with it in their or their files' names; JOBS=N: as many at a time)
	$(Q)JOBS=$(JOBS) tests/mutate/run $(M)

verify: all $(O)/tests/bpf/verify ## print each program's verified instruction count (root)
	$(Q)$(O)/tests/bpf/verify $(O)/gate.bpf.o
	$(Q)$(O)/tests/bpf/verify $(O)/gate_view.bpf.o

vmlinux: ## make vmlinux/vmlinux.h anew from the running kernel's BTF
	$(Q)vmlinux/generate vmlinux/types > vmlinux/vmlinux.h.new
	$(Q)mv vmlinux/vmlinux.h.new vmlinux/vmlinux.h

C_FILES = $(wildcard bpf/*.[ch] user/*/*.[ch] include/*.h maps/*.h tests/*/*.[ch])

.PHONY: help deps deps-build all deb demo check check-long life beside floods figures check-compilers check-kernels \
	check-releases check-packages check-arm64 check-image bench run-check install uninstall clean format lint mutate verify \
	vmlinux FORCE

# ------------------------------------------------------------------ building
# Say in one line what is missing or too old, before anything is compiled
$(O)/ready: Makefile
	$(foreach tool,$(firstword $(CC)) $(firstword $(CLANG)) $(BPFTOOL) $(PKG_CONFIG),\
		$(if $(shell command -v $(tool)),,$(error $(tool) is missing: $(GET))))
	$(foreach package,$(PACKAGES),\
		$(if $(call found,--exists $(package)),,\
			$(error $(PKG_CONFIG) does not find $(package): $(GET))))
	$(if $(call found,--atleast-version=$(LIBBPF_NEEDED) libbpf),,\
		$(error libbpf $(shell $(PKG_CONFIG) --modversion libbpf) is too old: \
		$(LIBBPF_NEEDED) or later is needed (Debian 12 and Ubuntu 24.04 have it); \
		`PKG_CONFIG_PATH=DIR make` takes the one whose libbpf.pc is in DIR))
	@mkdir -p $(@D)
	@touch $@
found = $(shell $(PKG_CONFIG) $(1) && echo yes)
GET := `make deps-build` installs what the build needs

$(O)/gate.bpf.o: bpf/gate.bpf.c Makefile | $(O)/ready
	@mkdir -p $(@D)
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -c $< -o $@

# the same for a kernel that shows programs its own view of a packet (nat.h)
$(O)/gate_view.bpf.o: bpf/gate.bpf.c Makefile | $(O)/ready
	@mkdir -p $(@D)
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -DSG_KERNEL_VIEW -MMD -MP -MT $@ -c $< -o $@

$(O)/%.skel.h: $(O)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< > $@

$(O)/user/gate/dataplane.o: $(O)/gate.skel.h $(O)/gate_view.skel.h

# made anew only when it has another
WRITTEN := $(shell cut -d'"' -f2 $(O)/version.h 2>/dev/null)
$(O)/version.h: $(if $(filter-out $(WRITTEN),$(VERSION)),FORCE) | $(O)/ready
	$(Q)echo '#define SCOUTGATE_VERSION "$(VERSION)"' >$@

$(O)/user/cmd/main.o $(O)/user/cmd/status.o $(O)/user/ledger/facts.o: $(O)/version.h

$(O)/%.o: %.c Makefile | $(O)/ready
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(O)/scoutgate: $(OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -o $@

-include $(OBJECTS:.o=.d) $(O)/gate.bpf.d $(O)/gate_view.bpf.d

include tests/tests.mk
