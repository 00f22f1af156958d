#!/usr/bin/env python3
"""A PostgreSQL 15 server of its own for a test: in a private folder, as an ordinary user, behind a
unix socket only. Nothing is shared with a server of the machine, and nothing is left behind.

As a program: pg.py COMMAND [ARG...] runs the command with LUY_TEST_STORE set to the url of the
server's database "postgres" (the tests make a database each beside it) and answers with its result.
LUY_PG_SETTINGS="NAME=VALUE ...": further settings of the server, which win; for measuring: "fsync=on ...".
LUY_PG_PLAIN=1: the command is no test, its output stays as it is."""
import fcntl
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile

BIN = pathlib.Path(os.environ.get("LUY_PG_BIN", "/usr/lib/postgresql/15/bin"))
QUICK = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
# A server that needs no disk lies in memory where there is room: each database is about 1,500 files, and
# making and removing them on ext4 was a third of the CPU time of these tests.
MEMORY, MEMORY_FREE = pathlib.Path("/dev/shm"), 4 << 30
SETTINGS = ["listen_addresses=", "shared_buffers=32MB", "max_connections=150", "autovacuum_naptime=10s",
            "logging_collector=off", "log_min_messages=warning"]


def available():
    return (BIN / "initdb").exists()


def as_user():
    """The server refuses to run as root: then it runs as nobody."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()), []
    who = pwd.getpwnam("nobody")
    return who, ["setpriv", f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--clear-groups"]


def own(path, who):
    if os.geteuid() == 0:
        os.chown(path, who.pw_uid, who.pw_gid)


def cluster_made(target):
    """initdb once for a build, then copies of what it made."""
    who, head = as_user()
    cache = pathlib.Path(os.environ.get("LUY_PG_CACHE", tempfile.gettempdir())) / f"luy-pg15-{os.geteuid()}"
    with open(f"{cache}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (cache / "PG_VERSION").exists():
            shutil.rmtree(cache, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix="luy-initdb-") as work:
                own(work, who)
                subprocess.run([*head, BIN / "initdb", "-D", f"{work}/d", "-A", "trust", "-U", "luy", "-E", "UTF8", "--locale=C",
                                "--wal-segsize=1", "--no-sync"], check=True, cwd=work, stdout=subprocess.DEVNULL)
                subprocess.run(["cp", "-a", f"{work}/d", cache], check=True)
        subprocess.run(["cp", "-a", cache, target], check=True)


def place(quick):
    """Where the server's folder is made; LUY_PG_DIR says otherwise."""
    if "LUY_PG_DIR" in os.environ or not quick or not os.access(MEMORY, os.W_OK):
        return os.environ.get("LUY_PG_DIR")
    free = os.statvfs(MEMORY)
    return MEMORY if free.f_bavail * free.f_frsize >= MEMORY_FREE else None


class Server:
    def __init__(self, quick=True, data=None):
        self.who, self.head = as_user()
        self.dir = tempfile.mkdtemp(prefix="luy-pg-", dir=place(quick))
        own(self.dir, self.who)
        self.data = data or f"{self.dir}/data"
        self.settings = SETTINGS + (QUICK if quick else []) + os.environ.get("LUY_PG_SETTINGS", "").split()
        self.proc = None
        cluster_made(self.data)

    def start(self):
        opts = [x for s in self.settings for x in ("-c", s)]
        self.log = open(f"{self.dir}/log", "ab")
        self.proc = subprocess.Popen([*self.head, BIN / "postgres", "-D", self.data, "-k", self.dir, *opts], cwd=self.dir,
                                     stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        done = subprocess.run([BIN / "pg_isready", "-q", "-h", self.dir, "-U", "luy", "-t", "0"], check=False)
        while done.returncode != 0:
            if self.proc.poll() is not None:
                raise RuntimeError("postgres ended: " + pathlib.Path(f"{self.dir}/log").read_text(encoding="utf-8", errors="replace")[-2000:])
            # pg_isready waits for an answer; while the socket is missing it fails at once.
            done = subprocess.run([BIN / "pg_isready", "-q", "-h", self.dir, "-U", "luy", "-t", "3"], check=False)
        return self

    def url(self, name="postgres"):
        return f"postgresql://luy@/{name}?host={self.dir}"

    def sql(self, text, name="postgres"):
        return subprocess.run(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-d", self.url(name), "-c", text], check=True,
                              capture_output=True, text=True).stdout.strip()

    def stop(self, how=signal.SIGINT):
        if self.proc is not None:
            self.proc.send_signal(how)
            self.proc.wait()
            self.proc = None
            self.log.close()

    def close(self):
        if self.proc is not None:
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()


def main():
    if not available():
        print("1..0 # SKIP PostgreSQL 15 is not installed")
        return 0
    # Ended from outside (a test that took too long), it still takes its folder away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with Server() as server:
        env = dict(os.environ, LUY_TEST_STORE=server.url())
        head = [] if os.environ.get("LUY_PG_PLAIN") else [pathlib.Path(__file__).parents[1] / "tools" / "tap-skip"]
        return subprocess.run([*head, *sys.argv[1:]], env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
