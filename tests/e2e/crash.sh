# SPDX-License-Identifier: GPL-2.0-or-later
# A lab in which the loader is killed, or fails, at its system calls, and what is
# open then is asked. Sourced, in the lab.
OLD=$LAB_DIR/old.conf NEW=$LAB_DIR/new.conf
GATE=10.1.0.2 CONTAINER=10.0.3.2 LAN_GATE=192.168.7.2
printf 'forward "a" { ports = {"22", "2000"} }\ngrants { persist = on }\n' >"$OLD"
printf 'forward "a" { ports = {"22", "3000"} }\ngrants { persist = on }\n' >"$NEW"
for port in 22 2000 3000 4000; do
	container socat TCP-LISTEN:$port,fork,reuseaddr,backlog=64 EXEC:cat \
		>/dev/null 2>&1 &
done
for port in 23 5000; do # the owner's, and one that is nobody's outside
	host socat TCP-LISTEN:$port,fork,reuseaddr,backlog=64 EXEC:cat \
		>/dev/null 2>&1 &
done
for port in 22 2000 3000 4000; do
	wait_for 10 listens container "$port"
done
wait_for 10 listens host 5000
# Neighbours need not be asked for: while nothing is let through, neither is ARP,
# and who has asked in vain sends nothing for a second after it.
knows() { # NS IFACE ADDRESS, and the namespace and interface that have it
	ip -n "$1" neigh replace "$3" dev "$2" lladdr "$(lab_mac "$4" "$5")" nud permanent
}
knows expert vpn0 $GATE host tap0
knows host tap0 10.1.0.1 expert vpn0
knows lan lan0 $LAN_GATE host eth0
knows host eth0 192.168.7.9 lan lan0
knows container host0 10.0.3.1 host ve-container
knows host ve-container $CONTAINER container host0
coproc PROBE { in_ns expert /usr/bin/python3 "$LAB_ROOT/probe.py" \
	expert/$GATE lan/$LAN_GATE container/10.0.3.1; }
ask() { # QUESTION: the answer
	echo "$*" >&"${PROBE[1]}"
	local answer
	read -r -t 60 answer <&"${PROBE[0]}"
	echo "$answer"
}
# what each can open of all that there is; host-control and the old policy, and so on
exposed() {
	ask open expert/$GATE:{23,2000,3000,4000,5000} \
		expert/$CONTAINER:{22,2000,3000,4000} \
		lan/$LAN_GATE:{22,23,2000,3000,5000} lan/$CONTAINER:{22,2000,3000} \
		container/10.0.3.1:{23,5000}
}
OPEN_FIRST="expert/$GATE:2000"
OPEN_OLD="expert/$GATE:2000 expert/$GATE:23"
OPEN_NEW="expert/$GATE:23 expert/$GATE:3000"
# the host's own listeners, while nothing is on the interfaces
OWN="container/10.0.3.1:23 container/10.0.3.1:5000 expert/$GATE:23"
OWN="$OWN expert/$GATE:5000 lan/$LAN_GATE:23 lan/$LAN_GATE:5000"

# traced OPTIONS... -- VERB...: the program, under strace; nothing of it stays
traced() {
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	nsenter --net=/run/netns/host timeout --signal=KILL 600 \
		strace -f -qq -o "$LAB_DIR/strace" "${options[@]}" \
		sh -c 'echo $$ >"$0"; exec "$@"' "$LAB_DIR/traced" "$SCOUTGATE" \
		--pin-dir "$PINS" --state-dir "$LAB_DIR/state" -c "$CONF" "$@"
	local status=$?
	kill -9 "$(cat "$LAB_DIR/traced")" 2>/dev/null
	return $status
}

# The calls that change something that another process sees, or could; of
# netlink, those that ask no question.
CHANGES='^(mkdir|unlink|unlinkat|rmdir|rename|mount|fsync|flock|pwrite64|sendmsg|wait4)'
CHANGES="$CHANGES\\\\(|^write\\\\(([3-9]|[0-9][0-9])|^openat\\\\(.*O_CREAT"
CHANGES="$CHANGES|^sendto\\\\(.*(RTM|NFT_MSG)_(NEW|DEL)"
CHANGES="$CHANGES|^bpf\\\\((OBJ_PIN|LINK_CREATE|LINK_UPDATE|LINK_DETACH"
CHANGES="$CHANGES|MAP_UPDATE|MAP_DELETE|PROG_TEST_RUN|PROG_RUN)" # sg_move's, too
CALLS=execve,bpf,mkdir,unlink,unlinkat,rmdir,rename,mount,fsync,flock,pwrite64
CALLS=$CALLS,write,openat,sendto,sendmsg,recvmsg,wait4

