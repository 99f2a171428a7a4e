# SPDX-License-Identifier: GPL-2.0-or-later
# Folders that hold a Debian or Ubuntu release of their own, by debootstrap, and
# commands in them. Sourced by a script that first calls `root_entered "$@"`.
# RELEASE_REGISTRY names another registry than this machine's apt is set to.

roots_script=$(realpath "$0") # before it goes to another folder

# In the script's second life: root_inside's. It does not return.
root_entered() { # [--enter ROOT FOLDER COMMAND]
	[ "${1:-}" = --enter ] || return 0
	local root=$2
	mount --bind "$root" "$root"
	mount -t proc proc "$root/proc"
	mount --rbind /dev "$root/dev"
	mount -t tmpfs tmpfs "$root/run"
	# of the network namespace, where that is not the machine's
	mount -t sysfs sysfs "$root/sys" && mount -t bpf bpf "$root/sys/fs/bpf"
	cd "$root" || exit 1
	pivot_root . mnt && umount -l /mnt || exit 1
	cd "$3" || exit 1
	exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
		sh -c "$4"
}
# root_inside ROOT FOLDER [--net] COMMAND: there, in mount and PID namespaces of its
# own; --net: with no network but its own
root_inside() {
	unshare --mount --pid --fork --kill-child=KILL --propagation private \
		"${@:3:$#-3}" -- "$roots_script" --enter "$1" "$2" "${!#}"
}
# root_make RELEASE ROOT [OPTION...]: by debootstrap, if it is not there in whole
root_make() {
	local release=$1 root=$2 components=main registry
	[ ! -e "$root/.made" ] || return 0
	# shellcheck disable=SC2016 # apt's own word
	registry=${RELEASE_REGISTRY:-$(apt-get indextargets --format '$(REPO_URI)' \
		'Created-By: Packages' | grep -v security | head -1)}
	[ -n "$registry" ] || { echo "apt knows no registry"; return 1; }
	[[ $registry != *ubuntu* ]] || components=main,universe
	rm -rf "$root"
	debootstrap --variant=minbase --force-check-gpg --components=$components \
		"${@:3}" "$release" "$root" "$registry" && touch "$root/.made"
}
# root_source ROOT: the files of this repository, the current folder, as its /src
root_source() {
	rm -rf "$1/src" && mkdir "$1/src" &&
		git ls-files -z | tar -c --null -T - | tar -x -C "$1/src"
}
# package REPOSITORY: build its Debian package, and print its file
package() {
	make -s -C "$1" deb | tail -1 | grep '\.deb$'
}
# root_fetch ROOT FILE: into its apt's cache, what a package needs; by the machine's
# network, as later there is none
root_fetch() {
	cp /etc/resolv.conf "$1/etc/" && cp "$2" "$1/var/tmp/needs.deb" && root_inside "$1" / "
		mount -t tmpfs tmpfs /tmp
		apt-get -qq update &&
		apt-get -qq -y --download-only install /var/tmp/needs.deb"
}
