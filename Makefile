.POSIX:
.SUFFIXES:
.SUFFIXES: .c .o .sql .tsv

# Yours to set: make CC=clang CFLAGS=-g PREFIX=/usr DESTDIR=/tmp/root
CC = cc
CFLAGS = -O2
LDFLAGS =
LDLIBS =
STATIC = -static
PREFIX = /usr/local
DESTDIR =

# CPPFLAGS and warnings are not: the code is C11 and POSIX.1-2008.
VERSION = 0.1
CPPFLAGS = -D_POSIX_C_SOURCE=200809L -DVERSION='"$(VERSION)"' \
	-DBINDIR='"$(PREFIX)/bin"' -Ilib
WARN = -std=c11 -Wall -Wextra -Wpedantic
STRICT =

PROGS = bin/sms-apply bin/sms-cancel bin/sms-check bin/sms-explain \
	bin/sms-fetch bin/sms-hook bin/sms-json bin/sms-list bin/sms-lock \
	bin/sms-log bin/sms-optout bin/sms-prune bin/sms-report bin/sms-retry \
	bin/sms-send bin/sms-sign bin/sms-sim bin/sms-stat bin/sms-stuck \
	bin/sms-wait
SCRIPTS = bin/sms-reconcile

BASE = lib/buf.o lib/die.o lib/mask.o lib/num.o lib/when.o
RECORD = lib/rec.o lib/utf8.o
INTAKE = lib/intake.o lib/spool.o lib/tally.o
STORE = lib/db.o lib/store.o lib/store-batch.o lib/store-hook.o \
	lib/store-send.o lib/store-stuck.o sql/apply.o sql/attach.o \
	sql/batch-late.o sql/batch-list.o sql/batch-next.o sql/batch-save.o \
	sql/called.o sql/due.o sql/early-keep.o sql/early-ready.o \
	sql/early-take.o sql/error-codes.o sql/event-taken.o sql/expired.o \
	sql/facts.o sql/find.o sql/follow.o sql/holds.o sql/journal.o \
	sql/locate.o sql/log.o sql/logged.o sql/looked.o sql/made.o \
	sql/make.o sql/once.o sql/opted-out.o sql/optout-add.o \
	sql/optout-list.o sql/optout-remove.o sql/refused.o sql/reply.o \
	sql/reply-again.o sql/reply-mute.o sql/reply-start.o \
	sql/reply-stop.o sql/retry.o sql/schema.o sql/schema-2.o \
	sql/schema-4.o sql/schema-5.o sql/schema-6.o sql/schema-7.o \
	sql/stuck.o sql/undo-change.o sql/undo-changes.o sql/undo-find.o \
	sql/undo-keep.o sql/undo-kept.o sql/undo-made.o sql/undo-mark.o \
	sql/undo-told.o sql/unpriced.o sql/unsettled.o sql/verdict.o
JSON = lib/json.o sql/json-error.o sql/json-event.o sql/json-events.o \
	sql/json-message.o sql/json-next.o sql/json-page.o
TWILIO = lib/twilio.o
FETCH = lib/form.o lib/inquiry.o lib/lookup.o lib/pile.o \
	lib/planner.o lib/sids.o lib/sign.o lib/survey.o
SEND = lib/charname.o lib/form.o lib/inflight.o lib/ledger.o \
	lib/message.o lib/names.o lib/outbox.o lib/progress.o lib/refs.o \
	lib/reply.o lib/segment.o lib/sign.o
WEB = lib/form.o lib/http.o lib/sign.o
DOCTOR = lib/doctor.o lib/variant.o
HOOK = lib/callback.o lib/cgi.o lib/confine.o lib/cron.o lib/edge.o \
	lib/event.o lib/inbound.o lib/listener.o lib/settler.o lib/webhook.o \
	$(JSON) $(WEB)
SIM = lib/sim.o lib/sim-api.o lib/sim-courier.o lib/sim-messages.o \
	lib/sim-plan.o sql/sim.o sql/sim-callback.o sql/sim-cancel.o \
	sql/sim-create.o sql/sim-due.o sql/sim-error.o sql/sim-list.o \
	sql/sim-page.o sql/sim-posted.o sql/sim-request.o sql/sim-resource.o \
	sql/sim-seen.o sql/sim-step.o
EXPLAIN = lib/explain.o sql/explain.o
VIEW = lib/access.o lib/table.o lib/view.o sql/access.o
LIST = lib/story.o sql/list.o sql/list-count.o sql/list-one.o \
	sql/list-status.o sql/story.o sql/story-callbacks.o sql/story-early.o \
	sql/story-history.o
