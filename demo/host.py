#!/usr/bin/env python3
"""A small host whose real daemons are watched: rsyslogd, sshd, sudo, useradd.

As root it runs inside namespaces of its own (mount, PID): /etc, /run, /dev,
/var/log and /var/mail are private copies, so that a new account, a sudo and a
login change nothing outside, and nothing outlives it. As an ordinary user, or
where namespaces are forbidden, it runs sshd and rsyslogd plainly and leaves
out what needs them.

It reads one command a line on stdin and answers one JSON line on stdout:
    fail N USER    N failed password logins through ssh
    login          a successful login
    sudo           a command through sudo, and one that sudo refuses
    account        a new account and its group
    say TEXT       one line through logger
    quit
"""
import contextlib
import ctypes
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time

SSHD, RSYSLOGD = "/usr/sbin/sshd", "/usr/sbin/rsyslogd"
PR_SET_CHILD_SUBREAPER = 36
PASSWORD = "Tre-Xanh-2026-demo"

RSYSLOG_CONF = """\
global(workDirectory="{dir}/spool" localHostname="{hostname}" preserveFQDN="on")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{socket}" CreatePath="on" UseSysTimeStamp="on" RateLimit.Interval="0")
{module}
action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" TCP_Framing="octet-counted"
       template="{template}" queue.type="LinkedList" queue.filename="forward" queue.saveOnShutdown="on"
       action.resumeRetryCount="-1" action.resumeInterval="1"{tls})
"""
TLS_ACTION = """
       StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="{peer}\""""

SSHD_CONF = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {dir}/host_key
PidFile none
UsePAM {pam}
PasswordAuthentication yes
KbdInteractiveAuthentication no
PermitRootLogin yes
AuthorizedKeysFile {dir}/authorized_keys
StrictModes no
MaxAuthTries 6
MaxStartups 100
LogLevel INFO
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, probe, seconds=120):
    end = time.monotonic() + seconds
    pause = 0.01
    while not probe():
        if time.monotonic() > end:
            raise RuntimeError(f"{what} did not come up within {seconds} s")
        time.sleep(pause)
        pause = min(pause * 2, 0.2)


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as s:
            return s.recv(4) == b"SSH-"
    except OSError:
        return False


