"""Declared province, real lines, findings that name their clause."""
import itertools
import json
import os
import pathlib
import subprocess
import sys
import time

import tap
import world

PASSWORD = "Thanh-Tre-Xanh-2026"
ROOT = world.ROOT


def run(args, folder):
    folder.mkdir()
    luyd = world.Luyd(args.build, folder / "data", 0)
    subprocess.run([sys.executable, str(world.HERE / "province.py"), str(folder / "province")], check=True, capture_output=True)
    loaded = luyd.load(folder / "province")
    tap.check("the province loads", "device" in loaded.stdout + loaded.stderr, loaded.stdout + loaded.stderr)
    host = None
    try:
        luyd.start()
        api = tap.part("first login", first_login, luyd)
        tap.part("declared state", declared, api, folder)
        tap.part("state findings", state_findings, api, folder)
        host = world.Watched(folder / "host", luyd.ports["syslog_tcp"])
        tap.part("real lines", real_lines, api, host)
        tap.part("today", today, api)
        tap.part("command line", command_line, args, luyd, folder)
        if args.e2e:
            names = sorted(p.stem for p in (ROOT / "tests" / "e2e").glob("*.mjs") if not p.name.startswith("_"))
            tap.part("browser", browser, luyd, folder, PASSWORD, names)
    finally:
        if host:
            host.stop()
        code = luyd.stop()
    tap.equal("luyd stops clean", code, 0)
    tap.part("second start", second_start, luyd)


def first_login(luyd):
    api = world.Api(luyd)
    once = luyd.first_password()
    tap.check("the first start leaves a one-time password, readable by its owner alone",
              once and (luyd.data / "first-password").stat().st_mode & 0o077 == 0)
    status, _ = api.login("admin", once + "x")
    tap.equal("a wrong password is refused", status, 401)
    status, body = api.login("admin", once)
    tap.check("the one-time password opens a session that must change it", status == 200 and body["must_change"], body)
    tap.equal("nothing else works before the change", api.call("GET", "/api/v1/today")[0], 403)
    status, body = api.post("/password", {"old": once, "new": "12345678"})
    tap.equal("a weak password is refused with a reason", (status, bool(body.get("detail"))), (422, True))
    status, body = api.post("/password", {"old": once, "new": PASSWORD})
    tap.equal("a good one is taken", status, 204)
    status, _ = world.Api(luyd).login("admin", once)
    tap.equal("the one-time password is spent", status, 401)
    api = world.Api(luyd)
    tap.equal("login with the new password", api.login("admin", PASSWORD)[0], 200)
    tap.equal("its file is gone", (luyd.data / "first-password").exists(), False)
    return api


def declared(api, folder):
    counts = api.get("/registry/counts")
    for kind, least in (("unit", 34), ("person", 300), ("device", 590), ("account", 300)):
        tap.check(f"{kind}: at least {least}", counts[kind]["total"] >= least, counts[kind])
    tap.equal("the history's chain is whole", api.get("/registry/verify")["bad_seq"], 0)


def state_findings(api, folder):
    """Exactly the seeded faults: each is found, and nothing else is."""
    faults = {(f["control"], f["key"]) for f in json.loads((folder / "province" / "faults.json").read_text(encoding="utf-8"))}
    world.until(120, lambda: api.get("/today")["checks"]["last_run_at"])
    status, body = api.post("/controls/run")
    tap.equal("checks run on demand", status, 200)
    errors = [c for c in api.get("/controls")["items"] if c.get("error")]
    tap.check("no check fails to run", not errors, errors)
    kinds = {c["id"]: c["kind"] for c in api.get("/controls")["items"]}
    found, cursor = set(), None
    while True:
        page = api.get("/findings", state="open", limit=500, **({"cursor": cursor} if cursor else {}))
        found |= {(f["control"], f["subject"]["key"]) for f in page["items"] if kinds.get(f["control"]) == "state"}
        cursor = page["next"]
        if not cursor:
            break
    tap.check("every deliberate fault is found", not faults - found, sorted(faults - found))
    tap.check("nothing else is found", not found - faults, sorted(found - faults))


def login_finding(api):
    for finding in api.get("/findings", state="open", clause="BT-7.2")["items"]:
        if finding["control"].startswith("repeated-failed-login"):
            return finding
    return None


