#!/bin/sh
# Installs what the tests need, builds, runs every test.
#
#	sh tests/run.sh [-n] [name ...]
#
# With -n nothing is installed and nothing but the tests is run: that is
# what `make check` does.  Names (apply hook ...) choose test files.  All
# output of the tests is kept below build/log.  The last line is always
# "N passed, N failed"; the status is 0 if none failed and something ran.
# A skipped test counts as a failure.

# Lists of words are meant to be split, and step calls functions by name.
# shellcheck disable=SC2015,SC2016,SC2086,SC2317

set -u
cd "$(dirname "$0")/.." || exit 1
root=$PWD
log=$root/build/log
# The last prism that runs on Debian 12's node 18, each part of it named: left
# to themselves they fetch newer ones of each other.
prism='@stoplight/prism-cli@5.10.0 @stoplight/prism-http@5.10.0
	@stoplight/prism-http-server@5.10.0 @stoplight/prism-core@5.8.0'
packages='gcc make libc6-dev libsqlite3-dev libssl-dev libcurl4-openssl-dev
	apache2-bin bats bsdextrautils ca-certificates clang curl eatmydata
	gnuplot-nox iproute2 ipsvd jq libclang-rt-dev libxml2-utils mandoc
	netbase openssl procps s6 shellcheck socat sqlite3 strace systemd
	ucspi-tcp'
# These would be started, and some of them exclude each other: they are only
# unpacked, with the libraries that they need.
servers='busybox caddy fcgiwrap haproxy inetutils-inetd lighttpd nginx
	openbsd-inetd prometheus prometheus-node-exporter stunnel4 xinetd
	libbsd0 libevent-2.1-7 libfcgi0ldbl
	liblua5.3-0 libmd0 libnsl2 libopentracing-c-wrapper0 libopentracing1
	libtirpc-common libtirpc3 libwrap0 libxxhash0'
passed=0 failed=0 install=1

finish() {
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
	exit
}

give_up() {
	failed=$((failed + 1))
	printf '%s\n' "$@"
	finish
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

# Debian's packages, and prism, an HTTP server that accepts what Twilio's
# OpenAPI document allows.
install_all() {
	command -v dpkg-query >/dev/null || {
		echo 'This is not Debian; the tests need what these packages hold,'
		echo 'and go on with what is here:' $packages nodejs npm
		return
	}
	missing=
	command -v node >/dev/null || packages="$packages nodejs"
	command -v npm >/dev/null || packages="$packages npm"
	for p in $packages; do
		case $(dpkg-query -W -f '${Status}' "$p" 2>/dev/null) in
		*' installed') ;;
		*) missing="$missing $p" ;;
		esac
	done
	if [ -n "$missing" ]; then
		as_root true 2>/dev/null || give_up \
			'These packages are missing, and installing them takes root:' \
			"$(printf '\t%s\n' $missing)" \
			'Install them, then run this again:' \
			"	sudo apt-get install --no-install-recommends$missing"
		echo "Installing these packages with apt-get:$missing"
		as_root apt-get update >"$log/apt" 2>&1 &&
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y \
			--no-install-recommends $missing >>"$log/apt" 2>&1 ||
			give_up "$(tail -n 20 "$log/apt")" 'apt-get failed.'
	fi
	if [ "$(cat build/servers/packages 2>/dev/null)" != "$servers" ]; then
		echo 'Unpacking servers for the tests into build/servers'
		rm -rf build/servers
		mkdir -p build/servers
		(cd build/servers && apt-get download $servers &&
		for p in *.deb; do dpkg -x "$p" . || exit; done &&
		rm -f ./*.deb && echo "$servers" >packages) >"$log/servers" 2>&1 ||
			echo "That failed: $(tail -n 1 "$log/servers")"
	fi
	if ! [ -x build/prism/node_modules/.bin/prism ]; then
		echo 'Installing prism with npm into build/prism'
		mkdir -p build/prism
		npm install --no-save --no-package-lock --no-audit --no-fund \
			--prefix "$root/build/prism" $prism >"$log/npm" 2>&1 ||
			echo "That failed: $(tail -n 3 "$log/npm")"
	fi
}

# step name command...: a command that counts as one test.
step() {
	name=$1
	shift
	if "$@" >"$log/$name" 2>&1 </dev/null; then
		passed=$((passed + 1))
		echo "ok $name"
		return 0
	fi
	failed=$((failed + 1))
	echo "not ok $name"
	tail -n 40 "$log/$name" | sed 's/^/# /'
	return 1
}

# units label tree: the programs of tests/unit.
units() {
	for source in tests/unit/*.c; do
		unit=${source%.c}
		step "$1-${unit##*/}" "$2/$unit"
	done
}

