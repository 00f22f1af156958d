"""A luyd that feeds the set while nodes die in the middle of inserts and luyd
itself is killed: in the end the set has what the journal has, each event once."""
import os
import pathlib
import random
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

import cluster
import tap
import wire
import world

DATABASE = "luy_daemon"
ROUNDS = 4
# asked of logs and of cluster; only lines of the load, which all were sent
QUERIES = [
    "| count", "| count by host", "| count by host, severity | sort host", "| top 3 host", "| histogram 1m", "| histogram 5s by host | limit 40",
    "| count by source", "00001* | count by msg | limit 5", "| count by host | count", "| limit 20", "| fields seq, at, host, msg | limit 50",
    "host:may-2 | sort at | limit 7", "00001* | fields seq, msg", "NOT host:may-1 | count by host", "\"mat-khau sai\" 10.8.1.7 | count by host",
    "/dong 0000[0-9]{3}7/ | count by host", "0000??42 | fields msg", "~MẬT | count", "host:may-3 | max seq", "| p50 seq by host", "| unique host | fields host",
    "severity:<=err | count", "facility:user | count by facility", "seq:<500 | count", "| top 4 host by seq", "| min at by host", "khong-co-dau | count by host",
    "(may-1 OR may-4) NOT 10.8.2.7 | count by host, transport", "| limit 100 | count by host", "raw:*00000017* | fields raw",
]
# what is written, what --check-config says
MISTAKES = [
    ("clickhouse = 10.8.1.5:8123", "is no address of ClickHouse"),
    ("clickhouse = http://a:8123,http://b:8123", "clickhouse_cluster"),
    ("clickhouse = http://a:8123\nclickhouse_database = Luy", "cannot name a database"),
    ("clickhouse = http://a:8123\nclickhouse_password_file = /nowhere/at/all", "/nowhere/at/all"),
    ("clickhouse = http://a:8123\nclickhouse_password_file = {open}", "chmod it to 0600"),
    ("clickhouse = http://a:8123\nclickhouse_password_file = {empty}", "must hold one line"),
    ("clickhouse_databas = luy", "clickhouse_database"),
    ("clickhouse = http://a:8123\nclickhouse_user = luy\nclickhouse_password_file = {good}", None),
]


def configuration(args, folder):
    folder.mkdir()
    files = {"open": ("secret\n", 0o644), "empty": ("\n", 0o600), "good": ("secret\n", 0o600)}
    for name, (text, mode) in files.items():
        (folder / name).write_text(text, encoding="ascii")
        (folder / name).chmod(mode)
    places = {name: folder / name for name in files}
    for text, says in MISTAKES:
        conf = folder / "luyd.conf"
        conf.write_text(text.format(**places) + "\n", encoding="utf-8")
        run = subprocess.run([args.build / "src" / "daemon" / "luyd", "--check-config", "--config", conf], capture_output=True, text=True, check=False,
                             env=dict(os.environ, LUY_SHARE=str(world.ROOT), LUY_LANG="en"))
        title = text.splitlines()[-1].split("=")[0].strip()
        if says is None:
            tap.check("check-config: a right one is taken", run.returncode == 0 and "secret" not in run.stdout, run.stderr)
        else:
            tap.check(f"check-config: {title}: {says}", run.returncode == 1 and says in run.stderr, run.stderr)


class Load(threading.Thread):
    """Numbered lines, ten thousand a second where there is room, over whatever connection there is."""

    def __init__(self, luyd):
        super().__init__(daemon=True)
        self.luyd, self.sent, self.halt = luyd, 0, threading.Event()

    def run(self):
        while not self.halt.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.luyd.ports["syslog_tcp"])) as s:
                    while not self.halt.wait(0.02):
                        s.sendall(b"".join(b"<13>1 - may-%d tai - - - dong %08d mat-khau sai tu 10.8.%d.7\n" % (k % 5, self.sent + k, k % 3)
                                           for k in range(200)))
                        self.sent += 200
            except OSError:
                self.halt.wait(0.05)


