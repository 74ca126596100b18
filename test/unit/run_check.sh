#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run_check.sh - what ./run check counts as passed, with a project of a few
# small tests: run_check.sh RUN
set -eu

run=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
set --
. "$run" >/dev/null	# its functions; without a verb it shows its usage

mkdir "$tmp/src"
cat >"$tmp/src/meson.build" <<PROJECT
project('scratch')
sh = find_program('sh')
good = ['-c', 'exit 0']
bad = ['-c', 'exit 1']
# fails once, as a race would
once = ['-c', 'test -e "\$1" || { : >"\$1"; exit 1; }', 'sh']
# is slow once, as on a busy machine
slow = ['-c', 'test -e "\$1" || { : >"\$1"; sleep 9; }', 'sh']
test('good', sh, args : good, suite : 'unit')
test('bad', sh, args : bad, suite : 'unit')
test('raced', sh, args : once + '$tmp/raced', suite : 'race')
test('slow', sh, args : slow + '$tmp/slow', suite : 'slow', timeout : 1)
test('hung', sh, args : ['-c', 'sleep 9'], suite : 'hung', timeout : 1)
test('lab', sh, args : slow + '$tmp/lab', suite : 'functional', timeout : 1)
PROJECT

checks=$tmp
for build in gcc asan; do
	meson setup "$tmp/$build" "$tmp/src" >"$tmp/$build.log"
done

# counts PASSED FAILED BUILD MESON-TEST-ARGUMENTS...
counts() {
	want="$1 passed, $2 failed"
	passed=0 failed=0 skipped=0 failures=''
	build=$3
	shift 3
	meson_tests "$build" "$*" "$@"
	[ "$passed passed, $failed failed" = "$want" ] || {
		say "$build $*: $passed passed, $failed failed, not $want"
		exit 1
	}
}

counts 1 1 gcc --suite unit
counts 0 1 gcc --suite race		# the second time it would pass
[ -e "$tmp/raced" ]
counts 1 0 gcc --suite slow
counts 0 1 gcc --suite hung
counts 0 1 gcc --suite functional
counts 0 1 gcc --suite nothing		# no results at all
counts 0 1 gcc --frobnicate
rm "$tmp/slow"
counts 0 1 asan --suite slow
