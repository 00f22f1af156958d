"""A centre with a relay feeds the set while a node and the centre are killed: what
came by the relay stands there as in the centre, each line once, by whom it came."""
import os
import random
import signal
import socket
import subprocess

import cluster
import flowing
import tap
import wire
import world

DATABASE = "luy_relayed"
QUERIES = ["| count", "| count by host | sort host", "| fields seq, at, host, msg | limit 1000", "\"dong 00000*7\" | count by host | sort host",
           "relay:xa-dong | count", "NOT relay:* | count by host | sort host", "| count by relay | sort relay", "relay:/tay$/ | count", "host:tram-2 | fields seq | limit 200"]


def luyd_at(args, folder, settings):
    folder.mkdir()
    blocks = ["journal_block = 64KiB", "journal_block_age = 1s", "journal_sync_ms = 10", "flow_block_age = 1s"]
    return world.Luyd(args.build, folder / "data", 0, blocks + settings)


def asked(luyd, *words):
    run = subprocess.run(luyd.command(*words), env=dict(luyd.env(), LUY_LANG="en"), capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"{words}: {run.stderr}")
    return run.stdout.strip()


def send(luyd, first, n, host):
    with socket.create_connection(("127.0.0.1", luyd.ports["syslog_tcp"])) as s:
        s.sendall(b"".join(b"<13>1 - %s-%d app - - - dong %08d\n" % (host, k % 5, k) for k in range(first, first + n)))


def send_flows(luyd, rng, n):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for k in range(n):
            s.sendto(flowing.datagram(rng, 30 * k), ("127.0.0.1", luyd.ports["flow_udp"]))


FLOWS = ["| count by relay | sort relay", "| sum bytes by relay, dst_port | sort sum_bytes", "relay:xa-dong | count", "NOT relay:* | top 5 src by bytes", "relay:*tay proto:udp | histogram 1m"]


def flows_same(api, c):
    """What relays brought of flows stands in the set by the relay's name, each once."""
    def counts():
        rows = c.nodes[0].query(f"SELECT concat('by ', relay), count(), uniqExact(seq) FROM {DATABASE}.flow GROUP BY relay ORDER BY relay").splitlines()
        return [row.split("\t") for row in rows]

    def want():
        return sorted([f"by {relay or ''}", str(n), str(n)] for relay, n in api.get("/query", query="from:flows | count by relay")["rows"])

    same = world.until(180, lambda: api.get("/stats")["cluster_flows"]["lag_events"] == 0 and len(want()) == 3 and counts() == want())
    tap.check("the set has the flows of the centre and of each relay, each once", same, (counts(), want(), api.get("/stats")["cluster_flows"]))
    for q in FLOWS:
        def both():
            return [api.get("/query", query=f"from:{source} {q}")["rows"] for source in ("flows", "cluster-flows")]

        def agree():  # the last that were sent may still be on their way into the centre's own store
            mine, theirs = both()
            return mine == theirs and len(mine) > 0

        same = world.until(60, agree)
        mine, theirs = both()
        tap.check(f"from:cluster-flows as from:flows: {q} ({len(mine)} rows)", same, f"{mine[:3]}\n{theirs[:3]}")
    offers = [i["text"].strip() for i in api.get("/query/complete", text="from:cluster-flows relay:", at=25)["items"]]
    tap.check("names of relays are offered", {"xa-dong", "xa-tay"} <= set(offers), offers)


def here(api):
    """(number, relay) of each line that the centre has, newest first."""
    out, before = [], None
    while True:
        page = api.get("/events", query="program:app", limit=1000, **({"before": before} if before else {}))
        out += [(e["seq"], e.get("relay", "")) for e in page["items"]]
        before = page.get("next")
        if not before:
            return out


def there(c):
    rows = c.nodes[0].query(f"SELECT seq, relay FROM {DATABASE}.event WHERE program = 'app' ORDER BY seq DESC").splitlines()
    return [(int(seq), relay) for seq, relay in (row.split("\t") if "\t" in row else (row, "") for row in rows)]


