# pgha-checks: health checks for PostgreSQL clusters.
#
#   make deps     install what building needs          make check   every test
#   make          build into build/                    make demo    a throwaway cluster, tried out
#   make install  DESTDIR, PREFIX                      make bench   timings, side by side
#
# SAN=address,undefined builds with sanitizers, into build/san/. CC may be gcc or clang.

VERSION := 0.1.0
PREFIX ?= /usr/local
SAN ?=
BUILD ?= build$(if $(SAN),/san)
SHELL := /bin/bash
.DELETE_ON_ERROR:

# -- what there is -------------------------------------------------------------------------------

lib_sources := $(wildcard lib/*/*.c)
check_sources := $(wildcard checks/check_*.c)
programs := $(check_sources:checks/%.c=$(BUILD)/%)
unit_sources := $(wildcard tests/unit/*/test_*.c) $(wildcard tests/scripted/test_*.c)
unit_programs := $(unit_sources:%.c=$(BUILD)/%) $(BUILD)/tests/cases/cases

# -- how it is built -----------------------------------------------------------------------------

CFLAGS ?= -O2 -g
warnings := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wconversion -Wmissing-prototypes -Wvla -Wformat=2 \
	$(if $(CI),-Werror)
hardening := -fPIE -fstack-protector-strong $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all \
	-fno-omit-frame-pointer,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
hardening_link := -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN))
# Deferred, so that "make deps" works where pkg-config is not installed yet.
pq_cflags = $(shell pkg-config --cflags libpq)
libraries = $(shell pkg-config --libs libpq jansson)

compile = $(CC) -std=gnu11 $(CPPFLAGS) $(CFLAGS) $(warnings) $(hardening) -I. $(pq_cflags) \
	-DPGHA_VERSION='"$(VERSION)"' -MMD -MP
link = $(CC) $(CFLAGS) $(hardening_link) $(LDFLAGS)

.PHONY: all
all: $(programs)

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(compile) -c -o $@ $<

$(BUILD)/obj/main/%.o: checks/main.c Makefile
	@mkdir -p $(@D)
	$(compile) -DCHECK=$* -c -o $@ $<

$(BUILD)/libpgha.a: $(lib_sources:%.c=$(BUILD)/obj/%.o)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/check_%: $(BUILD)/obj/main/check_%.o $(BUILD)/obj/checks/check_%.o $(BUILD)/libpgha.a
	$(link) -o $@ $^ $(libraries)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
.SECONDARY:

.PHONY: clean
clean:
	rm -rf build