LOG = lib/callback.o lib/event.o lib/form.o lib/inbound.o lib/sign.o \
	sql/log-before.o sql/log-list.o sql/log-newest.o
CHECK = lib/ran.o lib/range.o lib/spool.o lib/usual.o sql/check-any.o \
	sql/check-before.o sql/check-callbacks.o sql/check-ends.o \
	sql/check-unsettled.o sql/check-webhooks.o sql/stat-loss.o \
	sql/stat-stuck.o
PRUNE = sql/prune-bodies.o sql/prune-calls.o sql/prune-early.o \
	sql/prune-logs.o sql/prune-messages.o sql/prune-refused.o \
	sql/prune-replies.o
REPORT = sql/report/carrier.o sql/report/cost.o sql/report/country.o \
	sql/report/customer.o sql/report/daily.o sql/report/errors.o \
	sql/report/hours.o sql/report/latency.o sql/report/loss.o \
	sql/report/sender.o
STAT = lib/ran.o lib/spool.o sql/stat-ambiguous.o sql/stat-answer.o \
	sql/stat-came.o sql/stat-conflicts.o sql/stat-delivery.o \
	sql/stat-loss.o sql/stat-lost.o sql/stat-messages.o sql/stat-oldest.o \
	sql/stat-refused.o sql/stat-segments.o sql/stat-spend.o \
	sql/stat-stuck.o sql/stat-success.o sql/stat-time.o \
	sql/stat-webhooks.o
UNITS = tests/unit/base tests/unit/confine tests/unit/http tests/unit/json \
	tests/unit/planner tests/unit/segment tests/unit/sign

# Yours, too: make fuzz FUZZED=http FUZZ=-runs=10000000
FUZZ_CC = clang
FUZZ = -max_total_time=10
FUZZED = conf form http json rec sign
FUZZERS = build/fuzz/conf build/fuzz/form build/fuzz/http build/fuzz/json \
	build/fuzz/rec build/fuzz/sign

all: $(PROGS) $(SCRIPTS)

.c.o:
	$(CC) $(CPPFLAGS) $(WARN) $(STRICT) $(CFLAGS) -c -o $@ $<

# A query becomes an array of bytes, sql/json-page.sql the array
# sql_json_page: a string literal over 4095 bytes is not portable C.
.sql.o:
	@{ printf 'extern const char sql_%s[];\nconst char sql_%s[] = {' \
		$$(echo $(*F) | tr - _) $$(echo $(*F) | tr - _); \
	  od -An -v -td1 $< | sed 's/-*[0-9][0-9]*/&,/g'; \
	  echo '0};'; } >$*.sql.c
	$(CC) $(WARN) $(STRICT) $(CFLAGS) -c -o $@ $*.sql.c
	rm -f $*.sql.c

# So does a table, lib/names.tsv the array tsv_names.
.tsv.o:
	@{ printf 'extern const char tsv_%s[];\nconst char tsv_%s[] = {' \
		$$(echo $(*F) | tr - _) $$(echo $(*F) | tr - _); \
	  od -An -v -td1 $< | sed 's/-*[0-9][0-9]*/&,/g'; \
	  echo '0};'; } >$*.tsv.c
	$(CC) $(WARN) $(STRICT) $(CFLAGS) -c -o $@ $*.tsv.c
	rm -f $*.tsv.c

bin/sms-reconcile: bin/sms-reconcile.sh
	sed 's/@VERSION@/$(VERSION)/' bin/sms-reconcile.sh >$@
	chmod 755 $@

bin/sms-apply: bin/sms-apply.o lib/batch.o lib/conf.o $(INTAKE) $(STORE) \
		$(RECORD) $(BASE)
	$(CC) $(LDFLAGS) -o $@ bin/sms-apply.o lib/batch.o lib/conf.o \
		$(INTAKE) $(STORE) $(RECORD) $(BASE) -lsqlite3 $(LDLIBS)

bin/sms-cancel: bin/sms-cancel.o lib/conf.o lib/sids.o $(TWILIO) \
		$(JSON) $(RECORD) $(BASE)
	$(CC) $(LDFLAGS) -o $@ bin/sms-cancel.o lib/conf.o \
		lib/sids.o $(TWILIO) $(JSON) $(RECORD) $(BASE) -lcurl \
		-lsqlite3 $(LDLIBS)

