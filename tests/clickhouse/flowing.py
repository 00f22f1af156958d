"""A luyd that receives NetFlow and feeds the set while nodes die in the middle of
inserts and luyd itself is killed: the set has the flows that luyd has, each once."""
import os
import random
import signal
import socket
import struct
import threading
import time

import cluster
import tap
import wire
import world

DATABASE = "luy_flowing"
ROUNDS = 3
QUERIES = [
    "| count", "| count by src, dst | sort -count | limit 20", "| top 5 dst_port by bytes", "dst_port:443 | sum bytes by src", "| histogram 1m sum bytes",
    "src:10.7.1.0/24 NOT proto:udp | count by proto, dst_port", "| avg packets by exporter", "bytes:>60000 | fields at, src, dst, bytes | limit 100", "| max at",
    "| p99 bytes by proto", "tcp_flags:*S* | count by tcp_flags", "NOT next_hop:* | count", "src_zone:* | count by src_zone", "| limit 50", "| min bytes by domain",
]


def datagram(rng, sequence):
    """NetFlow 5, thirty flows."""
    now, out = time.time(), b""
    for _ in range(30):
        first = rng.randrange(1000, 50000)
        out += struct.pack(">IIIHHIIIIHHBBBBHHBBH", 0x0A070000 + rng.randrange(600), 0x0A080000 + rng.randrange(9), 0, 1, rng.randrange(3),
                           rng.randrange(1, 500), rng.randrange(40, 90000), first, first + rng.randrange(9000), rng.randrange(1024, 65536),
                           rng.choice((53, 80, 443, 445)), 0, rng.choice((2, 18, 24)), rng.choice((6, 6, 17)), 0, 0, 0, 24, 24, 0)
    return struct.pack(">HHIIIIBBH", 5, 30, 60000, int(now), 0, sequence, 0, 1, 0) + out


class Exporter(threading.Thread):
    """To wherever luyd listens now."""

    def __init__(self, luyd):
        super().__init__(daemon=True)
        self.luyd, self.sent, self.halt = luyd, 0, threading.Event()
        self.rng = random.Random(7)

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            while not self.halt.wait(0.01):
                for _ in range(5):
                    try:
                        s.sendto(datagram(self.rng, self.sent), ("127.0.0.1", self.luyd.ports["flow_udp"]))
                    except OSError:
                        pass
                    self.sent += 30


def login(luyd):
    api = world.Api(luyd)
    api.login("admin", wire.PASSWORD)
    return api


def of_set(api):
    return api.get("/stats")["cluster_flows"]


def moved(api, flows):
    start = of_set(api)["sent_events"]
    return world.until(120, lambda: of_set(api)["sent_events"] >= start + flows)


def storm(luyd, c, api, revive):
    rng = random.Random(20261127)
    tap.check("the set is fed with flows", moved(api, 2000), of_set(api))
    for n in range(ROUNDS):
        dead = [rng.choice(c.nodes)]
        dead[0].kill()
        tap.check(f"round {n + 1}: one of a shard is dead, flows go on", moved(api, 2000), of_set(api))
        os.killpg(luyd.child.pid, signal.SIGKILL)
        luyd.child.wait()
        luyd.start()
        api = login(luyd)
        tap.check(f"round {n + 1}: luyd was killed and feeds on", moved(api, 2000), of_set(api))
        revive(dead)
    return api


def shard_gone(c, api, revive):
    dead = [n for n in c.nodes if n.shard == 1]
    for node in dead:
        node.kill()
    tap.check("a whole shard is dead: it is said of flows too", world.until(120, lambda: wire.count(api, 'program:luyd "event=cluster_flows_down shard=2"')))
    answer = api.call("GET", "/api/v1/query?query=from%3Acluster-flows%20%7C%20count")
    tap.check("no half answer, the shard is named", answer[0] == 503 and "shard 2" in answer[1].get("detail", ""), answer)
    revive(dead)
    tap.check("it is back and catches up", world.until(120, lambda: of_set(api)["down"] == 0) and moved(api, 2000), of_set(api))


def answers_same(api):
    for q in QUERIES:
        here, there = (api.get("/query", query=f"from:{source} {q}") for source in ("flows", "cluster-flows"))
        same = all(here[k] == there[k] for k in ("columns", "rows", "next")) and all(here["stats"][k] == there["stats"][k] for k in ("hits", "rows", "other"))
        tap.check(f"from:cluster-flows as from:flows: {q} ({len(here['rows'])} rows)", same and there["source"] == "cluster-flows",
                  f"{here['rows'][:3]} {here['stats']}\n{there['rows'][:3]} {there['stats']}")
    pages = [api.get("/query", query="from:cluster-flows | fields at, src, src_port, bytes", limit=n) for n in (10, 20)]
    more = api.get("/query", query="from:cluster-flows | fields at, src, src_port, bytes", limit=10, before=pages[0]["next"])
    tap.equal("paging goes on where it ended", pages[0]["rows"] + more["rows"], pages[1]["rows"])
    offers = api.get("/query/complete", text="from:cluster-", at=13)
    tap.check("from: offers the flows of the set", [i["text"] for i in offers["items"]] == ["cluster-flows "], offers)


def run(args, folder, c, revive):
    folder.mkdir()
    luyd = world.Luyd(args.build, folder / "data", 0, ["flow_block_age = 1s", "journal_sync_ms = 10", f"clickhouse = {c.spec}",
                                                       f"clickhouse_cluster = {cluster.CLUSTER}", f"clickhouse_database = {DATABASE}"]).start()
    load = Exporter(luyd)
    try:
        api = wire.session(luyd)
        load.start()
        api = storm(luyd, c, api, revive)
        shard_gone(c, api, revive)
        load.halt.set()
        load.join()
        tap.equal("luyd stops clean", luyd.stop(), 0)
        luyd.start()  # stopping sealed the open block
        api = login(luyd)
        here = api.get("/query", query="from:flows | count")["rows"][0][0]
        count = f"SELECT count(), uniqExact(seq) FROM {DATABASE}.flow"
        same = world.until(120, lambda: of_set(api)["lag_events"] == 0 and c.nodes[0].query(count).split() == [str(here)] * 2)
        tap.check(f"the set has the {here} flows of {load.sent} that were sent to luyd, each once", same and here > 5000, (c.nodes[0].query(count), of_set(api)))
        agree = cluster.until(120, lambda: all(len({n.query(f"SELECT count() FROM {DATABASE}.flow_local") for n in c.nodes if n.shard == s}) == 1 for s in (0, 1)))
        tap.check("the replicas that were dead have caught up", agree)
        state = of_set(api)
        tap.check("nothing was skipped", state["skipped_events"] == 0 and state["bad_events"] == 0, state)
        answers_same(api)
    finally:
        load.halt.set()
        tap.equal("luyd stops clean at the end", luyd.stop(), 0)
