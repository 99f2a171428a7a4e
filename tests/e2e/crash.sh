# SPDX-License-Identifier: GPL-2.0-or-later
# A lab in which the loader is killed, or fails, at its system calls, and what is
# open then is asked. Sourced, in the lab.
OLD=$LAB_DIR/old.conf NEW=$LAB_DIR/new.conf
GATE=10.1.0.2 CONTAINER=10.0.3.2
printf 'forward "a" { ports = {"22", "2000"} }\ngrants { persist = on }\n' >"$OLD"
printf 'forward "a" { ports = {"22", "3000"} }\ngrants { persist = on }\n' >"$NEW"
for port in 22 2000 3000 4000; do
	container socat TCP-LISTEN:$port,fork,reuseaddr,backlog=64 EXEC:cat \
		>/dev/null 2>&1 &
done
host socat TCP-LISTEN:5000,fork,reuseaddr EXEC:cat >/dev/null 2>&1 &
coproc PROBE { in_ns expert /usr/bin/python3 "$LAB_ROOT/probe.py"; }
ask() { # QUESTION: the answer
	echo "$*" >&"${PROBE[1]}"
	local answer
	read -r -t 20 answer <&"${PROBE[0]}"
	echo "$answer"
}
# what the expert can open of all that there is
exposed() {
	ask open $GATE:2000 $GATE:3000 $GATE:4000 $GATE:5000 \
		$CONTAINER:22 $CONTAINER:2000 $CONTAINER:4000
}

# traced OPTIONS... -- VERB...: the program, under strace; nothing of it stays
traced() {
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	nsenter --net=/run/netns/host timeout --signal=KILL 60 \
		strace -f -qq -o "$LAB_DIR/strace" "${options[@]}" \
		sh -c 'echo $$ >"$0"; exec "$@"' "$LAB_DIR/traced" "$SCOUTGATE" \
		--pin-dir "$PINS" --state-dir "$LAB_DIR/state" -c "$CONF" "$@"
	local status=$?
	kill -9 "$(cat "$LAB_DIR/traced")" 2>/dev/null
	return $status
}

# What changes something that another process sees, or could.
CHANGES='OBJ_PIN|LINK_CREATE|LINK_UPDATE|LINK_DETACH|MAP_UPDATE|MAP_DELETE'
NAMES='mkdir|unlink|unlinkat|rmdir|rename|write|mount|fsync'

# calls PATTERN VERB...: runs the verb; lines of a call's name and its number,
# of the calls of the main thread that match
calls() {
	local pattern=$1
	shift
	traced -e trace=bpf,mkdir,unlink,unlinkat,rmdir,rename,write,mount,fsync,sendto,recvmsg \
		-- "$@" >/dev/null 2>&1
	awk -v pattern="$pattern" '
		NR == 1 {main = $1}
		$1 != main {next}
		{name = $2; sub(/\(.*/, "", name); number[name]++}
		$2 $3 ~ pattern {print name, number[name], $2 $3}' "$LAB_DIR/strace"
}
kills() { # VERB...: where to kill it
	local what="^($NAMES)\\\\(|$CHANGES"
	[ -z "${EVERY:-}" ] || what="^($NAMES|bpf|sendto)\\\\("
	calls "$what" "$@" | awk '{print $1, $2}'
}
faults() { # VERB...: where to let it fail: the first and the last of each kind
	calls '^(bpf|sendto|recvmsg)\\(' "$@" |
		awk -v every="${EVERY:-}" '
			{kind = $1 == "bpf" ? $3 : $1; sub(/,.*/, "", kind)
			 at[kind, ++n[kind]] = $1 " " $2}
			END {for (kind in n) for (i = 1; i <= n[kind]; i++)
				if (every || i <= 2 || i == n[kind]) print at[kind, i]}' |
		sort -u
}
killed_at() { # CALL NUMBER VERB...
	local at="inject=$1:signal=KILL:when=$2"
	shift 2
	traced -e "$at" -- "$@"
} >/dev/null 2>&1
failing_at() { # CALL NUMBER ERROR VERB...: its status; what it said is in out
	local at="inject=$1:error=$3:when=$2"
	shift 3
	traced -e "$at" -- "$@" >"$LAB_DIR/out" 2>&1
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
hooks() { # how many programs of the gate are on interfaces here
	host tc filter show dev tap0 ingress | grep -c .
	ls "$PINS/links" 2>/dev/null
}
begin() { # the old policy, and a connection under it
	gate down
	cp "$OLD" "$CONF"
	expect "up" gate up
	expect_equal "a connection" ok "$(ask talk $GATE:22)"
}
# after WHERE: one whole policy is in force, and the connection goes on
is_whole() {
	local now
	now=$(exposed)
	case $now in
	"$GATE:2000" | "$GATE:3000") ;;
	*) fail "$1: open is '$now'" ;;
	esac
	expect_equal "$1: the connection" ok "$(ask line)"
}
is_old() {
	expect_equal "$1: open" "$GATE:2000" "$(exposed)"
	expect_equal "$1: the connection" ok "$(ask line)"
	[ ! -e "$PINS/next" ] || fail "$1: a folder of new maps is left"
}
# a verb that failed says it in one line
says_why() {
	[ "$(grep -c . "$LAB_DIR/out")" = 1 ] ||
		fail "$1: it says: $(cat "$LAB_DIR/out")"
}

