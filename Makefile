# SPDX-License-Identifier: BSD-2-Clause
# make           build/mailreeve and build/mailreevectl
# make demo      private mail servers on loopback, real conversations, explained
# make check     all tests; installs the Debian packages it needs
# See README.md for the rest.

BUILD   ?= build
# One name for one folder, or the dependencies noted under the other name would be missed.
override BUILD := $(patsubst $(CURDIR)/%,%,$(abspath $(BUILD)))
PREFIX  ?= /usr/local
SYSCONF ?= /etc
SBINDIR    ?= $(PREFIX)/sbin
LIBEXECDIR ?= $(PREFIX)/libexec/mailreeve
# Empty: no unit of systemd.
UNITDIR    ?= $(PREFIX)/lib/systemd/system
MANDIR     ?= $(PREFIX)/share/man
DATADIR    ?= $(PREFIX)/share
ZSHDIR     ?= $(DATADIR)/zsh/site-functions
CC      ?= cc
CFLAGS  ?= -O2 -g
VERSION := 0.1.0

PKG_CONFIG ?= pkg-config
PACKAGES   := milter hiredis ldns libconfuse libpsl libidn2 libssl libcrypto jansson libmicrohttpd
WARNINGS   := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wformat=2 $(WERROR)
# Control flow protection goes by the processor that is compiled for.
MACHINE    := $(shell $(CC) -dumpmachine 2>/dev/null)
CONTROL_FLOW := $(if $(filter x86_64-% i686-%,$(MACHINE)),-fcf-protection=full)$(if \
	$(filter aarch64-%,$(MACHINE)),-mbranch-protection=standard)
HARDENING  ?= -fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 \
	-fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing $(CONTROL_FLOW)
LINK_HARD  ?= -Wl,-z,relro,-z,now,-z,noexecstack -pie
# Debian 12 and 13 both have this release of clang and its tools, so both judge alike.
LLVM       ?= 19
export LLVM
# TLS to Redis where hiredis has it: Debian 13. REDIS_TLS= builds without.
REDIS_TLS  ?= $(eval REDIS_TLS := $(shell $(PKG_CONFIG) --exists hiredis_ssl && echo hiredis_ssl))$(REDIS_TLS)
# Asked once, and only when something is compiled: the packages may be installed by this very make.
PKG_CFLAGS  = $(eval PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) $(REDIS_TLS)) \
	$(if $(REDIS_TLS),-DMAILREEVE_REDIS_TLS))$(PKG_CFLAGS)
PKG_LIBS    = $(eval PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PACKAGES) $(REDIS_TLS)))$(PKG_LIBS)
ALL_CFLAGS  = -std=c11 -D_GNU_SOURCE -fPIE -pthread $(WARNINGS) $(HARDENING) \
	$(PKG_CFLAGS) $(FOLDERS:%=-I%) -I$(BUILD) \
	-DMAILREEVE_VERSION='"$(VERSION)"' -DMAILREEVE_SYSCONF='"$(SYSCONF)"' $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pthread $(LINK_HARD) $(LDFLAGS)
ALL_LIBS    = $(PKG_LIBS) -lspf2 -lunistring $(LIBS)

# make V=1 shows the commands.
Q    = $(if $(V),,@)
SAY  = @$(if $(V),:,echo)

