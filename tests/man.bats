# The manual pages: there, clean, true to the programs, and with examples
# that work when pasted.

load helper

setup() {
	common_setup
}

teardown() {
	common_teardown
}

commands() {
	local f
	for f in "$ROOT"/bin/*.c "$ROOT"/bin/*.sh; do
		basename "${f%.*}"
	done
}

# page name: the text of a page, without bold and underlined, unwrapped
page() {
	mandoc -T ascii -O width=1000 "$ROOT/man/$1".[1-8] | sed 's/.\x08//g'
}

# section name title: what a page has under that title
section() {
	page "$1" | awk -v title="$2" '/^[A-Z]/ { inside = $0 == title; next } inside'
}

# Code stands in displays, and these are indented further than text.  Lines
# of crontab(5) and inetd.conf(5) are for files, and a listening socat is what
# hook_start has already begun.
examples() {
	section "$1" EXAMPLES | sed -n 's/^ \{9,\}//p' | awk '
		/^[0-9*]+ [0-9*]+ / || /^[0-9.]+:[0-9]+ stream / ||
			/^socat .*-LISTEN:/ { skip = 1 }
		!skip
		!/\\$/ { skip = 0 }'
}

@test "every command has a page with what a page needs" {
	local name title
	for name in $(commands); do
		echo "$name"
		ls "$ROOT/man/$name".[1-8]
		for title in NAME SYNOPSIS DESCRIPTION 'EXIT STATUS' EXAMPLES; do
			echo "$title"
			[ -n "$(section "$name" "$title")" ]
		done
	done
	for name in sms sms-record; do
		[ -n "$(section "$name" EXAMPLES)" ]
	done
}

@test "mandoc has nothing to say about any page" {
	run mandoc -T lint -W warning "$ROOT"/man/*.[1-8]
	echo "$output"
	[ "$status" -eq 0 ] && [ -z "$output" ]
}

@test "-h prints the words of SYNOPSIS on stdout, and a wrong option on stderr" {
	local name usage
	for name in $(commands); do
		usage=$("$name" -h 2>err)
		[ ! -s err ]
		diff <(section "$name" SYNOPSIS | tr -s ' \n' ' ') \
			<(echo " ${usage#usage: }" | tr -s ' \t\n' ' ')
		run -64 --separate-stderr "$name" '-?'
		[ -z "$output" ]
		[[ $stderr == *"$usage"* ]]
	done
}

@test "-V prints name and version" {
	local name
	for name in $(commands); do
		[[ "$("$name" -V)" =~ ^$name\ [0-9.]+$ ]]
	done
}

@test "each option of SYNOPSIS is described, and no other" {
	local name
	for name in $(commands); do
		echo "$name"
		diff <(section "$name" SYNOPSIS | grep -oE '(\[|\| |^ +[-a-z]+ )-[A-Za-z0-9]+' |
				sed 's/.*-//' | grep -o . | sort -u | grep -v '[hV]') \
			<(section "$name" DESCRIPTION |
				sed -n 's/^ \{5\}-\([A-Za-z0-9]\).*/\1/p' | sort -u |
				grep -v '[hV]')
	done
}

@test "every page is named in sms(7), and every page it refers to is there" {
	local f name
	for name in $(commands); do
		page sms | grep -q "$name"
	done
	for f in "$ROOT"/man/*.[1-8]; do
		for name in $(page "$(basename "${f%.*}")" |
			grep -o 'sms[-a-z]*([1-8])' | tr '()' '. '); do
			echo "$f: $name"
			[ -e "$ROOT/man/$name" ]
		done
	done
}

@test "the examples of every page work when pasted" {
	local f name
	sim_start -s 20
	hook_start
	for f in "$ROOT"/man/*.[1-8]; do
		name=$(basename "${f%.*}")
		examples "$name" >script
		[ -s script ]
		printf '%s:\n' "$name"
		cat script
		# (sqlite3 gives up at once while a hook that ends has the database)
		{
			echo "sqlite3() { command sqlite3 -cmd '.timeout 10000' \"\$@\"; }"
			cat script
		} >patient
		timeout 60 bash -e -o pipefail patient </dev/null
	done
}