# lines of NUMBER NAME(ARGUMENTS... of the calls of the main thread in the log, and
# of the one by which a process of its own sets the guard
calls() {
	awk '
		NR == 1 {main = $1}
		$1 != main {if (/ sendmsg\(/) print 1, $2; next}
		{line = $0; sub(/^[0-9]+ +/, "", line); sub(/BPF_/, "", line)
		 name = line; sub(/\(.*/, "", name); number[name]++}
		name == "execve" {programs++; next}
		programs == 2 {print number[name], line} # not the shell' "$LAB_DIR/strace"
}
# kills VERB...: where to kill it, as lines of a call's name and its number: each
# call that changes something, and the last of each other kind of bpf()'s. A call
# that failed has changed nothing: to be killed at it is to be killed at the next;
# so has one that begins anew, as a sysctl's write does while rtnl is another's.
# THIN=1: of more than two alike (the maps that are pinned; each link made, then its
# pin) every eighth, and of the calls that change nothing only the verifier's. Runs
# the verb. EVERY=1: all, and all of bpf() and netlink.
kills() {
	traced --seccomp-bpf -e trace=$CALLS -- "$@" >/dev/null 2>&1
	calls | kill_points
}
kill_points() {
	awk -v pattern="$CHANGES" -v every="${EVERY:-}" -v thin="${THIN:-}" '
		{number = $1; sub(/^[0-9]+ /, ""); name = kind = $0
		 sub(/\(.*/, "", name); sub(/,.*/, "", kind)
		 if (name != "bpf") kind = name}
		every && /^(bpf|sendto|sendmsg|recvmsg)/ {print name, number; next}
		$0 ~ pattern {if (/ = (-1|\?) E/) next
			changes++
			row[kind] = changes - was[kind] <= 4 ? row[kind] + 1 : 1
			was[kind] = changes
			if (every || !thin || row[kind] <= 2 || row[kind] % 8 == 0)
				print name, number
			next}
		/^bpf/ && (!thin || /PROG_LOAD/) {last[kind] = number}
		END {for (kind in last) print "bpf", last[kind]}'
}
# faults HOW_MANY VERB...: where to let it fail: calls of bpf and netlink, of each
# kind the first so many and the last
faults() {
	local many=$1
	shift
	[ -z "${EVERY:-}" ] || many=1000
	traced --seccomp-bpf -e trace=$CALLS -- "$@" >/dev/null 2>&1
	calls | awk -v many="$many" '
			{number = $1; sub(/^[0-9]+ /, "")}
			/^(bpf|sendto|sendmsg|recvmsg)\(/ {
			 kind = $0; sub(/,.*/, "", kind)
			 if (/^sendto/) {kind = $0; sub(/.*nlmsg_type=/, "", kind)
			                 sub(/,.*/, "", kind)}
			 sub(/\(.*/, ""); sub(/\([0-9]+/, "", kind)
			 at[kind, ++n[kind]] = $0 " " number}
			END {for (kind in n) for (i = 1; i <= n[kind]; i++)
				if (i <= many || i == n[kind]) print at[kind, i]}' |
		sort -u
}
# killed_at CALL NUMBER VERB...: 1 if it was not, as it made fewer calls this time
killed_at() {
	local call=$1 at="inject=$1:signal=KILL:when=$2"
	shift 2
	# no --seccomp-bpf, with which strace injects no signals
	traced -e "trace=$call" -e "$at" -- "$@"
	[ $? = 137 ]
} >/dev/null 2>&1
failing_at() { # CALL NUMBER ERROR VERB...: its status; what it said is in out
	local call=$1 at="inject=$1:error=$3:when=$2"
	shift 3
	traced --seccomp-bpf -e "trace=$call" -e "$at" -- "$@" >"$LAB_DIR/out" 2>&1
}

grants() { # what the datapath goes by
	bpftool -j map dump pinned "$PINS/grants" | /usr/bin/python3 -c '
import json, sys
print(*[g["formatted"]["value"]["open"] for g in json.load(sys.stdin)])'
}
packets() { # counted on the connection that is kept
	gate flows --json | /usr/bin/python3 -c '
import json, sys
print(max([f["in_packets"] for f in json.load(sys.stdin)["flows"]
           if f["local"].endswith(":22")] or [0]))'
}
lo_forwarding() {
	host cat /proc/sys/net/ipv{4,6}/conf/lo/forwarding 2>/dev/null | tr '\n' ' '
}
LO_BEFORE=$(lo_forwarding)
# nothing_is_left WHERE: of the gate, anywhere
nothing_is_left() {
	[ ! -e "$PINS" ] ||
		fail "$1: left $(ls -R "$PINS" | head -20 | tr '\n' ' ')"
	expect_equal "$1: lo's forwarding" "$LO_BEFORE" "$(lo_forwarding)"
	expect_equal "$1: programs" "" "$(gate_programs)"
	expect_equal "$1: tables" "" "$(host nft list tables)"
}
begin() { # the old policy, host-control open, and a connection under it
	gate down
	rm -rf "$LAB_DIR/state"
	cp "$OLD" "$CONF"
	expect "up" gate up
	expect "host-control" gate grant host-control
	expect_equal "a connection" ok "$(ask talk $GATE:22)"
}
# is_one_of WHERE OPEN...: what is open is all of one of these
is_one_of() {
	local where=$1 now
	now=$(exposed)
	shift
	for open in "$@"; do
		[ "$now" != "$open" ] || return 0
	done
	fail "$where: open is '$now'"
}
# is_among WHERE OPEN...: nothing is open that is not one of these
is_among() {
	local where=$1 now open
	now=$(exposed)
	shift
	for open in $now; do
		[[ " $* " == *" $open "* ]] || fail "$where: open is '$open'"
	done
}
# is_whole WHERE: one policy or the other, and what was under it goes on
is_whole() {
	is_one_of "$1" "$OPEN_OLD" "$OPEN_NEW"
	expect_equal "$1: the connection" ok "$(ask line)"
}
is_old() {
	is_one_of "$1" "$OPEN_OLD"
	expect_equal "$1: the connection" ok "$(ask line)"
	[ ! -e "$PINS/next" ] || fail "$1: a folder of new maps is left"
}
# a verb that failed says it in one line
says_why() {
	[[ $(grep . "$LAB_DIR/out") =~ ^scoutgate:\ [^$'\n']*$ ]] ||
		fail "$1: it says: $(cat "$LAB_DIR/out")"
}
