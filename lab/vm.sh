# SPDX-License-Identifier: Apache-2.0
# vm.sh - the lab's guests: web1 (linux) and dirtier; sourced by lab
#
# Makes their disks and definitions in the folder of images, which both hosts
# share, and starts them on a. dirtier.S tells what the parameters mean.

vm_up() {
	vm_make_$vm
	host_korora a vm define "$lab/images/$name.vm" ||
		die "$name was not accepted by a"
	host_korora a vm start $name || die "$name does not start on a"
	wait_for 60 grep -q "^$name up" \
		"$lab/a/var/lib/korora/console/$name.log" ||
		die "$name started but did not come up within 60 s"
}

vm_make_linux() {
	name=web1
	"$here/linux/build" "$guest" || die "the linux guest cannot be built"
	cp "$guest/vmlinuz" "$guest/initrd.img" "$lab/images/"
	truncate -s 64M "$lab/images/web1.raw"
	mke2fs -q -F -t ext4 "$lab/images/web1.raw"
	vm_define "${machine:-pc-q35-7.2}" "${mem:-256}" <<-REST
	[boot]
	kernel = images:vmlinuz
	initrd = images:initrd.img
	cmdline = console=ttyS0 quiet kr.ip=10.77.0.10/24

	[disk vda]
	file = images:web1.raw
	format = raw

	[nic eth0]
	network = lan
	mac = 52:54:00:77:00:10
	REST
}

vm_make_dirtier() {
	name=dirtier mem=${mem:-128}
	[ "$mem" -ge 32 ] || die "dirtier needs 32 MB or more"
	[ -e "$KORORA_BUILD/lab/dirtier.raw" ] ||
		die "$KORORA_BUILD/lab/dirtier.raw is missing; build first"
	cp "$KORORA_BUILD/lab/dirtier.raw" "$lab/images/dirtier.raw"
	case $content in
	words) factor=1 ;;
	noise) factor=1664525 ;;
	esac
	# PARAM_OFFSET + 4 of dirtier.S: mem, rate, wss, factor
	{ vm_le32 "$mem"; vm_le32 "$rate"; vm_le32 "$wss"; vm_le32 $factor; } |
		dd of="$lab/images/dirtier.raw" bs=1 seek=$((0x1a4)) \
			conv=notrunc status=none
	truncate -s 1M "$lab/images/dirtier.raw"
	vm_define "${machine:-pc-i440fx-7.2}" "$mem" <<-REST
	[disk hda]
	file = images:dirtier.raw
	format = raw
	bus = ide
	REST
}

vm_le32() {
	for shift in 0 8 16 24; do
		printf "\\$(printf %03o $(($1 >> shift & 255)))"
	done
}

# vm_define MACHINE MB, other sections on standard input
vm_define() {
	{
		cat <<-VM
		[vm]
		name = $name
		machine = $1
		cpu = qemu64
		vcpus = 1
		memory_mb = $2
		accel = tcg

		VM
		cat
	} >"$lab/images/$name.vm"
}

vm_console() {
	a=$lab/a/var/lib/korora/console/$1.log
	b=$lab/b/var/lib/korora/console/$1.log
	if [ -e "$a" ] && [ -e "$b" ]; then
		echo '== a =='
		cat "$a"
		# a move may have cut a line in two
		[ -z "$(tail -c 1 "$a")" ] || echo
		echo '== b =='
		cat "$b"
	elif [ -e "$a" ] || [ -e "$b" ]; then
		cat "$a" "$b" 2>/dev/null || :
	else
		die "$1 has printed nothing on a or b"
	fi
}
