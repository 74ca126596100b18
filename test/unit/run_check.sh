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
# fails once, and once more later
twice = ['-c', 'echo >>"\$1"; test \$(wc -l <"\$1") = 2', 'sh']
reported = ['-c', 'test -e "\$1" || { : >"\$1"; echo SomeSanitizer; exit 1; }',
            'sh']
# is slow once, as on a busy machine
slow = ['-c', 'test -e "\$1" || { : >"\$1"; sleep 9; }', 'sh']
test('good', sh, args : good, suite : 'unit')
test('bad', sh, args : bad, suite : 'unit')
test('raced', sh, args : once + '$tmp/raced', suite : ['race', 'other'])
test('twice', sh, args : twice + '$tmp/twice', suite : 'twice')
test('reported', sh, args : reported + '$tmp/reported', suite : 'report')
foreach n : ['1', '2', '3']
  test('many' + n, sh, args : once + ('$tmp/many' + n), suite : 'many')
endforeach
test('slow', sh, args : slow + '$tmp/slow', suite : 'slow', timeout : 1)
test('hung', sh, args : ['-c', 'sleep 9'], suite : 'hung', timeout : 1)
test('lab', sh, args : slow + '$tmp/lab', suite : 'functional', timeout : 1)
PROJECT

checks=$tmp
meson setup "$tmp/gcc" "$tmp/src" >"$tmp/gcc.log"

# counts PASSED FAILED MESON-TEST-ARGUMENTS...
counts() {
	want="$1 passed, $2 failed"
	passed=0 failed=0 skipped=0 failures='' n_unsteady=0 steadied=''
	shift 2
	meson_tests gcc "$*" "$@"
	[ "$passed passed, $failed failed" = "$want" ] || {
		say "$*: $passed passed, $failed failed, not $want"
		exit 1
	}
}

counts 1 1 --suite unit
counts 1 0 --suite race		# and it is told
case $steadied in
*race*raced*FAIL*) ;;
*)	say "nothing tells of raced: $steadied"
	exit 1 ;;
esac
counts 0 1 --suite twice
counts 0 1 --suite report		# by a sanitizer
[ -e "$tmp/reported" ]
counts 2 1 --suite many		# not more than two
counts 1 0 --suite slow
counts 0 1 --suite hung
counts 0 1 --suite functional
counts 0 1 --suite nothing		# no results at all
counts 0 1 --frobnicate