def login(luyd):
    api = world.Api(luyd)
    api.login("admin", wire.PASSWORD)
    return api


def of_set(api):
    return api.get("/stats")["cluster"]


def table(c, what="count(), uniqExact(seq), max(seq) - min(seq) + 1", where="1"):
    return c.nodes[0].query(f"SELECT {what} FROM {DATABASE}.event WHERE {where}").split()


def settings(c):
    return ["journal_block = 64KiB", "journal_block_age = 1s", "journal_sync_ms = 10", f"clickhouse = {c.spec}",
            f"clickhouse_cluster = {cluster.CLUSTER}", f"clickhouse_database = {DATABASE}"]


def moved(api, events):
    """The set got so many more."""
    start = of_set(api)["sent_events"]
    return world.until(120, lambda: of_set(api)["sent_events"] >= start + events)


def storm(luyd, c, api, revive):
    rng = random.Random(20261126)
    tap.check("the set is fed", moved(api, 2000), of_set(api))
    for n in range(ROUNDS):
        dead = [rng.choice(c.nodes)]
        dead[0].kill()
        tap.check(f"round {n + 1}: one of a shard is dead, the set is fed", moved(api, 2000), of_set(api))
        os.killpg(luyd.child.pid, signal.SIGKILL)
        luyd.child.wait()
        luyd.start()
        api = login(luyd)
        tap.check(f"round {n + 1}: luyd was killed and feeds on", moved(api, 2000), of_set(api))
        revive(dead)
    return api


def shard(api, n):
    return of_set(api)["shards"][n - 1]


def shard_gone(c, api, revive):
    """A shard without a replica falls behind alone, and says so."""
    dead = [n for n in c.nodes if n.shard == 1]
    for node in dead:
        node.kill()
    down = world.until(120, lambda: shard(api, 2)["down"] == 1)
    tap.check("a whole shard is dead: it is said of it alone", down and shard(api, 1)["down"] == 0, of_set(api))
    tap.check("and stands in the journal with its number", world.until(120, lambda: wire.count(api, 'program:luyd "event=cluster_down shard=2"')), of_set(api))
    for n in range(3):  # its numbers come in turns with the dead one's
        start = shard(api, 1)["sent_events"]
        fed = world.until(120, lambda s=start: shard(api, 1)["sent_events"] >= s + 5000)
        tap.check(f"the other is fed on ({n + 1})", fed and shard(api, 2)["down"] == 1, of_set(api))
    behind = world.until(120, lambda: shard(api, 2)["lag_events"] > 5000)
    sets = of_set(api)
    tap.check("the dead one lags, the set's figures are the sum", behind and sets["lag_events"] >= sets["shards"][1]["lag_events"]
              and sets["next"] <= sets["shards"][1]["next"], sets)
    text = str(api.call("GET", "/api/v1/metrics")[1])
    tap.check("the metrics have both", all(f'luy_cluster_shard_lag_events{{shard="{n}"}} ' in text for n in (1, 2)), text[-2000:])
    status, said = api.call("GET", "/api/v1/query?query=from%3Acluster%20%7C%20count")
    tap.check("from:cluster: no half answer, the shard is named", status == 503 and "shard 2" in said.get("detail", ""), (status, said))
    start = shard(api, 2)["sent_events"]
    revive(dead)
    tap.check("it is back and catches up", world.until(120, lambda: shard(api, 2)["sent_events"] > start + 5000), of_set(api))


