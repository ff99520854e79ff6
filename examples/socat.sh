#!/bin/sh
# socat(1), plain HTTP: for trying things out, or behind a TLS proxy.
#
# nofork: the client's socket itself becomes standard input and output of
# sms-hook.  Without it socat stands in between and ends the child half a
# second after the client is gone, written down or not.
# max-children: enough that slow clients do not keep Twilio out; more than
# these wait in the backlog.
exec socat \
	TCP-LISTEN:8444,bind=127.0.0.1,reuseaddr,fork,max-children=300,backlog=512 \
	EXEC:/usr/local/bin/sms-hook,nofork
