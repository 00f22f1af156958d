#!/usr/bin/env python3
"""Bodies that are refused: the sender hears why, and nobody is listened to for ever; TAP on stdout.

    refused_test.py PATH_OF_LUYD PATH_OF_LUY

A real luyd, and senders as they come: one that reads nothing before all is sent, one that asks first (Expect:
100-continue), one without a length, `luy attach`, one of 2 GB, and one that announces them and falls silent.
"""
import http.client
import os
import pathlib
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))
from luyd import ENV, PASSWORD, Api, Luyd, administrator, check, equal, finish, until  # noqa: E402 - it lies there

LUYD, LUY = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
MAX = 256 << 10
FILE = "application/octet-stream"
PDF = b"%PDF-1.7\n" + b"x" * 1000
PIECE = b"x" * (1 << 20)


class Sender:
    """A request by hand."""

    def __init__(self, api, headers=(), method="POST", path="/files?name=a.pdf", known=True):
        self.connection, self.sent = api.connect(), 0
        self.connection.connect()
        own = api.headers if known else {"Accept-Language": "en"}
        lines = [f"{method} /api/v1{path} HTTP/1.1", "Host: x", f"Content-Type: {FILE}", *(f"{k}: {v}" for k, v in own.items()), *headers]
        self.connection.sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")

    def send(self, pieces):
        """False when the other side would not take any more."""
        try:
            for piece in pieces:
                self.connection.sock.sendall(piece)
                self.sent += len(piece)
            return True
        except OSError:
            return False

    def first(self):
        """The first bytes that come back."""
        return self.connection.sock.recv(4096)

    def answer(self):
        """(status, problem type, whether it closes)."""
        try:
            heard = http.client.HTTPResponse(self.connection.sock)
            heard.begin()
            return heard.status, heard.read().decode().split('"urn:luy:')[-1].split('"')[0], heard.getheader("Connection")
        except (OSError, http.client.HTTPException) as e:
            return repr(e)


LATE = (413, "api.body_too_large", "close")


def all_sent_first(luyd, api):
    for size in (MAX + 1, 7 << 20, 20 << 20, 60 << 20):
        equal(f"{size} bytes, all sent before anything is read", (api.call("POST", "/files?name=a.pdf", b"x" * size, kind=FILE), api.type()), LATE[:2])
        check("the sentence says how many may come", str(MAX) in api.body["detail"], api.body)
    equal("in chunks, without a length", (api.call("POST", "/files?name=a.pdf", (PIECE for _ in range(40)), {"Transfer-Encoding": "chunked"}, FILE, True),
                                          api.type()), LATE[:2])
    equal("another method", (api.call("PATCH", "/unit/VH", b"x" * (20 << 20), {"If-Match": '"1"'}), api.type()), LATE[:2])
    stranger = Api(luyd)
    equal("who is not known hears that", (stranger.call("POST", "/files?name=a.pdf", b"x" * (20 << 20), kind=FILE), stranger.type()), (401, "api.no_session"))


def asked_first(luyd, api):
    for size in (MAX + 1, 2 << 30):
        s = Sender(api, [f"Content-Length: {size}", "Expect: 100-continue"])
        equal(f"who asks before {size} bytes hears no instead of go on", s.answer(), LATE)
    s = Sender(api, ["Content-Length: 9", "Expect: 100-continue"], known=False)
    equal("also who is not known", s.answer(), (401, "api.no_session", "close"))
    s = Sender(api, [f"Content-Length: {len(PDF)}", "Expect: 100-continue"])
    check("what may come is asked for", s.first().startswith(b"HTTP/1.1 100 "))
    s.send([PDF])
    check("and taken", s.first().startswith(b"HTTP/1.1 201 "))
    s = Sender(api, [f"Content-Length: {20 << 20}", "Expect: 100-continue"])
    check("who asks and sends without waiting", s.send(PIECE for _ in range(20)))
    equal("hears it too", s.answer(), LATE)


