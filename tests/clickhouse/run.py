#!/usr/bin/env python3
"""The journal's ClickHouse side on a real set of two shards with two replicas,
started here; TAP on stdout.

    tests/clickhouse/run.py --build build/release
"""
import argparse
import itertools
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "demo"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "scenario"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import cluster
import feeding
import flowing
import relayed
import tap

BATCHES, ROWS = 60, 500


def answers(name, program, c, alone=False):
    """What a C test says, line by line, as lines of this run."""
    run = subprocess.run([program, c.spec, "" if alone else cluster.CLUSTER], capture_output=True, text=True, check=False, errors="replace",
                         env=dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP"))
    lines = re.findall(r"^(ok|not ok) \d+ - (.*)$", run.stdout, re.M)
    for word, title in lines:
        tap.check(f"{name}: {title}", word == "ok", run.stdout + run.stderr)
    tap.check(f"{name}: all of it ran", len(lines) >= 3 and run.returncode == 0, run.stdout + run.stderr)


def storm(program, c):
    """Nodes are killed in the middle of inserts, one of a shard and both of it, and come back."""
    rng = random.Random(20261126)
    child = subprocess.Popen([program, c.spec, cluster.CLUSTER, str(BATCHES)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    dead, kills, stuck = [], 0, []
    for line in child.stdout:
        word, number = line.split()[:2]
        if word == "stuck":
            stuck.append(line)
            revive(dead)
            child.stdin.write("go\n")
            child.stdin.flush()
        elif int(number) % 7 == 3:
            dead.append(rng.choice([n for n in c.nodes if n not in dead]))
            dead[-1].kill()
            kills += 1
        elif int(number) % 14 == 13:
            revive(dead)
    tap.equal("storm: the sender went through", child.wait(), 0)
    revive(dead)
    tap.check(f"storm: {kills} nodes were killed, {len(stuck)} times no replica was left", kills >= 5, stuck)
    for s in (0, 1):
        replicas = [n for n in c.nodes if n.shard == s]
        same = cluster.until(120, lambda r=replicas: len({counts(n) for n in r}) == 1)
        tap.check(f"storm: the replicas of shard {s} agree", same, [counts(n) for n in replicas])
    total = c.nodes[0].query("SELECT count(), uniqExact(seq) FROM luy_storm.event")
    tap.equal("storm: each row stands once", total.split(), [str(BATCHES * ROWS)] * 2)


STRAY = """SELECT count() FROM system.parts WHERE active AND database = 'luy_storm' AND table = 'event_local'
 AND name NOT IN (SELECT name FROM system.zookeeper WHERE path = '/luy/luy_storm/{}/event/replicas/{}/parts')"""


def stray(c):
    """Parts that a node shows and the log of its shard does not have."""
    return [int(n.query(STRAY.format(n.shard, n.replica))) for n in c.nodes]


def copies(node, numbers, halt):
    """Rows as fast as they go in, each batch another one."""
    while not halt.is_set():
        sql = f"INSERT INTO luy_storm.event_local SELECT * FROM luy_storm.event_local WHERE intHash32(seq + {next(numbers)}) % 3 = 0 LIMIT 100"
        try:
            node.query(sql)
        except OSError:
            halt.wait(0.05)


def freeze(c, numbers):
    """The keeper stands still in the middle of inserts."""
    halt = threading.Event()
    threads = [threading.Thread(target=copies, args=(c.nodes[k % len(c.nodes)], numbers, halt)) for k in range(16)]
    for thread in threads:
        thread.start()
    halt.wait(0.5)
    os.killpg(c.zookeeper.child.pid, signal.SIGSTOP)
    halt.wait(8)
    os.killpg(c.zookeeper.child.pid, signal.SIGCONT)
    halt.set()
    for thread in threads:
        thread.join()
    cluster.until(120, lambda: all(n.alive() for n in c.nodes))


def keeper(program, c):
    """A server whose keeper went away in the middle of an insert shows rows that the shard's log does not have, for
    five minutes; who sends them again would have them twice. The sender has them taken away first."""
    send(program, c, 4)
    numbers, times = itertools.count(), 0
    while sum(stray(c)) == 0 and times < 5:
        freeze(c, numbers)
        times += 1
    found = stray(c)
    if sum(found) == 0:
        tap.skip("keeper: rows that a shard's log does not have", f"in {times} times no server lost its keeper at that moment")
        return
    tap.note(f"parts that the logs do not have: {found}, after {times} times")
    send(program, c, 8)
    tap.equal("keeper: who sends finds no such part left", stray(c), [0] * len(c.nodes))
    for s in (0, 1):
        replicas = [n for n in c.nodes if n.shard == s]
        same = cluster.until(120, lambda r=replicas: len({counts(n) for n in r}) == 1)
        tap.check(f"keeper: the replicas of shard {s} agree", same, [counts(n) for n in replicas])


def send(program, c, batches):
    """The sender alone; it asks again what it could not do."""
    child = subprocess.Popen([program, c.spec, cluster.CLUSTER, str(batches)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if line.startswith("stuck"):
            time.sleep(0.1)
            child.stdin.write("go\n")
            child.stdin.flush()
    tap.equal(f"keeper: {batches} batches were sent", child.wait(), 0)


def deletion(program, c):
    """What the journal deletes by age goes from replicas that were away too."""
    rows = "SELECT count() FROM luy_feed_gone.event_local"
    test = [program, c.spec, cluster.CLUSTER, "deletion"]
    child = subprocess.Popen(test, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP"))
    word = next((line for line in child.stdout if line.strip() == "filled"), "")
    tap.check("deletion: the set is filled", word != "")
    full = cluster.until(120, lambda: sum(int(n.query(rows)) for n in c.nodes) == 2 * 5000)
    tap.check("deletion: on all replicas", full)
    away = [c.nodes[1], c.nodes[2]]  # one of each shard
    for node in away:
        node.kill()
    child.stdin.write("go\n")
    child.stdin.close()
    said = child.stdout.read()
    tap.equal("deletion: done while a replica of each shard is away", child.wait(), 0)
    if child.returncode:
        print("# " + said.replace("\n", "\n# "))
    revive(away)
    gone = cluster.until(120, lambda: sum(int(n.query(rows)) for n in c.nodes) == 2 * 2000)
    tap.check("deletion: they did the same when they were back", gone, [n.query(rows) for n in c.nodes])


def counts(node):
    return node.query("SELECT count(), uniqExact(seq) FROM luy_storm.event_local")


def revive(dead):
    """Starts them as a supervisor would: again, when one ends while it starts (its
    keeper may still hold the session of before)."""
    while dead:
        node = dead.pop()
        node.start()
        for _ in range(5):
            if cluster.until(120, lambda n=node: n.alive() or n.child.poll() is not None) and node.child.poll() is None:
                break
            node.kill()
            node.start()
        if not cluster.until(120, node.alive):
            log = (node.folder / "error.log").read_text(errors="replace").splitlines()
            why = "\n".join(line[:400] for line in log if "Exception" in line and "Stack" not in line)
            raise RuntimeError(f"{node.folder.name} does not come back ({node.child.poll()}):\n{why[-3000:]}")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--build", type=pathlib.Path, required=True)
    options.add_argument("--only", choices=("answers", "flows", "feed", "deletion", "storm", "keeper", "luyd", "flowing", "relayed", "alone"), help="one part alone")
    args = options.parse_args()
    args.build = args.build.resolve()
    lacks = cluster.missing()
    if lacks:
        tap.skip("a ClickHouse set", f"{lacks} is not here")
        tap.close()
    programs = args.build.resolve() / "src" / "journal"
    program, feed, flows, flow_feed = (programs / f"test_journal_ch{part}" for part in ("", "_feed", "_flow", "_feed_flow"))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="luy-clickhouse-"))
    parts = {"answers": lambda c: answers("answers", program, c),
             "flows": lambda c: [answers(f"flows {n + 1}", p, c) for n, p in enumerate((flows, flow_feed))], "feed": lambda c: answers("feed", feed, c),
             "deletion": lambda c: deletion(feed, c), "storm": lambda c: storm(program, c),
             "keeper": lambda c: keeper(program, c), "luyd": lambda c: feeding.run(args, folder, c, revive),
             "flowing": lambda c: flowing.run(args, folder / "flowing", c, revive),
             "relayed": lambda c: relayed.run(args, folder / "relayed", c, revive)}
    try:
        if args.only != "alone":
            with cluster.Cluster(folder / "set") as c:
                for name, part in parts.items():
                    if args.only in (None, name):
                        tap.part(name, part, c)
        if args.only in (None, "alone"):
            with cluster.Cluster(folder / "alone", 1, 1, replicated=False) as c:
                tap.part("alone", answers, "one node, not replicated", feed, c, True)
                for n, test in enumerate((flows, flow_feed)):
                    tap.part("alone, flows", answers, f"one node, not replicated, flows {n + 1}", test, c, True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    tap.close()


main()
