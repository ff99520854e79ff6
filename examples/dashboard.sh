#!/bin/sh
# A page of pictures: how many messages there were each day and what became of
# them, how many arrived and how fast, what went wrong, and what it cost.
#
#	sh dashboard.sh /var/www/sms/index.html [days]
#
# One static file for cron to publish: no scripts, nothing from elsewhere, and
# no numbers of telephones that sms-report(1) does not mask.  Each picture has
# its figures in a table below it.  The file is replaced in one step, so nobody
# reads half of it, and stays as it was if something fails.  30 days are shown
# by default.  Needs gnuplot (Debian: gnuplot-nox).
#
#	*/15 * * * * sh /usr/local/share/smspipe/examples/dashboard.sh /var/www/sms/index.html

set -eu
export LC_ALL=C
case $#:${2-30} in
[12]:*[!0-9]*|[12]:|[12]:0*|[!12]:*)
	echo 'usage: dashboard.sh file [days]' >&2
	exit 64 ;;
esac
file=$1 days=${2-30}
if [ -d "$file" ]; then
	echo "dashboard.sh: '$file' is a directory: name a file in it" >&2
	exit 64
fi
command -v gnuplot >/dev/null || {
	echo 'dashboard.sh: no gnuplot: install gnuplot-nox' >&2
	exit 78
}

dir=$(mktemp -d)
page=
# shellcheck disable=SC2154
trap 's=$?; rm -rf "$dir" ${page:+"$page"}; exit $s' EXIT
trap 'exit 130' INT TERM
page=$(mktemp "$file.XXXXXX")

# If one of them fails, so does this, with the same status.
since=$(sqlite3 :memory: "SELECT date('now', '-$((days - 1)) days')")
until=$(sqlite3 :memory: "SELECT date('now')")
for name in daily errors latency cost; do
	sms-report -H -S "${since}T00:00:00Z" "$name" >"$dir/$name.tsv"
done

# Callbacks bring codes without words.
codes=$(cut -f 1 "$dir/errors.tsv" | grep -x '[0-9]*' | sort -u) || codes=
if [ -n "$codes" ]; then
	# shellcheck disable=SC2086
	sms-explain $codes >"$dir/titles"
	awk -F '\t' -v OFS='\t' '
		FILENAME ~ /titles$/ { title[$1] = $2; next }
		$2 == "\\N" && $1 in title { $2 = title[$1] }
		{ print }' "$dir/titles" "$dir/errors.tsv" >"$dir/told.tsv"
	mv "$dir/told.tsv" "$dir/errors.tsv"
fi

# columns name awk-program: runs it over a report, where at["count"] is the
# number of the column of that name.
columns() {
	awk -F '\t' -v OFS='\t' '
		NR == 1 { sub(/^# ?/, ""); for (i = 1; i <= NF; i++) at[$i] = i; next }
		'"$2" "$dir/$1.tsv"
}

# What is drawn.  Statuses are drawn in six groups, each from the top of those
# before it.
columns daily '
	function group(s) {
		if (s == "delivered" || s == "read") return 1
		if (s ~ /^(scheduled|accepted|queued|sending|sent|pending)$/) return 2
		if (s == "undelivered") return 4
		if (s == "failed") return 5
		if (s == "canceled") return 6
		return 3
	}
	{ day[$at["date"]]; n[$at["date"], group($at["status"])] += $at["count"] }
	END {
		for (d in day) {
			line = d
			sum = 0
			for (g = 1; g <= 6; g++)
				line = line OFS (sum += n[d, g])
			ended = n[d, 1] + n[d, 4] + n[d, 5]
			print line, ended ? 100 * n[d, 1] / ended : "NaN",
				n[d, 1] + 0, ended
		}
	}' | sort >"$dir/volume.dat"
awk -F '\t' -v OFS='\t' '
	BEGIN { print "date", "arrived", "of", "rate" }
	$10 > 0 { print $1, $9, $10, sprintf("%.1f %%", $8) }
	' "$dir/volume.dat" | sort -r >"$dir/rate.tsv"
columns errors '{ n[$at["error_code"]] += $at["occurrences"] }
	END { for (c in n) print n[c], c }' | sort -rn | head -n 10 >"$dir/errors.dat"
columns latency '{ print $at["date"], $at["p50"], $at["p95"] }' |
	sort >"$dir/latency.dat"
columns cost '$at["currency"] ~ /^[A-Z]+$/ {
		print $at["date"], $at["currency"], $at["cost"]
	}' | sort >"$dir/cost.dat"
currencies=$(cut -f 2 "$dir/cost.dat" | sort -u)

# svg name label: an SVG of gnuplot, made part of a page: its colours become
# classes, its fonts those of the page, and what nobody refers to goes.
svg() {
	printf '<svg viewBox="0 0 480 240" role="img" aria-label="%s">\n' "$2"
	sed -e '1,/^<\/defs>/d' -e '/^<\/svg>/d' -e '/^<g fill=.*>$/{
		N
		/\n<\/g>$/d
		}' -e '/^$/d' "$dir/$1.svg" |
	sed -e 's/<use xlink:href=.* transform=.translate(\([0-9.]*\),\([0-9.]*\)).* color=.rgb(.*, *\([0-9]\)).*/<circle cx="\1" cy="\2" r="1.8" class="f\3"\/>/' \
		-e 's/ id="[^"]*"//; s/<title>.*<\/title>//; s/ font-[a-z]*="[^"]*"//g' \
		-e "s/ stroke='rgb([ 0]*, *0, *\\([0-9]*\\))'/ class=\"s\\1\"/g" \
		-e "s/ fill = 'rgb([ 0]*, *0, *\\([0-9]*\\))'/ class=\"f\\1\"/g" \
		-e "s/ stroke=['\"]rgb([^)]*)['\"]\\( class\\)/\\1/g" \
		-e "s/ \\(stroke\\|fill\\)=['\"]rgb([^)]*)['\"]/ \\1=\"currentColor\"/g" \
		-e 's/ color="[a-z]*"//g; s/="black"/="currentColor"/g' \
		-e '$d'
	echo '</svg>'
}

