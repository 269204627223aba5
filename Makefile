# teardown: server, client and capture, their tests, and the demonstration.
#
#   make            build/server, build/client, build/capture
#   make demo       a normal close and a lost final ACK, live (installs what is missing)
#   make test       every test (installs what is missing)
#   make lint       what reads the sources without running them; part of make test
#   make campaign   N=100000 random closes, the model beside the kernel
#   make bench      what capture, server and client cost; PARTS="live peers" for some alone
#   make fail-calls  each call of each program fails, one at a time, and what comes of it
#   make fuzz       any octets, SECONDS=60 for each target of tests/fuzz; TARGETS="decode report" for some;
#                   by libFuzzer, or with FUZZER=afl by AFL++
#   make kills      scripts and capture, killed KILLS=50 times each at random moments
#   make soak       closes for SECONDS=3600: none without its verdict, and nothing grows
#   make fresh      the two above on minimal Debian systems (as root; tests/fresh.sh)
#   make install    into $(DESTDIR)$(PREFIX), as teardown-server, teardown-client, teardown-capture;
#                   with manual pages, and completions for bash and zsh
#   make deb        a Debian package of that, $(B)/teardown_VERSION_ARCHITECTURE.deb
#   make SAN=1      the same three under ASan and UBSan, in build/san
#   make STRICT=1   the same three for the tests, in build/strict: a warning is an error
#   V=1 shows the commands, CC=clang chooses the compiler.

VERSION := 0.1.0

PREFIX ?= /usr/local
PKG_CONFIG ?= pkg-config
B := build$(if $(SAN),/san,$(if $(STRICT),/strict))

# An error in what the tests build; a stranger's compiler may warn of what ours do not.
WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wswitch-enum $(if $(SAN)$(STRICT),-Werror)
# What sanitizers add takes long to optimize, and gains little by it. Such a program is started thousands of
# times by the tests: at a fixed place it starts a sixth faster, having nothing to relocate.
CFLAGS ?= $(if $(SAN),-O1,-O2) -g
, := ,
SANITIZE := $(if $(SAN),-fsanitize=address$(,)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
# It reads what strangers send. Of these flags, those that the compiler knows; not beside sanitizers,
# which do more, and _FORTIFY_SOURCE only where there is an optimizer.
knows = $(shell $(CC) -Werror -O2 $(1) -include stdio.h -c -x c -o /dev/null /dev/null 2>/dev/null && echo '$(1)')
FORTIFY := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE
HARDENED := $(if $(SAN)$(findstring -fsanitize,$(CFLAGS)),,-fPIE \
  $(foreach flag,-fstack-protector-strong -fstack-clash-protection -fcf-protection,$(call knows,$(flag))) \
  $(if $(filter -O -O1 -O2 -O3 -Os,$(CFLAGS)),$(or $(call knows,$(FORTIFY)=3),$(call knows,$(FORTIFY)=2))))
LINK_HARDENED := $(if $(HARDENED),-pie -Wl$(,)-z$(,)relro$(,)-z$(,)now$(,)-z$(,)noexecstack,$(if $(SAN),-no-pie))
# What is done for each packet is spread over files, which the linker can see at once; a tenth of the instructions
# goes. Tests are linked without: what takes so long is done for the programs alone.
OPTIMIZES_LINK := -flto=auto -ffat-lto-objects
LTO := $(if $(SAN)$(findstring -fsanitize,$(CFLAGS)),,$(shell echo 'int main(void) { return 0; }' | \
  $(CC) -Werror -O2 $(OPTIMIZES_LINK) -x c -o /dev/null - 2>/dev/null && echo '$(OPTIMIZES_LINK)'))
ALL_CFLAGS := -std=c17 $(WARNINGS) $(HARDENED) $(CFLAGS) $(SANITIZE)
ALL_CPPFLAGS := -D_GNU_SOURCE -DTEARDOWN_VERSION='"$(VERSION)"' -I. $(CPPFLAGS)

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))

