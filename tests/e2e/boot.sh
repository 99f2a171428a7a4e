# SPDX-License-Identifier: GPL-2.0-or-later
# A whole system under a real systemd, in the lab: systemd-nspawn boots an overlay
# of this machine's root, with the gate installed, or of another, with eth0 in it,
# whose other end is lan0 in the namespace `lan`. Sourced after lab.sh.

ROOT=$LAB_DIR/over/root # the system's
OWN_IP=192.168.7.2 LAN_IP=192.168.7.9
OWN_MAC=02:00:00:00:07:02
BOOT_GROUP=${BOOT_GROUP:-} # the cgroup folders of this run, by boot_enter

# ------------------------------------------------------------------ around it
# A systemd leaves its cgroups behind when it is killed: boot_enter SECONDS SCRIPT
# runs the script in groups of its own, killed after so many, and removes them.
boot_enter() {
	local seconds=$1 mount status
	shift
	[ -n "$BOOT_GROUP" ] && return
	[ "$(id -u)" = 0 ] || { echo "run as root" >&2; exit 1; }
	for mount in $(awk '$3 == "cgroup2" || ($3 == "cgroup" &&
			$4 ~ /name=systemd/) {print $2}' /proc/mounts); do
		BOOT_GROUP+=" $mount/scoutgate-boot-$$"
	done
	export BOOT_GROUP
	trap boot_remove_groups EXIT
	# shellcheck disable=SC2086 # one word each
	mkdir $BOOT_GROUP || exit 1
	(
		for mount in $BOOT_GROUP; do
			echo "$BASHPID" >"$mount/cgroup.procs"
		done
		exec timeout --signal=KILL "$seconds" bash "$@"
	)
	status=$?
	[ $status != 137 ] || echo "not ok - killed after $seconds s"
	exit $status
}
boot_remove_groups() {
	local group tries=50
	for group in $BOOT_GROUP; do
		while [ -d "$group" ] && [ $tries -gt 0 ]; do
			find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
			[ ! -d "$group" ] || sleep 0.1
			tries=$((tries - 1))
		done
		[ ! -d "$group" ] || echo "not ok - $group is left"
	done
}
# boot_own_group NAME: for another system beside it; in a subshell that begins it
boot_own_group() {
	local group
	for group in $BOOT_GROUP; do
		mkdir -p "$group/$1" && echo "$BASHPID" >"$group/$1/cgroup.procs"
	done
}

# ------------------------------------------------------------------ the system
boot_make() { # REPOSITORY TARGET
	make -s -C "$1" "$2" O="$(dirname "$SCOUTGATE")" DESTDIR="$ROOT" \
		PREFIX=/usr >/dev/null
}

# Write the units that start: what the gate and the network need, a listener
# that is there before both, and nothing else that this machine would start.
boot_units() {
	local etc=$ROOT/etc/systemd
	rm -rf "$etc/system" "$etc/network" "$ROOT/etc/scoutgate.conf"
	mkdir -p "$etc/system/sysinit.target.wants" "$etc/network"
	cat >"$etc/system/default.target" <<-'END'
	[Unit]
	Requires=basic.target
	Wants=systemd-networkd.service
	After=basic.target systemd-networkd.service
	AllowIsolate=yes
	END
	cat >"$etc/system/listener.service" <<-'END'
	[Unit]
	DefaultDependencies=no
	[Service]
	ExecStart=/usr/bin/socat TCP-LISTEN:4000,fork,reuseaddr EXEC:cat
	END
	# what the network is before it is configured
	cat >"$etc/system/first.service" <<-'END'
	[Unit]
	DefaultDependencies=no
	After=scoutgate.service
	Before=network-pre.target
	[Service]
	Type=oneshot
	ExecStart=/bin/sh -c 'ip -o addr show up >/run/first'
	END
	ln -s ../listener.service ../first.service \
		"$etc/system/sysinit.target.wants/"
	cat >"$etc/network/eth0.network" <<-END
	[Match]
	Name=eth0
	[Network]
	Address=$OWN_IP/24
	END
	# what a kernel console and udev would do is not there
	local unit
	for unit in systemd-udevd systemd-hwdb-update console-getty \
		systemd-update-utmp; do
		ln -s /dev/null "$etc/system/$unit.service"
	done
}

boot_mount() { # FOLDER: what is below the system
	lab_overlay "$LAB_DIR/over" "$1"
}
boot_system() { # REPOSITORY: mounts it
	boot_mount / || return 1
	boot_units
	boot_make "$1" install || return 1
	systemctl --quiet --root="$ROOT" enable scoutgate.service
}

