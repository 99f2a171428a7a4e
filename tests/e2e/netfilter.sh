# SPDX-License-Identifier: GPL-2.0-or-later
# Netfilter in the gate's place, for comparison: the policy of the boot-time script
# that the gate replaces, LAN access granted, for IPv6 too. Sourced after lab.sh.

netfilter_begin() {
	host sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	host nft -f - <<-'END'
	table inet replaced {
		chain prerouting {
			type nat hook prerouting priority dstnat
			iifname { "ve-container", "lo" } accept
			meta nfproto ipv4 tcp dport { 22, 2000-2009 } dnat ip to 10.0.3.2
			meta nfproto ipv6 tcp dport { 22, 2000-2009 } dnat ip6 to fd00:3::2
		}
		chain postrouting {
			type nat hook postrouting priority srcnat
			oifname != { "ve-container", "lo" } masquerade
		}
		chain forward {
			type filter hook forward priority filter; policy drop
			ct state established,related accept
			ct status dnat accept
			iifname "ve-container" accept
		}
		chain input {
			type filter hook input priority filter; policy drop
			iifname "lo" accept
			ct state established,related accept
			icmp type echo-request accept
			icmpv6 type { echo-request, nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
			iifname "ve-container" udp dport 67 accept
		}
	}
	END
}

netfilter_end() {
	host nft delete table inet replaced
	host conntrack -F 2>/dev/null
	host sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
}
