# SPDX-License-Identifier: Apache-2.0
# say.sh - how the demo prints; sourced by demo. Colours on a terminal only.

if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ] && [ -z "${NO_COLOR-}" ]; then
	c_bold=$(printf '\033[1m') c_dim=$(printf '\033[2m')
	c_good=$(printf '\033[32m') c_bad=$(printf '\033[31m')
	c_off=$(printf '\033[0m')
else
	c_bold='' c_dim='' c_good='' c_bad='' c_off=''
fi
n_heading=0

say() {
	printf '%s\n' "$*"
}

bold() {
	printf '%s' "$c_bold$*$c_off"
}

title() {
	say "" "$(bold "$*")" | sed 's/^ //'
}

heading() {
	n_heading=$((n_heading + 1))
	printf '\n%s\n' "$(bold "$n_heading  $*")"
}

subheading() {
	printf '\n   %s\n' "$(bold "$*")"
}

# tell LINE... : why, dimmed
tell() {
	for line; do
		printf '   %s\n' "$c_dim$line$c_off"
	done
}

# fact WHAT VALUE
fact() {
	printf '   %-12s%s\n' "$1" "$2"
}

good() {
	printf '   %-12s%s\n' "$1" "$c_good$2$c_off"
}

command_line() {
	host=$1
	shift
	printf '\n   %s %s\n' "$host#" "$(bold "korora $*")"
}

# A path as seen from where the demo was started.
relative() {
	realpath --relative-to=. "$1"
}

give_up() {
	printf '%s\n' "demo: $c_bad$*$c_off" >&2
	for log in "$KORORA_LAB/a.log" "$KORORA_LAB/b.log" "$work/mallory"; do
		[ ! -s "$log" ] || {
			echo "the end of $log:"
			tail -n 8 "$log"
		} >&2
	done
	exit 1
}

# quietly NAME CMD... : shows the output only if it fails
quietly() {
	log=$work/$1.log
	shift
	"$@" >"$log" 2>&1 || {
		tail -n 30 "$log" >&2
		give_up "this failed: $*"
	}
}
