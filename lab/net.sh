# SPDX-License-Identifier: Apache-2.0
# net.sh - the lab's network; sourced by lab
#
# One namespace per host and one for the switch, a bridge with one port per
# host. Hosts a and b have a bridge of their own, br0, with the cable to the
# switch (uplink) in it, so that VMs are in the same LAN as everyone else.

net_hosts='a b client mallory'

net_exists() {
	ip netns list | grep -q "^$prefix-"
}

net_address() {
	case $1 in
	a) echo 10.77.0.1/24 ;;
	b) echo 10.77.0.2/24 ;;
	client) echo 10.77.0.9/24 ;;
	mallory) echo 10.77.0.66/24 ;;
	esac
}

net_port() {
	case $1 in
	a | b) echo uplink ;;
	*) echo eth0 ;;
	esac
}

net_space() {
	ip netns add "$prefix-$1"
	# no chatter of its own in a LAN whose packets get counted
	ip netns exec "$prefix-$1" sh -c \
		'for f in all default; do
			f=/proc/sys/net/ipv6/conf/$f/disable_ipv6
			[ ! -e $f ] || echo 1 >$f
		done'
	ip -n "$prefix-$1" link set lo up
}

net_bridge() {
	ip -n "$prefix-$1" link add "$2" type bridge stp_state 0 \
		forward_delay 0 mcast_snooping 0
	ip -n "$prefix-$1" link set "$2" up
}

net_up() {
	net_space switch
	net_bridge switch lan
	for h in $net_hosts; do
		net_space $h
		port=$(net_port $h)
		dev=$port
		ip -n "$prefix-switch" link add port-$h type veth \
			peer name $port netns "$prefix-$h"
		ip -n "$prefix-switch" link set port-$h master lan up
		if [ $port = uplink ]; then
			net_bridge $h br0
			ip -n "$prefix-$h" link set uplink master br0
			dev=br0
		fi
		ip -n "$prefix-$h" address add "$(net_address $h)" dev $dev
		ip -n "$prefix-$h" link set $port up
	done
}

net_pids() {
	for h in switch $net_hosts; do
		ip netns pids "$prefix-$h" 2>/dev/null || :
	done
}

net_empty() {
	[ -z "$(net_pids)" ]
}

# End whoever is still inside, first politely, then take all away.
net_down() {
	for sig in TERM KILL; do
		net_empty && break
		kill -$sig $(net_pids) 2>/dev/null || :
		wait_for 3 net_empty || :
	done
	for h in $net_hosts switch; do
		[ ! -e "/run/netns/$prefix-$h" ] ||
			ip netns delete "$prefix-$h"
	done
}

# net_shape NAMESPACE DEVICE RATE|none
net_shape() {
	if [ "$3" = none ]; then
		tc -n "$1" qdisc delete dev "$2" root 2>/dev/null || :
	else
		tc -n "$1" qdisc replace dev "$2" root tbf rate "$3" \
			burst 128kb latency 50ms ||
			die "'$3' is no rate; try 100mbit"
	fi
}

net_link() {
	net_exists || die "no lab in $lab"
	case ${1-} in
	--rate)
		for h in a b; do
			net_shape "$prefix-switch" port-$h "${2:?which rate?}"
			net_shape "$prefix-$h" uplink "$2"
		done
		;;
	--cut) ip -n "$prefix-switch" link set port-b down ;;
	--heal) ip -n "$prefix-switch" link set port-b up ;;
	*) misused "link needs --rate RATE, --cut or --heal" ;;
	esac
}

net_status() {
	for h in $net_hosts switch; do
		[ ! -e "/run/netns/$prefix-$h" ] ||
			printf 'host %-8s %-14s namespace %s\n' $h \
				"$(net_address $h)" "$prefix-$h"
	done
	for h in a b; do
		rate=$(tc -n "$prefix-switch" qdisc show dev port-$h 2>/dev/null |
			sed -n 's/.* rate \([^ ]*\) .*/\1/p')
		state="cut"
		ip -n "$prefix-switch" link show port-$h 2>/dev/null |
			grep -q '[<,]UP[,>]' && state=up
		echo "link $h $state rate ${rate:-none}"
	done
}
