# SPDX-License-Identifier: GPL-2.0-or-later
# The embedded lab: namespaces of its own for the host that the gate guards,
# the expert behind the VPN, a LAN host and the container. Sourced.
#
# lab_enter re-executes the calling script in mount and PID namespaces of its
# own, so that everything a run makes (namespaces, mounts, processes, pins) ends
# with it, however it ends.
#
#   expert 10.1.0.1 --- tap0 10.1.0.2 \
#                                      host --- ve-container 10.0.3.1
#   lan 192.168.7.9 --- eth0 192.168.7.2 /          |
#    :                                  container host0 10.0.3.2
#   far 198.51.100.9, where lab_far makes lan a router

LAB_DIR=/mnt/scoutgate-lab # on a tmpfs that only the run sees
PINS=$LAB_DIR/bpf/gate
CONF=$LAB_DIR/gate.conf
# Ubuntu's /usr/sbin/bpftool looks for the tools of the running kernel alone
for tool in /usr/lib/linux-tools/*/bpftool; do
	[ ! -x "$tool" ] || PATH=${tool%/*}:$PATH
done

lab_enter() { # lab_enter SCRIPT [ARGUMENT...]: the names of tests, or none
	LAB_CHOSEN="${*:2}"
	[ -n "${LAB_INSIDE:-}" ] && return
	[ "$(id -u)" = 0 ] || { echo "run as root" >&2; exit 1; }
	LAB_INSIDE=1 LAB_OUTER=$$ exec unshare --mount --pid --fork --kill-child=KILL \
		--mount-proc --propagation private -- bash "$@"
}

# in_ns host|expert|lan|container|far COMMAND...
in_ns() {
	local ns=$1
	shift
	nsenter --net="/run/netns/$ns" "$@"
}
host() { in_ns host "$@"; }
expert() { in_ns expert "$@"; }
lan() { in_ns lan "$@"; }
container() { in_ns container "$@"; }
far() { in_ns far "$@"; }

gate_aloud() {
	host "$SCOUTGATE" --pin-dir "$PINS" --state-dir "$LAB_DIR/state" \
		-c "$CONF" "$@"
}
gate() { # up and reload with no word of what is so then
	case " $* " in
	*" up "* | *" reload "*) gate_aloud "$@" >/dev/null ;;
	*) gate_aloud "$@" ;;
	esac
}

# The gate's programs in the host's namespace: TCX's, then clsact's, a line each
ATTACHED=$(dirname "$SCOUTGATE")/tests/e2e/attached
gate_programs() { # [IFACE]
	{ # what cannot be asked is not taken for nothing
		host "$ATTACHED" && host bpftool net show ||
			echo "${1:-any} sg_: the kernel cannot be asked"
	} | grep -v ' tcx/' | # bpftool's own lines of them, from 7.4 on
		grep -E "^${1:-[^ (]+}[ (].*sg_"
}

# An answer that is to come may take so many times as long as usual
LAB_PATIENCE=${LAB_PATIENCE:-1}
# A large number, divided by it, so that it takes no longer
fewer() { echo $((($1 + LAB_PATIENCE - 1) / LAB_PATIENCE)); }

uptime_ms() { # of the boot clock, without a process
	local uptime
	read -r uptime _ </proc/uptime
	UPTIME_MS=$((10#${uptime/./} * 10))
}
# wait_for SECONDS COMMAND...: until it succeeds; three tries at the least
wait_for() {
	local end tries=0 UPTIME_MS
	uptime_ms
	end=$((UPTIME_MS + $1 * 3000 * LAB_PATIENCE)) # machines differ by 3
	shift
	until "$@" >/dev/null 2>&1; do
		uptime_ms
		tries=$((tries + 1))
		[ $UPTIME_MS -lt $end ] || [ $tries -lt 3 ] || {
			"$@" # once more, with what it says
			return
		}
		sleep 0.05
	done
}
# listens NS PORT [udp]: a socket does there, of TCP
listens() { in_ns "$1" ss -Hln "--${3:-tcp}" "sport = :$2" | grep -q .; }
differ() { ! cmp -s "$1" "$2"; } # FILE FILE

settle() { # SECONDS: what is on its way has come by then
	for _ in $(seq "$LAB_PATIENCE"); do sleep "$1"; done
}

# lab_supervisor LOG [OPTION...]: `run` as process SUPERVISOR; back when it is ready
lab_supervisor() {
	rm -f "$LAB_DIR/notify" "$LAB_DIR/told"
	socat -u "UNIX-RECV:$LAB_DIR/notify" "CREATE:$LAB_DIR/told" &
	wait_for 3 test -S "$LAB_DIR/notify"
	NOTIFY_SOCKET=$LAB_DIR/notify nsenter --net=/run/netns/host \
		"$SCOUTGATE" --pin-dir "$PINS" --state-dir "$LAB_DIR/state" \
		-c "$CONF" "${@:2}" run 2>>"$1" &
	SUPERVISOR=$!
	wait_for 20 grep -q READY=1 "$LAB_DIR/told" # the verifier takes its time
}

lab_namespace() { # NAME
	ip netns add "$1"
	ip -n "$1" link set lo up
}

lab_mounts() {
	mkdir -p /run/netns /run/scoutgate
	mount -t tmpfs tmpfs /run/netns
	mount -t tmpfs -o mode=700 tmpfs /run/scoutgate # ledgers in memory
	mount -t tmpfs tmpfs /mnt
	mkdir -p "$LAB_DIR/bpf"
	mount -t bpf bpf "$LAB_DIR/bpf"
}

lab_namespaces() { # NAME...: beside those that every lab has
	lab_mounts
	local ns
	for ns in host expert lan "$@"; do
		lab_namespace "$ns"
	done
	host sysctl -qw net.ipv4.ip_forward=0
}

# lab_wire LEFT_NS LEFT_IF LEFT_ADDR RIGHT_NS RIGHT_IF RIGHT_ADDR: by a veth
lab_wire() {
	ip -n "$1" link add "$2" type veth peer name "$5" netns "$4"
	[ "$3" = - ] || ip -n "$1" addr add "$3" dev "$2"
	[ "$6" = - ] || ip -n "$4" addr add "$6" dev "$5"
	ip -n "$1" link set "$2" up
	ip -n "$4" link set "$5" up
}

lab_mac() { # NS IFACE
	ip -n "$1" -br link show "$2" | awk '{print $3}'
}

lab_lan() {
	lab_wire host eth0 192.168.7.2/24 lan lan0 192.168.7.9/24
	# what a hostile neighbour would do
	ip -n lan route add 10.0.3.0/24 via 192.168.7.2
	ip -n lan route add 10.1.0.0/24 via 192.168.7.2
}

# A network behind the lan host, by a link of 1300 bytes that only the router's
# ICMP tells of: `far` offers TCP segments as for 1500.
lab_far() {
	lab_namespace far
	lab_wire lan far0 198.51.100.1/24 far lan0 198.51.100.9/24
	ip -n lan link set far0 mtu 1300
	ip -n far link set lan0 mtu 1300
	ip -n far route add default via 198.51.100.1 advmss 1460
	ip -n host route add default via 192.168.7.9
	lan sysctl -qw net.ipv4.ip_forward=1
	lan sysctl -qw net.ipv4.icmp_ratelimit=0 # each probe is answered
	far sysctl -qw net.ipv4.icmp_ratelimit=0
}

# The VPN as a plain veth: the same interface name and addresses, no OpenVPN.
lab_vpn_plain() {
	lab_wire host tap0 10.1.0.2/24 expert vpn0 10.1.0.1/24
	ip -n expert route add 10.0.3.0/24 via 10.1.0.2
	ip -n expert route add 192.168.7.0/24 via 10.1.0.2
}

# The container as a plain network namespace.
lab_container_plain() {
	lab_wire host ve-container 10.0.3.1/24 container host0 10.0.3.2/24
	ip -n container route add default via 10.0.3.1
}

# The whole lab of plain namespaces, gate not yet up.
lab_plain() {
	lab_namespaces container
	lab_lan
	lab_vpn_plain
	lab_container_plain
	cp "$LAB_ROOT/../../user/scoutgate.conf" "$CONF"
}

# The same ends over IPv6: fd00:1::1 - fd00:1::2, fd00:3::1 - fd00:3::2 and
# fd00:7::9 - fd00:7::2
lab_ipv6() {
	local end ns iface
	for end in host,tap0,fd00:1::2 expert,vpn0,fd00:1::1 host,eth0,fd00:7::2 \
		lan,lan0,fd00:7::9 host,ve-container,fd00:3::1 container,host0,fd00:3::2; do
		IFS=, read -r ns iface end <<<"$end"
		ip -n "$ns" addr add "$end/64" dev "$iface" nodad
	done
	ip -n container -6 route add default via fd00:3::1
}

# ------------------------------------------------------------------ probes
WAIT_S=1 # for an answer; longer where one is expected
# echo_tcp NS ADDRESS PORT: a line comes back
echo_tcp() {
	[ "$(echo line | in_ns "$1" timeout $((3 * WAIT_S)) socat \
		-t$((2 * WAIT_S)) - "TCP:$2:$3,connect-timeout=$WAIT_S")" = line ]
}
echo_udp() {
	[ "$(echo line | in_ns "$1" timeout $((3 * WAIT_S)) socat -t$WAIT_S - \
		"UDP:$2:$3")" = line ]
}
# capture NS IFACE FILTER COMMAND...: what tcpdump saw meanwhile, on stdout
capture() {
	local ns=$1 iface=$2 filter=$3 pid
	shift 3
	: >"$LAB_DIR/tcpdump" # not the last one's
	nsenter --net="/run/netns/$ns" tcpdump -Z root -i "$iface" -n -vv -l \
		--immediate-mode "$filter" \
		>"$LAB_DIR/capture" 2>"$LAB_DIR/tcpdump" &
	pid=$!
	wait_for 5 grep -q listening "$LAB_DIR/tcpdump"
	"$@" >/dev/null 2>&1
	settle 0.3
	kill -TERM $pid
	wait $pid
	cat "$LAB_DIR/capture"
}

# ------------------------------------------------------------------ assertions
# lab_overlay FOLDER LOWER: FOLDER/root is what LOWER has, with changes of its own, in
# FOLDER/up
lab_overlay() {
	mkdir -p "$1"
	mount -t tmpfs tmpfs "$1"
	mkdir "$1/up" "$1/work" "$1/root"
	mount -t overlay overlay "$1/root" \
		-o "lowerdir=$2,upperdir=$1/up,workdir=$1/work"
}

# Each test is a function test_NAME; lab_run_tests runs all that are defined.
PASSED=0 FAILED=0 SKIPPED=0

fail() {
	echo "    $*" >&2
	TEST_FAILED=1
}
# expect WHAT COMMAND...: it succeeds; refuse WHAT COMMAND...: it fails
expect() {
	local what=$1 WAIT_S=$LAB_PATIENCE
	shift
	"$@" >"$LAB_DIR/out" 2>&1 || {
		fail "$what: failed: $*"
		tail -15 "$LAB_DIR/out" | sed 's/^/      /' >&2
	}
}
refuse() {
	local what=$1
	shift
	"$@" >"$LAB_DIR/out" 2>&1 && fail "$what: got through: $*"
}
expect_equal() { # WHAT WANTED GOT
	[ "$2" = "$3" ] || fail "$1: wanted '$2', got '$3'"
}

# drops IFACE [REASON]: packets dropped so far
drops() {
	gate drops | awk -v iface="$1" -v reason="${2:-}" '
		$1 == iface && (reason == "" || $2 == reason) {sum += $3}
		END {print sum + 0}'
}
# expect_drop IFACE REASON COMMAND...: the command adds to this counter
expect_drop() {
	local before after
	before=$(drops "$1" "$2")
	"${@:3}" >/dev/null 2>&1
	after=$(drops "$1" "$2")
	[ "$after" -gt "$before" ] || fail "no drop as $2 on $1 by: ${*:3}"
}

lab_run_tests() { # [NAME...]: these, all, or those that were chosen
	local name tests=${*:-$(declare -F | awk '/ test_/ {print $3}')}
	tests=${LAB_CHOSEN:-$tests}
	# one that is written and in no list would never run
	[ -n "$LAB_CHOSEN" ] || for name in $(declare -F | awk '/ test_/ {print $3}'); do
		[[ " ${tests//$'\n'/ } " = *" $name "* ]] || {
			echo "$name is in no list" >&2
			exit 1
		}
	done
	for name in $tests; do
		declare -F "$name" >/dev/null || { echo "there is no $name" >&2; exit 1; }
	done
	echo "1..$(wc -w <<<"$tests")"
	for name in $tests; do
		TEST_FAILED=
		"$name"
		if [ -n "$TEST_FAILED" ]; then
			FAILED=$((FAILED + 1))
			echo "not ok - ${name#test_}"
		else
			PASSED=$((PASSED + 1))
			echo "ok - ${name#test_}"
		fi
	done
	echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
	[ "$FAILED" = 0 ]
}