def keeper_gone(c, api):
    """Without its keeper the set can be asked and takes nothing: answers say what they lack."""
    os.killpg(c.zookeeper.child.pid, signal.SIGSTOP)
    try:
        behind = world.until(120, lambda: all(s["down"] == 1 and s["lag_events"] > 0 for s in of_set(api)["shards"]))
        tap.check("the keeper stands still: no shard takes anything", behind, of_set(api))
        answer = api.get("/query", query="from:cluster | count")
        partial = answer["stats"].get("partial", [])
        tap.check("the answer says which shards lack what, and since when", [p["shard"] for p in partial] == [1, 2]
                  and all(p["down"] and p["events"] > 0 and p["since"] for p in partial), answer["stats"])
        tap.check("from:logs lacks nothing and says nothing", "partial" not in api.get("/query", query="from:logs program:tai | count")["stats"])
    finally:
        os.killpg(c.zookeeper.child.pid, signal.SIGCONT)
    tap.check("the keeper is back: all are fed again", world.until(120, lambda: of_set(api)["down"] == 0) and moved(api, 5000), of_set(api))


def all_gone(luyd, c, api, revive):
    """No node is left: nothing waits for them."""
    dead = list(c.nodes)
    for node in dead:
        node.kill()
    down = world.until(120, lambda: of_set(api)["down"] == 2)
    before = api.get("/stats")["journal"]["events"]
    tap.check("all nodes are dead: it is said", down and world.until(120, lambda: wire.count(api, "program:luyd cluster_down")), of_set(api))
    tap.check("intake and sealing go on", world.until(120, lambda: api.get("/stats")["journal"]["events"] > before + 5000), before)
    lag = of_set(api)
    tap.check("the lag is counted", lag["lag_events"] > 0 and lag["failures"] > 0, lag)
    text = api.call("GET", "/api/v1/metrics")[1]
    text = text.decode() if isinstance(text, bytes) else str(text)
    tap.check("and stands in the metrics", all(f"luy_cluster_{m} " in text for m in ("lag_events", "lag_seconds", "failures_total", "down")), text[-2000:])
    start = time.monotonic()
    tap.equal("luyd stops clean while the set is gone", luyd.stop(), 0)
    tap.note(f"it took {time.monotonic() - start:.1f} s")
    revive(dead)
    luyd.start()
    api = login(luyd)
    tap.check("they are back: it goes on", moved(api, 5000), of_set(api))
    return api


def answers_same(api):
    for q in QUERIES:
        logs, there = (api.get("/query", query=f"from:{source} program:tai {q}") for source in ("logs", "cluster"))
        same = all(logs[k] == there[k] for k in ("columns", "rows", "next")) and all(logs["stats"][k] == there["stats"][k] for k in ("hits", "rows", "other"))
        tap.check(f"from:cluster as from:logs: {q} ({len(logs['rows'])} rows)", same and there["source"] == "cluster",
                  f"{logs['rows'][:3]} {logs['stats']}\n{there['rows'][:3]} {there['stats']}")
    for source in ("logs", "cluster"):
        text = f"from:{source} program:tai | fields seq"
        page = api.get("/query", query=text, limit=10)
        more = api.get("/query", query=text, limit=10, before=page["next"])
        tap.equal(f"from:{source}: paging goes on where it ended", page["rows"] + more["rows"], api.get("/query", query=text, limit=20)["rows"])
    offers = api.get("/query/complete", text="from:cl", at=7)
    tap.check("from: offers the set and its flows", [i["text"] for i in offers["items"]] == ["cluster ", "cluster-flows "], offers)
    status, said = api.call("GET", "/api/v1/events?query=from%3Acluster")
    tap.check("where only lines of the journal can be, it says so", status == 400, said)


def asked_of_nobody(c, api, revive):
    dead = list(c.nodes)
    for node in dead:
        node.kill()
    for q in ("from%3Acluster%20%7C%20count", "from%3Acluster"):
        status, said = api.call("GET", "/api/v1/query?query=" + q)
        tap.check("no node answers: 503 and a sentence", status == 503 and "Cannot reach ClickHouse" in said.get("detail", ""), (status, said))
    revive(dead[:1])
    status, said = api.call("GET", "/api/v1/query?query=from%3Acluster%20%7C%20count")
    tap.check("a shard without a replica: no half answer", status == 503 and "refuses" in said.get("detail", ""), (status, said))
    revive(dead[1:])


