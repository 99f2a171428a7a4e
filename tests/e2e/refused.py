# SPDX-License-Identifier: GPL-2.0-or-later
# Make a copy of scoutgate whose datapath no verifier takes: refused.py SCOUTGATE
# OBJECT COPY. The first instruction of program sg_uplink_in, as it stands in the
# object that the program holds, becomes one that reads by an unset register.
import subprocess
import sys

program, item, copy = sys.argv[1:]
whole = bytearray(open(program, "rb").read())
embedded = open(item, "rb").read()
start = whole.find(embedded)
assert start >= 0 and whole.find(embedded, start + 1) < 0


def rows(option):
    return [line.replace("[ ", "[").split() for line in subprocess.run(
        ["readelf", "-W", option, item], check=True, text=True,
        capture_output=True).stdout.splitlines()]


value, section = next((int(row[1], 16), row[6]) for row in rows("-s")
                      if row and row[-1] == "sg_uplink_in")
at = next(int(row[4], 16) for row in rows("-S")
          if row and row[0] == f"[{section}]")
# BPF_LDX_MEM(BPF_DW, BPF_REG_0, BPF_REG_9, 0)
whole[start + at + value:start + at + value + 8] = bytes.fromhex(
    "7990000000000000")
with open(copy, "wb") as file:
    file.write(whole)