# A folder is a layer, and says which libraries it may use: a file that is not named here gets libc
# alone. tests/check_layers.sh checks the includes against the same list.
PKGS_capture/dump := libpcap
PKGS_capture/link_type := libpcap
PKGS_capture/source := libpcap
PKGS_capture/input := zlib
PKGS_capture/sandbox := libcap-ng libseccomp
PKGS_capture/kernel/diag := libmnl
PKGS_capture/report/table := ncursesw
PKGS_common/peer/peer := libuv
PKGS_common/peer/group := libuv
PKGS_common/peer/log := libuv
PKGS_common/peer/socket := libuv
PKGS_server/server := libuv
PKGS_server/options := libuv
PKGS_client/client := libuv
PKGS_client/options := libuv
PKGS_tests/model_builder := cmocka

layer = $(foreach folder,$(1),$(patsubst %.c,%,$(wildcard $(folder)/*.c)))
MODEL := $(call layer,common/model)
SHARED := common/cli common/printable common/stop
OBJECTS_server := $(call layer,server common/peer) $(SHARED)
OBJECTS_client := $(call layer,client common/peer) $(SHARED)
OBJECTS_capture := $(call layer,capture capture/kernel capture/report) $(MODEL) $(SHARED)
OBJECTS_describe_server := $(filter-out server/server,$(OBJECTS_server))
OBJECTS_describe_client := $(filter-out client/client,$(OBJECTS_client))
OBJECTS_describe_capture := $(filter-out capture/main,$(OBJECTS_capture))
PROGRAMS := server client capture

UNIT_TESTS := $(patsubst tests/%.c,%,$(wildcard tests/test_*.c))
SOURCE := $(addprefix capture/,source sample input savefile link_type dump decode decode_tcp) $(SHARED)
FLOW := $(addprefix capture/,flow flow_index flow_key flow_order flow_turn hot_step hot_model ordinary pool deadline name)
OBJECTS_test_hot := tests/test_hot tests/compare_models tests/mutate_trace capture/retold capture/roles \
  $(FLOW) $(SOURCE) $(MODEL)
OBJECTS_test_cli := tests/test_cli $(SHARED)
OBJECTS_test_deadline := tests/test_deadline capture/deadline
OBJECTS_test_flow_index := tests/test_flow_index capture/flow_index capture/pool
OBJECTS_test_flow := tests/test_flow $(FLOW) capture/roles $(MODEL)
OBJECTS_test_decode := tests/test_decode capture/decode capture/decode_tcp $(MODEL)
# tests/explore_table.c includes the table, to change it.
EXPLORE := tests/explore tests/explore_host tests/explore_mutants tests/explore_oracle \
  tests/explore_table tests/explore_watcher tests/explore_world
OBJECTS_test_explore := tests/test_explore $(EXPLORE) $(filter-out common/model/transition,$(MODEL))
OBJECTS_test_claims := tests/test_claims tests/histories $(MODEL)
OBJECTS_test_savefile := tests/test_savefile capture/savefile
OBJECTS_test_kernel_record := tests/test_kernel_record capture/kernel/closer capture/kernel/owner \
  capture/kernel/record
OBJECTS_test_kernel_closer := tests/test_kernel_closer capture/kernel/closer capture/kernel/owner \
  capture/kernel/record common/model/tcp_state
OBJECTS_test_kernel_trace := tests/test_kernel_trace capture/kernel/trace capture/kernel/idle capture/kernel/record \
  common/model/tcp_state
OBJECTS_test_model := tests/test_model tests/model_builder $(MODEL)
OBJECTS_test_journey := tests/test_journey tests/model_builder $(MODEL)
OBJECTS_test_name := tests/test_name capture/name
OBJECTS_test_margin := tests/test_margin capture/margin
# tests/fuzz/fuzz.sh links them with libFuzzer, which has a main.
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
REPORTS := capture/margin $(call layer,capture/report) $(FLOW) $(addprefix capture/,decode decode_tcp folder recent roles sandbox) \
  $(MODEL) common/printable common/stop
OBJECTS_fuzz_decode := tests/fuzz/fuzz_decode capture/decode capture/decode_tcp
OBJECTS_fuzz_savefile := tests/fuzz/fuzz_savefile capture/savefile
OBJECTS_fuzz_hot := tests/fuzz/fuzz_hot capture/hot_step capture/hot_model $(MODEL)
OBJECTS_fuzz_report := $(addprefix tests/fuzz/,fuzz_report reports texts world) $(REPORTS)
OBJECTS_fuzz_table := $(addprefix tests/fuzz/,fuzz_table texts world) $(REPORTS)
OBJECTS_fuzz_offline := $(addprefix tests/fuzz/,fuzz_offline reports texts) \
  $(filter-out capture/main,$(OBJECTS_capture))
OBJECTS_fuzz_segments := $(addprefix tests/fuzz/,fuzz_segments texts world) \
  $(filter-out capture/main,$(OBJECTS_capture))
OBJECTS_fuzz_trace := tests/fuzz/fuzz_trace capture/kernel/idle capture/kernel/record
OBJECTS_fuzz_netlink := tests/fuzz/fuzz_netlink common/model/tcp_state
FUZZ_OPTIONS := tests/fuzz/options tests/fuzz/texts
OBJECTS_fuzz_capture_options := tests/fuzz/fuzz_capture_options $(FUZZ_OPTIONS) \
  $(filter-out capture/main,$(OBJECTS_capture))
OBJECTS_fuzz_server_options := tests/fuzz/fuzz_server_options $(FUZZ_OPTIONS) \
  $(filter-out server/server,$(OBJECTS_server))
OBJECTS_fuzz_client_options := tests/fuzz/fuzz_client_options $(FUZZ_OPTIONS) \
  $(filter-out client/client,$(OBJECTS_client))
PKGS_tests/fuzz/fuzz_netlink := libmnl
PKGS_tests/fuzz/fuzz_table := ncursesw
OBJECTS_test_report := tests/test_report $(OBJECTS_fuzz_report)
OBJECTS_test_table := tests/test_table $(REPORTS)
OBJECTS_test_ordered := tests/test_ordered $(REPORTS)
OBJECTS_test_roles := tests/test_roles capture/roles
OBJECTS_test_out := tests/test_out capture/report/out common/printable common/stop
OBJECTS_test_verdict := tests/test_verdict tests/model_builder $(MODEL)
OBJECTS_test_verdict_rules := tests/test_verdict_rules tests/model_builder $(MODEL)
# It is the kernel that capture/kernel/trace and diag would ask.
OBJECTS_test_watch := tests/test_watch $(addprefix capture/,watch twice retold told conclude copies demand due roles tally) $(FLOW) \
  $(addprefix capture/kernel/,kernel closer owner inventory record words) capture/report/out $(MODEL) common/printable common/stop
OBJECTS_test_witness := tests/test_witness tests/model_builder $(MODEL)
OBJECTS_test_kernel_diag := tests/test_kernel_diag capture/kernel/diag capture/kernel/owner \
  capture/kernel/record \
  common/model/tcp_state
OBJECTS_test_kernel_time_wait := tests/test_kernel_time_wait $(FLOW) $(call layer,capture/kernel) \
  $(MODEL)
# It includes tests/uml_xstate.c.
OBJECTS_test_uml_xstate := tests/test_uml_xstate
OBJECTS_test_mutation := tests/test_mutation tests/mutate_trace tests/mutation_rules \
  $(SOURCE) $(MODEL)
# Every unit test is a cmocka program; one that is not listed above tests the model alone.
$(foreach t,$(UNIT_TESTS),$(eval PKGS_tests/$t := cmocka)$(eval OBJECTS_$t ?= tests/$t $(MODEL)))
PKGS_tests/test_savefile += libpcap

# What tests/bench/bench.sh measures with.
NIDS := $(if $(wildcard /usr/include/nids.h),libnids)
BENCH_PROGRAMS := generate floor bare_sniffer measure latency epoll_pair $(NIDS)
OBJECTS_generate := $(addprefix tests/bench/,generate script frame collide) capture/flow_key capture/pool
OBJECTS_floor := tests/bench/floor
OBJECTS_bare_sniffer := tests/bench/bare_sniffer
OBJECTS_measure := tests/bench/measure
OBJECTS_latency := tests/bench/latency
OBJECTS_epoll_pair := tests/bench/epoll_pair
OBJECTS_libnids := tests/bench/libnids
$(NIDS:%=$(B)/bench/%): LDLIBS += -lnids
PKGS_tests/bench/floor := libpcap
PKGS_tests/bench/bare_sniffer := libpcap

.PHONY: all bench bench-programs campaign clean demo deps fail-calls fresh fuzz install deb kills lint soak test unit
.DELETE_ON_ERROR:
.SECONDARY:
.SECONDEXPANSION:

all: $(PROGRAMS:%=$(B)/%) $(PROGRAMS:%=$(B)/%.1) $(PROGRAMS:%=$(B)/completion/teardown-%) \
  $(PROGRAMS:%=$(B)/completion/_teardown-%)

pkgs = $(sort $(foreach object,$(1),$(PKGS_$(object))))
pkg_cflags = $(if $(1),$(shell $(PKG_CONFIG) --cflags $(1)))
pkg_libs = $(if $(1),$(shell $(PKG_CONFIG) --libs $(1)))

LINK_LTO = $(if $(LTO),-fno-lto)
$(PROGRAMS:%=$(B)/%): LINK_LTO = $(LTO)

# Objects are rebuilt when the compiler or a flag changes.
STAMP := $(B)/obj/flags
FLAGS_NOW := $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(LTO) $(LINK_HARDENED) $(LDFLAGS)
$(shell mkdir -p $(B)/obj; printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' | cmp -s - $(STAMP) || \
  printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' > $(STAMP))

$(B)/obj/%.o: %.c $(STAMP) Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(LTO) $(call pkg_cflags,$(PKGS_$*)) -MMD -MP -c -o $@ $<

$(PROGRAMS:%=$(B)/%) $(UNIT_TESTS:%=$(B)/tests/%) $(FUZZERS:%=$(B)/fuzz/%) $(BENCH_PROGRAMS:%=$(B)/bench/%): $$(patsubst %,$(B)/obj/%.o,$$(OBJECTS_$$(@F)))
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LINK_LTO) $(LINK_HARDENED) $(LDFLAGS) -o $@ $^ $(call pkg_libs,$(call pkgs,$(OBJECTS_$(@F)))) $(LDLIBS)

$(FUZZERS:%=$(B)/fuzz/%): LDLIBS += -fsanitize=fuzzer

# What else is made of the rows of a program's options; see common/describe.c.
$(PROGRAMS:%=$(B)/describe/%): $$(patsubst %,$(B)/obj/%.o,common/describe $$(OBJECTS_describe_$$(@F)))
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LINK_LTO) $(LINK_HARDENED) $(LDFLAGS) -o $@ $^ $(call pkg_libs,$(call pkgs,$(OBJECTS_$(@F)))) $(LDLIBS)

$(B)/completion/teardown-%: $(B)/describe/%
	@mkdir -p $(@D)
	$(Q)$< bash > $@

$(B)/completion/_teardown-%: $(B)/describe/%
	@mkdir -p $(@D)
	$(Q)$< zsh > $@

# The table of findings comes from the program itself, the list of NDJSON's fields from its schema.
NDJSON_SCHEMA := capture/report/ndjson.schema.json
$(B)/capture.1: capture/capture.1 common/manual.awk $(B)/describe/capture $(B)/capture \
    capture/report/ndjson.awk $(NDJSON_SCHEMA)
	$(Q)$(B)/describe/capture man | awk -f common/manual.awk - $< > $@.options
	$(Q)$(B)/capture --explain all | awk ' \
	  NR == FNR && /^[A-Za-z]/ { list = list ".It Sy " $$1 substr($$0, length($$1) + 1) "\n" } \
	  NR == FNR && /^  / { sub(/^ *[a-z]*: */, ""); list = list $$0 "\n" } \
	  NR == FNR { next } \
	  /FINDINGS$$/ && /^\.\\"/ { printf ".Bl -tag -width Ds\n%s.El\n", list; next } \
	  { print }' - $@.options > $@.findings
	$(Q)awk -f capture/report/ndjson.awk $(NDJSON_SCHEMA) > $@.ndjson
	$(Q)sed -e '/^\.\\" NDJSON$$/{r $@.ndjson' -e 'd}' $@.findings > $@
	$(Q)rm $@.options $@.findings $@.ndjson

# The page of --html, as C.
PAGE_PARTS := $(wildcard capture/report/page/*)
build/page.inc: $(PAGE_PARTS)
	@mkdir -p $(@D)
	$(Q)capture/report/page/build.sh > $@.new
	$(Q)mv $@.new $@
$(B)/obj/capture/report/page.o: build/page.inc

OTHER_server := client
OTHER_client := server
$(B)/%.1: %/$$*.1 common/peer/options.mdoc common/manual.awk $(B)/describe/%
	$(Q)sed 's/@self@/$*/g; s/@other@/$(OTHER_$*)/g' common/peer/options.mdoc > $@.shared
	$(Q)$(B)/describe/$* man | awk -f common/manual.awk - $@.shared $< > $@
	$(Q)rm $@.shared

bench-programs: $(BENCH_PROGRAMS:%=$(B)/bench/%)

bench: all bench-programs
	@tests/bench/bench.sh $(PARTS)

fail-calls:
	@$(MAKE) --no-print-directory SAN=1 all build/tests/fail_calls.so
	@FAIL_CALLS=all tests/check_fail_calls.sh

# SECONDS for each target, thrice that for the large ones.
fuzz:
	@scripts/deps.sh fuzz
	@$(if $(FUZZER),,tests/fuzz/fuzz.sh build >/dev/null)
	@FUZZ_SECONDS=$(or $(SECONDS),60) tests/fuzz/fuzz.sh $(or $(FUZZER),long) $(TARGETS)

# SECONDS of closes.
soak:
	@$(MAKE) --no-print-directory STRICT=1 all
	@SOAK=$(or $(SECONDS),3600) tests/check_soak.sh

kills:
	@$(MAKE) --no-print-directory STRICT=1 all
	@KILLS=$(or $(KILLS),50) SEED=$(or $(SEED),$(shell date +%s)) tests/check_kills.sh

unit: $(UNIT_TESTS:%=$(B)/tests/%)

# What is preloaded into programs that are not sanitized, whatever else is built.
PRELOADED := $(patsubst tests/%.c,build/tests/%.so,$(wildcard tests/uml_*.c tests/probe_*.c tests/fail_*.c))
$(PRELOADED): build/tests/%.so: tests/%.c Makefile
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE $(WARNINGS) -O2 -fPIC -fno-builtin -shared -o $@ $< -ldl

deps:
	@scripts/deps.sh

demo: deps
	@$(MAKE) --no-print-directory all
	@scripts/demo.sh

test: deps
	@tests/run.sh

lint: deps
	@tests/run.sh check_lint check_layers

fresh:
	@scripts/deps.sh fresh
	@RELEASES='$(RELEASES)' TESTS='$(TESTS)' tests/fresh.sh

# With SEED=... the same closes are drawn again.
N ?= 100000
campaign: export TEARDOWN_BIN := $(abspath $(B))
campaign: export TEARDOWN_UML_BIN := $(abspath $(B))
campaign: all
	@scripts/deps.sh test
	@tests/campaign.sh --connections $(N) $(SEED:%=--seed %)
	@tests/campaign_uml.sh --connections $$(($(N) / 30 + 1)) $(SEED:%=--seed %)

BASH_COMPLETIONS := share/bash-completion/completions
ZSH_COMPLETIONS := share/zsh/site-functions
install: all
	$(Q)install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin share/man/man1 share/teardown $(BASH_COMPLETIONS) \
	  $(ZSH_COMPLETIONS))
	$(Q)install -m 644 $(NDJSON_SCHEMA) $(DESTDIR)$(PREFIX)/share/teardown/
	$(Q)for p in $(PROGRAMS); do \
	  install -m 755 $(B)/$$p $(DESTDIR)$(PREFIX)/bin/teardown-$$p && \
	  install -m 644 $(B)/$$p.1 $(DESTDIR)$(PREFIX)/share/man/man1/teardown-$$p.1 && \
	  install -m 644 $(B)/completion/teardown-$$p $(DESTDIR)$(PREFIX)/$(BASH_COMPLETIONS) && \
	  install -m 644 $(B)/completion/_teardown-$$p $(DESTDIR)$(PREFIX)/$(ZSH_COMPLETIONS) || exit 1; \
	done

# Its name is the last line.
deb: all
	$(Q)rm -rf $(B)/deb
	$(Q)$(MAKE) --no-print-directory -o all install DESTDIR=$(B)/deb PREFIX=/usr
	$(Q)scripts/deb.sh $(B)/deb $(VERSION)

clean:
	$(Q)rm -rf build

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