# table name caption: the figures as they are
table() {
	printf '<details><summary>%s</summary><div class="wide" tabindex="0"><table>\n' "$2"
	awk -F '\t' '
		{ gsub(/&/, "\\&amp;"); gsub(/</, "\\&lt;"); gsub(/>/, "\\&gt;") }
		NR == 1 { sub(/^# ?/, ""); gsub(/_/, " ") }
		{
			cell = NR == 1 ? "th" : "td"
			printf "<tr>"
			for (i = 1; i <= NF; i++)
				printf "<%s>%s</%s>", cell, $i == "\\N" ? "" : $i, cell
			print "</tr>"
		}' "$dir/$1.tsv"
	echo '</table></div></details>'
}

# key class word ...: what the colours mean
key() {
	echo '<ul class="key">'
	while [ $# -gt 0 ]; do
		printf '<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" class="f%s"/></svg> %s</li>\n' "$1" "$2"
		shift 2
	done
	echo '</ul>'
}

# picture title name label table [class word ...]: one part of the page
picture() {
	printf '<section><h2>%s</h2>\n' "$1"
	if [ -s "$dir/$2.svg" ]; then
		svg "$2" "$3"
		report=$4
		shift 4
		[ $# -eq 0 ] || key "$@"
		table "$report" Figures
	else
		echo '<p>Nothing in this time.</p>'
	fi
	echo '</section>'
}

cat >"$dir/head.gp" <<END
set terminal svg size 480,240 dynamic font ",14" noenhanced
set border 1 lc rgb "#010203"
set grid ytics lc rgb "#010204" lt 1
set tics nomirror scale 0.4
unset mxtics
set style fill solid noborder
unset key
set format y "%.0f"
set yrange [0:4<*]
set xdata time
set timefmt "%Y-%m-%d"
set format x "%d %b"
set xtics $((days > 14 ? days / 5 : (days + 6) / 7)) * 86400
set xrange [strptime("%Y-%m-%d", "$since") - 52000:strptime("%Y-%m-%d", "$until") + 52000]
set boxwidth 69120 absolute
set datafile separator tab
END
# draw name: runs the commands that it reads, after the common ones
draw() {
	{ cat "$dir/head.gp"; echo "set output '$dir/$1.svg'"; cat; } >"$dir/$1.gp"
	gnuplot "$dir/$1.gp"
}
[ ! -s "$dir/volume.dat" ] || draw volume <<END
plot for [g=6:1:-1] '$dir/volume.dat' using 1:(column(g + 1)) with boxes lc rgb g
END
[ ! -s "$dir/volume.dat" ] || draw rate <<END
set yrange [0:100]
set format y "%.0f %%"
plot '$dir/volume.dat' using 1:8 with linespoints pt 7 ps 0.4 lw 2 lc rgb 1
END
# A range that is a minute at least: gnuplot would complain of an empty one.
top=$(awk -F '\t' '{ for (i = 2; i <= 3; i++) if ($i + 0 > top) top = $i + 0 }
	END { print (top > 60 ? 1.1 * top : 60) }' "$dir/latency.dat")
[ ! -s "$dir/latency.dat" ] || draw latency <<END
set yrange [1:$top]
set logscale y
set ytics ("1 s" 1, "10 s" 10, "1 min" 60, "10 min" 600, "1 h" 3600, "6 h" 21600, "1 d" 86400)
plot '$dir/latency.dat' using 1:(\$3 < 1 ? 1 : \$3) with linespoints pt 7 ps 0.4 lw 2 lc rgb 4, \\
	'' using 1:(\$2 < 1 ? 1 : \$2) with linespoints pt 7 ps 0.4 lw 2 lc rgb 1
END
[ ! -s "$dir/errors.dat" ] || draw errors <<END
set xdata
set format x "%.0f"
set xrange [-0.6:$(wc -l <"$dir/errors.dat") - 0.4]
set xtics autofreq rotate by -45
set boxwidth 0.7 absolute
plot '$dir/errors.dat' using 0:1:xtic(2) with boxes lc rgb 5
END
for c in $currencies; do
	awk -F '\t' -v c="$c" '$2 == c' "$dir/cost.dat" >"$dir/cost-$c.dat"
	top=$(awk -F '\t' '$3 + 0 > top { top = $3 + 0 }
		END { print (top > 0 ? "*" : 1) }' "$dir/cost-$c.dat")
	draw "cost-$c" <<END
set yrange [0:$top]
set format y "%g"
plot '$dir/cost-$c.dat' using 1:3 with boxes lc rgb 2
END
done

{
	cat <<'END'
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<meta name="robots" content="noindex"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<title>Messages</title>
<style>
:root { --text: #1b1b1b; --ground: #fff; --line: #d8d8d8;
  --c1: #00795b; --c2: #3a97cf; --c3: #8a8a8a; --c4: #d98e00; --c5: #c43d00;
  --c6: #b0619a; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e6e6; --ground: #161616; --line: #3c3c3c;
    --c1: #2fb58d; --c2: #6cbdec; --c3: #9a9a9a; --c4: #f0b13c;
    --c5: #f0703a; --c6: #d78cc0; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 88rem; padding: 1rem; color: var(--text);
  background: var(--ground); font: 1rem/1.4 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 0 0 .3rem; }
p { margin: .2rem 0; }
main { display: grid; gap: 2rem; margin-top: 1.5rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); }
section { min-width: 0; }
section > svg { display: block; width: 100%; height: auto; font-size: 14px; }
@media (min-width: 64rem) { section > svg { font-size: 12px; } }
.sums { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: 1rem 0 0;
  padding: 0; list-style: none; }
.sums b { display: block; font-size: 1.6rem; line-height: 1.2; }
.key { display: flex; flex-wrap: wrap; gap: .1rem .9rem; margin: .3rem 0;
  padding: 0; list-style: none; font-size: .85rem; }
.key svg { width: .7em; height: .7em; }
.wide { overflow-x: auto; max-height: 24rem; }
table { border-collapse: collapse; font-size: .85rem; }
th, td { padding: .15rem .7rem .15rem 0; text-align: left;
  white-space: nowrap; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
summary { cursor: pointer; font-size: .85rem; }
.gridline { stroke: var(--line); }
END
	for i in 1 2 3 4 5 6; do
		echo ".s$i { stroke: var(--c$i); } .f$i { fill: var(--c$i); stroke: none; }"
	done
	cat <<END
</style>
</head>
<body>
<h1>Messages</h1>
<p>$since to $until, as of $(date -u '+%Y-%m-%d %H:%M') UTC</p>
END
	if [ -s "$dir/volume.dat" ]; then
		echo '<ul class="sums">'
		awk -F '\t' '{ all += $7; good += $9; ended += $10 } END {
			printf "<li><b>%d</b>messages</li>\n", all
			if (ended > 0)
				printf "<li><b>%.1f %%</b>of %d arrived</li>\n",
					100 * good / ended, ended
		}' "$dir/volume.dat"
		for c in $currencies; do
			awk -F '\t' -v c="$c" '{ sum += $3 } END {
				printf "<li><b>%.2f</b>%s spent</li>\n", sum, c
			}' "$dir/cost-$c.dat"
		done
		printf '</ul>\n<main>\n'
		picture 'Messages by day' volume \
			'Messages of each day by status, stacked' daily \
			1 delivered 2 'on the way' 3 'not known' \
			4 undelivered 5 failed 6 canceled
		picture 'Delivery rate' rate 'Of the messages that ended, how many arrived, by day' rate
		picture 'Time to delivery' latency \
			'Time within which half and 95 of 100 messages were delivered, by day' \
			latency 1 'half of them' 4 '95 of 100'
		picture Errors errors 'The ten most frequent error codes' errors
		for c in ${currencies:-none}; do
			picture "Spend${currencies:+, $c}" "cost-$c" "Spend of each day" cost
		done
		echo '</main>'
	else
		echo '<p>No messages in this time.</p>'
	fi
	printf '</body>\n</html>\n'
} >"$page"
chmod +r "$page"
mv "$page" "$file"
page=
