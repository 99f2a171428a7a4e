# SPDX-License-Identifier: GPL-2.0-or-later
# Tests: unit (C, no root), bpf (C, BPF_PROG_TEST_RUN), e2e (real packets).

UNIT_TESTS := $(patsubst %.c,$(O)/%,$(wildcard tests/unit/test_*.c))
BPF_TESTS := $(patsubst %.c,$(O)/%,$(wildcard tests/bpf/test_*.c))
BPF_HARNESS := $(patsubst %,$(O)/tests/bpf/%.o,frames harness loaded probes segments talks twin)
# the longest first, so that none is left to run alone
LONGEST := $(addprefix tests/e2e/test_,crash transport faults lists ended moving real \
	upgrade suspend gate unlisted bench bridges flapping owner attacks programs bulk boot)
E2E_TESTS := $(LONGEST) $(filter-out $(LONGEST),$(wildcard tests/e2e/test_*))
E2E_PROGRAMS := $(patsubst %,$(O)/tests/e2e/%,flood age before attached fill)
VERIFY := $(O)/tests/bpf/verify

$(O)/tests/%.o: ALL_CFLAGS += -Itests/bpf -Itests/unit

$(UNIT_TESTS): $(O)/tests/unit/%: $(O)/tests/unit/%.o $(LIB_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -lcmocka -o $@

$(BPF_TESTS): $(O)/tests/bpf/%: $(O)/tests/bpf/%.o $(BPF_HARNESS) $(LIB_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -lcmocka -lpthread -o $@

$(E2E_PROGRAMS): $(O)/tests/e2e/%: $(O)/tests/e2e/%.o $(LIB_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -o $@

$(O)/tests/e2e/flood: $(O)/tests/e2e/flood_packets.o

$(VERIFY): $(VERIFY).o $(O)/user/sys/atomics.o $(O)/user/sys/kernel.o
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -o $@

$(O)/tests/e2e/%.bpf.o: tests/e2e/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

# what `make bench` measures with
BENCH_PROGRAMS := $(O)/tests/bench/pump $(O)/tests/bench/still
BENCH := $(BENCH_PROGRAMS) $(O)/tests/bench/ends.bpf.o

$(BENCH_PROGRAMS): $(O)/tests/bench/%: $(O)/tests/bench/%.o $(LIB_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -o $@

$(O)/tests/bench/%.bpf.o: tests/bench/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

build-tests: $(UNIT_TESTS) $(BPF_TESTS) $(E2E_PROGRAMS) $(VERIFY) \
		$(O)/tests/e2e/foreign.bpf.o $(BENCH)

# all of them, or those with T in their names
ALL_TESTS = $(E2E_TESTS) $(BPF_TESTS) $(UNIT_TESTS)
CHOSEN = $(if $(T),$(foreach program,$(ALL_TESTS),\
	$(if $(findstring $(T),$(notdir $(program))),$(program))),$(ALL_TESTS))

run-check: all build-tests
	$(if $(T),$(if $(strip $(CHOSEN)),,$(error T=$(T): no test program has such a name)))
	$(Q)tests/run $(if $(T),,--cases) $(abspath $(O)/scoutgate) $(CHOSEN)

run-check-compilers: $(VERIFY)
	$(Q)tests/compilers $(O) $(COMPILERS)

run-bench: all $(BENCH)
	$(Q)tests/bench/run $(BENCHFLAGS) $(abspath $(O)/scoutgate) $(abspath $(O)/bench)

run-figures: all $(O)/tests/e2e/fill
	$(Q)SCOUTGATE=$(abspath $(O)/scoutgate) tests/e2e/figures $(F)

.PHONY: build-tests run-check run-check-compilers run-bench run-figures
.SECONDARY:
-include $(patsubst %,%.d,$(UNIT_TESTS) $(BPF_TESTS) $(E2E_PROGRAMS) $(BENCH_PROGRAMS) $(VERIFY)) $(BPF_HARNESS:.o=.d) $(O)/tests/e2e/flood_packets.d