# boot_first FOLDER: of the booted system whose cgroups are there, the first process, in
# FOUND
boot_first() {
	local group
	FOUND=""
	for group in $BOOT_GROUP; do
		wait_for 10 grep -q . "$group/$1/init.scope/cgroup.procs" || continue
		read -r FOUND <"$group/$1/init.scope/cgroup.procs"
		break
	done
	[ -n "$FOUND" ]
}
# boot_start: until the target is reached, or 20 s are over. BOOT_OPTIONS: more of
# nspawn's.
BOOT_OPTIONS=()
boot_start() {
	local link
	for link in lan0 lan1; do # its netns would, but later
		ip -n lan link del $link 2>/dev/null
	done
	ip netns del host
	ip netns add host # anew, with a lo that is down
	lab_wire host eth0 - lan lan0 "$LAN_IP/24"
	ip -n host link set eth0 down address $OWN_MAC
	ip -n lan neigh replace $OWN_IP lladdr $OWN_MAC dev lan0
	systemd-nspawn --register=no --keep-unit \
		--link-journal=no --quiet --directory="$ROOT" --machine=booted \
		--network-namespace-path=/run/netns/host \
		--capability=CAP_BPF,CAP_NET_ADMIN,CAP_PERFMON,CAP_SYS_RESOURCE \
		--system-call-filter=bpf --boot --console=pipe "${BOOT_OPTIONS[@]}" \
		</dev/null >"$LAB_DIR/console" 2>&1 &
	NSPAWN=$!
	boot_first payload
	INIT=$FOUND
	[ -n "$INIT" ] && wait_for 20 boot systemctl is-active default.target
}
boot_stop() {
	boot systemctl --no-block poweroff 2>/dev/null
	wait_for 10 not_running || kill -KILL $NSPAWN
	wait $NSPAWN 2>/dev/null
}
not_running() { ! kill -0 $NSPAWN 2>/dev/null; }

# boot COMMAND...: in the booted system, outside of any unit
boot() {
	nsenter --target "$INIT" --mount --net --pid --uts --ipc -- "$@"
}
boot_gate() { boot scoutgate "$@"; }
# show UNIT PROPERTY
show() { boot systemctl show --property="$2" --value "$1"; }
journal() { # UNIT: what it said in this boot
	boot journalctl --quiet --no-pager --output=cat --boot --unit="$1"
}
says() { # UNIT PATTERN: within two seconds
	local tries=40
	until journal "$1" | grep -q "$2"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.05
	done
}
is_state() { # UNIT STATE
	[ "$(show "$1" ActiveState)" = "$2" ]
}
boot_is_up() { # IFACE
	boot ip -o link show "$1" | grep -q '[<,]UP[,>]'
}

# ------------------------------------------------------------------ its container
# One whose root is the system's, with changes of its own.
INNER=$LAB_DIR/inner/root
inner_mount() { # FOLDER: what is below the system
	lab_overlay "$LAB_DIR/inner" "$LAB_DIR/over/up:$1"
}
# inner COMMAND...: in it, booted
inner() {
	nsenter --target "$INNER_INIT" --mount --net --pid --uts --ipc -- "$@"
}
# inner_start OPTION of nspawn's...: until the target is reached
inner_start() {
	(
		boot_own_group container
		exec nsenter --net=/run/netns/host systemd-nspawn --register=no \
			--keep-unit --link-journal=no --quiet --directory="$INNER" \
			--machine=container --boot --console=pipe "$@"
	) </dev/null >"$LAB_DIR/inner.console" 2>&1 &
	NSPAWN_INNER=$!
	boot_first container/payload || return 1
	INNER_INIT=$FOUND
	wait_for 30 inner systemctl is-active default.target
}
inner_stop() {
	inner systemctl --no-block poweroff 2>/dev/null
	wait_for 10 inner_is_over || kill -KILL "$INNER_INIT"
	wait $NSPAWN_INNER 2>/dev/null
}
inner_is_over() { ! kill -0 $NSPAWN_INNER 2>/dev/null; }

# ------------------------------------------------------------------ the neighbour
# Ten times a second the neighbour tries the listener; a line for each success.
neighbour_start() {
	: >"$LAB_DIR/reached"
	nsenter --net=/run/netns/lan bash -c "while sleep 0.1; do
		timeout 0.3 nc -z $OWN_IP 4000 && echo reached
	done" >>"$LAB_DIR/reached" 2>/dev/null </dev/null &
	NEIGHBOUR=$!
}
neighbour_forgets() { # a line that is being written is of before
	sleep 0.5
	: >"$LAB_DIR/reached"
}
neighbour_reached() { grep -c reached "$LAB_DIR/reached"; }