class Host:
    def __init__(self, options):
        self.dir = pathlib.Path(options["dir"])
        self.options = options
        self.root = bool(options.get("private"))     # root, in namespaces of its own
        self.children = []
        self.log_socket = "/dev/log" if self.root else str(self.dir / "log.sock")
        self.port = free_port()

    # ---- private places

    def private_places(self):
        """Everything below is seen by this process and its children only."""
        def mount(*args):
            subprocess.run(["mount", *args], check=True)
        etc = self.dir / "etc"
        shutil.rmtree(etc, ignore_errors=True)
        subprocess.run(["cp", "-a", "/etc", str(etc)], check=True)
        mount("--bind", str(etc), "/etc")
        dev = self.dir / "dev"
        dev.mkdir(exist_ok=True)
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(dev))
        for name in ("null", "zero", "full", "random", "urandom", "tty", "ptmx"):
            if os.path.exists(f"/dev/{name}"):
                (dev / name).touch()
                mount("--bind", f"/dev/{name}", str(dev / name))
        (dev / "pts").mkdir()
        mount("--bind", "/dev/pts", str(dev / "pts"))
        for link, target in (("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2")):
            (dev / link).symlink_to(target)
        mount("--rbind", str(dev), "/dev")
        for place in ("/run", "/var/log", "/var/mail", "/home"):
            os.makedirs(place, exist_ok=True)
            mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", place)
        os.makedirs("/run/sshd", mode=0o755)

    def pam_and_sudo(self):
        """PAM without the wait after a failure; a sudoers rule for one command."""
        pathlib.Path("/etc/pam.d/sshd").write_text(
            "auth required pam_unix.so nodelay\naccount required pam_unix.so\nsession required pam_unix.so\n", encoding="ascii")
        pathlib.Path("/etc/sudoers.d").mkdir(exist_ok=True)
        rule = pathlib.Path("/etc/sudoers.d/demo")
        rule.write_text("truc.operator ALL=(root) NOPASSWD: /usr/bin/id\n", encoding="ascii")
        rule.chmod(0o440)

    # ---- daemons

    def start(self):
        self.dir.mkdir(parents=True, exist_ok=True)
        (self.dir / "spool").mkdir(exist_ok=True)
        if self.root:
            self.private_places()
            self.pam_and_sudo()
        self.start_rsyslogd()
        if self.root:
            self.add_user("truc.operator", PASSWORD)
        self.start_sshd()

    def spawn(self, command, **kwargs):
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, **kwargs)
        self.children.append(child)
        return child

    def start_rsyslogd(self):
        tls = self.options.get("tls_ca")
        module = f'global(defaultNetstreamDriverCAFile="{tls}")' if tls else ""
        conf = self.dir / "rsyslog.conf"
        conf.write_text(RSYSLOG_CONF.format(
            dir=self.dir, socket=self.log_socket, hostname=self.options["hostname"], port=self.options["syslog_port"], module=module,
            template=self.options.get("template", "RSYSLOG_SyslogProtocol23Format"),
            tls=TLS_ACTION.format(peer=self.options.get("tls_peer", "localhost")) if tls else ""), encoding="utf-8")
        pid = self.dir / "rsyslogd.pid"
        pid.unlink(missing_ok=True)
        log = open(self.dir / "rsyslogd.log", "wb")
        self.spawn([RSYSLOGD, "-n", "-f", str(conf), "-i", str(pid)], stdout=log, stderr=log)
        wait_for("rsyslogd", lambda: os.path.exists(self.log_socket))

    def start_sshd(self):
        key = self.dir / "host_key"
        if not key.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        user_key = self.dir / "user_key"
        if not user_key.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(user_key)], check=True)
            shutil.copy(f"{user_key}.pub", self.dir / "authorized_keys")
        conf = self.dir / "sshd_config"
        conf.write_text(SSHD_CONF.format(port=self.port, dir=self.dir, pam="yes" if self.root else "no"), encoding="utf-8")
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        if self.root:
            log = open(self.dir / "sshd.log", "wb")
            self.spawn([SSHD, "-D", "-f", str(conf)], stdout=log, stderr=log)
        else:
            # Without a private /dev/log sshd writes to stderr, ends lines with CR LF, and logger hands each on.
            daemon = self.spawn([SSHD, "-D", "-e", "-f", str(conf)], stderr=subprocess.PIPE)
            self.spawn_logger(daemon)
        wait_for("sshd", lambda: answers(self.port))

    def spawn_logger(self, daemon):
        plain = subprocess.Popen(["sed", "-u", "s/\\r$//"], stdin=daemon.stderr, stdout=subprocess.PIPE)
        command = ["logger", "--socket", self.log_socket, "--tag", f"sshd[{daemon.pid}]", "--priority", "auth.info"]
        self.children += [subprocess.Popen(command, stdin=plain.stdout), plain]

    def add_user(self, name, password):
        subprocess.run(["useradd", "--badname", "--create-home", "--shell", "/bin/sh", name], check=True, capture_output=True)
        subprocess.run(["chpasswd"], input=f"{name}:{password}\n".encode(), check=True, capture_output=True)

    # ---- things that happen

    def ssh(self, user, password, prompts, *command):
        ask = self.dir / "askpass"
        if not ask.exists():  # written again it would be empty for a client that just runs it
            ask.write_text('#!/bin/sh\nprintf "%s\\n" "$LUY_DEMO_PASSWORD"\n', encoding="ascii")
            ask.chmod(0o700)
        env = dict(os.environ, SSH_ASKPASS=str(ask), SSH_ASKPASS_REQUIRE="force", LUY_DEMO_PASSWORD=password, DISPLAY="none")
        return subprocess.Popen(
            ["ssh", "-F", "none", "-p", str(self.port), "-o", f"NumberOfPasswordPrompts={prompts}", "-o", "PreferredAuthentications=password",
             "-o", "PubkeyAuthentication=no", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
             "-o", "ConnectTimeout=60", f"{user}@127.0.0.1", *command],
            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)

    def fail(self, count, user):
        left, running = int(count), []
        while left > 0:
            prompts = min(3, left)
            running.append(self.ssh(user, "sai-mat-khau", prompts, "true"))
            left -= prompts
        for child in running:
            child.communicate(timeout=60)
        return {"failed_logins": int(count), "user": user, "at": time.time()}

    def login(self):
        if self.root:
            child = self.ssh("truc.operator", PASSWORD, 1, "id -un")
            out = child.communicate(timeout=60)[0].decode().strip()
        else:
            me = pwd.getpwuid(os.geteuid()).pw_name
            done = subprocess.run(["ssh", "-F", "none", "-p", str(self.port), "-i", str(self.dir / "user_key"), "-o", "StrictHostKeyChecking=no",
                                   "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", f"{me}@127.0.0.1", "id -un"],
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
            out = done.stdout.decode().strip()
        return {"login": out}

    def sudo(self):
        if not self.root:
            return {"left_out": "sudo needs root"}
        def as_operator(*command):
            return subprocess.run(["runuser", "-u", "truc.operator", "--", "sudo", "-S", "-p", "", *command], capture_output=True,
                                  input=f"{PASSWORD}\n".encode(), timeout=60, check=False, cwd="/").returncode
        return {"allowed": as_operator("/usr/bin/id"), "refused": as_operator("/usr/bin/cat", "/etc/shadow")}

    def account(self):
        if not self.root:
            return {"left_out": "a new account needs root"}
        name = f"khach{int(time.time()) % 100000}"
        self.add_user(name, PASSWORD)
        return {"account": name}

    def say(self, *words):
        subprocess.run(["logger", "--socket", self.log_socket, "--tag", "demo", " ".join(words)], check=True)
        return {"said": " ".join(words)}

    def stop(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        for child in self.children:
            try:
                child.wait(60)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.end_orphans()

    @staticmethod
    def end_orphans():
        """sshd's connections are sessions of their own; as sub-reaper this process inherits and ends them."""
        while True:
            left = [int(word) for task in pathlib.Path("/proc/self/task").iterdir() for word in (task / "children").read_text().split()]
            if not left:
                return
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)


def main():
    host = Host(json.loads(sys.argv[1]))
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        host.start()
        print(json.dumps({"ready": True, "root": host.root, "sshd_port": host.port}), flush=True)
        for line in sys.stdin:
            words = line.split()
            if not words or words[0] == "quit":
                break
            try:
                answer = {"fail": host.fail, "login": host.login, "sudo": host.sudo, "account": host.account, "say": host.say}[words[0]](*words[1:])
            except Exception as problem:
                answer = {"error": f"{type(problem).__name__}: {problem}"}
            print(json.dumps(answer), flush=True)
    except Exception as problem:
        print(json.dumps({"error": f"{type(problem).__name__}: {problem}"}), flush=True)
        raise
    finally:
        host.stop()


if __name__ == "__main__":
    main()