bin/sms-check: bin/sms-check.o lib/conf.o lib/view.o $(CHECK) $(STORE) \
		$(RECORD) $(BASE)
	$(CC) $(LDFLAGS) -o $@ bin/sms-check.o lib/conf.o lib/view.o $(CHECK) \
		$(STORE) $(RECORD) $(BASE) -lsqlite3 -lm $(LDLIBS)

bin/sms-explain: bin/sms-explain.o lib/conf.o lib/view.o sql/explain-used.o \
		$(EXPLAIN) $(STORE) $(RECORD) $(BASE)
	$(CC) $(LDFLAGS) -o $@ bin/sms-explain.o lib/conf.o lib/view.o \
		sql/explain-used.o $(EXPLAIN) $(STORE) $(RECORD) $(BASE) \
		-lsqlite3 $(LDLIBS)

bin/sms-fetch: bin/sms-fetch.o lib/conf.o $(FETCH) $(TWILIO) $(JSON) \
		$(STORE) $(RECORD) $(BASE)
	$(CC) $(LDFLAGS) -o $@ bin/sms-fetch.o lib/conf.o $(FETCH) $(TWILIO) \
		$(JSON) $(STORE) $(RECORD) $(BASE) -lcurl -lsqlite3 -lcrypto \
		$(LDLIBS)

# A process for each callback: loading shared libraries would cost it more than
# all it does, so it has its own where the system has them to give.
bin/sms-hook: bin/sms-hook.o lib/conf.o $(HOOK) $(INTAKE) $(STORE) $(RECORD) \
		$(BASE)
	for static in $(STATIC) ''; do \
		$(CC) $(LDFLAGS) $$static -o $@ bin/sms-hook.o lib/conf.o \
			$(HOOK) $(INTAKE) $(STORE) $(RECORD) $(BASE) \
			-lsqlite3 -lcrypto -lm $(LDLIBS) 2>$@.log && break; \
	done || { cat $@.log; exit 1; }
	rm -f $@.log

bin/sms-json: bin/sms-json.o lib/jsonl.o sql/json-fields.o $(RECORD) $(BASE)
	$(CC) $(LDFLAGS) -o $@ bin/sms-json.o lib/jsonl.o sql/json-fields.o \
		$(RECORD) $(BASE) -lsqlite3 $(LDLIBS)

bin/sms-list: bin/sms-list.o lib/conf.o $(LIST) $(VIEW) $(EXPLAIN) $(STORE) \
		$(RECORD) $(BASE)
	$(CC) $(LDFLAGS) -o $@ bin/sms-list.o lib/conf.o $(LIST) $(VIEW) \
		$(EXPLAIN) $(STORE) $(RECORD) $(BASE) -lsqlite3 $(LDLIBS)

bin/sms-lock: bin/sms-lock.o lib/conf.o $(BASE)
	$(CC) $(LDFLAGS) -o $@ bin/sms-lock.o lib/conf.o $(BASE) $(LDLIBS)

bin/sms-log: bin/sms-log.o lib/conf.o $(LOG) $(VIEW) $(JSON) $(STORE) \
		$(RECORD) $(BASE)
	$(CC) $(LDFLAGS) -o $@ bin/sms-log.o lib/conf.o $(LOG) $(VIEW) \
		$(JSON) $(STORE) $(RECORD) $(BASE) -lsqlite3 -lcrypto \
		$(LDLIBS)

bin/sms-optout: bin/sms-optout.o lib/conf.o lib/form.o \
		lib/message.o lib/segment.o $(STORE) $(RECORD) $(BASE)
	$(CC) $(LDFLAGS) -o $@ bin/sms-optout.o lib/conf.o lib/form.o \
		lib/message.o lib/segment.o $(STORE) $(RECORD) \
		$(BASE) -lsqlite3 $(LDLIBS)

bin/sms-prune: bin/sms-prune.o lib/conf.o $(PRUNE) $(STORE) $(RECORD) $(BASE)
	$(CC) $(LDFLAGS) -o $@ bin/sms-prune.o lib/conf.o $(PRUNE) $(STORE) \
		$(RECORD) $(BASE) -lsqlite3 $(LDLIBS)

bin/sms-report: bin/sms-report.o lib/conf.o $(REPORT) $(VIEW) $(STORE) \
		$(RECORD) $(BASE)
	$(CC) $(LDFLAGS) -o $@ bin/sms-report.o lib/conf.o $(REPORT) $(VIEW) \
		$(STORE) $(RECORD) $(BASE) -lsqlite3 $(LDLIBS)