def login(luyd):
    api = world.Api(luyd)
    api.login("admin", wire.PASSWORD)
    return api


def wait_all(api, c, lines):
    came = world.until(180, lambda: wire.count(api, "program:app") == lines)
    tap.check(f"the centre has {lines} lines", came, wire.count(api, "program:app"))
    world.until(180, lambda: api.get("/stats")["cluster"]["lag_events"] == 0 and len(there(c)) >= lines)
    mine = here(api)
    tap.check("the set has each once, with its number and its relay", len(mine) == lines and mine == there(c),
              (len(mine), len(there(c)), api.get("/stats")["cluster"]))
    return mine


def run(args, folder, c, revive):
    folder.mkdir()
    centre = luyd_at(args, folder / "centre", ["relay_listen = 127.0.0.1:0", f"clickhouse = {c.spec}", f"clickhouse_cluster = {cluster.CLUSTER}",
                                               f"clickhouse_database = {DATABASE}"]).start()
    relays = []
    try:
        centre.settings = [s for s in centre.settings if not s.startswith("relay_listen")] + [f"relay_listen = 127.0.0.1:{centre.ports['relay']}"]
        api = wire.session(centre)
        key = asked(centre, "--relay-id").split("key=")[1].strip()
        for name in ("xa-dong", "xa-tay"):
            relay = luyd_at(args, folder / name, ["role = relay", f"relay_name = {name}", f"relay_centre = 127.0.0.1:{centre.ports['relay']}",
                                                  f"relay_centre_key = {key}"])
            relays.append(relay)
            asked(centre, "--relay-add", asked(relay, "--relay-id"))
            relay.start()
        sources, sent, rng = relays + [centre], 0, random.Random(7)
        for n in range(6):
            for k, source in enumerate(sources):
                send(source, sent, 1000, b"tram" if k < 2 else b"tt")
                send_flows(source, rng, 10)
                sent += 1000
            if n % 2 == 0:
                continue
            fed = api.get("/stats")["cluster"]["sent_events"]
            dead = [c.nodes[n % len(c.nodes)]]
            dead[0].kill()
            world.until(60, lambda f=fed, a=api: a.get("/stats")["cluster"]["sent_events"] > f)
            os.killpg(centre.child.pid, signal.SIGKILL)
            centre.child.wait()
            centre.start()
            api = login(centre)
            revive(dead)
        for source in relays:
            source.stop()  # seals what is open
            source.start()
        world.until(120, lambda: wire.count(api, "host:tram-*") == 12000)
        lines = wire.count(api, "program:app")
        mine = wait_all(api, c, lines)
        by = {name: sum(1 for _, relay in mine if relay == name) for name in ("xa-dong", "xa-tay")}
        tap.check("all that the relays were sent is among it", by == {"xa-dong": 6000, "xa-tay": 6000}, by)
        for q in QUERIES:
            logs, set_ = (api.get("/query", query=f"from:{source} program:app {q}") for source in ("logs", "cluster"))
            tap.check(f"from:cluster as from:logs: {q} ({len(logs['rows'])} rows)", logs["rows"] == set_["rows"] and len(logs["rows"]) > 0,
                      f"{logs['rows'][:3]}\n{set_['rows'][:3]}")
        send_flows(centre, rng, 10)
        flows_same(api, c)
        pos = centre.data / "cluster-position"
        tap.check("the file has a place for each relay", all(f"\n{name} " in pos.read_text() for name in by), pos.read_text())
        tap.equal("the centre stops clean", centre.stop(), 0)
        pos.unlink()
        centre.start()
        api = login(centre)
        send(relays[0], sent, 1000, b"tram")
        relays[0].stop()
        relays[0].start()
        tap.note(f"state {api.get('/stats')['cluster']}")
        wait_all(api, c, lines + 1000)
        tap.equal("nothing was skipped", api.get("/stats")["cluster"]["skipped_events"], 0)
    finally:
        for luyd in relays + [centre]:
            luyd.stop()
