"""The demo's parts as objects: a running luyd, its API, and the watched host.

Used by demo/run.py for people and by tests/scenario for the same scenario
without a screen.
"""
import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
UNSHARE = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"]


class Luyd:
    """luyd with a data folder. ports: None for the defaults, 0 for free ones."""

    def __init__(self, build, data, ports=None, settings=()):
        self.exe = pathlib.Path(build) / "src" / "daemon" / "luyd"
        self.data = pathlib.Path(data)
        self.log = self.data.parent / "luyd.log"
        self.settings = list(settings)
        if ports == 0:
            self.settings += ["listen = 127.0.0.1:0", "syslog_udp = 127.0.0.1:0", "syslog_tcp = 127.0.0.1:0", "syslog_tls = 127.0.0.1:0",
                              "flow_udp = 127.0.0.1:0", "ipfix_udp = 127.0.0.1:0"]
        self.child = None

    def env(self):
        return dict(os.environ, LUY_SHARE=str(ROOT))

    def command(self, *more):
        args = [str(self.exe), "--data", str(self.data), *more]
        if self.settings:
            conf = self.data.parent / "luyd.conf"
            conf.write_text("\n".join(self.settings) + "\n", encoding="utf-8")
            args += ["--config", str(conf)]
        return args

    def load(self, folder):
        """Loads a folder of CSV files into a data folder that no luyd uses."""
        return subprocess.run(self.command("--load", str(folder)), env=self.env(), check=True, capture_output=True, text=True)

    def start(self):
        self.data.mkdir(parents=True, exist_ok=True)
        ports = self.data / "ports"
        ports.unlink(missing_ok=True)
        out = open(self.log, "ab")
        self.child = subprocess.Popen(self.command(), env=self.env(), stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        end = time.monotonic() + 120
        while not ports.exists() or not self.healthy(ports):
            if self.child.poll() is not None or time.monotonic() > end:
                tail = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
                raise RuntimeError("luyd did not start:\n" + "\n".join(tail))
            time.sleep(0.02)
        return self

    def healthy(self, ports):
        try:
            self.ports = json.loads(ports.read_text(encoding="ascii"))
            return Api(self).call("GET", "/api/v1/health")[0] == 200
        except (OSError, ValueError, http.client.HTTPException):
            return False

    @property
    def url(self):
        return f"https://127.0.0.1:{self.ports['https']}"

    def first_password(self):
        try:
            return (self.data / "first-password").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None

    def stop(self, sig=signal.SIGTERM):
        if self.child and self.child.poll() is None:
            self.child.send_signal(sig)
            try:
                self.child.wait(120)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        return self.child.returncode if self.child else None


class Api:
    """A session with luyd; the certificate is the data folder's own authority's."""

    def __init__(self, luyd):
        self.luyd = luyd
        self.cookie = self.csrf = None
        self.context = ssl.create_default_context()
        ca = luyd.data / "keys" / "ca.crt"
        if ca.exists():
            self.context.load_verify_locations(ca)

    def call(self, method, path, body=None, headers=None, kind="application/json"):
        connection = http.client.HTTPSConnection("127.0.0.1", self.luyd.ports["https"], timeout=120, context=self.context)
        all_headers = {"Accept-Language": "en", **(headers or {})}
        if self.cookie:
            all_headers["Cookie"] = self.cookie
        if self.csrf and method != "GET":
            all_headers["X-CSRF-Token"] = self.csrf
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            all_headers["Content-Type"] = kind
        connection.request(method, path, data, all_headers)
        answer = connection.getresponse()
        text = answer.read()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            if cookie.startswith("luy_session="):
                self.cookie = cookie.split(";")[0]
        connection.close()
        is_json = "json" in (answer.headers.get("Content-Type") or "")
        return answer.status, json.loads(text) if is_json and text else text

    def get(self, path, **query):
        if query:
            path += "?" + urllib.parse.urlencode(query)
        status, body = self.call("GET", "/api/v1" + path)
        if status != 200:
            raise RuntimeError(f"GET {path}: {status} {body}")
        return body

    def post(self, path, body=None, **more):
        return self.call("POST", "/api/v1" + path, {} if body is None else body, **more)

    def login(self, account, password):
        status, body = self.post("/session", {"account": account, "password": password})
        if status == 200:
            self.csrf = body["csrf"]
        return status, body


class Watched:
    """demo/host.py as a child, inside namespaces of its own where this is root."""

    def __init__(self, folder, syslog_port, hostname="log-ttch", **more):
        private = self.namespaces()
        options = {"dir": str(folder), "syslog_port": syslog_port, "hostname": hostname, "private": private, **more}
        command = [sys.executable, str(HERE / "host.py"), json.dumps(options)]
        if private:
            command = [*UNSHARE, *command]
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.ready = self.answer()

    @staticmethod
    def namespaces():
        """Root alone is not enough: a container may forbid mounts."""
        return os.geteuid() == 0 and subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0

    def answer(self):
        line = self.child.stdout.readline()
        if not line:
            raise RuntimeError("the watched host ended")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"the watched host: {answer['error']}")
        return answer

    def do(self, *words):
        self.child.stdin.write(" ".join(words) + "\n")
        self.child.stdin.flush()
        return self.answer()

    def stop(self):
        try:
            self.child.stdin.close()
            self.child.wait(120)
        except (OSError, subprocess.TimeoutExpired):
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()


def until(seconds, probe):
    """What probe() returns as soon as it is true, or None after so long."""
    end = time.monotonic() + seconds
    while True:
        found = probe()
        if found or time.monotonic() > end:
            return found or None
        time.sleep(0.02)


def connect(port):
    return socket.create_connection(("127.0.0.1", port), 60)
