# pgha-checks: health checks for PostgreSQL clusters.
#
#   make deps     install what building needs          make check   every test
#   make          build into build/                    make demo    a throwaway cluster, tried out
#   make install  DESTDIR, PREFIX                      make bench   timings, side by side
#
# SAN=address,undefined builds with sanitizers and clang, into build/san/. CC may be gcc or clang.

VERSION := 0.1.0
PREFIX ?= /usr/local
SAN ?=
BUILD ?= build$(if $(SAN),/san)
SHELL := /bin/bash
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# -- what there is -------------------------------------------------------------------------------

lib_sources := $(wildcard lib/*/*.c)
check_sources := $(wildcard checks/check_*.c)
programs := $(check_sources:checks/%.c=$(BUILD)/%) $(BUILD)/pgha-agent $(BUILD)/pgha-ask
unit_sources := $(wildcard tests/unit/*/test_*.c) $(wildcard tests/scripted/test_*.c)
unit_programs := $(unit_sources:%.c=$(BUILD)/%) $(BUILD)/tests/cases/cases $(BUILD)/tests/cases/damping

# -- how it is built -----------------------------------------------------------------------------

CFLAGS ?= $(if $(SAN),-O1 -g1,-O2 -g)
ifeq ($(if $(SAN),$(origin CC)),default)
CC := clang
endif
warnings := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wconversion -Wmissing-prototypes -Wvla -Wformat=2 \
	$(if $(CI),-Werror)
# With clang and sanitizers the same objects serve libFuzzer ("make fuzz"), and are told as gcc tells them what watches.
hardening := -fPIE -fstack-protector-strong $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all \
	-fno-omit-frame-pointer $(if $(filter clang,$(CC)),-fsanitize=fuzzer-no-link $(if \
	$(findstring address,$(SAN)),-D__SANITIZE_ADDRESS__)),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
hardening_link := -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN))
# Deferred, so that "make deps" works where pkg-config is not installed yet.
pq_cflags = $(shell pkg-config --cflags libpq)
libraries = $(shell pkg-config --libs libpq jansson) -ldl -lpthread
libraries_agent = $(libraries) $(shell pkg-config --libs libevent_core libmicrohttpd gnutls inih $(systemd)) -lm
# Without it the agent is built all the same, and knows nothing of systemd's readiness, watchdog and sockets.
systemd = $(shell pkg-config --exists libsystemd && echo libsystemd)

compile = $(CC) -std=gnu11 $(CPPFLAGS) $(CFLAGS) $(warnings) $(hardening) -I. $(pq_cflags) \
	-DPGHA_VERSION='"$(VERSION)"' $(if $(systemd),-DWITH_SYSTEMD) -MMD -MP
link = $(CC) $(CFLAGS) $(hardening_link) $(LDFLAGS)

.PHONY: all
all: $(programs)

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(compile) -c -o $@ $<

$(BUILD)/obj/main/%.o: checks/main.c Makefile
	@mkdir -p $(@D)
	$(compile) -DCHECK=$* -c -o $@ $<

$(BUILD)/obj/main/pgha_%.o: checks/pgha_%.c Makefile
	@mkdir -p $(@D)
	$(compile) -c -o $@ $<

$(BUILD)/libpgha.a: $(lib_sources:%.c=$(BUILD)/obj/%.o)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/check_%: $(BUILD)/obj/main/check_%.o $(BUILD)/obj/checks/check_%.o $(BUILD)/libpgha.a
	$(link) -o $@ $^ $(libraries)

