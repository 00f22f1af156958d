#!/usr/bin/env python3
"""Two real luyd, a relay and its centre, over a line that breaks; TAP on stdout.

    relay_test.py PATH_OF_LUYD PATH_OF_LUY_JOURNAL

The line goes through a proxy of this test, which is up or down, ends after so many
bytes, and either side is killed with -9 in the middle. In the end the centre must
hold every record that the relay held, once, in order, and its copy must verify.
"""
import bisect
import http.client
import json
import pathlib
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))
from luyd import ENV, PASSWORD, Luyd, administrator, check, equal, finish, until # noqa: E402 - it lies there
import luyd as shared # noqa: E402

LUYD, JOURNAL = (pathlib.Path(p).resolve() for p in sys.argv[1:3])

def small_luyd(folder, **settings):
    off = {k: "off" for k in ("syslog_udp", "syslog_tls", "flow_udp", "ipfix_udp")} | settings
    return Luyd(LUYD, folder, **off, flow_block_age="1s", journal_block_age="1s", journal_block="64KiB")


class Api(shared.Api):
    def count(self, query):
        status = self.call("GET", "/events?query=" + urllib.parse.quote(query + " | count"))
        return self.body["total"] if status == 200 else self.body


def ask(api, query):
    status = api.call("GET", "/query?query=" + urllib.parse.quote(query))
    return api.body["rows"] if status == 200 else api.body


class Tail(threading.Thread):
    """Lines of a live tail as they come, until its luyd ends."""

    def __init__(self, api, query):
        super().__init__(daemon=True)
        self.lines = []
        self.c = api.connect(600)
        self.c.request("GET", "/api/v1/events/tail?query=" + urllib.parse.quote(query), None, api.headers)
        self.answer = self.c.getresponse() # the tail is open now
        self.answer.readline()
        self.start()

    def run(self):
        try:
            for line in self.answer:
                if line.startswith(b'data: {"seq"'):
                    self.lines.append(json.loads(line[6:]))
        except (OSError, ValueError, http.client.HTTPException):
            pass


class Line(threading.Thread):
    """The wide-area line: down, up, or up for so many bytes."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.up, self.budget, self.flip = port, False, None, None
        self.cuts, self.bytes = 0, 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.at = self.server.getsockname()[1]
        self.ends = []
        self.start()

    def run(self):
        while True:
            a, _ = self.server.accept()
            if not self.up:
                a.close()
                continue
            try:
                b = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                a.close()
                continue
            self.ends += [a, b]
            threading.Thread(target=self.pump, args=(a, b, True), daemon=True).start()
            threading.Thread(target=self.pump, args=(b, a, False), daemon=True).start()

    def pump(self, a, b, forward):
        try:
            while True:
                data = a.recv(8192)
                if not data:
                    break
                if forward and self.budget is not None:
                    if len(data) >= self.budget:
                        b.sendall(data[:self.budget])
                        self.budget = None
                        self.up = False
                        self.cuts += 1
                        self.cut()
                        break
                    self.budget -= len(data)
                self.bytes += len(data) if forward else 0
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        for s in self.ends:
            try:
                s.shutdown(socket.SHUT_RDWR)
                s.close()
            except OSError:
                pass
        self.ends = []

    def down(self):
        self.up, self.budget = False, None
        self.cut()


class Sender:
    def __init__(self):
        self.n, self.starts, self.sequence = 0, [], 0
        self.rng = random.Random(7)

    def send(self, luyd, n):
        """Lines that do not compress away: a transfer shall take a while."""
        with socket.create_connection(("127.0.0.1", luyd.ports["syslog_tcp"])) as s:
            out = []
            self.starts.append(self.n + 1)
            for _ in range(n):
                self.n += 1
                noise = self.rng.randbytes(60).hex()
                out.append(f"<13>Nov 21 09:30:00 tram-{self.n % 7} app[{self.n}]: so {self.n:08d} {noise}\n")
            s.sendall("".join(out).encode())

    def flows(self, luyd, n):
        """NetFlow v5; every flow has an end of its own in its addresses. UDP: what luyd takes of it is counted there."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            while n > 0:
                some = min(n, 30)
                now = time.time()
                out = [struct.pack("!HHIIIIBBH", 5, some, 100000, int(now), 0, self.sequence, 0, 0, 0)]
                for _ in range(some):
                    self.sequence += 1
                    out.append(struct.pack("!4s4s4sHHIIIIHHBBBBHHBBH", self.sequence.to_bytes(4, "big"), bytes([10, 9, 0, 1]), bytes(4), 1, 2,
                                           1, self.sequence % 1400 + 40, 90000, 99000, 40000, 443, 0, 24, 6, 0, 0, 0, 24, 24, 0))
                s.sendto(b"".join(out), ("127.0.0.1", luyd.ports["flow_udp"]))
                n -= some

    def plug(self, luyd, n):
        """Lines that a rule is about, one host after the other."""
        with socket.create_connection(("127.0.0.1", luyd.ports["syslog_tcp"])) as s:
            s.sendall("".join(f"<6>Nov 21 09:30:00 tram-{i % 3} kernel: usb-storage 1-{i}:1.0: USB Mass Storage device detected\n"
                              for i in range(n)).encode())


