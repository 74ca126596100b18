# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# korora.bash - bash completion of korora(1): its commands and options, and the
# names of VMs, hosts and migrations as kororad knows them just now.

# Every string under KEY in the answer to COMMAND; silent without kororad.
_korora_names()
{
	local key=$1
	shift
	timeout 2 "${_korora_call[@]}" "$@" --json 2>/dev/null |
		grep -o "\"$key\":\"[^\"]*\"" | cut -d'"' -f4 | sort -u
}

_korora_reply()
{
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_korora_files()
{
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

# What may stand as operand number $2 (from 1) of command $1.
_korora_operand()
{
	case "$1:$2" in
	'host show:1' | 'host remove:1' | 'attest show:1' | 'attest enrol:1' | \
	'attest forget:1')
		_korora_reply "$(_korora_names name host list)" ;;
	'trust add:2' | 'vm define:1' | 'receipt verify:1' | 'user key add:2' | \
	'attest log:1' | 'attest reference check:1' | 'attest reference sign:1' | \
	'attest reference add:1' | 'context '*':'* | \
	'policy check:'* | 'policy show:1' | 'policy diff:'[12] | 'policy test:1')
		_korora_files ;;
	'trust remove:1')
		_korora_reply "$(_korora_names name trust list)" ;;
	'attest reference show:1' | 'attest reference remove:1')
		_korora_reply "$(_korora_names name attest reference list)" ;;
	'user grant:1' | 'user key add:1')
		mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
	'user revoke:1')
		_korora_reply "$(_korora_names user user list)" ;;
	'user grant:2' | 'user revoke:2')
		_korora_reply 'operate approve audit admin' ;;
	'vm show:1' | 'vm start:1' | 'vm stop:1' | 'vm remove:1' | 'migrate:1' | \
	'policy explain:1')
		_korora_reply "$(_korora_names name vm list)" ;;
	'status:1' | 'cancel:1' | 'recover:1' | 'report:1')
		_korora_reply "$(_korora_names migration status)" ;;
	'receipt show:1')
		_korora_reply "$(_korora_names migration receipt list)" ;;
	'request show:1' | 'request withdraw:1' | 'approve:1' | 'deny:1')
		_korora_reply "$(_korora_names request request list)" ;;
	'user key remove:1')
		_korora_reply "$(_korora_names fingerprint user key list)" ;;
	'help:1')
		_korora_reply "${!_korora_options[*]}" ;;
	esac
}

_korora()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local -A _korora_second=(
		[host]='add list show remove' [trust]='add list remove'
		[user]='grant revoke list key' ['user key']='add list remove'
		[receipt]='list show verify' [request]='list show withdraw'
		[policy]='check show explain diff test reload'
		[vm]='define list show start stop remove' [log]='show verify prove check'
		[attest]='enrol forget log reference show' ['attest reference']='check show sign add list remove'
		[context]='export import strict drop show diff follow
			send receive'
	)
	local -A _korora_options=(
		[init]='--name --ca-request --cert' [info]='' [host]='' [trust]=''
		[report]='--html' [user]='' [policy]='' [vm]='' [status]='--watch' [cancel]='' [recover]=''
		[migrate]='--to --strategy --max-downtime-ms --bandwidth --timeout --throttle --allow-postcopy --dry-run'
		[plan]='--to --max-downtime-ms --bandwidth --throttle --seconds'
		[request]='' [approve]='--key' [deny]='--key'
		[receipt]='' [log]='' [attest]='' [context]='' [doctor]='--to' [version]='' [help]=''
	)
	local -A deep=(
		['host add']='--fingerprint' ['vm stop']='--force'
		['receipt verify']='--key' ['log show']='--limit'
		['policy explain']='--to --as --role --procedure --approved-by --tenant --policy'
		['policy test']='--policy'
		['log prove']='--migration --from --out'
		['log check']='--key --old' ['attest log']='--bank'
		['attest reference check']='--key' ['attest reference show']='--file --key'
		['attest reference sign']='--key --out'
		['context export']='--zone --flag' ['context import']='--zone --flag --strict-after'
		['context strict']='--zone' ['context drop']='--zone'
		['context show']='--zone --flag' ['context follow']='--zone'
		['context send']='--zone' ['context receive']='--zone --flag --strict-after'
	)
	local -a _korora_call=("${COMP_WORDS[0]}")
	local cmd='' n=0 i w

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		w=${COMP_WORDS[i]}
		case $w in
		--root)
			_korora_call+=(--root "${COMP_WORDS[i + 1]}")
			((i++)) ;;
		--name | --ca-request | --cert | --fingerprint | --to | \
		--strategy | --max-downtime-ms | --bandwidth | --timeout | \
		--key | --limit | --seconds | --migration | --from | --out | \
		--old | --as | --role | --procedure | --approved-by | --tenant | \
		--policy | --html | --bank | --zone | --file)
			((i++)) ;;
		-*) ;;
		*)
			if [[ -z $cmd ]]; then
				cmd=$w
			elif [[ -n ${_korora_second[$cmd]-} ]]; then
				cmd+=" $w"
			else
				((n++))
			fi ;;
		esac
	done
	case $prev in
	--root)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return ;;
	--to)
		_korora_reply "$(_korora_names name host list)"
		return ;;
	--bank)
		_korora_reply 'sha256 sha384 sha512'
		return ;;
	--strategy)
		_korora_reply 'precopy hybrid postcopy offline auto'
		return ;;
	--as | --approved-by)
		_korora_reply "$(_korora_names user user list)"
		return ;;
	--role)
		_korora_reply 'operate approve audit admin'
		return ;;
	--ca-request | --cert | --key | --out | --old | --policy | --html | --file)
		_korora_files
		return ;;
	--name | --fingerprint | --max-downtime-ms | --bandwidth | --timeout | \
	--limit | --from | --procedure | --tenant | --zone)
		return ;;
	--migration)
		_korora_reply "$(_korora_names migration status)"
		return ;;
	esac
	if [[ $cur == -* ]]; then
		_korora_reply "${_korora_options[${cmd:-help}]-}${deep[${cmd:-help}]-} --json --root --help"
	elif [[ -z $cmd ]]; then
		_korora_reply "${!_korora_options[*]}"
	elif [[ -n ${_korora_second[$cmd]-} ]]; then
		_korora_reply "${_korora_second[$cmd]}"
	else
		_korora_operand "$cmd" $((n + 1))
	fi
}

complete -F _korora korora
