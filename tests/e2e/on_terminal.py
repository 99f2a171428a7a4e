#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Print what a terminal is sent: on_terminal.py COLUMNS COMMAND...

The command has a terminal of that many columns. With STOP_AT=N, an interrupt is
typed (^C) when the screen has been cleared for the Nth time. Ends as the command does, or
with 99 after 20 s."""
import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time

CLEAR = b"\x1b[2J"
LIMIT_S = 20


def main():
    columns, command = int(sys.argv[1]), sys.argv[2:]
    stop_at = int(os.environ.get("STOP_AT", "0"))
    ready, go = os.pipe()
    pid, terminal = pty.fork()
    if pid == 0:
        os.close(go)
        os.read(ready, 1)  # until the terminal has its size
        os.environ["TERM"] = "linux"
        os.execvp(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))
    os.close(go)
    sent = b""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            some = os.read(terminal, 65536)
        except OSError:  # the command has ended
            break
        sent += some
        if stop_at and sent.count(CLEAR) >= stop_at:
            stop_at = 0
            os.write(terminal, b"\x03")
    else:
        os.kill(pid, 9)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    sys.stdout.buffer.write(sent.replace(b"\r\n", b"\n"))
    sys.exit(99 if status < 0 else status)


main()