def offline(verb, folder, *args):
    return subprocess.run([JOURNAL, verb, "--dir", folder, "--quiet", *args], env=ENV, capture_output=True, text=True, timeout=300)


def lines(folder):
    """(number, line) of every record of a journal's folder, oldest first."""
    out = offline("export", folder, "--output", "json")
    return [(r["seq"], r["received_at"], r["raw"]) for r in (json.loads(x) for x in out.stdout.splitlines())][::-1], out


def copy(folder, name):
    to = folder.parent.parent / f"copy-{name}"
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to)
    return to


def told(luyd_api, text):
    return luyd_api.count(f'program:luyd "{text}"')


def main(folder):
    centre = small_luyd(folder / "centre", relay_listen="127.0.0.1:0").start()
    centre.settings["relay_listen"] = f"127.0.0.1:{centre.ports['relay']}"
    centre.write()
    line = Line(centre.ports["relay"])
    api = administrator(centre, Api)

    # enrolment: one line each way
    out = centre.here("--relay-id")
    check("the centre shows its line of identity", out.stdout.startswith("luy-centre ") and "key=" in out.stdout, out)
    key = out.stdout.split("key=")[1].strip()
    relay = small_luyd(folder / "relay", role="relay", relay_name="xa-dong", relay_centre=f"127.0.0.1:{line.at}", relay_rate="64KiB",
                       flow_udp="127.0.0.1:0", journal_max="4MiB", flow_max="64KiB") # small files, so that there are several
    out = relay.here("--check-config")
    check("a relay without the centre's key is refused with what is missing", out.returncode == 1 and "relay_centre_key" in out.stderr, out)
    relay.settings["relay_centre_key"] = key
    relay.write()
    mine = relay.here("--relay-id").stdout.strip()
    check("the relay shows its line of identity", mine.startswith("luy-relay xa-dong key=") and "anchor=" in mine, mine)
    equal("and the same a second time", relay.here("--relay-id").stdout.strip(), mine)
    line.up = True
    relay.start()
    check("a relay that is not pinned is refused and told", until(180, lambda: told(api, "event=relay_unknown") == 1))
    out = centre.here("--relay-add", mine)
    check("the relay is pinned while the centre runs", out.returncode == 0 and "xa-dong" in out.stdout, out)
    equal("twice is a mistake", centre.here("--relay-add", mine).returncode, 1)
    out = centre.here("--relay-add", "luy-relay X key=1")
    check("and so is half a line", out.returncode == 1 and "--relay-id" in out.stderr, out)

    sender = Sender()
    tail = Tail(api, "program:app")
    sender.send(relay, 500)
    check("what the relay receives is found at the centre", until(180, lambda: api.count("program:app") == 500), api.count("program:app"))
    check("and a live tail that was open shows each line as it came, by which relay", until(180, lambda: len(tail.lines) == 500) and
          {x["relay"] for x in tail.lines} == {"xa-dong"} and
          [x["raw"].split(" so ")[1][:8] for x in tail.lines] == [f"{n:08d}" for n in range(1, 501)], len(tail.lines))
    equal("asked for by that relay's name they are found, and nothing else is", [api.count(f"program:app {q}") for q in ("relay:xa-dong", "NOT relay:*", "relay:xa-tay")],
          [500, 0, 0])
    check("the centre's own lines came by none", api.count('relay:"" program:luyd') > 0 and api.count("relay:* program:luyd host:tram-1") == 0)
    api.call("GET", "/query/complete?text=relay:x")
    equal("the name is offered while it is typed", [x["text"] for x in api.body["items"]], ["xa-dong "])

    sender.flows(relay, 90)
    check("and so are its flows, by which relay", until(180, lambda: ask(api, "from:flows dst_port:443 | count by relay") == [["xa-dong", 90]]),
          ask(api, "from:flows | count by relay"))
    api.call("GET", "/query/complete?text=" + urllib.parse.quote("from:flows relay:x"))
    equal("and the name is offered for them too", [x["text"] for x in api.body["items"]], ["xa-dong "])
    equal("which the centre has none of itself", ask(api, "from:flows NOT relay:* | count"), [[0]])

    # the line is down, then comes back in pieces while either side is killed
    line.down()
    for _ in range(6):
        sealed = (relay.data / "journal" / "ledger").stat().st_size
        sender.send(relay, 4000)
        until(180, lambda: (relay.data / "journal" / "ledger").stat().st_size > sealed)
    rng, kills, before = random.Random(20261126), {"relay": 0, "centre": 0}, line.bytes
    for n in range(9):
        sender.send(relay, 300)
        sender.plug(relay, 9)
        sender.flows(relay, 600)
        at, some = line.bytes, rng.randrange(20000, 250000)
        line.up = True
        if n % 3 == 0:
            line.budget = some
            until(20, lambda: not line.up)
        else:
            victim, name = ((relay, "relay"), (centre, "centre"))[n % 3 - 1]
            moved = until(20, lambda: line.bytes - at > some)
            victim.kill()
            kills[name] += bool(moved)
            line.down()
            victim.start()
        line.down()
    print(f"# {sender.n} lines, {line.cuts} cuts, {kills['relay']} and {kills['centre']} kills, {line.bytes - before} bytes forward")
    check("both sides were killed in the middle of a transfer", min(kills.values()) > 0, kills)
    line.up = True
    api = Api(centre)
    api.login("admin", PASSWORD)
    relay.stop() # seals what is open; it comes over at the next start
    held, plugged = senders_lines(relay)
    flows = relay_flows(relay)
    relay.start()
    check("after all of that every line is found at the centre, once",
          until(180, lambda: api.count("program:app") == held), f"{api.count('program:app')} of {held}, {sender.n} sent")
    check("and every flow, once", flows["count"] > 300 and until(180, lambda: centre_flows(api) == flows), f"{centre_flows(api)} {flows}")
    check("the figures say so", until(180, lambda: figures(api) == (flows["count"], 0, 0, 1, True)), figures(api))
    check("and every line that a rule is about was judged, once", plugged > 0 and until(180, lambda: found(api) == plugged),
          f"{found(api)} of {plugged}")
    one = api.body["items"][0]
    check("the finding says by which relay, and when it was received there", "(by relay xa-dong, received there at 20" in one["message"]["en"], one)
    api.call("GET", f"/findings/{one['id']}")
    seen = api.body["evidence"][0]
    check("and so does its evidence, under the number that finds the line", seen["data"]["via_relay"] == "xa-dong" and
          seen["data"]["relay_received_at"].startswith("20") and seen["seq"] > 0, seen)
    centre.kill()
    centre.start()
    api = Api(centre)
    api.login("admin", PASSWORD)
    sender.plug(relay, 6)
    check("a centre that was killed goes on where it stood", until(180, lambda: found(api) == plugged + 6), f"{found(api)} of {plugged + 6}")
    relay.kill()
    relay.start()
    sender.plug(relay, 3)
    check("and after a kill of the relay nothing is judged again", until(180, lambda: found(api) == plugged + 9),
          f"{found(api)} of {plugged + 9}")

    # record by record
    line.down()
    equal("the relay stops clean", relay.stop()[0], 0)
    equal("the centre stops clean", centre.stop()[0], 0)
    kept = centre.data / "relays" / "xa-dong"
    anchor = mine.split("anchor=")[1]
    out = offline("verify", copy(kept, "kept"), "--anchor", anchor)
    check("the centre's copy verifies against the pinned anchor", out.returncode == 0, out.stdout + out.stderr)
    equal("with its flows", json.loads(offline("verify", copy(kept, "kept"), "--anchor", anchor, "--output", "json").stdout)["flows"], flows["count"])
    here, _ = lines(copy(relay.data / "journal", "relay"))
    there, out = lines(copy(kept, "kept"))
    check("records of the copy are those of the relay, in order, none twice", len(there) > 0 and here[:len(there)] == there,
          f"{len(here)} {len(there)} {out.stderr}")
    missing = [r for r in here[len(there):] if " app[" in r[2]]
    equal("and no line of a sender is behind", missing, [])
    numbers = [int(r[2].split(" so ")[1][:8]) for r in there if " app[" in r[2]]
    by_sender = sorted(numbers, key=lambda n: bisect.bisect(sender.starts, n)) # stable: each connection's as they stand
    check("the lines of each connection stand in the order they were sent", by_sender == sorted(numbers), len(numbers))
    equal("each once", len(numbers), len(set(numbers)))
    same_files(relay.data / "journal", kept, "seg-*.luy")
    same_files(relay.data / "flows", kept, "flow-*.lyf")
    ceiling(centre, kept, anchor, len(there))
    tamper(centre, relay, line, sender)


