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

netfilter_end() { # [FAMILY]: ip, after script_begin
	host nft delete table "${1:-inet}" replaced
	host conntrack -F 2>/dev/null
	host sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
}

# The rules of the script itself, as Bitscout starts it: the container leaves by eth0
# and wlan0, the VPN is tap0. systemd-nspawn's side masquerades.
script_begin() {
	host sysctl -qw net.ipv4.ip_forward=1
	host nft -f - <<-'END'
	table ip replaced {
		chain incoming {
			tcp dport { 22, 2000-2009 } dnat to 10.0.3.2
		}
		chain prerouting {
			type nat hook prerouting priority dstnat
			iifname "tap0" jump incoming
		}
		chain postrouting {
			type nat hook postrouting priority srcnat
			ip saddr 10.0.3.0/24 oifname != "ve-container" masquerade
		}
		chain forward {
			type filter hook forward priority filter; policy drop
			iifname "ve-container" oifname { "eth0", "wlan0" } accept
			oifname "ve-container" iifname { "eth0", "wlan0" } accept
			iifname "ve-container" oifname "tap0" ip saddr 10.0.3.2 accept
			oifname "ve-container" iifname "tap0" ip daddr 10.0.3.2 accept
		}
		chain host {
			tcp dport 23 accept
		}
		chain input {
			type filter hook input priority filter; policy drop
			iifname "lo" accept
			tcp flags & (fin | syn | rst | ack) != syn ct state new drop
			icmp type { echo-request, time-exceeded } accept
			ct state established,related accept
			iifname "ve-container" udp dport 67 accept
			iifname "tap0" jump host
		}
	}
	END
}
script_lan_access() { # its enable-access-from-lan
	host nft insert rule ip replaced prerouting jump incoming
	host nft insert rule ip replaced input jump host
}