$(BUILD)/pgha-agent: $(BUILD)/obj/main/pgha_agent.o $(check_sources:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/checks/table.o \
		$(BUILD)/libpgha.a
	$(link) -o $@ $^ $(libraries_agent)

# The many programs of the tests are linked by gold where it is, in half the time; it grumbles at what sanitizers need.
fast_link := $(if $(SAN),,$(shell command -v ld.gold >/dev/null && echo -fuse-ld=gold))

# Nothing but libc: it is started again and again.
$(BUILD)/pgha-ask: $(BUILD)/obj/main/pgha_ask.o $(BUILD)/libpgha.a
	$(link) -o $@ $^

$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(check_sources:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/checks/table.o \
		$(BUILD)/libpgha.a
	@mkdir -p $(@D)
	$(link) $(fast_link) $(test_link) -o $@ $^ $(libraries_agent) -lcmocka

# The scripted libpq of tests/scripted/libpq.h stands in for these. One that lib/collect/pg*.c begin to
# use is added here and there, or the real one gets the scripted connection.
scripted_calls := PQclear PQconnectPoll PQconnectStartParams PQconnectionNeedsPassword PQconninfo PQconninfoFree \
	PQconsumeInput PQenterPipelineMode PQerrorMessage PQexitPipelineMode PQfinish PQflush PQgetResult PQhost PQisBusy \
	PQparameterStatus PQpipelineSync PQresultErrorField PQsendPrepare PQsendQuery PQsendQueryParams PQsendQueryPrepared PQserverVersion \
	PQsetErrorVerbosity PQsetNoticeReceiver PQsetnonblocking PQsocket PQsslInUse PQstatus
$(BUILD)/tests/scripted/%: test_link := $(scripted_calls:%=-Wl,--wrap=%)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
.SECONDARY:

.PHONY: clean
clean:
	rm -rf build tests/live/servers/node_modules

# -- what is installed ---------------------------------------------------------------------------

packages_build := gcc libc6-dev pkg-config libpq-dev libjansson-dev libevent-dev libmicrohttpd-dev libgnutls28-dev \
	libinih-dev libsystemd-dev libcurl4-openssl-dev
packages_demo := $(packages_build) postgresql postgresql-client python3 python3-psycopg2 haproxy patroni etcd-server pgbouncer
packages_check := $(packages_demo) libcmocka-dev python3-pytest python3-pytest-xdist iproute2 openssl \
	keepalived binutils clang chromium systemd pgbackrest barman \
	etcd-client zookeeper libservlet-api-java libslf4j-java pgpool2 repmgr postgresql-15-repmgr postgresql-15-auto-failover pg-auto-failover-cli
packages_bench := $(packages_demo) hyperfine postgresql-contrib monitoring-plugins-standard check-postgres wrk

# Installs what is missing of a list of packages and says so; does nothing when all is there.
define install_packages
@missing=$$(for package in $(1); do \
	dpkg-query -W -f '$${Status}\n' $$package 2>/dev/null | grep -q 'ok installed' || echo $$package; done); \
if [ -n "$$missing" ]; then \
	command -v apt-get >/dev/null || { \
		echo "make: no apt-get here; install what these Debian packages hold:" $$missing >&2; exit 1; }; \
	as_root=$$([ $$(id -u) = 0 ] || echo sudo); \
	echo "make: installing with apt-get:" $$missing; \
	case " "$$(echo $$missing)" " in *" postgresql "*) \
		echo "make: (the package postgresql starts a cluster \"main\" of its own on port 5432; it is not used here)";; \
	esac; \
	$$as_root apt-get update -q && \
	$$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; \
fi
endef

.PHONY: deps deps-demo deps-check deps-fuzz deps-bench
deps:
	$(call install_packages,$(packages_build))
deps-demo:
	$(call install_packages,$(packages_demo))
deps-check:
	$(call install_packages,$(packages_check) $(if $(shell command -v npm),,npm))
	@$(MAKE) --no-print-directory -s deps-fuzz
# Named after the version of clang, which is known only when that is installed.
deps-fuzz:
	$(call install_packages,libclang-rt-$(shell clang -dumpversion 2>/dev/null | cut -d. -f1)-dev)
deps-bench:
	$(call install_packages,$(packages_bench))

# PostgreSQL's other majors for the tests. Without them (no registry in reach) their tests are skipped
# and say so. The packages' own script makes the links between their libraries.
servers := tests/live/servers/node_modules
$(servers)/.installed: tests/live/servers/package-lock.json
	@echo "make: installing PostgreSQL servers for the tests with npm"
	@cd tests/live/servers && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error \
		&& for package in node_modules/postgresql-*; do \
			(cd $$package && node scripts/hydrate-symlinks.js) || exit 1; done \
		&& touch node_modules/.installed \
		|| echo "make: npm failed; the tests of these majors will be skipped"

# Programs that only read our configuration files: unpacked, not installed, because their packages
# start services and bring a mail server.
tools := build/tools
$(tools)/.unpacked:
	@mkdir -p $(tools) && cd $(tools) && echo "make: unpacking nagios4-core and prometheus" \
		&& apt-get download -q nagios4-core prometheus 2>/dev/null \
		&& for package in *.deb; do dpkg -x $$package . || exit 1; done && rm -f *.deb && touch .unpacked \
		|| echo "make: apt-get download failed; the tests with nagios4 and promtool will be skipped"

# -- tests ---------------------------------------------------------------------------------------

python := /usr/bin/python3
jobs := $(shell nproc)
# Tests wait for servers more than they compute.
workers := $(shell expr 4 + $(jobs))
pytest := $(python) -m pytest -q -p no:cacheprovider

# A test program writes TAP; one that dies leaves a plan unfulfilled, which its reader reports.
tap_runs := $(unit_programs:%=tap-of/%)
.PHONY: tap tap-begin $(tap_runs)
tap: $(tap_runs) $(BUILD)/tests/unit/agent/page_sample
tap-begin:
	@rm -rf $(BUILD)/tap && mkdir -p $(BUILD)/tap
tap-of/$(BUILD)/tests/cases/cases: arguments := tests/cases/*.cases
tap-of/$(BUILD)/tests/cases/damping: arguments := tests/cases/damping/*.cases
$(tap_runs): tap-of/%: % tap-begin
	@to=$(BUILD)/tap/$(subst /,-,$(*:$(BUILD)/tests/%=%)); \
		CMOCKA_MESSAGE_OUTPUT=TAP $* $(arguments) >$$to.tap 2>$$to.log; echo "exit $$?" >>$$to.log

# Parsers against random input (clang's libFuzzer). "make fuzz SECONDS=600" goes on for longer; "make check"
# runs the short form. Its findings are kept in build/fuzz/.
fuzzers := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
SECONDS_EACH := $(or $(SECONDS),60)
sanitized := SAN=address,undefined
$(BUILD)/fuzz_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(check_sources:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/checks/table.o \
		$(BUILD)/libpgha.a
	$(link) -fsanitize=fuzzer $(fast_link) -o $@ $^ $(libraries_agent)
.PHONY: fuzzers
fuzzers: $(fuzzers:%=$(BUILD)/%)

.PHONY: fuzz
fuzz: deps-fuzz
	@$(MAKE) --no-print-directory -s -j$(jobs) $(sanitized) fuzzers
	@echo "1..$(words $(fuzzers))"; number=0; for fuzzer in $(fuzzers); do \
		number=$$((number + 1)); echo $$number $$fuzzer; \
	done | xargs -P $(jobs) -L 1 sh -c 'mkdir -p build/fuzz/corpus-$$1; \
		if build/san/$$1 -max_total_time=$(SECONDS_EACH) -max_len=4096 -rss_limit_mb=512 \
			-artifact_prefix=build/fuzz/$$1- build/fuzz/corpus-$$1 tests/golden >build/fuzz/$$1.log 2>&1; \
		then echo "ok $$0 - $$1 for $(SECONDS_EACH) s"; \
		else printf "%s\n" "not ok $$0 - $$1" "$$(tail -12 build/fuzz/$$1.log | sed "s/^/# /")"; exit 1; fi'

# Warnings are errors here, gcc's in the plain build and clang's in the sanitized one. "make check-long" tries every row
# with every major, and the parsers for longer.
.PHONY: check check-long
check: deps-check $(servers)/.installed $(tools)/.unpacked
	@$(MAKE) --no-print-directory -s -j$(workers) CI=true all tap
	@$(MAKE) --no-print-directory -s -j$(workers) CI=true $(sanitized) all tap fuzzers
	@$(MAKE) --no-print-directory -s SECONDS=$(or $(SECONDS),3) fuzz >build/tap/fuzz.tap 2>build/tap/fuzz.log; \
		echo "exit $$?" >>build/tap/fuzz.log
	@$(python) tests/run.py -n $(workers) --dist loadgroup tests/live tests/scripted tests/golden tests/lint tests/test_programs.py
check-long:
	@PGHA_LONG=1 $(MAKE) --no-print-directory SECONDS=$(or $(SECONDS),60) check

.PHONY: lint
lint: deps-check
	@$(MAKE) --no-print-directory -s -j$(jobs) all
	@$(pytest) tests/lint
	@$(python) tests/lint/sizes.py

# The layout of C sources is clang-format's, by .clang-format.
.PHONY: format
format:
	clang-format -i $(wildcard lib/*/*.[ch] checks/*.[ch] tests/cases/*.c tests/fuzz/*.c tests/unit/*/*.[ch] \
		tests/scripted/*.[ch] tests/bench/*.c)

# -- trying out ----------------------------------------------------------------------------------

.PHONY: demo
demo: deps-demo
	@$(MAKE) --no-print-directory -s -j$(jobs) all
	@KEEP=$(KEEP) $(python) tests/demo.py

$(BUILD)/tests/bench/bare: $(BUILD)/obj/tests/bench/bare.o
	@mkdir -p $(@D)
	$(link) -o $@ $^ $(shell pkg-config --libs libpq)

$(BUILD)/tests/bench/load: $(BUILD)/obj/tests/bench/load.o
	@mkdir -p $(@D)
	$(link) -o $@ $^

$(BUILD)/tests/bench/probe: $(BUILD)/obj/tests/bench/probe.o $(BUILD)/libpgha.a
	@mkdir -p $(@D)
	$(link) -o $@ $^ $(libraries)

$(BUILD)/tests/bench/bare_http: $(BUILD)/obj/tests/bench/bare_http.o
	@mkdir -p $(@D)
	$(link) -o $@ $^ $(shell pkg-config --libs libevent)

.PHONY: bench
bench: deps-bench
	@$(MAKE) --no-print-directory -s -j$(jobs) all $(addprefix $(BUILD)/tests/bench/,bare bare_http load probe)
	@$(python) tests/bench/bench.py

# -- installation --------------------------------------------------------------------------------

.PHONY: install
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/pgha-checks
	install $(programs) $(DESTDIR)$(PREFIX)/bin/
	cd configs && find . -type f -exec install -D -m 644 {} $(DESTDIR)$(abspath $(PREFIX))/share/pgha-checks/{} \;
	cd configs && find . -type f -perm -u+x -exec chmod 755 $(DESTDIR)$(abspath $(PREFIX))/share/pgha-checks/{} \;