# suite label tree name...: runs tests/NAME.bats of that tree, four files at a
# time, for they wait more than they work.  Reads the results from TAP: what was
# planned and not run has failed.
suite() {
	label=$1 tree=$2
	to=$log/$1
	shift 2
	mkdir -p "$to"
	echo "Running $label:" "$@"
	printf '%s\n' "$@" | xargs -P 4 -I '{}' sh -c \
		'timeout -k 10 600 bats --tap "$1/tests/$3.bats" >"$2/$3.tap" 2>&1 </dev/null
		echo "# status $?" >>"$2/$3.tap"' sh "$tree" "$to" '{}'
	for name; do
		counts=$(awk '
			/^1\.\.[0-9]+$/ { plan = substr($0, 4); planned = 1 }
			/^ok / && !/ # skip/ { good++ }
			/^ok .* # skip/ || /^not ok / { bad++ }
			/^# status / { status = $3 }
			END {
				if (good + bad < plan) bad = plan - good
				if (!planned || good + bad == 0 ||
				    status != 0 && bad == 0) bad++
				print good + 0, bad + 0
			}' "$to/$name.tap" || echo 0 1)
		good=${counts% *} bad=${counts#* }
		passed=$((passed + good)) failed=$((failed + bad))
		[ "$bad" -eq 0 ] && ok=ok || ok='not ok'
		echo "$ok $name: $good passed, $bad failed"
		[ "$bad" -eq 0 ] || awk '
			/^(not )?ok / || /^1\.\./ { show = /^not ok / || / # skip/ }
			!planned || show { print "#\t" $0 }
			/^1\.\./ { planned = 1 }
			/^# status/ && !/ 0$| 1$/ { print "#\t" $0 }' "$to/$name.tap"
	done
}

# The tree once more, built so that a wrong access ends the program.
sanitized() (
	flags='-fsanitize=address,undefined -fno-sanitize-recover=all'
	rm -rf build/sanitized
	mkdir -p build/sanitized &&
	cp -R Makefile README.md bin examples lib man sql tests \
		build/sanitized &&
	cd build/sanitized && make clean &&
	make -j 2 all units CFLAGS="-O1 -g -fno-omit-frame-pointer $flags" \
		LDFLAGS="$flags"
)

while getopts n option; do
	case $option in
	n) install=0 ;;
	*) echo 'usage: sh tests/run.sh [-n] [name ...]' >&2; exit 64 ;;
	esac
done
shift $((OPTIND - 1))

mkdir -p "$log"
names=$*
if [ -z "$names" ]; then
	# the longest first, so that none is left to run alone
	for f in tests/once.bats tests/siege.bats tests/torture.bats \
	    tests/doors.bats tests/*.bats; do
		f=${f##*/}
		f=${f%.bats}
		case " $names " in *" $f "*) ;; *) names="$names $f" ;; esac
	done
	all=1
else
	all=0
fi

if [ "$install" -eq 1 ]; then
	install_all
	if [ "$all" -eq 1 ]; then
		step strict make -j 2 strict
		step lint make lint
		# a minute for all; without clang's fuzzer this fails, and says so
		step fuzz make fuzz STRICT=-Werror
	fi
	step build make -j 2 all units || finish
fi
[ "$all" -eq 0 ] || units unit "$root"
suite tests "$root" $names
if [ "$install" -eq 1 ] && [ "$all" -eq 1 ]; then
	# without those that are about other things than bytes read or that kill
	# by the hundred, and confine: a sanitizer needs what that forbids
	names=$(for n in $names; do echo "$n"; done | grep -vxE \
		'confine|doors|examples|man|once|prism|siege|torture|web')
	if step sanitized sanitized; then
		units unit-sanitized "$root/build/sanitized"
		suite tests-sanitized "$root/build/sanitized" $names
	fi
fi
finish