bin/sms-retry: bin/sms-retry.o lib/conf.o lib/form.o lib/message.o \
		lib/segment.o $(INTAKE) $(STORE) $(RECORD) $(BASE)
	$(CC) $(LDFLAGS) -o $@ bin/sms-retry.o lib/conf.o lib/form.o \
		lib/message.o lib/segment.o $(INTAKE) $(STORE) $(RECORD) \
		$(BASE) -lsqlite3 $(LDLIBS)

bin/sms-send: bin/sms-send.o lib/conf.o $(SEND) $(TWILIO) $(JSON) $(STORE) \
		$(RECORD) $(BASE)
	$(CC) $(LDFLAGS) -o $@ bin/sms-send.o lib/conf.o $(SEND) $(TWILIO) \
		$(JSON) $(STORE) $(RECORD) $(BASE) -lcurl -lsqlite3 -lcrypto \
		$(LDLIBS)

# Nor should what scripts run for each request wait for SQLite, which it needs
# once in a while.
bin/sms-sign: bin/sms-sign.o lib/callback.o lib/conf.o $(DOCTOR) $(WEB) \
		$(STORE) $(RECORD) $(BASE)
	for static in $(STATIC) ''; do \
		$(CC) $(LDFLAGS) $$static -o $@ bin/sms-sign.o lib/callback.o \
			lib/conf.o $(DOCTOR) $(WEB) $(STORE) $(RECORD) $(BASE) \
			-lsqlite3 -lcrypto -lm $(LDLIBS) 2>$@.log && break; \
	done || { cat $@.log; exit 1; }
	rm -f $@.log

bin/sms-sim: bin/sms-sim.o lib/conf.o $(SIM) $(WEB) lib/db.o $(RECORD) \
		$(BASE)
	$(CC) $(LDFLAGS) -o $@ bin/sms-sim.o lib/conf.o $(SIM) $(WEB) \
		lib/db.o $(RECORD) $(BASE) -lcurl -lsqlite3 -lcrypto \
		$(LDLIBS)

bin/sms-stat: bin/sms-stat.o lib/conf.o lib/view.o $(STAT) $(STORE) \
		$(RECORD) $(BASE)
	$(CC) $(LDFLAGS) -o $@ bin/sms-stat.o lib/conf.o lib/view.o $(STAT) \
		$(STORE) $(RECORD) $(BASE) -lsqlite3 $(LDLIBS)

bin/sms-stuck: bin/sms-stuck.o lib/conf.o lib/inflight.o $(STORE) $(RECORD) \
		$(BASE)
	$(CC) $(LDFLAGS) -o $@ bin/sms-stuck.o lib/conf.o lib/inflight.o \
		$(STORE) $(RECORD) $(BASE) -lsqlite3 $(LDLIBS)

bin/sms-wait: bin/sms-wait.o lib/conf.o lib/progress.o lib/view.o \
		sql/wait.o $(STORE) $(RECORD) $(BASE)
	$(CC) $(LDFLAGS) -o $@ bin/sms-wait.o lib/conf.o \
		lib/progress.o lib/view.o sql/wait.o $(STORE) $(RECORD) \
		$(BASE) -lsqlite3 $(LDLIBS)

# Each unit program links all that is not one command's own.
UNIT = lib/callback.o lib/conf.o lib/confine.o lib/edge.o lib/http.o \
	lib/inbound.o lib/planner.o $(SEND) $(TWILIO) $(JSON) $(INTAKE) \
	$(STORE) $(RECORD) $(BASE)

.c:
	$(CC) $(CPPFLAGS) $(WARN) $(STRICT) $(CFLAGS) $(LDFLAGS) -o $@ $< \
		$(UNIT) -lcurl -lsqlite3 -lcrypto $(LDLIBS)

$(UNITS): $(UNIT)

tests/unit/base tests/unit/confine tests/unit/json \
	tests/unit/planner tests/unit/segment: tests/unit/holds.h

units: $(UNITS)

# What is here is tested; sh tests/run.sh installs what is missing first.
check: all units
	sh tests/run.sh -n

# What is fuzzed, one program each, by clang's libFuzzer; tests/fuzz/README.
# Without the tracing of comparisons three times as many inputs are tried.
FUZZER = mkdir -p build/fuzz && $(FUZZ_CC) $(CPPFLAGS) $(WARN) $(STRICT) \
	-O2 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	-fno-sanitize-coverage=trace-cmp -o $@

