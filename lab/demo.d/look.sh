# SPDX-License-Identifier: Apache-2.0
# look.sh - how hosts, VM and client are; sourced by demo

# field NAME : of one-line JSON on standard input, a string or a number
field() {
	sed -n 's/.*"'"$1"'": *"\{0,1\}\([^",}]*\).*/\1/p' | tail -n 1
}

# await SECONDS CMD...
await() {
	left=$(($1 * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		[ $left -gt 0 ] || give_up "waited in vain for: $*"
		sleep 0.1
	done
}

# The newest second that the guest counted, over both hosts' consoles.
ticks() {
	cat "$KORORA_LAB"/[ab]/var/lib/korora/console/web1.log |
		sed -n 's/^web1 up \([0-9]*\).*/\1/p' | sort -n | tail -n 1
}

ticks_past() {
	[ "$(ticks)" -gt "$1" ]
}

# talk_begin: the client starts to talk to the VM; talk_end: it is done
talk_begin() {
	rm -f "$work/talk.json"
	"$here/lab" exec client talk 10.77.0.10 7 --report "$work/talk.json" \
		>/dev/null 2>&1 &
	talk_pid=$!
	await 10 talks
}

talk_end() {
	kill -TERM "$talk_pid"
	talk_status=0
	wait "$talk_pid" || talk_status=$?
	talk_pid=''
	[ $talk_status = 0 ] || give_up "the client lost something: $(
		cat "$work/talk.json")"
}

# talk NAME : a figure of the client's latest report
talk() {
	field "$1" <"$work/talk.json"
}

talks() {
	[ -s "$work/talk.json" ] && [ "$(talk echoed)" -gt 0 ]
}

# talk_says_more N : have N more echoes arrived since the first call?
talk_says_more() {
	: "${more_from:=$(talk echoed)}"
	[ "$(talk echoed)" -ge $((more_from + $1)) ] || return 1
	more_from=''
}

talk_line() {
	[ "$(talk reset)" = false ] || give_up "the client's connection broke"
	say "$(talk echoed) echoes on one connection"
}

# state HOST : of web1 there
state() {
	on "$1" korora --json vm show web1 2>/dev/null | field state
}

# well HOST : the VM runs there and nowhere else, and works on
well() {
	was=$(ticks)
	await 5 ticks_past "$was"
	await 5 talk_says_more 100
	[ "$(state "$1")" = running ] || give_up "web1 does not run on $1"
	for h in a b; do
		n=$(ls "$KORORA_LAB/$h/run/korora/vm" | wc -l)
		case $h.$n in
		"$1.1") ;;
		*.0) [ $h != "$1" ] || give_up "no web1 on $1" ;;
		*) give_up "a second web1 on $h" ;;
		esac
	done
	good "VM" "unharmed: runs on $1 alone, second $(ticks), client has $(talk_line)"
}