# Names of headers are unique over all folders.
FOLDERS  := $(wildcard filter/*)
PROGRAMS := mailreeve mailreevectl
MAINS    := filter/daemon/main.c filter/ctl/ctl.c
# Define functions of the system anew: not for who only links the library.
DAEMON   := filter/daemon/milter_buffer.c filter/daemon/milter_pool.c
SOURCES  := $(filter-out %_test.c $(MAINS) $(DAEMON),$(wildcard filter/*/*.c policies/*.c))
OBJECTS  := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY  := $(BUILD)/libmailreeve.a
TESTS    := $(wildcard filter/*/*_test.c policies/*_test.c)
TEST_BIN := $(TESTS:%.c=$(BUILD)/%)
TEST_LIB := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/lib/*.c))

MANUALS  := $(wildcard packaging/man/*.[578])

all: $(PROGRAMS:%=$(BUILD)/%)

$(BUILD)/mailreeve: $(BUILD)/filter/daemon/main.o $(DAEMON:%.c=$(BUILD)/%.o) $(LIBRARY)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS)

$(BUILD)/mailreevectl: $(BUILD)/filter/ctl/ctl.o $(LIBRARY)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS)

$(LIBRARY): $(OBJECTS)
	@rm -f $@
	$(SAY) "  AR    $@"
	$(Q)$(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(SAY) "  CC    $<"
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The Lua scripts that run inside Redis become string constants.
$(BUILD)/window_lua.h: filter/store/window_reserve.lua filter/store/window_end.lua
$(BUILD)/%_lua.h: filter/store/%.lua
	@mkdir -p $(@D)
	$(Q)(echo 'static const char $*_lua[] ='; sed -e '/^ *--/d' -e 's/\\/\\\\/g' -e 's/"/\\"/g' \
		-e 's/^\(.*\)$$/"\1\\n"/' $^; echo ';') > $@
$(BUILD)/filter/store/store_redis.o: $(BUILD)/window_lua.h
$(BUILD)/filter/store/store_redis_table.o: $(BUILD)/store_table_lua.h $(BUILD)/store_list_lua.h

# Unit tests: one program for each x_test.c; objects of the test come first, so that a fake in it or
# in tests/lib replaces the archive member.
unit-tests: $(TEST_BIN)
$(BUILD)/%_test: $(BUILD)/%_test.o $(TEST_LIB) $(LIBRARY)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIBRARY) \
		$(ALL_LIBS) $(shell $(PKG_CONFIG) --libs cmocka)

$(DAEMON:%.c=$(BUILD)/%_test): $(DAEMON:%.c=$(BUILD)/%.o)

# A server's clock is skewed by what it preloads, so this knows no sanitizer.
$(BUILD)/tests/tools/skewed_clock.so: tests/tools/skewed_clock.c
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(WARNINGS) -O2 -fPIC -shared -o $@ $<
$(BUILD)/filter/store/store_faults_test: | $(BUILD)/tests/tools/skewed_clock.so

install: all
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(SYSCONF)/mailreeve
	install -m 755 $(PROGRAMS:%=$(BUILD)/%) $(DESTDIR)$(SBINDIR)
	install -m 755 packaging/systemd/postfix-folder $(DESTDIR)$(LIBEXECDIR)
	for file in mailreeve.conf strict.conf; do \
		test -e $(DESTDIR)$(SYSCONF)/mailreeve/$$file || \
			install -m 644 conf/$$file $(DESTDIR)$(SYSCONF)/mailreeve || exit 1; \
	done
	for page in $(MANUALS); do \
		install -D -m 644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit 1; \
	done
	install -D -m 644 packaging/completion/mailreevectl.bash \
		$(DESTDIR)$(DATADIR)/bash-completion/completions/mailreevectl
	install -D -m 644 packaging/completion/_mailreevectl $(DESTDIR)$(ZSHDIR)/_mailreevectl
	install -d $(DESTDIR)$(DATADIR)/mailreeve
	install -m 644 packaging/prometheus/mailreeve.rules.yml packaging/grafana/mailreeve.json packaging/mta/* \
		$(DESTDIR)$(DATADIR)/mailreeve
	$(if $(UNITDIR),$(MAKE) --no-print-directory install-unit)

install-unit:
	install -d $(DESTDIR)$(UNITDIR)
	sed -e 's|@SBINDIR@|$(SBINDIR)|' -e 's|@LIBEXECDIR@|$(LIBEXECDIR)|' packaging/systemd/mailreeve.service \
		> $(DESTDIR)$(UNITDIR)/mailreeve.service
	chmod 644 $(DESTDIR)$(UNITDIR)/mailreeve.service

clean:
	rm -rf $(BUILD)

.PHONY: all unit-tests install install-unit clean
-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/*/*.d)

# Tests. ---------------------------------------------------------------------------------------------
deps:
	@sh tests/deps.sh build

