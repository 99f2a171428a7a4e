# SPDX-License-Identifier: GPL-2.0-or-later
# A gate that runs and its ledger: the lab with IPv6, the daemon, records, verdicts
# and connections. Sourced after lab_enter.
# shellcheck shell=bash disable=SC2034 # whoever sources it has the names

lab_plain
ip -n host addr add fd00:1::2/64 dev tap0 nodad
ip -n expert addr add fd00:1::1/64 dev vpn0 nodad
ip -n host addr add fd00:3::1/64 dev ve-container nodad
ip -n container addr add fd00:3::2/64 dev host0 nodad
ip -n container -6 route add default via fd00:3::1
cat >"$CONF" <<'END'
vpn       { interfaces = {"tap0"}  network = "10.1.0.0/24"  mss-clamp = on  xdp = native }
container { interface = "ve-container"  address = "10.0.3.2"  address6 = "fd00:3::2" }
forward "ssh"      { protocol = tcp  ports = {"22"} }
forward "services" { protocol = tcp  ports = {"2000-2009"} }
forward "dns"      { protocol = udp  ports = {"53"} }
timeouts { tcp-half-open = "4s"  tcp-closing = "4s"  tcp-reset = "2s"  udp-new = "4s" }
END
cp "$CONF" "$LAB_DIR/plain.conf"
MEMORY=/run/scoutgate/mnt:scoutgate-lab:bpf:gate
LEDGER=$MEMORY
LOG=$LAB_DIR/run.log
container socat TCP6-LISTEN:22,fork,reuseaddr,ipv6only=0 EXEC:cat &
container socat UDP-LISTEN:53,fork,reuseaddr EXEC:cat &
lan socat TCP-LISTEN:80,fork,reuseaddr EXEC:cat &
lan socat UDP-LISTEN:53,fork,reuseaddr EXEC:cat &

# ------------------------------------------------------------ the daemon
begins() { # a ledger anew, or with "on" the one that is there
	[ "${1:-}" = on ] || {
		rm -rf "$MEMORY"
		BEFORE=''
	}
	: >"$LOG"
	expect "run begins" lab_supervisor "$LOG"
	expect "the ledger begins" wait_for 5 has_start
}
has_start() { # of this process: the daemon has the newest segment open
	[ "$(readlink -e "$LEDGER/ledger.jsonl")" != "${BEFORE:-}" ] &&
		grep -q '"event":"start"' "$LEDGER/ledger.jsonl"
}
ends() { # [SIGNAL]
	BEFORE=$(readlink -e "$LEDGER/ledger.jsonl")
	kill "-${1:-TERM}" $SUPERVISOR
	wait $SUPERVISOR 2>/dev/null
}
down() {
	gate down >/dev/null
	BEFORE=''
	cp "$LAB_DIR/plain.conf" "$CONF"
}

# ------------------------------------------------------------ its records
records() { # FILTER: of jq, of all segments
	cat "$LEDGER"/[0-9]*.jsonl | jq -cR "fromjson? | select($1)"
}
has() { records "$1" | grep -q .; }
recorded() { # WHAT FILTER: within some seconds
	expect "$1" wait_for 5 has "$2"
}
count() { records "$1" | wc -l; }
said() { # WHAT WANTED FILTER KEY: of the newest such record
	expect_equal "$1" "$2" "$(records "$3" | tail -1 | jq -c "$4")"
}
verdict() { # STATUS [TEXT...]: of verify, and what it says
	local got text
	gate_aloud ledger verify --json >"$LAB_DIR/verdict"
	got=$?
	[ $got = "$1" ] ||
		fail "verify: wanted $1, got $got: $(cat "$LAB_DIR/verdict")"
	"$LAB_ROOT/../ledger/verify.py" "$LEDGER" >"$LAB_DIR/verdict2"
	expect_equal "the second verifier" "$(cat "$LAB_DIR/verdict")" \
		"$(cat "$LAB_DIR/verdict2")"
	for text in "${@:2}"; do
		grep -qF "$text" "$LAB_DIR/verdict" || fail "verify does not say $text"
	done
}
no_event_twice() {
	expect_equal "events that are on file twice" "" "$(records '.seq' |
		jq -sc '.[] | [.cpu, .seq]' | sort | uniq -d)"
	expect_equal "flows that end twice" "" "$(records \
		'.event == "flow.end" or .event == "gone"' | jq -r .uid | sort | uniq -d)"
}

# ------------------------------------------------------------ connections
declare -A PIPES CLIENTS
session() { # NAME NS ADDRESS: a connection that stays
	rm -f "$LAB_DIR/$1"
	mkfifo "$LAB_DIR/$1"
	nsenter --net="/run/netns/$2" socat -t1 - "TCP:$3:22" <"$LAB_DIR/$1" \
		>"$LAB_DIR/$1.said" &
	CLIENTS[$1]=$!
	exec {PIPE}>"$LAB_DIR/$1"
	PIPES[$1]=$PIPE
	expect "$1: it begins" answered "$1" one
}
answered() { # NAME WORD: the word comes back
	echo "$2" >&"${PIPES[$1]}"
	wait_for 3 grep -qx "$2" "$LAB_DIR/$1.said"
}
hang_up() { # NAME
	kill "${CLIENTS[$1]}"
	eval "exec ${PIPES[$1]}>&-"
}
who() { # FILTER: rows of sessions
	gate_aloud who --json | jq -c ".sessions[] | select($1)"
}
is_in_who() { who "$1" | grep -q .; }
