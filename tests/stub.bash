# A server that says what it is told to, byte by byte, where sms-sim would
# speak as Twilio does.

# stub_start: serves the files answer.1, answer.2, ... one for each request,
# in order, on kept connections; an empty one or none closes the connection.
# What was asked stands in the file "asked", bodies and Authorization too.
stub_start() {
	: >asked
	cat >stub.sh <<-'EOF'
		while IFS= read -r line; do
			length=0
			echo "${line%?}" >>asked
			while IFS= read -r field && [ "$field" != $'\r' ]; do
				case ${field,,} in
				content-length:*) length=${field##* } length=${length%?} ;;
				authorization:*) echo "${field%?}" >>asked ;;
				esac
			done
			body=
			[ "$length" -eq 0 ] || IFS= read -r -N "$length" body
			[ -z "$body" ] || echo "$body" >>asked
			answer=answer.$(grep -c '^[A-Z]* /' asked)
			[ -s "$answer" ] || exit 0
			cat "$answer"
		done
	EOF
	start socat -d -d TCP-LISTEN:0,bind=127.0.0.1,reuseaddr,fork \
		'EXEC:bash stub.sh'
	until_true 10 grep -q 'listening on' socat.err || { cat socat.err; return 1; }
	TWILIO_API_URL=http://127.0.0.1:$(sed -n \
		's/.*listening on .*:\([0-9]*\)$/\1/p' socat.err | head -n 1)
}

# answer number status body [field]: one prepared answer.
answer() {
	printf 'HTTP/1.1 %s X\r\n%sContent-Length: %s\r\n\r\n%s' "$2" \
		"${4:+$4$'\r\n'}" "${#3}" "$3" >"answer.$1"
}

# How often was it asked?
asked() {
	grep -c '^[A-Z]* /' asked
}

# message sid status: a Message as Twilio has it.
message() {
	printf '{"sid":"%s","status":"%s","to":"+14155550100","num_segments":"1"}' \
		"$1" "$2"
}