def real_lines(api, host):
    host.do("login")
    host.do("fail", "10", "quan.tri")
    tenth = time.monotonic()
    finding = world.until(120, lambda: login_finding(api))
    tap.check("ten failed logins open a finding under BT-7.2", finding, api.get("/findings", state="open", clause="BT-7.2"))
    tap.note(f"finding visible {time.monotonic() - tenth:.3f} s after the tenth failure")
    query = 'program:sshd "Failed password for invalid user quan.tri"'
    world.until(120, lambda: api.get("/events", query=query + " | count")["total"] >= 10)
    tap.equal("the journal has the ten lines", api.get("/events", query=query + " | count")["total"], 10)
    world.until(120, lambda: login_finding(api)["count"] >= 1)
    whole = api.get(f"/findings/{finding['id']}")
    tap.check("the finding cites the clause and shows the lines",
              any(c["id"] == "BT-7.2" for c in whole["why"]["clauses"]) and any("Failed password" in (e.get("line") or "") for e in whole["evidence"]),
              json.dumps(whole, ensure_ascii=False)[:2000])
    if not host.ready["root"]:
        tap.skip("sudo and a new account", "needs root")
        return
    host.do("sudo")
    name = host.do("account")["account"]
    made = world.until(120, lambda: [f for f in api.get("/findings", state="open")["items"] if name in json.dumps(f, ensure_ascii=False)])
    tap.check("a new account opens a finding that names it", made, name)
    line = world.until(120, lambda: api.get("/events", query="program:sudo COMMAND=/usr/bin/id")["items"])
    tap.check("the sudo line is in the journal as it came", line and "truc.operator" in line[0]["raw"], line)


def today(api):
    day = api.get("/today")
    tap.check("Today opens with a sentence in both languages", day["sentence"]["vi"] and day["sentence"]["en"], day.get("sentence"))
    tap.check("Today counts findings by clause and unit", day["findings"]["by_clause"] and day["findings"]["by_unit"], day["findings"])
    tap.check("Today lists duties with a due date", day["duties"] and all(d["due_on"] for d in day["duties"]), day["duties"])
    tap.equal("no drop", day["drops"]["total"], 0)
    tree = api.get("/clauses")
    tap.equal("four regulations", sorted(r["code"] for r in tree["regulations"]), ["BT", "TU", "TW", "VL"])


def command_line(args, luyd, folder):
    luy = pathlib.Path(args.build) / "src" / "cli" / "luy"
    env = dict(os.environ, LUY_URL=luyd.url, LUY_CA=str(luyd.data / "keys" / "ca.crt"), HOME=str(folder), LANG="C.UTF-8", LUY_LANG="en")

    def call(*words, stdin=None):
        return subprocess.run([str(luy), *words], env=env, input=stdin, capture_output=True, text=True, timeout=60, check=False)

    done = call("login", "admin", "--password-stdin", stdin=PASSWORD + "\n")
    tap.check("luy login", done.returncode == 0, done.stderr + done.stdout)
    done = call("list", "unit", "-o", "json", "--limit", "100")
    tap.check("luy list unit", done.returncode == 0 and len(json.loads(done.stdout)) >= 34, done.stderr + done.stdout[:500])
    done = call("search", 'program:sshd "Failed password" | count')
    tap.check("luy search", done.returncode == 0 and "10" in done.stdout, done.stderr + done.stdout)
    done = call("findings", "--state", "open", "-o", "csv")
    tap.check("luy findings says by exit code 2 that there are some", done.returncode == 2 and "BT-7.2" in done.stdout, (done.returncode, done.stderr))
    done = call("verify")
    tap.check("luy verify", done.returncode == 0, done.stderr + done.stdout)
    done = call("show", "device", "khong-co")
    tap.check("an unknown record is an error that names it", done.returncode == 1 and "khong-co" in done.stderr, done.stderr)


def browser(luyd, folder, password, names, where=""):
    """Browser tests by name, as the administrator; where: said before each."""
    shots = pathlib.Path(os.environ.get("LUY_SHOTS", folder / "shots"))
    shots.mkdir(parents=True, exist_ok=True)
    env = dict(os.environ, LUY_URL=luyd.url, LUY_ACCOUNT="admin", LUY_PASSWORD=password, LUY_SHOTS=str(shots),
               LUY_SYSLOG_TCP=str(luyd.ports["syslog_tcp"]), LUY_FLOW_UDP=str(luyd.ports["flow_udp"]))
    for name in names:
        done = subprocess.run(["node", str(ROOT / "tests" / "e2e" / f"{name}.mjs")], cwd=ROOT / "web", env=env, capture_output=True, text=True, timeout=900, check=False)
        seen = 0
        lines = done.stdout.splitlines()
        for i, line in enumerate(lines):
            if line.startswith(("ok ", "not ok ")):
                seen += 1
                title = line.split(" - ", 1)[-1]
                if "# SKIP" in line:
                    tap.skip(f"{where}{name}: {title}", "")
                else:
                    reason = itertools.takewhile(lambda x: x.startswith("  #"), lines[i + 1:])
                    tap.check(f"{where}{name}: {title}", line.startswith("ok "), "\n".join(x[4:] for x in reason))
        tap.check(f"{where}{name} ran to its end", done.returncode == 0 and seen, done.stdout[-2000:] + done.stderr[-2000:])


def second_start(luyd):
    luyd.start()
    try:
        api = world.Api(luyd)
        tap.equal("after a restart the changed password still works", api.login("admin", PASSWORD)[0], 200)
        tap.check("the finding is still there", login_finding(api))
        total = api.get("/events", query='"Failed password for invalid user quan.tri" | count')["total"]
        tap.equal("the journal still has the ten lines, once each", total, 10)
        tap.equal("no new one-time password was made", luyd.first_password(), None)
    finally:
        luyd.stop()
