# SPDX-License-Identifier: GPL-2.0-or-later
# The lab's real parts: OpenVPN for tap0, systemd-nspawn for the container, in
# it sshd and an NBD export of a disk image. Sourced after lab.sh.

UNDERLAY_HOST=198.51.100.2 UNDERLAY_EXPERT=198.51.100.1
SSH_OPTIONS="-F none -i $LAB_DIR/share/id -o BatchMode=yes -o LogLevel=ERROR
	-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null
	-o ConnectTimeout=3"

expert_ssh() { # COMMAND...
	# shellcheck disable=SC2086 # options are words
	expert ssh $SSH_OPTIONS root@10.1.0.2 "$@"
}
lan_ssh() {
	# shellcheck disable=SC2086
	lan ssh $SSH_OPTIONS root@192.168.7.2 "$@"
}
expert_scp() { # FROM TO
	# shellcheck disable=SC2086
	expert scp -q $SSH_OPTIONS "$@"
}

openvpn_keys() {
	local who
	mkdir -p "$LAB_DIR/keys"
	for who in server client; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
			-nodes -keyout "$LAB_DIR/keys/$who.key" -subj "/CN=$who" \
			-out "$LAB_DIR/keys/$who.crt" -days 30 2>/dev/null
	done
}
fingerprint() {
	openssl x509 -in "$LAB_DIR/keys/$1.crt" -noout -fingerprint -sha256 |
		cut -d= -f2
}
# openvpn_start NS NAME PEER OPTION...
openvpn_start() {
	local ns=$1 name=$2 peer=$3
	shift 3
	nsenter --net="/run/netns/$ns" openvpn --dev tap0 --dev-type tap --proto udp4 \
		--cert "$LAB_DIR/keys/$name.crt" --key "$LAB_DIR/keys/$name.key" \
		--peer-fingerprint "$(fingerprint "$peer")" \
		--data-ciphers AES-128-GCM --disable-dco --verb 3 \
		--log "$LAB_DIR/openvpn-$name.log" "$@" &
}

# tap0 in the host gets 10.1.0.2 pushed by the expert's server at 10.1.0.1. The
# link below it has a name without a role: it stands for the Internet.
lab_vpn_real() { # [OPTION of the host's OpenVPN...]
	lab_wire host wan0 $UNDERLAY_HOST/24 expert wan0 $UNDERLAY_EXPERT/24
	openvpn_keys
	openvpn_start expert server client --server 10.1.0.0 255.255.255.0 \
		--topology subnet --local $UNDERLAY_EXPERT --port 1194 --dh none \
		--keepalive 5 30
	openvpn_start host client server --client --nobind \
		--remote $UNDERLAY_EXPERT 1194 --connect-retry 1 1 "$@"
	wait_for 15 host sh -c "ip -4 addr show tap0 | grep -q 10.1.0.2/24" || {
		tail -5 "$LAB_DIR"/openvpn-*.log >&2
		return 1
	}
}

# Print what the container runs; its root is this machine's, under an overlay.
container_script() {
	cat <<-'END'
	ip link set lo up
	ip link set host0 up
	ip addr add 10.0.3.2/24 dev host0
	ip route add default via 10.0.3.1
	mkdir -p /run/sshd
	usermod -p '*' root
	/usr/sbin/sshd -D -e -f /dev/null -h /share/hostkey -o UsePAM=no \
		-o PidFile=none -o StrictModes=no -o PermitRootLogin=yes \
		-o AuthorizedKeysFile=/share/id.pub \
		-o "Subsystem=sftp internal-sftp" &
	nbd-server -C /share/nbd.conf
	touch /share/ready
	wait
	END
}

container_share() { # IMAGE_MB
	local share=$LAB_DIR/share
	mkdir -p "$share"
	ssh-keygen -q -t ed25519 -N '' -f "$share/hostkey"
	ssh-keygen -q -t ed25519 -N '' -f "$share/id"
	head -c "$1M" /dev/urandom >"$share/disk.img"
	container_script >"$share/init.sh"
	cat >"$share/nbd.conf" <<-'END'
	[generic]
	port = 2000
	allowlist = true
	[disk]
	exportname = /share/disk.img
	readonly = true
	END
}

nspawn_start() {
	local over=$LAB_DIR/container
	lab_overlay "$over" / || return 1
	# not `ip netns exec`: it hides the cgroups that nspawn needs
	host systemd-nspawn --register=no --keep-unit --link-journal=no --quiet \
		--directory="$over/root" --machine=container --network-veth \
		--bind="$LAB_DIR/share:/share" --as-pid2 \
		/bin/sh /share/init.sh </dev/null >"$LAB_DIR/nspawn.log" 2>&1 &
	wait_for 10 ip -n host link show ve-container
}

# The same in a plain namespace, where there is no nspawn.
namespace_start() {
	ip netns add container
	ip -n host link add ve-container type veth peer name host0 netns container
	container unshare --mount sh -c "
		mkdir -p /share && mount --bind $LAB_DIR/share /share
		exec sh /share/init.sh" >"$LAB_DIR/nspawn.log" 2>&1 &
}

# lab_container_real IMAGE_MB: sets CONTAINER_KIND
lab_container_real() {
	container_share "$1"
	CONTAINER_KIND="systemd-nspawn container"
	nspawn_start || {
		CONTAINER_KIND="plain network namespace (systemd-nspawn failed)"
		namespace_start
	}
	ip -n host addr add 10.0.3.1/24 dev ve-container
	ip -n host link set ve-container up
	wait_for 15 test -e "$LAB_DIR/share/ready" || {
		tail -5 "$LAB_DIR/nspawn.log" >&2
		return 1
	}
}

lab_real() { # IMAGE_MB [OPTION of the host's OpenVPN...]
	lab_namespaces
	lab_lan
	lab_vpn_real "${@:2}" && lab_container_real "$1" || return 1
	cp "$LAB_ROOT/../../user/scoutgate.conf" "$CONF"
}