def by_luy(luyd, api):
    env = dict(ENV, HOME=str(luyd.folder), XDG_CONFIG_HOME=str(luyd.folder / ".config"), LUY_URL=f"https://127.0.0.1:{luyd.ports['https']}",
               LUY_CA=str(luyd.data / "keys" / "ca.crt"))
    subprocess.run([LUY, "login", "admin", "--password-stdin"], env=env, input=PASSWORD.encode(), capture_output=True, timeout=120, check=True)
    api.call("POST", "/unit", {"code": "TINH", "name": "Tỉnh", "tier": "province"})
    equal("a person to attach to", api.call("POST", "/person", {"code": "hanh", "name": "Hạnh", "unit": "TINH"}), 201)
    for size in (1 << 20, 30 << 20):
        paper = luyd.folder / "ck.pdf"
        paper.write_bytes(PDF + b"x" * size)
        done = subprocess.run([LUY, "attach", "person", "hanh", "undertaking", paper], env=env, capture_output=True, text=True, timeout=120, check=False)
        check(f"luy attach of {size} bytes says why not", done.returncode == 1 and str(MAX) in done.stderr and "413" in done.stderr, done.stderr)


def without_end(luyd, api):
    for name, head, piece in (("a body of 2 GB", [f"Content-Length: {2 << 30}"], PIECE),
                              ("one without a length", ["Transfer-Encoding: chunked"], b"100000\r\n" + PIECE + b"\r\n")):
        s = Sender(api, head)
        check(f"{name} is cut off", not s.send(piece for _ in range(2048)), s.sent)
        check(f"{name}: after a bounded part of it", s.sent < 200 << 20, s.sent)


def silent(luyd, api):
    """Announced, refused, and then nothing: the connection is given up, and none of them keeps luyd from its end."""
    idle = [Sender(api, [f"Content-Length: {2 << 30}"]) for _ in range(20)]
    equal("each hears it", [s.answer() for s in idle], [LATE] * 20)
    with_us = [s.connection.sock.getsockname()[1] for s in idle]
    check("and is let go", until(120, lambda: not open_ports(luyd, with_us)), open_ports(luyd, with_us))
    equal("alive, and what may come is taken", api.call("POST", "/files?name=a.pdf", PDF, kind=FILE), 201)
    idle = [Sender(api, [f"Content-Length: {2 << 30}"]) for _ in range(20)]
    equal("others hear it", [s.answer() for s in idle], [LATE] * 20)
    halt = threading.Event()
    drips = threading.Thread(target=drip, args=(idle, halt), daemon=True)
    drips.start()
    code, took = luyd.stop()
    halt.set()
    drips.join(120)
    equal(f"senders that go on do not keep luyd from its end ({took:.1f} s)", code, 0)


def drip(senders, halt):
    while not halt.wait(0.05):
        for s in senders:
            s.send([b"x"])


def open_ports(luyd, ports):
    """Those of our ports whose other end luyd still has in hand."""
    mine, theirs = {f"{p:04X}" for p in ports}, f":{luyd.ports['https']:04X}"
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    held = {os.readlink(f) for f in pathlib.Path(f"/proc/{luyd.child.pid}/fd").iterdir() if f.is_symlink()}
    return [r[2] for r in rows if r[1].endswith(theirs) and r[2][-4:] in mine and f"socket:[{r[9]}]" in held]


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="luyd-refused-"))
    os.chmod(folder, 0o755)
    luyd = Luyd(LUYD, folder, check_interval="1h", journal_sync_ms="0", file_max=str(MAX))
    try:
        api = administrator(luyd.start())
        for part in (all_sent_first, asked_first, by_luy, without_end, silent):
            part(luyd, api)
        check("no sanitizer spoke", "Sanitizer" not in luyd.log() and "runtime error" not in luyd.log(), luyd.log()[-6000:])
    except (RuntimeError, OSError, KeyError, TypeError, ValueError, http.client.HTTPException, subprocess.SubprocessError) as e:
        check(f"it ran: {type(e).__name__} {e}", False, luyd.log()[-3000:])
    finally:
        luyd.end()
    finish(folder)


main()
