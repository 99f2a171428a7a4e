#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Ledgers to verify: sound ones, and damaged ones.

    forge.py make DIR [--segments N] [--records N] [--checkpoint-every N] [--flows]
    forge.py damage DIR KIND [--segment S]
    forge.py key DIR; forge.py head DIR     what a person would have noted

make: the segments end in turn by the next file (same daemon), a stop, a kill and
a torn line; the newest ends with a stop. Up to three segments the ledger is whole;
four have a kill, five a torn tail. --records is of each segment.
damage: prints the record that it changed, {"n","segment"}. Every private key
comes from a text by SHA-256, so that a later run has it again. It shares no code
with the verifiers, and follows scoutgate-ledger(5)."""
import argparse
import base64
import glob
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

ENDS = ("segment", "stop", "killed", "torn")
LEDGER = hashlib.sha256(b"forge").hexdigest()[:16]
ZEROS = "0" * 64
PKCS8_ED25519 = bytes.fromhex("302e020100300506032b657004220420")   # RFC 8410
encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def text(value):
    """Escape what a ledger's text cannot hold."""
    return "".join(chr(byte) if 0x20 <= byte <= 0x7e and byte != 0x25
                   else "%%%02X" % byte for byte in value.encode())


def path_of(folder, number):
    return os.path.join(folder, "%08d.jsonl" % number)


def link_newest(folder, number):
    link = os.path.join(folder, "ledger.jsonl")
    if os.path.lexists(link):
        os.unlink(link)
    os.symlink("%08d.jsonl" % number, link)


class Keys:
    """Key pairs by name: whose, of which segment, for which checkpoint of it."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="forge-ledger.")
        self.public_keys = {}

    def private(self, name):
        path = os.path.join(self.folder.name, "key")
        with open(path, "wb") as file:
            file.write(PKCS8_ED25519 + hashlib.sha256(name.encode()).digest())
        return path

    def public(self, name):
        if name not in self.public_keys:
            der = subprocess.run(
                ["openssl", "pkey", "-inform", "DER", "-in", self.private(name),
                 "-pubout", "-outform", "DER"],
                check=True, stdout=subprocess.PIPE).stdout
            self.public_keys[name] = base64.b64encode(der).decode()
        return self.public_keys[name]

    def sign(self, name, note):
        note_path = os.path.join(self.folder.name, "note")
        sig_path = os.path.join(self.folder.name, "sig")
        with open(note_path, "wb") as file:
            file.write(note)
        subprocess.run(
            ["openssl", "pkeyutl", "-sign", "-keyform", "DER",
             "-inkey", self.private(name), "-rawin", "-in", note_path,
             "-out", sig_path], check=True)
        with open(sig_path, "rb") as file:
            return base64.b64encode(file.read()).decode()


def gates_key(segment, checkpoint):
    return "gate %d %d" % (segment, checkpoint)


class Segment:
    """One file as it is written. Checkpoint I is signed by key_name(number, I)."""

    def __init__(self, folder, number, keys, key_name):
        self.number, self.keys, self.key_name = number, keys, key_name
        self.file = open(path_of(folder, number), "wb")
        self.sum = hashlib.sha256()
        self.chain = ZEROS
        self.records = self.bytes = self.checkpoints = 0
        self.boot_id = None

    def key(self):
        return self.keys.public(self.key_name(self.number, 0))

    def put(self, record):
        """Write a record that has everything but its place."""
        if self.records == 0:
            self.boot_id = record["boot_id"]
        record.update(v=1, n=self.records, prev=self.chain)
        line = (encode(record) + "\n").encode()
        self.sum.update(line)
        leaf = hashlib.sha256(line).hexdigest()
        self.chain = hashlib.sha256(
            ("%s %s\n" % (self.chain, leaf)).encode()).hexdigest()
        self.file.write(line)
        self.records += 1
        self.bytes += len(line)

    def put_checkpoint(self, record, next_is_segment=False):
        """The same, with its note and signature. `next_is_segment`: the next key
        is the next file's."""
        own = self.key_name(self.number, self.checkpoints)
        self.checkpoints += 1
        next_key = self.key_name(self.number + 1, 0) if next_is_segment else \
            self.key_name(self.number, self.checkpoints)
        note = "scoutgate-ledger/1\n%s %d\n%d %d\n%s\n%s\n%s %s %s\n%s\n" % (
            LEDGER if "ledger" not in record else record.pop("ledger"),
            self.number, self.records, self.bytes, self.sum.hexdigest(),
            self.chain, record["ts"], record["boot"], self.boot_id,
            self.keys.public(next_key))
        record["note"] = text(note)
        record["sig"] = self.keys.sign(own, note.encode())
        self.put(record)

    def close(self, end, torn=b""):
        """Return `previous` for the segment after this one."""
        previous = {"segment": self.number, "n": self.records - 1,
                    "chain": self.chain, "end": end}
        if torn:
            self.file.write(torn)
            self.sum.update(torn)
            previous["torn_bytes"] = len(torn)
            previous["torn_sha256"] = hashlib.sha256(torn).hexdigest()
        previous["sha256"] = self.sum.hexdigest()
        self.file.close()
        return previous


