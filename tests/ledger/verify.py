#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A second verifier of ledgers: verify.py [--head H] [--key K] PATH

Prints the verdict as one line of JSON, as `scoutgate ledger verify --json` does,
and exits with 0 (whole), 3 (incomplete) or 1 (broken). It shares no code with
scoutgate: it follows scoutgate-ledger(5), with Python's standard library and the
program openssl. It reads line by line and keeps none of them."""
import argparse
import base64
import binascii
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile

BOOT_ID_MAX = 36            # characters of the kernel's boot id
DEPTH_MAX = 16              # of values, one in the other
LINE_MAX = 65536            # bytes, with the LF
START_MAX = 2 * 1024 * 1024     # the same of a `start`
INTEGER_MAX = 2 ** 53 - 1
ZEROS = "0" * 64
SPKI_ED25519 = bytes.fromhex("302a300506032b6570032100")    # RFC 8410
PRINTABLE = bytes(range(0x20, 0x7f))
SEGMENT_NAME = re.compile(r"([0-9]{8})\.jsonl")
HEX_64 = re.compile(r"[0-9a-f]{64}").fullmatch
LEDGER_ID = re.compile(r"[0-9a-f]{16}").fullmatch
BOOT = re.compile(r"(0|[1-9][0-9]{0,8})\.[0-9]{9}").fullmatch
TS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII).fullmatch
ENDS = ("stop", "segment", "killed", "torn")


class Wrong(Exception):
    """The first thing that is wrong, and the record that it is said of."""

    def __init__(self, segment, n, why):
        super().__init__(why)
        self.segment, self.n, self.why = segment, n, why


def integer(digits):
    value = int(digits) if len(digits) <= 17 else INTEGER_MAX + 1
    if abs(value) > INTEGER_MAX:
        raise ValueError(digits)
    return value


def refuse(value):
    raise ValueError(value)


decode = json.JSONDecoder(parse_int=integer, parse_float=refuse,
                          parse_constant=refuse).decode
encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def is_integer(value):
    return type(value) is int and value >= 0


def matches(value, pattern):
    return type(value) is str and pattern(value) is not None


def only_steps_negative(value, is_step=False):
    """Return whether no integer is below 0 but a `step`, which clocks have."""
    if type(value) is dict:
        return all(only_steps_negative(item, key == "step")
                   for key, item in value.items())
    if type(value) is list:
        return all(map(only_steps_negative, value))
    return is_step or type(value) is not int or value >= 0


def object_of(line):
    """Return the object of a line with its LF, or None if its form is wrong."""
    if line[-1:] != b"\n" or len(line) > START_MAX:
        return None
    body = line[:-1]
    if body.translate(None, PRINTABLE):
        return None
    # \" and \\ are the only escapes
    if b"\\" in body and \
            b"\\" in body.replace(b"\\\\", b"").replace(b"\\\"", b""):
        return None
    text = body.decode("ascii")
    try:
        record = decode(text)
        if type(record) is not dict or encode(record) != text:
            return None
        if b":-" in body or b",-" in body or b"[-" in body:
            if not only_steps_negative(record):
                return None
    except (ValueError, RecursionError):
        return None
    return record if depth_of(record) <= DEPTH_MAX and \
        not re.search(rb"%(?![0-9A-F]{2})", body) else None


def depth_of(value):
    if type(value) is dict:
        value = list(value.values())
    if type(value) is list:
        return 1 + max(map(depth_of, value), default=0)
    return 1


def has_fields(record, line):
    """Return whether it has what every record has."""
    get = record.get
    if type(get("v")) is not int or record["v"] != 1 or \
            type(get("event")) is not str or not is_integer(get("n")) or \
            not matches(get("prev"), HEX_64) or not matches(get("ts"), TS) or \
            not matches(get("boot"), BOOT):
        return False
    if not is_integer(get("cpu", 0)) or not is_integer(get("seq", 0)):
        return False
    if len(line) > LINE_MAX and record["event"] != "start":
        return False
    return True


def bytes_of(text):
    """Return the bytes of base64 that is written the one way, or None."""
    try:
        data = base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        return None
    return data if base64.b64encode(data).decode() == text else None


def is_key(text):
    key = bytes_of(text) if type(text) is str else None
    return key is not None and len(key) == 44 and key.startswith(SPKI_ED25519)


def unescaped(text):
    """Return the bytes of a text with %XX decoded, or None if a % is alone."""
    if re.search("%(?![0-9A-F]{2})", text):
        return None
    return re.sub(rb"%([0-9A-F]{2})", lambda found: bytes.fromhex(
        found[1].decode()), text.encode())


class Openssl:
    """Ed25519 by the program openssl, which reads files."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="verify-ledger.")

    def verifies(self, key, note, signature):
        def put(name, data):
            path = os.path.join(self.folder.name, name)
            with open(path, "wb") as file:
                file.write(data)
            return path
        pem = "-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n" % key
        return subprocess.run(
            ["openssl", "pkeyutl", "-verify", "-pubin",
             "-inkey", put("key", pem.encode()), "-rawin",
             "-in", put("note", note), "-sigfile", put("sig", signature)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL).returncode == 0


class Balance:
    """The flows since the last `start`, by their records."""

    def __init__(self, start):
        self.before = start.get("open", 0)
        if not is_integer(self.before):
            self.before = 0
        self.begun = self.ended = self.lost = 0

    def add(self, record):
        if record["event"] in ("flow.begin", "found"):
            self.begun += 1
        elif record["event"] in ("flow.end", "gone"):
            self.ended += 1
        elif record["event"] == "gap" and is_integer(record.get("lost")):
            self.lost += record["lost"]

    def is_that_of(self, record):
        told = record.get("balance")
        return type(told) is dict and \
            all(is_integer(told.get(name))
                for name in ("begun", "ended", "open", "lost")) and \
            (told["begun"], told["ended"], told["open"], told["lost"]) == \
            (self.begun, self.ended, self.before + self.begun - self.ended,
             self.lost)


class Segment:
    """One file: the place that the reading has come to, then its whole sums."""

    def __init__(self, number, path):
        self.number = number
        self.file = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb",
                         buffering=1 << 20)
        state = os.fstat(self.file.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise OSError("not a regular file")
        self.size = state.st_size   # what a daemon appends later is not read
        self.offset = 0     # of the first byte that no whole record holds yet
        self.records = 0
        self.chain = ZEROS
        self.sum = hashlib.sha256()
        self.boot_id = None
        self.due = None     # the key of the next checkpoint
        self.checkpoints = 0
        self.unsigned = 0   # records after the last checkpoint
        self.boot = -1
        self.event = ""     # of the last record that is no checkpoint
        self.torn_why = self.torn_sha256 = None
        self.torn_bytes = 0

    def line(self):
        left = self.size - self.offset
        return self.file.readline(min(START_MAX + 1, left)) if left else b""

    def add(self, line):
        self.sum.update(line)
        leaf = hashlib.sha256(line).hexdigest()
        self.chain = hashlib.sha256(
            ("%s %s\n" % (self.chain, leaf)).encode()).hexdigest()
        self.offset += len(line)
        self.records += 1

    def add_torn(self, why):
        self.torn_why = why
        self.torn_bytes = self.size - self.offset
        torn = hashlib.sha256()
        self.file.seek(self.offset)
        left = self.size - self.offset
        while left and (part := self.file.read(min(1 << 20, left))):
            self.sum.update(part)
            torn.update(part)
            left -= len(part)
        self.torn_sha256 = torn.hexdigest()


class Verifier:
    def __init__(self, head, key):
        self.wanted_head, self.wanted_key = head, key
        self.ledger = ""
        self.records = self.checkpoints = 0
        self.head = ZEROS
        self.before_last = None     # the same three before the last record
        self.said = []
        self.tail = 0
        self.head_seen = self.key_seen = False
        self.balance = None     # None: since before what is read
        self.openssl = Openssl()

    def says(self):
        return any(not text.startswith("restart") for text in self.said)

    def check_first(self, segment, record):
        """The fields of record 0, apart from the segment before."""
        number, get = segment.number, record.get
        previous = get("previous", 0)
        fits = record["event"] in ("start", "segment") and \
            matches(get("ledger"), LEDGER_ID) and \
            self.ledger in ("", record["ledger"]) and \
            is_integer(get("segment")) and \
            record["segment"] == number and \
            type(get("boot_id")) is str and \
            len(encode(get("boot_id"))) <= len('""') + BOOT_ID_MAX and \
            is_key(get("key")) and \
            (number > 1 or record["event"] == "start")
        if fits and previous is not None:
            fits = type(previous) is dict and \
                is_integer(previous.get("segment")) and \
                previous["segment"] > 0 and \
                is_integer(previous.get("n")) and \
                matches(previous.get("sha256"), HEX_64) and \
                matches(previous.get("chain"), HEX_64) and \
                previous.get("end") in ENDS
            if fits and previous["end"] == "torn":
                fits = is_integer(previous.get("torn_bytes")) and \
                    matches(previous.get("torn_sha256"), HEX_64)
        if not fits:
            raise Wrong(number, 0, "first")
        self.ledger = record["ledger"]

    def check_previous(self, segment, record, before):
        previous = record["previous"]
        if (previous is None) != (segment.number == 1):
            raise Wrong(segment.number, 0, "previous")
        if previous is None:
            return
        end = previous["end"]
        if before and before.torn_why and \
                (end != "torn" or previous["n"] >= before.records):
            # it was a record when this segment began
            raise Wrong(before.number, before.records, before.torn_why)
        fits = end != "segment" or record["event"] == "segment"
        if fits and before:
            fits = previous["segment"] == before.number and \
                previous["sha256"] == before.sum.hexdigest() and \
                previous["n"] == before.records - 1 and \
                previous["chain"] == before.chain and \
                (end == "torn") == (before.torn_why is not None) and \
                (end != "stop" or before.event == "stop")
            if end == "torn":
                fits = fits and \
                    previous["torn_bytes"] == before.torn_bytes and \
                    previous["torn_sha256"] == before.torn_sha256
            if end == "segment":
                # the checkpoint that names the key is the last record
                fits = fits and before.checkpoints > 0 and \
                    before.unsigned == 0 and record["key"] == before.due
        if not fits:
            raise Wrong(segment.number, 0, "previous")
        if record["event"] == "start":
            self.said.append("restart, unvouched: segment %d" % segment.number)
        if previous["end"] in ("torn", "killed"):
            self.said.append("%s: segment %d" %
                             (previous["end"], previous["segment"]))

    def check_checkpoint(self, segment, record):
        note = record.get("note")
        note = unescaped(note) if type(note) is str else None
        lines = note.split(b"\n") if note else []
        boot_id = unescaped(segment.boot_id)
        expected = b"\n".join((
            b"scoutgate-ledger/1",
            b"%s %d" % (self.ledger.encode(), segment.number),
            b"%d %d" % (segment.records, segment.offset),
            segment.sum.hexdigest().encode(),
            segment.chain.encode(),
            b"%s %s %s" % (record["ts"].encode(), record["boot"].encode(),
                           boot_id if boot_id is not None else b"%"))).split(b"\n")
        if len(lines) != len(expected) + 2 or lines[-1] != b"" or \
                lines[:-2] != expected or \
                not is_key(lines[-2].decode("latin-1")):
            raise Wrong(segment.number, segment.records, "checkpoint")
        signature = record.get("sig")
        signature = bytes_of(signature) if type(signature) is str else None
        if signature is None or len(signature) != 64 or \
                not self.openssl.verifies(segment.due, note, signature):
            raise Wrong(segment.number, segment.records, "signature")
        if self.balance and not self.balance.is_that_of(record):
            raise Wrong(segment.number, segment.records, "balance")
        segment.due = lines[-2].decode()

    def check_order(self, segment, record):
        """`n`, `prev` and `boot`: the place of a record behind the last one."""
        n = segment.records
        if record["n"] != n:
            raise Wrong(segment.number, n, "n")
        if record["prev"] != segment.chain:
            if n == 0:
                raise Wrong(segment.number, 0, "chain")
            self.records, self.checkpoints, self.head, segment.unsigned = \
                self.before_last
            raise Wrong(segment.number, n - 1, "chain")
        seconds, _, nanoseconds = record["boot"].partition(".")
        boot = int(seconds) * 10 ** 9 + int(nanoseconds)
        if boot < segment.boot:
            self.said.append("boot time goes back: segment %d record %d" %
                             (segment.number, n))
        segment.boot = boot

    def check_kind(self, segment, record, before):
        event = record["event"]
        if segment.records == 0:
            self.check_first(segment, record)
            self.check_previous(segment, record, before)
            if event == "start":
                self.balance = Balance(record)
            segment.boot_id, segment.due = record["boot_id"], record["key"]
            if self.wanted_key and not self.key_seen and not before:
                if record["key"] != self.wanted_key:
                    raise Wrong(segment.number, 0, "key")
                self.key_seen = True
        elif event in ("start", "segment"):
            raise Wrong(segment.number, segment.records, "first")
        elif event == "checkpoint":
            self.check_checkpoint(segment, record)
        elif self.balance:
            self.balance.add(record)

    def read(self, segment, before, is_newest):
        """Read one segment to its end. In an older one, nothing behind the first
        line that is no record is one: the next segment has judged of that."""
        while line := segment.line():
            record = object_of(line)
            if not line.endswith(b"\n") and len(line) < START_MAX:
                segment.add_torn("torn")
                break
            if record is None and not is_newest:
                segment.add_torn("format")
                break
            if record is None or not has_fields(record, line):
                raise Wrong(segment.number, segment.records, "format")
            self.check_order(segment, record)
            self.check_kind(segment, record, before)
            self.before_last = (self.records, self.checkpoints, self.head,
                                segment.unsigned)
            segment.add(line)
            self.head = segment.chain
            self.records += 1
            segment.unsigned += 1
            if record["event"] == "checkpoint":
                segment.checkpoints += 1
                segment.unsigned = 0
                self.checkpoints += 1
            else:
                segment.event = record["event"]
            if self.wanted_head and segment.chain.startswith(self.wanted_head):
                self.head_seen = True
        if segment.records == 0:
            raise Wrong(segment.number, 0,
                        "torn" if segment.torn_why else "first")

    def finish(self, segment, newest):
        if segment.checkpoints == 0:
            self.said.append("no checkpoint: segment %d" % segment.number)
        if newest and segment.torn_why:
            self.said.append("torn: segment %d" % segment.number)
        if newest and segment.unsigned:
            self.said.append("unsigned tail: %d records" % segment.unsigned)

    def walk(self, files, alone):
        """Read the segments of `files`, {number: path}, in their order."""
        first, newest = min(files), max(files)
        before = None
        for number in range(first if alone else 1, newest + 1):
            try:
                segment = Segment(number, files[number])
            except (OSError, KeyError):
                raise Wrong(number, 0, "missing") from None
            try:
                self.read(segment, before, number == newest)
            except OSError:
                raise Wrong(number, 0, "missing") from None
            finally:
                segment.file.close()
                if number == newest:
                    self.tail = segment.unsigned
            self.finish(segment, number == newest)
            before = segment
        if self.wanted_key and not self.key_seen:
            raise Wrong(first, 0, "key")
        if self.wanted_head and not self.head_seen:
            raise Wrong(before.number, max(before.records - 1, 0), "head")

    def verdict(self, files, alone):
        wrong = None
        try:
            self.walk(files, alone)
        except Wrong as error:
            wrong = {"n": error.n, "segment": error.segment, "why": error.why}
        proven = [name for name, value in (("key", self.wanted_key),
                                           ("head", self.wanted_head)) if value]
        return {
            "checkpoints": self.checkpoints,
            "first_wrong": wrong,
            "head": self.head,
            "ledger": self.ledger,
            "proven": ",".join(proven) if proven and not wrong else "nothing",
            "records": self.records,
            "said": self.said,
            "segments": len(files),
            "tail": self.tail,
            "verdict": "broken" if wrong else
                       "incomplete" if self.says() else "whole",
        }


def first_record(path):
    """Return the first line as JSON, without a check of its form."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        return json.loads(file.readline(START_MAX + 1))


def number_in(path):
    """Return the number that a file of another name has for itself, or 1."""
    try:
        number = first_record(path)["segment"]
        return number if is_integer(number) else 1
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return 1


def segments_at(path):
    """Return ({number: path}, whether `path` is one file)."""
    if not os.path.isdir(path):
        name = SEGMENT_NAME.fullmatch(os.path.basename(os.path.realpath(path)))
        return {int(name[1]) if name else number_in(path): path}, True
    files = {}
    for name in os.listdir(path):
        found = SEGMENT_NAME.fullmatch(name)
        if found and int(found[1]) > 0:
            files[int(found[1])] = os.path.join(path, name)
    return files, False


def head_of(text):
    if not re.fullmatch("[0-9A-Fa-f]{32,64}", text):
        raise argparse.ArgumentTypeError("32 to 64 hex digits")
    return text.lower()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--head", type=head_of)
    parser.add_argument("--key")
    parser.add_argument("--json", action="store_true", help="as always")
    parser.add_argument("path")
    options = parser.parse_args()
    if not shutil.which("openssl"):
        parser.error("needs the program openssl")
    verifier = Verifier(options.head, options.key)
    files, alone = segments_at(options.path)
    # a folder without segments lacks the first one
    result = verifier.verdict(files or {1: ""}, alone)
    result["segments"] = len(files)
    print(encode(result))
    return {"whole": 0, "incomplete": 3, "broken": 1}[result["verdict"]]


if __name__ == "__main__":
    sys.exit(main())
