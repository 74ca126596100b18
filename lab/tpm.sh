# SPDX-License-Identifier: Apache-2.0
# tpm.sh - an emulated TPM for a and for b; sourced by lab
#
# HOST.tpm in the lab's folder has its state, its socket and its pid; tpmca the
# key and certificate of the one who is said to have made both.

tpm_ca() {
	command -v swtpm swtpm_setup swtpm_localca openssl >/dev/null ||
		die "--tpm needs swtpm, swtpm-tools and openssl"
	mkdir "$lab/tpmca"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$lab/tpmca/key.pem" -out "$lab/tpmca/ca.pem" -days 30 \
		-subj '/CN=Maker of the TPMs of a lab' \
		-addext keyUsage=critical,keyCertSign 2>/dev/null ||
		die "no certificate for the maker of TPMs"
	cat >"$lab/tpmca/ca.conf" <<-CONF
	statedir = $lab/tpmca
	signingkey = $lab/tpmca/key.pem
	issuercert = $lab/tpmca/ca.pem
	certserial = $lab/tpmca/serial
	CONF
	: >"$lab/tpmca/options"
	cat >"$lab/tpmca/setup.conf" <<-CONF
	create_certs_tool = $(command -v swtpm_localca)
	create_certs_tool_config = $lab/tpmca/ca.conf
	create_certs_tool_options = $lab/tpmca/options
	active_pcr_banks = sha256
	CONF
}

# tpm_up HOST : before its kororad starts
tpm_up() {
	dir=$lab/$1.tpm
	mkdir "$dir"
	swtpm_setup --tpm2 --tpmstate "dir://$dir" --create-ek-cert \
		--config "$lab/tpmca/setup.conf" --vmid "$1" \
		>"$dir/setup.log" 2>&1 || die "no TPM for $1; see $dir/setup.log"
	sed -i "s|^\[host\]|&\ntpm = swtpm:$dir/sock|" \
		"$lab/$1/etc/korora/korora.conf"
	# by a short name: a socket's path has no more than 107 bytes
	(cd "$dir" && exec setsid swtpm socket --tpm2 --tpmstate "dir=$dir" \
		--server type=unixio,path=sock --flags \
		not-need-init,startup-clear) </dev/null >"$dir/log" 2>&1 &
	echo $! >"$dir/pid"
	wait_for 10 test -S "$dir/sock" || die "the TPM of $1 does not start"
}

# tpm_end HOST : a pid only counts while it is a TPM's
tpm_end() {
	[ -e "$lab/$1.tpm/pid" ] && read -r pid <"$lab/$1.tpm/pid" &&
		[ "$(readlink "/proc/$pid/cwd")" = "$lab/$1.tpm" ] &&
		kill -TERM "$pid" || :
}
