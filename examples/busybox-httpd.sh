#!/bin/sh
# busybox httpd: starts sms-hook by CGI for each callback.  For a small router
# behind something that ends TLS; it limits nothing and logs nothing, and where
# more than nine connect at once the others try again a second later.
#
# All that is executable in cgi-bin can be reached, so nothing else is there.
# The public URL ends in the program's name:
#	TWILIO_STATUS_CALLBACK=https://sms.example.org/cgi-bin/sms-hook
mkdir -p /var/lib/smspipe/www/cgi-bin &&
ln -sf /usr/local/bin/sms-hook /var/lib/smspipe/www/cgi-bin/sms-hook &&
exec busybox httpd -f -p 127.0.0.1:8444 -h /var/lib/smspipe/www