def same_files(a, b, which):
    names = sorted(p.name for p in b.glob(which))[:-1]
    good = [n for n in names if (a / n).read_bytes() == (b / n).read_bytes()]
    check(f"whole files {which} are the relay's own bytes", len(names) > 0 and good == names, f"{names} {good}")


def under(api, kept, most):
    """Under the ceiling, or nothing is left that may go."""
    newest = len(list(kept.glob("seg-*.luy"))) == len(list(kept.glob("flow-*.lyf"))) == 1
    return newest or (api.call("GET", "/stats") == 200 and api.body["relays"]["disk_bytes"] <= most)


def ceiling(centre, kept, anchor, events):
    """A ceiling over all relays that is far below what is there: all files but the newest go, and that is lawful."""
    centre.settings["relay_total_max"] = "64KiB"
    centre.write()
    centre.start()
    api = Api(centre)
    api.login("admin", PASSWORD)
    check("past the ceiling over all relays the oldest files go, and it is told",
          until(180, lambda: under(api, kept, 64 << 10) and told(api, 'event=relay_deleted relay=xa-dong reason=\\"size ceiling\\"') > 0),
          list(kept.glob("*")))
    equal("the centre stops after that", centre.stop()[0], 0)
    there, _ = lines(copy(kept, "less"))
    check("the newest lines are still there", 0 < len(there) < events, f"{len(there)} {events}")
    out = offline("verify", copy(kept, "less"), "--anchor", anchor, "--centre", centre.data / "journal")
    check("and the centre's ledger says that it was lawful", out.returncode == 0, out.stdout + out.stderr)
    del centre.settings["relay_total_max"]
    centre.write()


