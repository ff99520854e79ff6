#!/bin/sh
# Photographs the page of examples/dashboard.sh in headless Chromium, light and
# dark, 400 and 1400 pixels wide, full, with its tables open, and empty:
#
#	apt-get install chromium gnuplot-nox
#	sh tests/look.sh build/look
#
# This is for eyes, not for the suite.  Seen on 2026-11-23 with Chromium and
# gnuplot 5.4 of Debian 12, a month of tests/fixtures/month.sql:
#
# - 1400: two columns; 400: one, nothing clipped and no scrolling sideways but
#   within a wide table.  Text in plots is about 11 pixels high at 400.
# - Dark: ground, text, axes, grid and all six colours change; text on ground
#   and the neighbours in a stack are told apart in both.
# - The two days without messages are gaps, the day on which many fail stands
#   out in volume and rate, today's open ones are "on the way".
# - Mended after looking: type was 9 pixels at 400; dates broke in tables; the
#   table of the rate was that of the volume.
# - Empty: one line that says so.

set -eu
cd "$(dirname "$0")/.."
[ $# -eq 1 ] || { echo 'usage: look.sh folder' >&2; exit 64; }
mkdir -p "$1"
to=$(cd "$1" && pwd)
dir=$(mktemp -d)
# shellcheck disable=SC2154
trap 's=$?; rm -rf "$dir"; exit $s' EXIT
PATH=$PWD/bin:$PATH
export SMS_CONF=/dev/null SMS_DB="$dir/sms.db"

sms-apply </dev/null
sh examples/dashboard.sh "$to/empty.html"
sqlite3 "$SMS_DB" <tests/fixtures/month.sql
sh examples/dashboard.sh "$to/full.html"
sed 's/<details>/<details open="open">/' "$to/full.html" >"$to/open.html"
for page in full open empty; do
	for size in 400,2400 1400,1500; do
		# 0 is dark, 1 is light
		for scheme in dark,0 light,1; do
			chromium --headless=new --no-sandbox --disable-gpu \
				--hide-scrollbars --user-data-dir="$dir/chromium" \
				--blink-settings="preferredColorScheme=${scheme#*,}" \
				--window-size="$size" \
				--screenshot="$to/$page-${size%,*}-${scheme%,*}.png" \
				"file://$to/$page.html" 2>/dev/null
		done
	done
done
ls "$to"
