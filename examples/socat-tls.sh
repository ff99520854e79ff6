#!/bin/sh
# socat(1) with TLS, facing the internet without any other server.
#
# cert: the certificate, its chain and the key, one behind the other in one
# file.  verify=0: clients need no certificate; Twilio proves who it is by
# the signature.  nofork is not possible with TLS, so socat relays; -t 30
# keeps it from ending the child half a second after one side has closed.
# Good enough for little traffic; for more, put stunnel, haproxy, nginx or
# caddy in front of another example of this folder.
exec socat -t 30 \
	OPENSSL-LISTEN:8443,reuseaddr,fork,max-children=300,backlog=512,cert=/etc/smspipe/tls.pem,verify=0 \
	EXEC:/usr/local/bin/sms-hook
