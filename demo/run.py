#!/usr/bin/env python3
"""make demo: a fictional province, a real luyd, a real sshd and rsyslogd.

    demo/run.py [--build build/release] [--dir build/demo] [--fresh] [--once]

The first start declares the province (34 units, about 300 people, 600 devices,
a few dozen faults) and starts luyd; real failed logins then reach it through
rsyslog. Ctrl-C ends everything; the data stays for the next start.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

import world

TEXT = {
    "vi": {
        "province": "Khai báo tỉnh giả định", "luyd": "Khởi động luyd", "host": "Khởi động sshd và rsyslogd riêng trên loopback",
        "kept": "dữ liệu lần trước còn đó", "login": "đăng nhập đúng, sudo, tài khoản mới", "fails": "mười lần đăng nhập sai (thật, qua ssh)",
        "seen": "Phát hiện", "still": "Phát hiện của lần trước còn mở, mười lần này được đếm thêm:", "after": "sau lần sai thứ mười", "open": "Mở trình duyệt", "account": "Tài khoản",
        "password": "Mật khẩu dùng một lần (phải đổi ngay)", "changed": "mật khẩu đã đổi ở lần trước; quên thì chạy lại với --fresh",
        "left_out": "bỏ qua vì không có quyền root", "syslog": "Nhận syslog", "end": "Ctrl-C để dừng. Dữ liệu ở", "stop": "Đang dừng", "bye": "Đã dừng, không còn tiến trình nào.",
        "late": "chưa thấy phát hiện sau 10 giây: xem", "busy": "cổng {port} đang bị chiếm. Dừng chương trình kia, hoặc chạy với DEMO_ARGS=--free-ports",
        "certificate": "Trình duyệt sẽ hỏi về chứng thư: nó do chính luyd cấp",
    },
    "en": {
        "province": "Declaring a fictional province", "luyd": "Starting luyd", "host": "Starting a private sshd and rsyslogd on loopback",
        "kept": "the data of the last time is there", "login": "a good login, sudo, a new account", "fails": "ten failed logins (real, through ssh)",
        "seen": "Finding", "still": "The finding of the last time is still open, these ten are counted there:", "after": "after the tenth failure", "open": "Open in a browser", "account": "Account",
        "password": "One-time password (must be changed)", "changed": "the password was changed last time; if it is lost, start with --fresh",
        "left_out": "left out without root", "syslog": "Syslog is taken at", "end": "Ctrl-C ends it. Data in", "stop": "Stopping", "bye": "Stopped, no process left.",
        "late": "no finding after 10 seconds: see", "busy": "port {port} is taken. Stop the other program, or start with DEMO_ARGS=--free-ports",
        "certificate": "The browser will ask about the certificate: luyd issued it itself",
    },
}


class Demo:
    def __init__(self, args):
        self.args = args
        self.dir = args.dir.resolve()
        self.text = TEXT[args.lang]
        self.luyd = self.host = None
        self.kept = False

    def say(self, key, more="", end="\n"):
        print(f"{self.text[key]}{more}", end=end, flush=True)

    def declare(self):
        if (self.dir / "data" / "registry.db").exists():
            self.say("province", f": {self.text['kept']}")
            self.kept = True
            return
        self.say("province", " ... ", end="")
        start = time.monotonic()
        made = subprocess.run([sys.executable, str(world.HERE / "province.py"), str(self.dir / "province")], check=True, capture_output=True, text=True)
        try:
            self.luyd.load(self.dir / "province")
        except subprocess.CalledProcessError as problem:
            shutil.rmtree(self.dir / "data", ignore_errors=True)
            raise RuntimeError(problem.stderr) from problem
        print(f"{made.stdout.strip()} ({time.monotonic() - start:.1f} s)")

    def check_ports(self):
        for kind, port in ((socket.SOCK_STREAM, 8443), (socket.SOCK_STREAM, 5514), (socket.SOCK_STREAM, 6514), (socket.SOCK_DGRAM, 5514)):
            with socket.socket(socket.AF_INET, kind) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    s.bind(("127.0.0.1", port))
                except OSError:
                    raise RuntimeError(self.text["busy"].format(port=port)) from None

    def start(self):
        if self.args.fresh:
            shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True, exist_ok=True)
        if not self.args.free_ports:
            self.check_ports()
        self.luyd = world.Luyd(self.args.build, self.dir / "data", 0 if self.args.free_ports else None)
        self.declare()
        self.say("luyd", " ... ", end="")
        start = time.monotonic()
        self.luyd.start()
        print(f"{time.monotonic() - start:.2f} s")
        self.say("host", " ... ", end="")
        start = time.monotonic()
        self.host = world.Watched(self.dir / "host", self.luyd.ports["syslog_tcp"])
        print(f"{time.monotonic() - start:.2f} s")

    def events(self):
        print("  " + self.text["login"] + " ...", end=" ", flush=True)
        left_out = []
        for what in ("login", "sudo", "account"):
            if "left_out" in self.host.do(what):
                left_out.append(what)
        print(f"{', '.join(left_out)}: {self.text['left_out']}" if left_out else "")
        print("  " + self.text["fails"] + " ...", end=" ", flush=True)
        since = self.luyd.log.stat().st_size
        self.host.do("fail", "10", "quan.tri")
        print(flush=True)
        tenth = time.monotonic()
        line = world.until(2 if self.kept else 10, lambda: self.finding_line(since))
        if line:
            print(f"  {self.text['seen']} {time.monotonic() - tenth:.2f} s {self.text['after']}: {line}")
        elif self.kept and self.finding_line(0):
            print(f"  {self.text['still']} {self.finding_line(0)}")
        else:
            print(f"  {self.text['late']} {self.luyd.log}")

    def finding_line(self, since):
        """luyd logs each new finding; the demo reads that, as it has no account of its own."""
        log = self.luyd.log.read_bytes()[since:].decode("utf-8", "replace")
        for line in reversed(log.splitlines()):
            if " finding_open " in line and "BT-7.2" in line:
                return line.split(" finding_open ", 1)[1]
        return None

    def tell(self):
        ports = self.luyd.ports
        password = self.luyd.first_password()
        print()
        print(f"  {self.text['open']}:  {self.luyd.url}")
        print(f"  {self.text['account']}:  admin")
        print(f"  {self.text['password']}:  {password}" if password else f"  {self.text['changed']}")
        print(f"  {self.text['certificate']} ({self.dir / 'data' / 'keys' / 'ca.crt'})")
        print(f"  {self.text['syslog']} 127.0.0.1: UDP {ports['syslog_udp']}, TCP {ports['syslog_tcp']}, TLS {ports['syslog_tls']}")
        print(f"  {self.text['end']} {self.dir}")
        print(flush=True)

    def stop(self):
        """Also when nobody reads stdout any more."""
        with contextlib.suppress(OSError):
            self.say("stop", " ...", end=" ")
        if self.host:
            self.host.stop()
        if self.luyd:
            self.luyd.stop()
        with contextlib.suppress(OSError):
            print(self.text["bye"], flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--build", type=pathlib.Path, default=world.ROOT / "build" / "release")
    options.add_argument("--dir", type=pathlib.Path, default=world.ROOT / "build" / "demo")
    options.add_argument("--fresh", action="store_true", help="forget the data of earlier starts")
    options.add_argument("--once", action="store_true", help="stop after the finding instead of waiting for Ctrl-C")
    options.add_argument("--free-ports", action="store_true", help="let the kernel choose ports")
    options.add_argument("--lang", choices=("vi", "en"), default="vi" if os.environ.get("LANG", "").startswith("vi") else "en")
    demo = Demo(options.parse_args())
    for sig in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sig, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    code = 0
    try:
        demo.start()
        demo.events()
        demo.tell()
        while not demo.args.once:
            if demo.luyd.child.poll() is not None:
                raise RuntimeError(f"luyd ended with {demo.luyd.child.returncode}: see {demo.luyd.log}")
            time.sleep(0.5)
    except KeyboardInterrupt:
        print()
    except BrokenPipeError:
        code = 1
    except (RuntimeError, subprocess.CalledProcessError, json.JSONDecodeError) as problem:
        print(f"\n{problem}", file=sys.stderr)
        code = 1
    finally:
        for sig in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sig, signal.SIG_IGN)
        demo.stop()
    sys.exit(code)


if __name__ == "__main__":
    main()
