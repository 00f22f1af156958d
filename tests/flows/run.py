#!/usr/bin/env python3
"""Real exporters: softflowd watches a veth pair between two network namespaces
that are made here, exports to a running luyd, and what luyd has is compared
with what went over the wire; TAP on stdout.

    tests/flows/run.py --build build/release

The truth is taken twice: what the two ends sent, and every packet that a
packet socket saw, counted here by address, port, packets and bytes.
Without root, namespaces or softflowd it is one skipped test.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "demo"), str(HERE.parent / "scenario"), str(HERE)]

import net
import tap
import world

PASSWORD = "Song-Huong-Xanh-2026"
INSIDE = "LUY_FLOWS_INSIDE"
NAMESPACES = ["unshare", "--net", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"]

# name, softflowd's options, what /sources calls the version, IPv6 in the export, one record for both ways
CASES = [
    ("NetFlow v5", ["-v", "5"], 5, False, False),
    ("NetFlow v9", ["-v", "9"], 9, True, False),
    ("IPFIX", ["-v", "10", "-A", "milli"], 10, True, False),
    ("IPFIX, both ways in one record", ["-v", "10", "-A", "milli", "-b"], 10, True, True),
]
FIELDS = ["src", "dst", "src_port", "dst_port", "proto_number", "packets", "bytes", "packets_back", "bytes_back", "start", "end"]


def reason_to_skip():
    if os.geteuid() != 0:
        return "only root makes namespaces"
    for program in ("softflowd", "softflowctl", "ip", "nsenter", "unshare"):
        if not shutil.which(program):
            return f"{program} is not installed (tools/deps test)"
    made = subprocess.run([*NAMESPACES, "ip", "link", "add", "va", "type", "veth", "peer", "name", "vb"], capture_output=True, text=True, check=False)
    return None if made.returncode == 0 else f"no namespaces here: {made.stderr.strip()}"


def session(luyd):
    api = world.Api(luyd)
    api.login("admin", luyd.first_password())
    api.post("/password", {"old": luyd.first_password(), "new": PASSWORD})
    api = world.Api(luyd)
    api.login("admin", PASSWORD)
    return api


def exported(api, ports):
    """The flows that luyd has to or from these ports, added up: {(src, dst, sport, dport, proto): [packets, bytes]}."""
    any_of = " OR ".join(f"src_port:{p} OR dst_port:{p}" for p in ports)
    answer = api.get("/query", query=f"from:flows ({any_of}) | fields " + ", ".join(FIELDS), limit=10000)
    names = [c["name"] for c in answer["columns"]]
    return [dict(zip(names, row)) for row in answer["rows"]]


def sums(rows):
    found = {}

    def add(key, packets, size):
        old = found.setdefault(key, [0, 0])
        old[0] += packets
        old[1] += size

    for r in rows:
        key = (r["src"], r["dst"], r["src_port"], r["dst_port"], r["proto_number"])
        add(key, r["packets"], r["bytes"])
        if r["packets_back"]:
            add((key[1], key[0], key[3], key[2], key[4]), r["packets_back"], r["bytes_back"])
    return found


def times(rows, begin, end):
    """Flows outside the span in which their traffic was made; softflowd counts in milliseconds of its own uptime."""
    slack = 1_000_000_000
    bad = []
    for r in rows:
        at = [net.nanoseconds(r[k]) for k in ("start", "end")]
        if not begin - slack <= at[0] <= at[1] <= end + slack:
            bad.append(r)
    return bad


def one(case, luyd, api, wire, port, folder):
    name, options, version, has6, both = case
    probe = net.Softflowd(folder, wire.device, luyd.ports["flow_udp"], options)
    try:
        truth = net.Capture(wire.device)
        begin = time.time_ns()
        sent = wire.traffic(port)
        end = time.time_ns()
        flows = truth.stop()
        pushed = probe.push(truth.frames)
        tap.check(f"{name}: softflowd has seen every frame of the wire", truth.frames > 0 and pushed, f"{probe.processed()} of {truth.frames}")
    finally:
        probe.shutdown()
    want = {k: v for k, v in flows.items() if port <= k[2] < port + net.PORTS or port <= k[3] < port + net.PORTS}
    if not has6:
        want = {k: v for k, v in want.items() if ":" not in k[0]}
    ports = range(port, port + net.PORTS)
    world.until(120, lambda: sums(exported(api, ports)) == want)
    rows = exported(api, ports)
    tap.equal(f"{name}: {len(want)} flows with the packets and bytes of the wire", sums(rows), want)
    tap.check(f"{name}: enough was sent to be a test", len(want) >= (16 if has6 else 8), want)
    for key, (packets, size) in sent.items():
        if has6 or ":" not in key[0]:
            got = sums(rows).get(key)
            tap.check(f"{name}: {packets} datagrams of {key[0]} came as they were sent", got == [packets, size], f"{got}, sent {packets}, {size} bytes")
    tap.equal(f"{name}: their times are the traffic's", times(rows, begin, end), [])
    if both:
        tap.check(f"{name}: one record holds both ways", any(r["packets_back"] for r in rows) and len(rows) < len(want), rows)
    seen = [x for x in api.get("/sources")["exporters"] if x["version"] == version]
    tap.check(f"{name}: the exporter is known, nothing is missing", seen and all(x["lost"] == 0 for x in seen), seen)


def inside(args, folder):
    wire = net.Wire()
    luyd = world.Luyd(args.build, folder / "data", 0, ["journal_reserve = 0"]).start()
    try:
        api = session(luyd)
        declare(api)
        for k, case in enumerate(CASES):
            tap.part(case[0], one, case, luyd, api, wire, 7000 + 100 * k, folder)
        tap.part("zones", zones, api)
        drops = api.get("/stats")["intake"]
        report = api.get("/journal/verify")
        tap.check("luy verify finds nothing wrong while flows are open", not report["bad"] and report["flows"] == 0, report)
        tap.equal("no datagram was refused or lost", {k: v for k, v in drops.items() if k.startswith("drop") and v}, {})
    finally:
        tap.equal("luyd stops clean", luyd.stop(), 0)
        wire.stop()
    tap.part("ledger", ledger, args, luyd)


# Both ends declared, the far end only by the wider net.
DECLARED = [("network", {"code": "NOI-BO", "name": "Mạng nội bộ", "kind": "intranet"}),
            ("zone", {"code": "MAY-CHU", "name": "Máy chủ", "network": "NOI-BO"}), ("zone", {"code": "NGUOI-DUNG", "name": "Người dùng", "network": "NOI-BO"}),
            ("prefix", {"prefix": "10.77.0.0/24", "network": "NOI-BO", "container": True, "zone": "NGUOI-DUNG"}),
            ("prefix", {"prefix": "10.77.0.0/31", "network": "NOI-BO", "zone": "MAY-CHU"}),
            ("prefix", {"prefix": "fd77::1/128", "network": "NOI-BO", "zone": "MAY-CHU"})]


def declare(api):
    for kind, record in DECLARED:
        status, body = api.post(f"/{kind}", record)
        tap.check(f"declared: {kind} {record.get('code') or record['prefix']}", status == 201, body)


def zones(api):
    """Traffic between zones: the same sums as by address."""
    def one(query):
        return sorted(map(str, api.get("/query", query="from:flows " + query)["rows"]))
    tap.equal("a zone is its addresses", one("src_zone:MAY-CHU | sum bytes"), one("src:10.77.0.1 OR src:fd77::1 | sum bytes"))
    tap.equal("the wider net's zone is for the rest", one("dst_zone:NGUOI-DUNG | sum bytes"), one("dst:10.77.0.2 | sum bytes"))
    between = api.get("/query", query="from:flows NOT src_port:9 NOT dst_port:9 | sum bytes by src_zone, dst_zone")["rows"]
    pairs = {(r[0], r[1]) for r in between}
    tap.check("traffic between zones adds up", {("MAY-CHU", "NGUOI-DUNG"), ("NGUOI-DUNG", "MAY-CHU")} <= pairs and len(between) >= 4, between)
    tap.equal("what is declared nowhere has no zone", one("src:fd77::2 src_zone:* | count"), ["[0]"])


def ledger(args, luyd):
    """What was stored is under the ledger: whole now, and a byte changed by hand is found."""
    def verify():
        return subprocess.run([str(args.build / "src" / "offline" / "luy-journal"), "verify", "--dir", str(luyd.data / "journal"), "-o", "json"],
                              capture_output=True, text=True, check=False)
    whole = verify()
    report = json.loads(whole.stdout or "{}")
    tap.check("the stored flows are as they were sealed", whole.returncode == 0 and report["flows"] >= 16 and report["flows_unproven"] == 0,
              whole.stdout + whole.stderr)
    file = next((luyd.data / "flows").glob("*.lyf"))
    bytes_ = bytearray(file.read_bytes())
    bytes_[len(bytes_) * 2 // 3] ^= 1
    file.write_bytes(bytes_)
    changed = verify()
    tap.check("one changed bit of them is found", changed.returncode != 0 and json.loads(changed.stdout)["bad"], changed.stdout + changed.stderr)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--build", type=pathlib.Path, required=True)
    args = options.parse_args()
    args.build = args.build.resolve()
    if INSIDE not in os.environ:
        why = reason_to_skip()
        if why:
            tap.skip("flows of real softflowd", why)
            tap.close()
        env = dict(os.environ, **{INSIDE: "1"})
        sys.exit(subprocess.run([*NAMESPACES, sys.executable, __file__, *sys.argv[1:]], env=env, check=False).returncode)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="luy-flows-"))
    try:
        tap.part("flows", inside, args, folder)
    finally:
        if all(tap.results):
            shutil.rmtree(folder, ignore_errors=True)
        else:
            tap.note(f"data and logs stay in {folder}")
    tap.close()


main()