def dying(c, api, revive):
    """Nodes die while they answer: the answer is whole, or there is none."""
    rng = random.Random(7)
    want = api.get("/query", query="from:logs program:tai /dong/ | count")["rows"]
    right = 0
    for n in range(10):
        node = rng.choice(c.nodes)
        timer = threading.Timer(rng.random() * 0.6, node.kill)
        timer.start()
        status, body = api.call("GET", "/api/v1/query?query=" + urllib.parse.quote("from:cluster program:tai /dong/ | count"))
        timer.join()
        if status == 200 and body["rows"] == want:
            right += 1
        elif status != 503:
            tap.check(f"answer {n} while a node dies", False, (status, body, want))
        revive([node])
    tap.check(f"nodes died under ten queries: {right} whole answers, none that is wrong", right >= 5, right)


def cancelled(api):
    """A query of minutes over there, ended from here."""
    slow = "from:cluster " + " ".join(f"(/{k}.*{k + 1}.*x/ OR program:tai)" for k in range(12)) + " | sort at"
    answer = {}

    def ask():
        answer["status"], answer["body"] = login(api.luyd).call("GET", "/api/v1/query?id=lau&query=" + urllib.parse.quote(slow))

    thread = threading.Thread(target=ask)
    thread.start()
    gone = world.until(120, lambda: api.call("DELETE", "/api/v1/query/lau")[0] == 204 or not thread.is_alive())
    start = time.monotonic()
    thread.join(120)
    tap.check("a query that runs over there is ended from here", gone and answer["body"]["stats"]["cancelled"], answer)
    tap.note(f"it took {time.monotonic() - start:.1f} s")


def dry(api):
    """All that is sealed was sent; luyd's own lines may go on coming."""
    return of_set(api)["lag_events"] == 0 and of_set(api)["next"] > 1


def end(luyd, c, api):
    tap.equal("luyd stops clean", luyd.stop(), 0)
    luyd.start()  # stopping sealed the open block
    api = login(luyd)
    here = wire.count(api, "program:tai")
    last = world.until(120, lambda: dry(api))
    agree = cluster.until(120, lambda: all(len({n.query(f"SELECT count() FROM {DATABASE}.event_local") for n in c.nodes if n.shard == s}) == 1 for s in (0, 1)))
    tap.check("the replicas that were dead have caught up", agree)
    same = cluster.until(120, lambda: table(c, "count()", "program = 'tai'") == [str(here)])
    tap.check(f"the set has all {here} lines that the journal has", last and same, (table(c, "count()", "program = 'tai'"), of_set(api)))
    count, unique, span = table(c)
    tap.check(f"{count} events, each once, no number missing", count == unique == span, (count, unique, span))
    state = of_set(api)
    tap.check("nothing was skipped", state["skipped_events"] == 0 and state["bad_events"] == 0, state)
    tap.check("where it stands is a small file", (pathlib.Path(luyd.data) / "cluster-position").stat().st_size < 200)
    return api


def run(args, folder, c, revive):
    tap.part("configuration", configuration, args, folder / "conf")
    (folder / "luyd").mkdir()
    luyd = world.Luyd(args.build, folder / "luyd" / "data", 0, settings(c)).start()
    load = Load(luyd)
    try:
        api = wire.session(luyd)
        load.start()
        api = storm(luyd, c, api, revive)
        shard_gone(c, api, revive)
        keeper_gone(c, api)
        api = all_gone(luyd, c, api, revive)
        load.halt.set()
        load.join()
        tap.note(f"{load.sent} lines were sent")
        api = end(luyd, c, api)
        tap.part("answers", answers_same, api)
        tap.part("dying", dying, c, api, revive)
        tap.part("cancel", cancelled, api)
        tap.part("nobody", asked_of_nobody, c, api, revive)
    finally:
        load.halt.set()
        tap.equal("luyd stops clean at the end", luyd.stop(), 0)
