# SPDX-License-Identifier: Apache-2.0
# attacks.sh - the demo's four attacks; sourced by demo
#
# Before them the VM runs on b; the third one lets it move to a. What mallory
# does is done by test/attack/mitm.py, which tells of it in lines of JSON.

attack=$here/../test/attack
mallory_pid=''

# mallory ARGUMENTS... : gets in between a and b, and stays
mallory() {
	: >"$work/mallory"
	"$here/lab" exec mallory python3 "$attack/mitm.py" "$@" \
		>"$work/mallory" 2>&1 &
	mallory_pid=$!
	await 10 mallory_is_between
	# sessions that are up were made without mallory: b has to make a new
	# one, and the VM does not mind that kororad is started anew
	quietly restart restart_b
}

# Each of the two takes mallory's network card for the other's.
mallory_is_between() {
	grep -q ready "$work/mallory" &&
		mac=$(on mallory cat /sys/class/net/eth0/address) &&
		on b ip neighbour show 10.77.0.1 | grep -q "$mac" &&
		on a ip neighbour show 10.77.0.2 | grep -q "$mac"
}

restart_b() {
	lab daemon b stop
	lab daemon b start
}

# event NAME : mallory's last one of this name
event() {
	grep "\"event\": \"$1\"" "$work/mallory" | tail -n 1
}

attack_end() {
	[ -n "$mallory_pid" ] || return 0
	kill "$mallory_pid" 2>/dev/null || :
	wait "$mallory_pid" 2>/dev/null || :
	mallory_pid=''
}

# refused CODE CMD... : korora refuses, with this code; answered prints how
refused() {
	code=$1
	shift
	if "$@" >"$work/said" 2>&1; then
		cat "$work/said" >&2
		give_up "the attack was not refused"
	fi
	grep -o "KR-$code .*" "$work/said" >"$work/line" || {
		cat "$work/said" >&2
		give_up "refused, but not with KR-$code"
	}
}

answered() {
	good korora "$(head -n 1 "$work/line")"
}

attack_intercept() {
	subheading "A man in the middle with his own certificate"
	tell "mallory poisons the ARP tables of a and b, takes their connections and shows" \
		"each a certificate with the other's name, made with a key of his own."
	python3 "$attack/peer.py" identity "$work/identity" a >"$work/forged"
	mallory intercept --identity "$work/identity"
	refused 2002 on b korora migrate web1 --to a
	await 5 event refused
	fact mallory "showed a certificate for a, but of $(cut -c1-24 "$work/forged")…"
	answered
	attack_end
	well b
}

attack_flip() {
	subheading "One flipped bit in flight"
	tell "mallory passes everything on but changes one bit of the VM's encrypted memory."
	mallory flip --conn lane --at 20000000
	mark
	# what follows from it may be noticed first: a lane or a stream is gone
	refused '\(5001\|5002\|6004\)' on b korora migrate web1 --to a
	await 5 logged 5001
	fact mallory "flipped one bit of byte $(event flip | field offset) on the lane"
	answered
	logged 5001
	attack_end
	well b
}

attack_replay() {
	subheading "A recording, played again"
	tell "mallory only listens while the VM moves from b back to a, which works, and" \
		"then sends a every recorded byte a second time."
	mallory record --file "$work/recording"
	quietly moved on b korora migrate web1 --to a
	attack_end
	fact korora "web1 has moved to a: listening in changes nothing"
	fact mallory "kept the $(event summary | field forward) bytes that b sent"
	mark
	quietly replay on mallory python3 "$attack/mitm.py" replay \
		--b 10.77.0.1 --file "$work/recording"
	cp "$work/replay.log" "$work/mallory"
	fact mallory "sent them to a once more, on $(grep -c '"event": "answer"' \
		"$work/mallory") connections"
	await 5 logged 2010
	await 5 logged 3007
	logged 2010 "the session"
	logged 3007 "the VM's memory: a lane that is not expected"
	well a
}

# mark; logged CODE [WORDS] : prints what a host has logged with CODE since
mark() {
	mark_a=$(wc -c <"$KORORA_LAB/a.log")
	mark_b=$(wc -c <"$KORORA_LAB/b.log")
}

logged() {
	{
		tail -c +$((mark_a + 1)) "$KORORA_LAB/a.log" | sed 's/^/a /'
		tail -c +$((mark_b + 1)) "$KORORA_LAB/b.log" | sed 's/^/b /'
	} | sed -n "s/^\(.\) .*\(KR-$1 [^(]*\) (.*/\1 \2/p" |
		head -n 1 >"$work/logged"
	[ -s "$work/logged" ] || return 1
	read -r who line <"$work/logged"
	good "$who's log" "KR-$1 ${2:+$2: }${line#KR-???? }"
}

attack_user() {
	subheading "A user without the right"
	tell "Somebody on a, logged in as nobody, tries to send the VM to b."
	refused 1003 on a setpriv --reuid 65534 --regid 65534 --clear-groups \
		korora migrate web1 --to b
	answered
	well a
}