def senders_lines(relay):
    """Lines of senders in the stopped relay's journal, and those of them that a rule is about: a killed relay lost
    what it had not made durable."""
    all_lines, _ = lines(copy(relay.data / "journal", "count"))
    return sum(" app[" in r[2] for r in all_lines), sum(" kernel: usb-storage" in r[2] for r in all_lines)


def relay_flows(relay):
    """How many the stopped relay has, and their bytes."""
    to = relay.folder.parent / "copy-flows"
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(relay.data, to)
    rows = [json.loads(offline("search", to / "journal", "--output", "json", f"from:flows | {step}").stdout) for step in ("count", "sum bytes")]
    return {"count": rows[0]["count"], "bytes": int(rows[1]["sum_bytes"])}


def centre_flows(api):
    return {"count": ask(api, "from:flows relay:xa-dong | count")[0][0], "bytes": int(ask(api, "from:flows | sum bytes")[0][0])}


def figures(api):
    of = api.body["relays"] if api.call("GET", "/stats") == 200 else {}
    return tuple(of.get(k) for k in ("flows", "missing_flows", "missing_events", "connected")) + (of.get("judged_events", 0) > 0,)


def found(api):
    """How many lines the centre's findings about sticks count."""
    status = api.call("GET", "/findings?control=usb-storage&state=living&limit=100")
    return sum(f["count"] for f in api.body["items"]) if status == 200 else api.body


def blocks(folder):
    """(file, offset) of every sealed block, by their heads; behind them there may be an index, of heads too."""
    found = []
    for path in sorted(folder.glob("seg-*.luy")):
        data = path.read_bytes()
        end = int.from_bytes(data[-32:-24], "little") if data[-40:-36] == b"LYIX" else len(data)
        at = 32
        while data[at:at + 4] == b"LYBK" and at < end:
            found.append((path, at))
            at += int.from_bytes(data[at + 8:at + 16], "little")
    return found


def tamper(centre, relay, line, sender):
    """A byte changed in the spool while the line is down."""
    relay.start()
    sealed = relay.data / "journal" / "ledger"
    size = sealed.stat().st_size
    sender.send(relay, 9000) # several blocks: one holds up to 2,000 lines that come at once
    until(180, lambda: sealed.stat().st_size > size + 96 * 3)
    relay.stop()
    path, at = blocks(relay.data / "journal")[-3] # sealed while the line was down
    data = bytearray(path.read_bytes())
    data[at + 300] ^= 1
    path.write_bytes(data)
    centre.start()
    api = Api(centre)
    api.login("admin", PASSWORD)
    line.up = True
    relay.start()
    check("a byte changed in the spool is refused at the centre, and it says why",
          until(180, lambda: told(api, "event=relay_refused relay=xa-dong") >= 1))
    check("refused twice, the block is named as missing and the rest comes",
          until(180, lambda: told(api, "event=relay_missing relay=xa-dong reason=refused") == 1))
    sender.send(relay, 100)
    check("later lines come", until(180, lambda: api.count(f'"so {sender.n:08d}"') == 1))
    equal("the centre stops", centre.stop()[0], 0)
    out = offline("verify", copy(centre.data / "relays" / "xa-dong", "tampered"), "--lang", "en")
    check("verify names the events that are missing", out.returncode != 0 and "no entry says they were deleted" in out.stdout, out)
    relay.stop()


def run():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="luy-relay-"))
    try:
        main(folder)
    except Exception:
        check("the test runs to its end", False, traceback.format_exc())
    finally:
        for p in Luyd.all:
            p.end()
    finish(folder)


if __name__ == "__main__":
    run()