fuzz: $(FUZZERS)
	for name in $(FUZZED); do \
		mkdir -p build/fuzz/corpus/$$name && \
		build/fuzz/$$name -timeout=25 $(FUZZ) \
			-artifact_prefix=build/fuzz/$$name- \
			build/fuzz/corpus/$$name tests/fuzz/corpus/$$name || \
			exit 1; \
	done

build/fuzz/conf: tests/fuzz/conf.c lib/conf.c lib/buf.c
	$(FUZZER) tests/fuzz/conf.c lib/conf.c lib/buf.c \
		-Wl,--wrap=free,--wrap=getenv,--wrap=realloc,--wrap=setenv

build/fuzz/form: tests/fuzz/form.c lib/form.c lib/buf.c lib/die.c lib/mask.c
	$(FUZZER) tests/fuzz/form.c lib/form.c lib/buf.c lib/die.c lib/mask.c

build/fuzz/http: tests/fuzz/http.c lib/http.c lib/buf.c lib/die.c lib/mask.c \
		lib/num.c lib/when.c
	$(FUZZER) tests/fuzz/http.c lib/http.c lib/buf.c lib/die.c lib/mask.c \
		lib/num.c lib/when.c

build/fuzz/json: tests/fuzz/json.c lib/json.c lib/buf.c lib/die.c lib/mask.c \
		lib/num.c lib/rec.c lib/utf8.c lib/when.c sql/json-error.o \
		sql/json-event.o sql/json-events.o sql/json-message.o \
		sql/json-next.o sql/json-page.o
	$(FUZZER) tests/fuzz/json.c lib/json.c lib/buf.c lib/die.c lib/mask.c \
		lib/num.c lib/rec.c lib/utf8.c lib/when.c sql/json-error.o \
		sql/json-event.o sql/json-events.o sql/json-message.o \
		sql/json-next.o sql/json-page.o -lsqlite3

build/fuzz/rec: tests/fuzz/rec.c lib/rec.c lib/buf.c lib/die.c lib/mask.c \
		lib/utf8.c
	$(FUZZER) tests/fuzz/rec.c lib/rec.c lib/buf.c lib/die.c lib/mask.c \
		lib/utf8.c -Wl,--wrap=read

build/fuzz/sign: tests/fuzz/sign.c lib/sign.c lib/buf.c lib/die.c lib/mask.c \
		lib/form.c
	$(FUZZER) tests/fuzz/sign.c lib/sign.c lib/buf.c lib/die.c lib/mask.c \
		lib/form.c -lcrypto

lint:
	mandoc -T lint -W warning man/*.[1-8]
	shellcheck -s sh -S warning bin/*.sh tests/*.sh tests/fuzz/*.sh \
		examples/*.sh examples/*.run

# Everything once more with each compiler that is here, warnings being errors.
strict:
	for cc in gcc clang; do \
		command -v $$cc >/dev/null || continue; \
		$(MAKE) clean && $(MAKE) CC=$$cc STRICT=-Werror all units || \
			exit 1; \
	done
	$(MAKE) clean

install: all
	mkdir -p $(DESTDIR)$(PREFIX)/bin \
		$(DESTDIR)$(PREFIX)/share/smspipe/sql/report \
		$(DESTDIR)$(PREFIX)/share/smspipe/examples
	cp $(PROGS) $(SCRIPTS) $(DESTDIR)$(PREFIX)/bin
	cp sql/*.sql $(DESTDIR)$(PREFIX)/share/smspipe/sql
	cp sql/report/*.sql $(DESTDIR)$(PREFIX)/share/smspipe/sql/report
	cp -R examples/. $(DESTDIR)$(PREFIX)/share/smspipe/examples
	for p in man/*.[1-8]; do \
		d=$(DESTDIR)$(PREFIX)/share/man/man$${p##*.}; \
		mkdir -p $$d && cp $$p $$d && chmod 644 $$d/$${p##*/} || exit 1; \
	done

uninstall:
	for p in $(PROGS) $(SCRIPTS); do \
		rm -f $(DESTDIR)$(PREFIX)/$$p; \
	done
	for p in man/*.[1-8]; do \
		rm -f $(DESTDIR)$(PREFIX)/share/man/man$${p##*.}/$${p##*/}; \
	done
	rm -rf $(DESTDIR)$(PREFIX)/share/smspipe

