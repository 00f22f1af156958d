"""kill -9 at random moments under load: what was seen to be durable is there
after the start, once, in order; and a killed intake is back within a second."""
import os
import pathlib
import random
import signal
import socket
import threading
import time

import tap
import wire
import world

ROUNDS = 4


def run(args, folder):
    folder.mkdir()
    luyd = world.Luyd(args.build, folder / "data", 0).start()
    try:
        api = wire.session(luyd)
        tap.part("intake", kill_intake, luyd, api)
        rng = random.Random(20261121)
        for n in range(ROUNDS):
            tap.part("crash", kill_luyd, luyd, n, rng)
        tap.part("proof", proof, luyd)
    finally:
        tap.equal("after all of that luyd stops clean", luyd.stop(), 0)


def login(luyd):
    api = world.Api(luyd)
    api.login("admin", wire.PASSWORD)
    return api


def children(pid):
    """Of every thread: the one that starts intake again is not the main one.
    A thread of the HTTP server may end while it is looked at; it has none."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            found += [int(word) for word in (task / "children").read_text(encoding="ascii").split()]
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def kill_intake(luyd, api):
    old = children(luyd.child.pid)
    tap.check("intake is a process of its own", len(old) == 1, old)
    os.kill(old[0], signal.SIGKILL)
    start = time.monotonic()
    fresh = world.until(120, lambda: [p for p in children(luyd.child.pid) if p not in old])
    tap.check("a killed intake is started again", fresh)
    tap.note(f"new intake process after {time.monotonic() - start:.3f} s")
    world.until(120, lambda: try_send(luyd, b"<13>1 - h a - - - sau-khi-intake-chet\n"))
    tap.check("lines flow again", world.until(120, lambda: wire.count(api, "sau-khi-intake-chet") == 1))
    tap.check("the gap is an event of its own", world.until(120, lambda: wire.count(api, "program:luyd intake_gap OR program:luyd intake_restart")))


def try_send(luyd, line):
    try:
        wire.send(luyd, line)
        return True
    except OSError:
        return False


class Load(threading.Thread):
    """Sends numbered lines as fast as they are taken."""

    def __init__(self, luyd, name):
        super().__init__(daemon=True)
        self.luyd, self.tag, self.sent, self.halt = luyd, name, 0, False

    def run(self):
        try:
            with socket.create_connection(("127.0.0.1", self.luyd.ports["syslog_tcp"])) as s:
                while not self.halt:
                    lines = b"".join(b"<13>1 - h load - - - %s-%08d\n" % (self.tag.encode(), self.sent + k) for k in range(200))
                    s.sendall(lines)
                    self.sent += 200
        except OSError:
            pass


def kill_luyd(luyd, n, rng):
    name = f"tai{n}"
    load = Load(luyd, name)
    load.start()
    api = login(luyd)
    deadline = time.monotonic() + 30
    while load.sent < 5000 + rng.randrange(20000) and time.monotonic() < deadline:
        time.sleep(0.005)
    # Older than the group commit when it is counted, so it must outlive the kill.
    before = wire.count(api, f"program:load {name}")
    mark = api.get("/stats")["journal"]["events"]
    seen = world.until(120, lambda: api.get("/stats")["journal"]["synced"] > mark)
    os.killpg(luyd.child.pid, signal.SIGKILL)
    luyd.child.wait()
    load.halt = True
    load.join(120)
    luyd.start()
    api = login(luyd)
    after = wire.count(api, f"program:load {name}")
    tap.check(f"kill -9 number {n + 1}: {before} durable lines, {after} after the start, {load.sent} sent",
              seen and before <= after <= load.sent, (before, after, load.sent))
    tap.equal(f"kill -9 number {n + 1}: no line stands twice and none is missing between the first and the last", gaps(api, name, after), [])


def proof(luyd):
    """The ledger went through every kill with the blocks: nothing is missing from it, nothing is too much."""
    report = login(luyd).get("/journal/verify")
    tap.check("after every kill the journal is as it was sealed", not report["bad"], report)
    tap.check("what the starts sealed is in the ledger", report["events"] > 0 and report["blocks"] >= ROUNDS, report)


def gaps(api, name, after):
    numbers, cursor = [], None
    while len(numbers) < min(after, 20000):
        page = api.get("/events", query=f"program:load {name}", limit=1000, **({"before": cursor} if cursor else {}))
        numbers += [int(item["raw"].rstrip().rsplit("-", 1)[1]) for item in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
    wrong = [(a, b) for a, b in zip(numbers, numbers[1:]) if a != b + 1]
    return wrong[:5]