class Gate:
    """A made-up gate: its clocks and flows, and the records that it writes."""

    def __init__(self, flows):
        self.random = random.Random(7)
        self.with_flows = flows
        self.real_ms = 1764500000000
        self.boots = 0
        self.epoch = self.made = 0
        self.reboot()
        self.restart()

    def reboot(self):
        self.boots += 1
        self.boot_ns = 17 * 10 ** 9 + 123456789
        self.boot_id = "%08d-1111-4222-8333-444455556666" % self.boots
        self.open, self.seq = [], [0, 0]    # no flow outlives a boot

    def restart(self):
        self.begun = self.ended = 0

    def boot(self):
        return "%d.%09d" % divmod(self.boot_ns, 10 ** 9)

    def record(self, event, **fields):
        self.real_ms += 7
        self.boot_ns += 7000123
        seconds, ms = divmod(self.real_ms, 1000)
        return {"event": event, "boot": self.boot(), "ts": "%s.%03dZ" % (
            time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)), ms),
            **fields}

    def clock(self):
        return {"real": "%d.%03d" % divmod(self.real_ms, 1000),
                "boot": self.boot(), "mono": self.boot(), "rtc": None,
                "step": -1500, "status": 64, "maxerror_us": 16000000}

    def first(self, event, segment, previous):
        fields = {"ledger": LEDGER, "segment": segment.number,
                  "boot_id": self.boot_id, "key": segment.key(),
                  "previous": previous}
        if event == "start":
            fields |= {
                "open": len(self.open),
                "version": "1.0", "program_sha256": "1" * 64,
                "object_sha256": "2" * 64, "config_sha256": "3" * 64,
                "config": text('forward "ssh" { protocol = tcp\n'
                               '\tports = {"22"} } # 100% \\ caf\u00e9\n'),
                "kernel": "6.1.0-30-amd64", "cmdline": "boot=live quiet",
                "os_release": text("Debian GNU/Linux 12\n"),
                "machine_id": "0123456789abcdef0123456789abcdef",
                "dmi": {"product": "None", "vendor": "QEMU"},
                "macs": {"eth0": "52:54:00:00:00:01"},
                "roles": {"eth0": "lan", "tap0": "vpn"},
                "clock": self.clock(),
                "storage": {"fstype": "tmpfs", "volatile": True,
                            "device": "tmpfs"}}
        return self.record(event, **fields)

    def balance(self):
        return {"begun": self.begun, "ended": self.ended,
                "open": len(self.open), "lost": 0}

    def checkpoint(self):
        return self.record("checkpoint", balance=self.balance())

    def next(self):
        self.made += 1
        if self.with_flows and self.made % 4:
            return self.next_flow()
        events = (self.grant, self.refused, self.attempts, self.others)
        return events[self.made // (4 if self.with_flows else 1) % 4]()

    def grant(self):
        self.epoch += 1
        is_open = self.epoch % 2 == 1
        return self.record(
            "grant", name="lan-access", epoch=self.epoch, open=is_open,
            deadline=self.boot_ns // 10 ** 9 + 1800 if is_open else None,
            via="verb" if is_open else "deadline",
            reason=text('the owner\u2019s "yes" \\ 100%'), case=None,
            who={"pid": 4711, "uid": 0, "loginuid": 1000, "session": 2,
                 "tty": "/dev/tty1", "exe": "/usr/sbin/scoutgate",
                 "parent": "/usr/bin/bash"} if is_open else None,
            claims={"SUDO_USER": "owner",
                    "SSH_CONNECTION": "10.1.0.1 40000 10.1.0.2 22"}
            if is_open else {})

    def refused(self):
        return self.record(
            "refused", reason="grant-closed", orig_h="192.168.1.9", resp_p=22,
            link="eth0", pkts=3, first=self.boot(), last=self.boot(), others=0)

    def attempts(self):
        return self.record(
            "attempts", orig_h="10.1.0.1", rule="ssh", resp_p_min=22,
            resp_p_max=22, flows=10, pkts=30, ip_bytes=1800, first=self.boot(),
            last=self.boot())

    def others(self):
        """One of the events that come less often."""
        records = (
            ("clock", self.clock()),
            ("link", {"name": "eth0", "role": "lan", "change": "up", "index": 2}),
            ("address", {"name": "eth0", "address": "192.168.1.5",
                         "change": "added"}),
            ("policy", {"sha256": "4" * 64, "config": "host { }%0A"}),
            ("peer", {"address": "10.1.0.1", "name": "expert"}),
            ("anchor", {"file": "head.tsr", "sha256": "5" * 64}),
            ("note", {"text": "disk image begun", "who": None}),
            ("export", {"to": "/media/usb", "records": self.made}),
            ("gap", {"from": self.boot(), "until": self.boot(),
                     "why": "full", "lost": 0}),
            ("found", None),
            ("gone", None))
        event, fields = records[self.made // 4 % len(records)]
        if event == "gone" and self.open:
            fields = {"uid": self.open.pop(0)["uid"], "reason": "lost"}
            self.ended += 1
        elif fields is None:
            event, fields = "found", self.begin_flow()
        return self.record(event, **fields)

    def begin_flow(self):
        number = self.begun + 1000 * self.boots
        flow = {
            "uid": hashlib.sha256(
                ("%s %d" % (self.boot_id, self.boot_ns)).encode()
            ).hexdigest()[:20],
            "proto": "tcp", "id.orig_h": "10.1.0.%d" % (1 + number % 5),
            "id.orig_p": 32768 + number % 20000, "id.resp_h": "10.1.0.2",
            "id.resp_p": 22, "nat.orig_h": "10.1.0.%d" % (1 + number % 5),
            "nat.orig_p": 32768 + number % 20000, "nat.resp_h": "10.0.3.2",
            "nat.resp_p": 22, "orig_pkts": 1, "orig_ip_bytes": 60,
            "resp_pkts": 1, "resp_ip_bytes": 60, "orig_flags": "S",
            "resp_flags": "S", "start": self.boot(), "last": self.boot(),
            "final": False, "kind": "forward", "link": "tap0",
            "rule": "ssh", "policy": "3" * 64, "grants": [],
            "peer": "expert"}
        self.open.append(flow)
        self.begun += 1
        return flow

    def next_flow(self):
        if len(self.open) < 3 or (len(self.open) < 40 and
                                  self.random.random() < 0.4):
            return self.flow_record("flow.begin", self.begin_flow())
        flow = self.random.choice(self.open)
        flow["orig_pkts"] += 10
        flow["orig_ip_bytes"] += 15000
        flow["resp_pkts"] += 5
        flow["resp_ip_bytes"] += 300
        flow["last"] = self.boot()
        if self.random.random() < 0.5:
            return self.flow_record("flow.update", flow)
        self.open.remove(flow)
        self.ended += 1
        flow.update(final=True, reason="closed", flow_end_reason=3,
                    orig_flags="SF", resp_flags="SF")
        return self.flow_record("flow.end", flow)

    def flow_record(self, event, flow):
        cpu = self.random.randrange(2)
        self.seq[cpu] += 1
        return self.record(event, cpu=cpu, seq=self.seq[cpu], **flow)


def make(folder, options):
    os.makedirs(folder)
    keys, gate = Keys(), Gate(options.flows)
    previous = None
    for number in range(1, options.segments + 1):
        is_newest = number == options.segments
        end = "stop" if is_newest else ENDS[(number - 1) % len(ENDS)]
        segment = Segment(folder, number, keys, gates_key)
        after = previous["end"] if previous else None
        if after == "torn":
            gate.reboot()
        if after != "segment":
            gate.restart()
        segment.put(gate.first("segment" if after == "segment" else "start",
                               segment, previous))
        closing = {"stop": 2, "segment": 1}.get(end, 0)
        while segment.records < options.records - closing:
            if segment.records % options.checkpoint_every == 0:
                segment.put_checkpoint(gate.checkpoint())
            else:
                segment.put(gate.next())
        if end == "stop":
            segment.put(gate.record("stop", why="signal"))
        if closing:
            segment.put_checkpoint(gate.checkpoint(), end == "segment")
        torn = b""
        if end == "torn":
            torn = encode(gate.record("note", text="cut off", who=None)).encode()
            torn = torn[:len(torn) // 2]
            with open(path_of(folder, number)[:-len("jsonl")] + "torn",
                      "wb") as file:
                file.write(torn)
        previous = segment.close(end, torn)
    link_newest(folder, options.segments)


def newest_of(folder):
    return max(int(os.path.basename(name)[:8]) for name in
               glob.glob(os.path.join(glob.escape(folder), "[0-9]*.jsonl")))


def lines_of(folder, number):
    with open(path_of(folder, number), "rb") as file:
        return file.read().splitlines(keepends=True)


def write_lines(folder, number, lines):
    with open(path_of(folder, number), "wb") as file:
        file.write(b"".join(lines))


def first_of(folder, number):
    return json.loads(lines_of(folder, number)[0])


def checkpoints_of(lines):
    return [n for n, line in enumerate(lines)
            if line.endswith(b"\n") and b'"event":"checkpoint"' in line]


def remake(folder, first, key_name, change):
    """Write the segments from `first` on anew, with chains, sums, notes and
    signatures that fit. change(segment's number, record) makes the difference."""
    keys, newest = Keys(), newest_of(folder)
    previous = None
    for number in range(first, newest + 1):
        lines = lines_of(folder, number)
        torn = b"" if lines[-1].endswith(b"\n") else lines.pop()
        records = [json.loads(line) for line in lines]
        follows = first_of(folder, number + 1) if number < newest else {}
        segment = Segment(folder, number, keys, key_name)
        records[0]["key"] = segment.key()
        if previous:
            previous["end"] = records[0]["previous"]["end"]
            records[0]["previous"] = previous
        for record in records:
            change(number, record)
            if record["event"] != "checkpoint":
                segment.put(record)
                continue
            record["ledger"] = records[0]["ledger"]
            segment.put_checkpoint(record, record["n"] == len(records) - 1 and
                                   follows.get("event") == "segment")
        previous = segment.close("", torn)


def start_before(folder, number):
    """Return the segment in which the daemon began that wrote this one."""
    while first_of(folder, number)["event"] != "start":
        number -= 1
    return number


class Damage:
    """One function for each kind: returns the segment and the record."""

    def __init__(self, folder, segment):
        self.folder = folder
        self.newest = newest_of(folder)
        self.segment = segment or min(2, self.newest)
        self.lines = lines_of(folder, self.segment)
        # some record in the middle, not a checkpoint, nor is its neighbour
        checkpoints = checkpoints_of(self.lines)
        self.n = next((n for n in range(len(self.lines) // 2,
                                        len(self.lines) - 2)
                       if n > 0 and n not in checkpoints and
                       n + 1 not in checkpoints), 1)

    def edit(self, n, *lines):
        """Put these lines in place of line n."""
        self.lines[n:n + 1] = lines
        write_lines(self.folder, self.segment, self.lines)
        return self.segment, n

    def replace(self, n, old, new):
        line = self.lines[n].replace(old, new, 1)
        if line == self.lines[n]:
            sys.exit("forge.py: record %d has nothing to change" % n)
        return self.edit(n, line)

    def flip(self):
        line = bytearray(self.lines[self.n])
        # the last digit of `ts`: another time, and the form stays right
        line[line.index(b'Z"', line.index(b'"ts":')) - 1] ^= 1
        return self.edit(self.n, bytes(line))

    def flip_prev(self):
        place = self.lines[self.n].index(b'"prev":"') + 8
        line = bytearray(self.lines[self.n])
        line[place] = b"1"[0] if line[place] == b"0"[0] else b"0"[0]
        return self.edit(self.n, bytes(line))

    def delete(self):
        return self.edit(self.n)

    def swap(self):
        self.lines[self.n + 1], other = self.lines[self.n], self.lines[self.n + 1]
        return self.edit(self.n, other)

    def insert(self):
        return self.edit(self.n, self.lines[self.n], self.lines[self.n])

    def non_canonical(self):
        return self.replace(self.n, b'{', b'{ ')

    def non_ascii(self):
        return self.replace(self.n, b'"event":"', b'"event":"\xc3\xa9')

    def unsigned(self):
        n = checkpoints_of(self.lines)[-1]
        record = json.loads(self.lines[n])
        return self.replace(n, record["sig"].encode(), b"")

    def truncate(self):
        lines = lines_of(self.folder, self.newest)
        lines[-1] = lines[-1][:len(lines[-1]) // 2]
        write_lines(self.folder, self.newest, lines)
        return self.newest, len(lines) - 1

    def cut(self):
        lines = lines_of(self.folder, self.newest)
        checkpoints = [n for n in checkpoints_of(lines) if n < len(lines) - 1]
        if not checkpoints:
            sys.exit("forge.py: nothing behind a checkpoint to cut")
        write_lines(self.folder, self.newest, lines[:checkpoints[-1] + 1])
        return self.newest, checkpoints[-1] + 1

    def replay(self):
        if self.newest == 1:
            sys.exit("forge.py: there is one segment only")
        shutil.copyfile(path_of(self.folder, self.newest - 1),
                        path_of(self.folder, self.newest))
        return self.newest, 0

    def missing(self):
        if self.segment == self.newest:
            sys.exit("forge.py: the newest is not missed without a head")
        os.unlink(path_of(self.folder, self.segment))
        return self.segment, 0

    def remade(self, first, key_name, change):
        """Change record n of the segment, and all else so that it fits."""
        def change_one(number, record):
            if (number, record["n"]) == (self.segment, self.n):
                change(record)
        remake(self.folder, first, key_name, change_one)
        return self.segment, self.n

    def resign_same(self):
        # from the last start on, there is no key that only the gate has
        first = start_before(self.folder, self.newest)
        self.__init__(self.folder, self.newest)
        if first_of(self.folder, first)["key"] != \
                Keys().public(gates_key(first, 0)):
            sys.exit("forge.py: not a ledger of `forge.py make`")

        def stolen(number, checkpoint):
            if (number, checkpoint) == (first, 0):
                return gates_key(number, checkpoint)
            return "thief " + gates_key(number, checkpoint)
        return self.remade(first, stolen, self.other_time)

    def resign_new(self):
        return self.remade(
            1, lambda number, checkpoint: "other " + gates_key(number, checkpoint),
            self.other_time)

    @staticmethod
    def other_time(record):
        record["ts"] = record["ts"][:-2] + ("1Z" if record["ts"][-2] == "0"
                                            else "0Z")

    def boot_back(self):
        def back(record):
            seconds, _, rest = record["boot"].partition(".")
            record["boot"] = "%d.%s" % (int(seconds) - 1, rest)
        return self.remade(self.segment, gates_key, back)

    def wrong_balance(self):
        def more(record):
            record["balance"]["open"] += 1
        self.n = checkpoints_of(self.lines)[-1]
        return self.remade(self.segment, gates_key, more)

    def link(self):
        link_newest(self.folder, 1)
        return None, None


KINDS = ("flip", "flip-prev", "delete", "swap", "insert", "truncate", "cut",
         "replay", "resign-same", "resign-new", "unsigned", "missing",
         "boot-back", "wrong-balance", "non-canonical", "non-ascii", "link")


def head_of(folder):
    """Return the last chain value, from the lines alone."""
    chain = ZEROS
    for line in lines_of(folder, newest_of(folder)):
        if line.endswith(b"\n"):
            leaf = hashlib.sha256(line).hexdigest()
            chain = hashlib.sha256(
                ("%s %s\n" % (chain, leaf)).encode()).hexdigest()
    return chain


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("make")
    verb.add_argument("folder")
    verb.add_argument("--segments", type=int, default=6)
    verb.add_argument("--records", type=int, default=60)
    verb.add_argument("--checkpoint-every", type=int, default=10)
    verb.add_argument("--flows", action="store_true")
    verb = verbs.add_parser("damage")
    verb.add_argument("folder")
    verb.add_argument("kind", choices=KINDS)
    verb.add_argument("--segment", type=int)
    for name in ("key", "head"):
        verbs.add_parser(name).add_argument("folder")
    options = parser.parse_args()
    if options.verb == "make":
        make(options.folder, options)
    elif options.verb == "key":
        print(first_of(options.folder, 1)["key"])
    elif options.verb == "head":
        print(head_of(options.folder))
    else:
        damage = Damage(options.folder, options.segment)
        segment, n = getattr(damage, options.kind.replace("-", "_"))()
        print(encode({"segment": segment, "n": n}))


if __name__ == "__main__":
    main()
