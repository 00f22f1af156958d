"""A luyd of a test's own, and TAP; for the tests that walk a real luyd from outside.

    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))
    from luyd import Api, Luyd, administrator, check, equal, results, until

Loopback and free ports, but for what the test says; nothing sleeps for luck.
"""
import http.client
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys
import time

ROOT = pathlib.Path(os.environ.get("LUY_SOURCE") or pathlib.Path(__file__).resolve().parents[1])
ENV = dict(os.environ, LUY_SHARE=str(ROOT), LUY_LANG="en")
PASSWORD = "Thanh-Tre-Xanh-2026"
FREE = {k: "127.0.0.1:0" for k in ("listen", "syslog_udp", "syslog_tcp", "syslog_tls", "flow_udp", "ipfix_udp")}
results = []


def check(name, good, detail=""):
    results.append(bool(good))
    print(f"{'ok' if good else 'not ok'} {len(results)} - {name}", flush=True)
    if not good:
        for line in str(detail)[:3000].splitlines():
            print(f"# {line}", flush=True)
    return good


def equal(name, got, want):
    return check(name, got == want, f"got {got!r}\nwanted {want!r}")


def until(seconds, probe):
    end = time.monotonic() + seconds
    while True:
        found = probe()
        if found or time.monotonic() > end:
            return found
        time.sleep(0.02)


def finish(folder):
    """The end of a test program: the plan and the exit code. The folder stays when something failed. Not inside a
    finally: an error that nobody caught must not end as an exit code."""
    if all(results):
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"# data and logs stay in {folder}")
    print(f"1..{len(results)}")
    sys.exit(0 if all(results) else 1)


class Luyd:
    """binary: the program; folder: luyd.conf, luyd.log and data/ lie there."""
    all = []

    def __init__(self, binary, folder, **settings):
        folder.mkdir(exist_ok=True)
        Luyd.all.append(self)
        self.binary, self.folder, self.data, self.child = binary, folder, folder / "data", None
        self.settings = {**FREE, **settings}
        self.write()

    def write(self, extra=""):
        text = "".join(f"{k} = {v}\n" for k, v in self.settings.items()) + extra
        (self.folder / "luyd.conf").write_text(text, encoding="utf-8")

    def run(self, *args):
        return subprocess.run([self.binary, *args], env=ENV, capture_output=True, text=True, timeout=120)

    def here(self, *args):
        """A word by hand beside the running one: the same data and configuration."""
        return self.run("--data", self.data, "--config", self.folder / "luyd.conf", *args)

    def start(self):
        log = open(self.folder / "luyd.log", "ab")
        self.child = subprocess.Popen([self.binary, "--data", self.data, "--config", self.folder / "luyd.conf"], env=ENV,
                                      stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        log.close()
        if not until(120, lambda: self.child.poll() is not None or self.read_ports()) or self.child.poll() is not None:
            raise RuntimeError("luyd did not start\n" + self.log()[-3000:])
        return self

    def read_ports(self):
        try:
            self.ports = json.loads((self.data / "ports").read_text())
            return self.ports["pid"] == self.child.pid
        except (OSError, ValueError):
            return False

    def log(self):
        return (self.folder / "luyd.log").read_text(encoding="utf-8", errors="replace")

    def stop(self, sig=signal.SIGTERM, seconds=60):
        """(exit code, seconds it took)."""
        start = time.monotonic()
        self.child.send_signal(sig)
        try:
            code = self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.child.pid, signal.SIGKILL)
            code = f"killed after {time.monotonic() - start:.1f} s"
        return code, time.monotonic() - start

    def kill(self):
        """The daemon itself, as by a power cut; its intake ends when it sees that."""
        self.child.send_signal(signal.SIGKILL)
        self.child.wait(120)

    def end(self):
        """With all that it started; nothing when it runs no longer."""
        if self.child is not None and self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait(120)


class Api:
    """A client with a kept connection and a session or a token. Of the last answer: answer, raw, and body, which is
    raw where that is no JSON."""

    def __init__(self, luyd):
        self.luyd, self.headers, self.connection = luyd, {"Accept-Language": "en"}, None
        self.answer, self.raw, self.body = None, b"", None

    def connect(self, timeout=120):
        context = ssl.create_default_context(cafile=self.luyd.data / "keys" / "ca.crt")
        return http.client.HTTPSConnection("127.0.0.1", self.luyd.ports["https"], timeout=timeout, context=context)

    def call(self, method, path, body=None, headers=None, kind="application/json", chunked=False):
        """The status. body: what becomes JSON, bytes, or an iterable of them for chunks."""
        head = {**self.headers, **(headers or {})}
        if body is not None:
            head.setdefault("Content-Type", kind)
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        for kept in (self.connection is not None, False):
            try:
                self.connection = self.connection or self.connect()
                self.connection.request(method, "/api/v1" + path, body, head, encode_chunked=chunked)
                self.take(self.connection)
                break
            except (http.client.HTTPException, OSError) as e:
                self.connection = None
                if not kept or not isinstance(e, (http.client.RemoteDisconnected, ConnectionError, ssl.SSLEOFError)):
                    raise
        if self.answer.getheader("Connection") == "close":
            self.connection = None
        return self.answer.status

    def take(self, connection):
        self.answer = connection.getresponse()
        self.raw = self.body = self.answer.read()
        kind = self.answer.getheader("Content-Type", "")
        if "json" in kind and "ndjson" not in kind and self.raw:
            self.body = json.loads(self.raw)

    def type(self):
        return self.body.get("type", "").removeprefix("urn:luy:") if isinstance(self.body, dict) else ""

    def login(self, account, password):
        status = self.call("POST", "/session", {"account": account, "password": password})
        if status == 200:
            self.headers["Cookie"] = self.answer.getheader("Set-Cookie").split(";")[0]
            self.headers["X-CSRF-Token"] = self.body["csrf"]
        return status

    def first_login(self, account, once):
        """A one-time password has to be changed before anything else."""
        self.login(account, once)
        return self.call("POST", "/password", {"old": once, "new": PASSWORD})


def administrator(luyd, kind=Api):
    """The first account, after the first start."""
    api = kind(luyd)
    equal("first login", api.first_login("admin", (luyd.data / "first-password").read_text().strip()), 204)
    return api