clean:
	rm -f $(PROGS) $(SCRIPTS) $(UNITS) bin/*.o bin/*.log lib/*.o sql/*.o \
		sql/*.sql.c sql/report/*.o sql/report/*.sql.c lib/*.tsv.c \
		$(FUZZERS)

# Headers, with those they include.
build/fuzz/conf: lib/buf.h lib/conf.h lib/die.h
build/fuzz/form: lib/buf.h lib/die.h lib/form.h
build/fuzz/http: lib/buf.h lib/die.h lib/http.h lib/num.h lib/when.h
build/fuzz/json: lib/buf.h lib/die.h lib/json.h lib/num.h lib/rec.h \
	lib/utf8.h lib/when.h
build/fuzz/rec: lib/buf.h lib/die.h lib/rec.h lib/utf8.h
build/fuzz/sign: lib/buf.h lib/die.h lib/form.h lib/sign.h
bin/sms-apply.o: lib/batch.h lib/buf.h lib/conf.h lib/die.h lib/intake.h \
	lib/num.h lib/rec.h lib/spool.h lib/store.h lib/when.h
bin/sms-cancel.o: lib/buf.h lib/conf.h lib/die.h lib/json.h lib/mask.h \
	lib/rec.h lib/sids.h lib/twilio.h lib/when.h
bin/sms-check.o: lib/buf.h lib/conf.h lib/die.h lib/ran.h lib/range.h \
	lib/rec.h lib/spool.h lib/usual.h lib/view.h lib/when.h
bin/sms-explain.o: lib/buf.h lib/conf.h lib/die.h lib/explain.h lib/mask.h \
	lib/num.h lib/rec.h lib/view.h
bin/sms-fetch.o: lib/buf.h lib/conf.h lib/die.h lib/inquiry.h lib/json.h \
	lib/lookup.h lib/num.h lib/pile.h lib/planner.h lib/rec.h lib/sids.h \
	lib/store.h lib/survey.h lib/twilio.h lib/when.h
bin/sms-hook.o: lib/buf.h lib/cgi.h lib/confine.h lib/cron.h lib/die.h \
	lib/edge.h lib/http.h lib/intake.h lib/json.h lib/listener.h \
	lib/rec.h lib/spool.h lib/store.h lib/webhook.h lib/when.h
bin/sms-json.o: lib/buf.h lib/die.h lib/jsonl.h lib/mask.h lib/rec.h
bin/sms-list.o: lib/access.h lib/buf.h lib/conf.h lib/die.h lib/explain.h \
	lib/mask.h lib/num.h lib/rec.h lib/story.h lib/table.h lib/view.h \
	lib/when.h
bin/sms-lock.o: lib/buf.h lib/conf.h lib/die.h lib/num.h
bin/sms-log.o: lib/access.h lib/buf.h lib/callback.h lib/conf.h lib/die.h \
	lib/event.h lib/form.h lib/inbound.h lib/json.h lib/mask.h lib/num.h \
	lib/rec.h lib/table.h lib/view.h lib/when.h
bin/sms-optout.o: lib/buf.h lib/conf.h lib/die.h lib/mask.h lib/message.h \
	lib/rec.h lib/segment.h lib/store.h lib/when.h
bin/sms-prune.o: lib/buf.h lib/conf.h lib/db.h lib/die.h lib/rec.h \
	lib/store.h lib/when.h
bin/sms-report.o: lib/access.h lib/buf.h lib/conf.h lib/db.h lib/die.h \
	lib/mask.h lib/rec.h lib/table.h lib/view.h lib/when.h
bin/sms-retry.o: lib/buf.h lib/conf.h lib/die.h lib/intake.h lib/mask.h \
	lib/message.h lib/num.h lib/rec.h lib/segment.h lib/spool.h \
	lib/store.h lib/when.h
bin/sms-send.o: lib/buf.h lib/charname.h lib/conf.h lib/die.h lib/inflight.h \
	lib/json.h lib/ledger.h lib/mask.h lib/message.h lib/num.h \
	lib/outbox.h lib/progress.h lib/rec.h lib/refs.h lib/segment.h \
	lib/store.h lib/twilio.h lib/utf8.h lib/when.h
bin/sms-sign.o: lib/buf.h lib/callback.h lib/conf.h lib/die.h lib/doctor.h \
	lib/form.h lib/http.h lib/num.h lib/rec.h lib/sign.h lib/store.h \
	lib/when.h
bin/sms-sim.o: lib/buf.h lib/conf.h lib/die.h lib/http.h lib/num.h \
	lib/sim-api.h lib/sim-courier.h lib/sim-plan.h lib/sim.h lib/when.h
bin/sms-stat.o: lib/buf.h lib/conf.h lib/die.h lib/ran.h lib/rec.h \
	lib/spool.h lib/view.h lib/when.h
bin/sms-stuck.o: lib/buf.h lib/conf.h lib/die.h lib/inflight.h lib/num.h \
	lib/rec.h lib/store.h lib/when.h
bin/sms-wait.o: lib/buf.h lib/conf.h lib/die.h lib/mask.h lib/progress.h \
	lib/rec.h lib/view.h lib/when.h
lib/access.o: lib/access.h lib/buf.h lib/db.h lib/die.h lib/rec.h lib/store.h \
	lib/when.h
lib/batch.o: lib/batch.h lib/buf.h lib/rec.h lib/store.h lib/when.h
lib/buf.o: lib/buf.h lib/die.h
lib/callback.o: lib/buf.h lib/callback.h lib/conf.h lib/form.h lib/num.h \
	lib/rec.h lib/sign.h lib/utf8.h lib/when.h
lib/cgi.o: lib/buf.h lib/cgi.h lib/conf.h lib/die.h lib/http.h lib/num.h \
	lib/when.h
lib/charname.o: lib/charname.h
lib/conf.o: lib/buf.h lib/conf.h lib/die.h
lib/confine.o: lib/confine.h
lib/cron.o: lib/buf.h lib/conf.h lib/cron.h lib/die.h lib/form.h lib/http.h \
	lib/sign.h lib/when.h
lib/db.o: lib/buf.h lib/db.h lib/die.h lib/when.h
lib/die.o: lib/buf.h lib/die.h lib/mask.h lib/rec.h
lib/doctor.o: lib/buf.h lib/callback.h lib/conf.h lib/doctor.h lib/form.h \
	lib/http.h lib/mask.h lib/rec.h lib/sign.h lib/utf8.h lib/variant.h \
	lib/when.h
lib/edge.o: lib/conf.h lib/die.h lib/edge.h lib/num.h
lib/event.o: lib/buf.h lib/callback.h lib/event.h lib/form.h lib/inbound.h \
	lib/intake.h lib/json.h lib/rec.h lib/spool.h lib/store.h lib/when.h
lib/explain.o: lib/buf.h lib/die.h lib/explain.h
lib/form.o: lib/buf.h lib/form.h
lib/http.o: lib/buf.h lib/die.h lib/http.h lib/num.h lib/when.h
lib/inbound.o: lib/buf.h lib/callback.h lib/form.h lib/inbound.h \
	lib/intake.h lib/num.h lib/rec.h lib/spool.h lib/store.h lib/utf8.h \
	lib/when.h
lib/inflight.o: lib/buf.h lib/inflight.h
lib/inquiry.o: lib/buf.h lib/die.h lib/inquiry.h lib/json.h lib/lookup.h \
	lib/mask.h lib/rec.h lib/twilio.h lib/when.h
lib/intake.o: lib/buf.h lib/die.h lib/intake.h lib/num.h lib/rec.h \
	lib/spool.h lib/store.h lib/tally.h lib/utf8.h lib/when.h
lib/json.o: lib/buf.h lib/die.h lib/json.h lib/num.h lib/rec.h lib/utf8.h \
	lib/when.h
lib/jsonl.o: lib/buf.h lib/die.h lib/jsonl.h lib/num.h lib/utf8.h
lib/ledger.o: lib/buf.h lib/die.h lib/form.h lib/inflight.h lib/ledger.h \
	lib/message.h lib/rec.h lib/refs.h lib/segment.h lib/sign.h \
	lib/store.h lib/when.h
lib/listener.o: lib/buf.h lib/cron.h lib/die.h lib/edge.h lib/http.h \
	lib/intake.h lib/json.h lib/listener.h lib/rec.h lib/settler.h \
	lib/spool.h lib/store.h lib/webhook.h lib/when.h
lib/lookup.o: lib/buf.h lib/die.h lib/form.h lib/json.h lib/lookup.h \
	lib/rec.h lib/sign.h lib/store.h lib/twilio.h lib/when.h
lib/mask.o: lib/buf.h lib/mask.h lib/rec.h
lib/message.o: lib/buf.h lib/die.h lib/form.h lib/message.h lib/segment.h
lib/num.o: lib/die.h lib/num.h
lib/outbox.o: lib/buf.h lib/die.h lib/inflight.h lib/json.h lib/ledger.h \
	lib/mask.h lib/message.h lib/outbox.h lib/progress.h lib/rec.h \
	lib/refs.h lib/reply.h lib/segment.h lib/store.h lib/twilio.h \
	lib/when.h
lib/pile.o: lib/buf.h lib/die.h lib/pile.h lib/rec.h
lib/planner.o: lib/planner.h
lib/progress.o: lib/die.h lib/progress.h lib/when.h
lib/ran.o: lib/num.h lib/ran.h lib/when.h
lib/range.o: lib/range.h lib/when.h
lib/rec.o: lib/buf.h lib/die.h lib/mask.h lib/rec.h lib/utf8.h
lib/refs.o: lib/buf.h lib/die.h lib/form.h lib/refs.h lib/sign.h
lib/reply.o: lib/buf.h lib/die.h lib/json.h lib/mask.h lib/rec.h lib/reply.h \
	lib/twilio.h
lib/segment.o: lib/segment.h lib/utf8.h
lib/settler.o: lib/buf.h lib/die.h lib/edge.h lib/intake.h lib/num.h \
	lib/rec.h lib/settler.h lib/spool.h lib/store.h lib/utf8.h lib/when.h
lib/sids.o: lib/buf.h lib/die.h lib/mask.h lib/rec.h lib/sids.h
lib/sign.o: lib/buf.h lib/form.h lib/sign.h
lib/sim-api.o: lib/buf.h lib/die.h lib/form.h lib/http.h lib/num.h \
	lib/sim-api.h lib/sim-courier.h lib/sim-messages.h lib/sim-plan.h \
	lib/sim.h lib/when.h
lib/sim-courier.o: lib/buf.h lib/die.h lib/form.h lib/num.h lib/sign.h \
	lib/sim-courier.h lib/when.h
lib/sim-messages.o: lib/buf.h lib/form.h lib/http.h lib/num.h lib/rec.h \
	lib/sim-api.h lib/sim-courier.h lib/sim-messages.h lib/sim-plan.h \
	lib/sim.h lib/when.h
lib/sim-plan.o: lib/buf.h lib/die.h lib/form.h lib/num.h lib/sign.h \
	lib/sim-plan.h
lib/sim.o: lib/buf.h lib/db.h lib/die.h lib/form.h lib/sign.h \
	lib/sim-courier.h lib/sim-plan.h lib/sim.h lib/utf8.h
lib/spool.o: lib/spool.h lib/when.h
lib/store-batch.o: lib/buf.h lib/db.h lib/rec.h lib/store-inner.h lib/store.h \
	lib/when.h
lib/store-hook.o: lib/buf.h lib/db.h lib/die.h lib/rec.h lib/store-inner.h \
	lib/store.h lib/when.h
lib/store-send.o: lib/buf.h lib/db.h lib/rec.h lib/store-inner.h lib/store.h \
	lib/when.h
lib/store-stuck.o: lib/buf.h lib/db.h lib/rec.h lib/store-inner.h lib/store.h \
	lib/when.h
lib/store.o: lib/buf.h lib/db.h lib/die.h lib/rec.h lib/store-inner.h \
	lib/store.h lib/when.h
lib/story.o: lib/buf.h lib/explain.h lib/mask.h lib/rec.h lib/story.h \
	lib/table.h lib/view.h lib/when.h
lib/survey.o: lib/buf.h lib/form.h lib/json.h lib/planner.h lib/rec.h \
	lib/survey.h lib/twilio.h lib/when.h
lib/table.o: lib/buf.h lib/table.h lib/utf8.h
lib/tally.o: lib/num.h lib/tally.h lib/when.h
lib/twilio.o: lib/buf.h lib/conf.h lib/die.h lib/num.h lib/twilio.h \
	lib/when.h
lib/usual.o: lib/usual.h
lib/utf8.o: lib/utf8.h
lib/variant.o: lib/buf.h lib/form.h lib/http.h lib/variant.h
lib/view.o: lib/buf.h lib/db.h lib/rec.h lib/store.h lib/view.h lib/when.h
lib/webhook.o: lib/buf.h lib/callback.h lib/conf.h lib/cron.h lib/die.h \
	lib/event.h lib/form.h lib/http.h lib/inbound.h lib/intake.h \
	lib/json.h lib/rec.h lib/spool.h lib/store.h lib/utf8.h \
	lib/webhook.h lib/when.h
lib/when.o: lib/die.h lib/num.h lib/when.h
