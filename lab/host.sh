# SPDX-License-Identifier: Apache-2.0
# host.sh - kororad on the lab's hosts a and b; sourced by lab
#
# A host is a namespace and a root folder of the same name in the lab's
# folder; beside it lie NAME.log (the daemon's output), NAME.pid and
# NAME.init.json (the host's identity as printed by korora init).

# host_check HOST ALLOWED...
host_check() {
	host=$1
	shift
	case " $* " in
	*" $host "*) ;;
	*) misused "there is no host '$host' here, only: $*" ;;
	esac
	net_exists || die "no lab in $lab"
}

# host_exec HOST CMD... : replaces the shell, so use a subshell to come back
host_exec() {
	h=$1
	shift
	case $h in
	a | b) export KORORA_ROOT="$lab/$h" ;;
	*) unset KORORA_ROOT ;;
	esac
	export KORORA_BUILD KORORA_LAB="$lab" KORORA_LIBEXEC="$KORORA_BUILD/daemon"
	export KORORA_DATA="$here/.."
	PATH=$KORORA_BUILD/client:$KORORA_BUILD/daemon:$KORORA_BUILD/lab:$PATH
	exec ip netns exec "$prefix-$h" "$@"
}

# host_korora HOST ARGUMENTS...
host_korora() (
	h=$1
	shift
	host_exec "$h" korora --root "$lab/$h" "$@"
)

# host_init HOST QEMU : "10" is the one from backports, "" the installed one
host_init() {
	binary=$2
	if [ "$binary" = 10 ]; then
		"$here/qemu10" "$qemu10" || die "there is no QEMU 10 for $1"
		binary=$qemu10/qemu
	fi
	mkdir -p "$lab/$1"
	host_korora "$1" init --name "$1" --json >"$lab/$1.init.json" ||
		die "korora init failed on $1"
	address=$(net_address "$1")
	mkdir -p "$lab/$1/etc/korora"
	cat >"$lab/$1/etc/korora/korora.conf" <<-CONF
	[host]
	listen = ${address%/*}:7300
	address = ${address%/*}:7300

	[storage]
	images = $lab/images

	[network]
	lan = br0
	CONF
	[ -z "$binary" ] || printf '\n[qemu]\nbinary = %s\n' "$binary" \
		>>"$lab/$1/etc/korora/korora.conf"
}

host_fingerprint() {
	tr -d '\n' <"$lab/$1.init.json" |
		sed -n 's/.*"fingerprint"[ ]*:[ ]*"\([^"]*\)".*/\1/p'
}

# host_trust WHO WHOM
host_trust() {
	address=$(net_address "$2")
	host_korora "$1" host add "$2" "${address%/*}:7300" \
		--fingerprint "$(host_fingerprint "$2")" ||
		die "$1 could not be told to trust $2"
}

# The pid only counts while it is in the host's namespace.
host_pid() {
	[ -e "$lab/$1.pid" ] || return 1
	read -r pid <"$lab/$1.pid" || return 1
	ip netns pids "$prefix-$1" 2>/dev/null | grep -x "$pid"
}

host_gone() {
	! host_pid "$1"
}

# host_start HOST VAR=VALUE...
host_start() {
	h=$1
	shift
	host_gone "$h" >/dev/null || die "kororad already runs on $h"
	(host_exec "$h" env "$@" setsid kororad --root "$lab/$h") \
		</dev/null >>"$lab/$h.log" 2>&1 &
	echo $! >"$lab/$h.pid"
	if ! wait_for 10 host_korora "$h" host list; then
		tail -n 20 "$lab/$h.log" >&2
		die "kororad on $h does not answer; see $lab/$h.log"
	fi
}

# host_stop HOST SIGNAL
host_stop() {
	pid=$(host_pid "$1") || return 0
	kill "-$2" "$pid" 2>/dev/null || :
	wait_for 20 host_gone "$1" ||
		die "kororad on $1 (pid $pid) is still there after 20 s"
	rm -f "$lab/$1.pid"
}

host_daemon() {
	h=$1 act=$2
	shift 2
	case $act in
	start) host_start "$h" "$@" ;;
	stop) host_stop "$h" TERM ;;
	kill) host_stop "$h" KILL ;;
	*) misused "a daemon can start, stop or kill" ;;
	esac
}

# For down: the daemon first, so that it does not mourn its VMs.
host_end() {
	pid=$(host_pid "$1") && kill -TERM "$pid" 2>/dev/null &&
		wait_for 5 host_gone "$1" || :
	for f in "$lab/$1"/run/korora/vm/*/qemu.pid; do
		[ -e "$f" ] && read -r pid <"$f" &&
			grep -q '^qemu' "/proc/$pid/comm" 2>/dev/null &&
			kill -KILL "$pid"
	done
	return 0
}

host_status() {
	if pid=$(host_pid "$1"); then
		echo "daemon $1 pid $pid alive"
		timeout 5 "$here/lab" exec "$1" korora vm list || :
	else
		echo "daemon $1 not running"
	fi
}