check:
	@sh tests/deps.sh check
	@BUILD=$(BUILD) MAKE="$(MAKE)" sh tests/check.sh $(PARTS)

demo:
	@sh tests/deps.sh demo
	@$(MAKE) --no-print-directory -s -j2 BUILD=$(BUILD) all
	@MAILREEVE_BUILD=$(abspath $(BUILD)) KEEP=$(KEEP) sh tests/demo/run.sh

# The tests of limits, faults and reloads in full size: half an hour.
soak: all $(foreach test,model unique exact faults faults_sentinel faults_cluster,$(BUILD)/filter/store/store_$(test)_test)
	@sh tests/deps.sh check
	@sh tests/soak/run.sh $(BUILD) $(SOAK)

bench: all $(BUILD)/bench/load $(BUILD)/bench/noop $(BUILD)/bench/recipients $(BUILD)/bench/limits
	@sh tests/deps.sh check
	@sh tests/bench/run.sh $(BUILD)

$(BUILD)/tests/bench/limits.o: $(BUILD)/window_lua.h
$(BUILD)/bench/limits: $(BUILD)/tests/bench/limits.o $(BUILD)/tests/lib/private_redis.o $(LIBRARY)
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS)

$(BUILD)/bench/recipients: $(BUILD)/tests/bench/recipients.o $(LIBRARY)
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS)

$(BUILD)/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(shell $(PKG_CONFIG) --libs milter)

$(BUILD)/spf_suite/%: $(BUILD)/tests/spf_suite/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS)

$(BUILD)/header_suite/%: $(BUILD)/tests/header_suite/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS)

# By names that hold wherever BUILD is; a file's own name would have to be spelt as above.
spf-query: $(BUILD)/spf_suite/spf_query
header-query: $(BUILD)/header_suite/header_query
write-settings: $(BUILD)/write_settings

# A fuzz target linked with a main that replays files, and (fuzz) with libFuzzer.
FUZZ      := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_TIME ?= 600
fuzz-replay: $(FUZZ:%=$(BUILD)/fuzz/%)
$(BUILD)/fuzz/%: tests/fuzz/%.c $(BUILD)/tests/fuzz/replay.o $(LIBRARY)
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS)
fuzz:
	@sh tests/deps.sh check
	$(MAKE) BUILD=$(BUILD)/fuzzer CC=clang-$(LLVM) HARDENING= \
		CFLAGS="-O1 -g -fsanitize=fuzzer-no-link,address,undefined" $(BUILD)/fuzzer/libmailreeve.a
	$(MAKE) $(BUILD)/filter/chain/decision_record_test
	MAILREEVE_ENVELOPES=1000000 $(BUILD)/filter/chain/decision_record_test
	@for target in $(FUZZ); do CC=clang-$(LLVM) sh tests/fuzz/run.sh $(BUILD)/fuzzer $$target $(FUZZ_TIME) || exit 1; done

settings: $(BUILD)/write_settings
	@sh tests/settings_current.sh $(BUILD) write
$(BUILD)/write_settings: $(BUILD)/tests/tools/write_settings.o $(LIBRARY)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS)

# Packages. ------------------------------------------------------------------------------------------
deb:
	@sh tests/deps.sh deb
	@sh packaging/build_deb.sh $(BUILD)/deb
# ROOT: a bare tree of Debian, of which copies are used.
deb-try:
	@sh packaging/try_packages.sh $(ROOT)
rpm:
	@sh tests/deps.sh rpm
	@sh packaging/build_rpm.sh $(BUILD)/rpm

lint:
	@sh tests/deps.sh check
	@$(MAKE) --no-print-directory -s BUILD=$(BUILD) $(BUILD)/window_lua.h \
		$(BUILD)/store_table_lua.h $(BUILD)/store_list_lua.h
	@BUILD=$(BUILD) sh tests/lint/run.sh

format:
	clang-format-$(LLVM) -i $$(find filter policies tests -name '*.[ch]')

.PHONY: spf-query header-query write-settings deb deb-try rpm deps check demo bench fuzz fuzz-replay settings lint format
