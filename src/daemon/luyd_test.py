#!/usr/bin/env python3
"""A real luyd on free ports, walked from outside; TAP on stdout.

    luyd_test.py PATH_OF_LUYD

Nothing sleeps for luck: each wait polls for what it waits for, with a deadline.
"""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import stat
import struct
import sys
import tempfile
import threading
import time
import urllib.parse
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))
from luyd import PASSWORD, ROOT, check, equal, finish, until # noqa: E402 - it lies there
import luyd as shared # noqa: E402

LUYD = pathlib.Path(sys.argv[1]).resolve()

class Luyd(shared.Luyd):
    def __init__(self, folder):
        super().__init__(LUYD, folder, check_interval="1s", journal_sync_ms="0")

    def context(self):
        c = ssl.create_default_context(cafile=self.data / "keys" / "ca.crt")
        c.check_hostname = True
        return c

    def send(self, *lines):
        with socket.create_connection(("127.0.0.1", self.ports["syslog_tcp"])) as s:
            s.sendall(b"".join(line.encode() + b"\n" for line in lines))


class Api(shared.Api):
    def stream(self, path):
        """Yields (event, data) of server-sent events; the first item is the status."""
        c = self.connect()
        c.request("GET", "/api/v1" + path, headers=self.headers)
        answer = c.getresponse()
        yield answer.status
        event = None
        for line in answer:
            line = line.decode().rstrip("\n")
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                yield event, json.loads(line[6:])


def account(boss, name, role, unit=None):
    """An account with one role, its password already changed; its client."""
    boss.call("POST", "/account", {"name": name, "kind": "user", "state": "active"})
    grant = {"account": name, "role": role}
    if unit:
        grant["unit"] = unit
    boss.call("POST", "/role_grant", grant)
    boss.call("POST", "/logins", {"account": name})
    once, api = boss.body["one_time_password"], Api(boss.luyd)
    api.first_login(name, once)
    return api


# ---- parts ----

def arguments(luyd):
    equal("--version", luyd.run("--version").returncode, 0)
    out = luyd.run("--help")
    check("--help names every option", all(o in out.stdout for o in ("--data", "--config", "--check-config", "--load", "--listen")), out.stdout)
    equal("an unknown argument is 2", luyd.run("--data", "x", "--wrong").returncode, 2)
    equal("no --data is 2", luyd.run().returncode, 2)
    conf = luyd.folder / "bad.conf"
    conf.write_text("listen = nowhere\n\nlogin_failurs = 3\nsession_idle = 5 minutes\n", encoding="utf-8")
    out = luyd.run("--check-config", "--config", conf)
    equal("--check-config with mistakes is 1", out.returncode, 1)
    for place, word in ((f"{conf}:1:10", "nowhere"), (f"{conf}:3:1", "login_failures"), (f"{conf}:4:16", "5 minutes")):
        check(f"--check-config names {place.rpartition('/')[2]}", any(place in l and word in l for l in out.stderr.splitlines()), out.stderr)
    out = luyd.run("--check-config", "--config", luyd.folder / "luyd.conf")
    equal("--check-config of a right file is 0", out.returncode, 0) or print("#", out.stderr)
    check("--check-config prints what was understood", "journal_sync_ms = 0\n" in out.stdout and "login_failures = 5\n" in out.stdout, out.stdout)
    again = luyd.folder / "again.conf"
    again.write_text(out.stdout, encoding="utf-8")
    equal("what it prints reads back the same", luyd.run("--check-config", "--config", again).stdout, out.stdout)


def first_start(luyd):
    path = luyd.data / "first-password"
    once = path.read_text().strip()
    equal("first-password is for its owner alone", stat.S_IMODE(path.stat().st_mode), 0o600)
    check("it is said once on stderr", luyd.log().count(once) == 1, luyd.log())
    api = Api(luyd)
    equal("health needs no session", api.call("GET", "/health"), 200)
    equal("the rest does", api.call("GET", "/unit"), 401)
    equal("first login", api.login("admin", once), 200)
    check("the cookie is guarded", all(w in api.answer.getheader("Set-Cookie") for w in ("HttpOnly", "Secure", "SameSite=Strict", "Path=/")))
    check("the session says who", api.body["account"] == "admin" and api.body["roles"] == ["admin"] and api.body["must_change"] is True
          and api.body["unit"] is None and api.body["expires_at"], api.body)
    equal("nothing else before the password is changed", (api.call("GET", "/today"), api.type()), (403, "api.must_change"))
    equal("a short password", (api.call("POST", "/password", {"old": once, "new": "Ngan-1"}), api.type()), (422, "api.password.short"))
    equal("the errors point at the member", api.body["errors"][0]["pointer"], "/new")
    equal("a wrong old password", (api.call("POST", "/password", {"old": "x", "new": PASSWORD}), api.type()), (422, "api.password.old_wrong"))
    equal("a good one", api.call("POST", "/password", {"old": once, "new": PASSWORD}), 204)
    check("first-password is gone", until(180, lambda: not path.exists()))
    equal("and now it works", api.call("GET", "/today"), 200)
    equal("the one-time password is dead", Api(luyd).login("admin", once), 401)
    return api


def headers(luyd, boss):
    boss.call("GET", "/session")
    for name, word in (("Content-Security-Policy", "default-src 'self'"), ("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"),
                       ("Strict-Transport-Security", "max-age="), ("X-Frame-Options", "DENY")):
        check(f"header {name}", word in (boss.answer.getheader(name) or ""), boss.answer.getheaders())
    context = luyd.context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    try:
        with socket.create_connection(("127.0.0.1", luyd.ports["https"])) as s, context.wrap_socket(s, server_hostname="127.0.0.1"):
            check("TLS 1.1 is refused", False)
    except (ssl.SSLError, OSError, ValueError):
        check("TLS 1.1 is refused", True)


def lockout(luyd, boss):
    account(boss, "de-khoa", "operator")
    codes = [Api(luyd).login("de-khoa", "sai-mat-khau") for _ in range(5)]
    equal("five wrong passwords", codes, [401] * 5)
    stranger = Api(luyd)
    equal("then the right one is locked out", (stranger.login("de-khoa", PASSWORD), stranger.type()), (423, "api.locked"))
    boss.call("GET", "/logins")
    mine = next(i for i in boss.body["items"] if i["account"] == "de-khoa")
    check("the list of logins says so", mine["locked_until"] and mine["failures"] == 5 and mine["roles"] == ["operator"], mine)
    equal("unlock", boss.call("POST", "/logins/de-khoa/unlock", {}), 204)
    equal("after it the right one works", Api(luyd).login("de-khoa", PASSWORD), 200)
    codes = [Api(luyd).login("khong-he-co", "sai-mat-khau") for _ in range(6)]
    equal("an unknown account behaves the same", codes, [401] * 5 + [423])
    found = until(180, lambda: boss.call("GET", "/events?query=program:luyd%20transport:self%20%22event=login_failed%22") == 200
                  and len(boss.body["items"]) >= 10 and boss.body["items"])
    check("failed logins are events of luyd", found and all('account="' in i["msg"] and "src_ip=127.0.0.1" in i["msg"] for i in found), boss.body)


def bad_input(luyd, boss):
    csrf = boss.headers.pop("X-CSRF-Token")
    equal("no CSRF value", (boss.call("POST", "/unit", {}), boss.type()), (403, "api.csrf"))
    boss.headers["X-CSRF-Token"] = csrf
    cases = [
        ("no JSON", b"{code: 1}", 400), ("too deep", b"[" * 5000 + b"]" * 5000, 400), ("a list", b"[1,2]", 422), ("a number", b"7", 422),
        ("wrong type", b'{"code":{"a":1},"name":"b","tier":"province"}', 422), ("unknown field", b'{"code":"A","name":"b","tier":"province","mau":1}', 422),
        ("invalid UTF-8", b'{"code":"\xff\xfe"}', 400), ("no body", b"", 400), ("NUL", b'{"code":"a\x00b"}', 400),
    ]
    for name, body, want in cases:
        equal(f"body: {name}", boss.call("POST", "/unit", body), want)
        check(f"body: {name}: a problem with words", boss.body.get("status") == want and boss.body.get("detail") and boss.body.get("title"), boss.body)
    equal("body: 3 MiB", boss.call("POST", "/unit", b'{"code":"' + b"x" * (3 << 20) + b'"}'), 413)
    equal("body: 3 MiB in chunks", boss.call("POST", "/unit", (b"x" * 65536 for _ in range(48)), {"Transfer-Encoding": "chunked"}, chunked=True), 413)
    equal("import: 66 MiB in chunks", boss.call("POST", "/unit/import", (b"x" * 65536 for _ in range(1056)), {"Transfer-Encoding": "chunked"},
                                                "text/csv", chunked=True), 413)
    equal("import: 5 MiB of one line is judged", boss.call("POST", "/unit/import", b"code,name,tier\n" + b"x" * (5 << 20), kind="text/csv"), 422)
    equal("a wrong content type", boss.call("POST", "/unit", b"{}", kind="text/plain"), 415)
    raw = Api(luyd).connect()
    raw.putrequest("GET", "/api/v1/health")
    for i in range(2000):
        raw.putheader(f"X-{i}", "y" * 30)
    try:
        raw.endheaders()
        equal("too many headers", raw.getresponse().status in (400, 413, 431), True)
    except (OSError, http.client.HTTPException) as cut:
        check("too many headers", True, cut)
    equal("an unknown address", (boss.call("GET", "/khong-co"), boss.type()), (404, "api.no_route"))
    equal("an unknown method", boss.call("PUT", "/unit/1", b"{}"), 405)
    equal("an unknown kind", boss.call("POST", "/khong-co", {}), 404)
    equal("a bad query has a column", (boss.call("GET", "/events?query=program:%22x"), boss.body.get("column", 0) > 0), (400, True))
    equal("alive after that", boss.call("GET", "/health"), 200)


def records(luyd, boss):
    equal("create", boss.call("POST", "/unit", {"code": "UB", "name": "Ủy ban", "tier": "province"}, {"X-Reason": "th%E1%BB%AD"}), 201)
    equal("its ETag", boss.answer.getheader("ETag"), '"1"')
    equal("If-Match missing", boss.call("PATCH", "/unit/UB", {"name": "x"}), 428)
    equal("If-Match right", boss.call("PATCH", "/unit/UB", {"name": "Ủy ban tỉnh"}, {"If-Match": '"1"'}), 200)
    equal("If-Match stale", boss.call("PATCH", "/unit/UB", {"name": "y"}, {"If-Match": '"1"'}), 412)
    check("and the detail names the current rev", "2" in boss.body["detail"], boss.body)
    equal("a child", boss.call("POST", "/unit", {"code": "SO", "name": "Sở", "tier": "department", "parent": "UB"}), 201)
    equal("what is referred to does not end", boss.call("DELETE", "/unit/UB", headers={"If-Match": '"2"'}), 409)
    equal("in Vietnamese", (boss.call("DELETE", "/unit/UB", headers={"If-Match": '"2"', "Accept-Language": "vi"}), boss.body["title"]),
          (409, "Xung đột với trạng thái hiện tại"))
    boss.call("GET", "/unit/UB/history")
    check("the history has the reason", boss.body["items"][-1]["reason"] == "thử" and boss.body["items"][0]["op"] == "change", boss.body)


def roles(luyd, boss):
    boss.call("GET", "/openapi.json")
    spec = boss.body
    clients = {r: account(boss, f"vt-{r}", r, "SO" if r == "unit_officer" else None) for r in ("operator", "approver", "auditor", "unit_officer")}
    clients["admin"] = account(boss, "vt-admin", "admin")
    wrong, calls = [], 0
    for path, item in spec["paths"].items():
        for verb, op in item.items():
            short = path.removeprefix("/api/v1")
            for part in ("{id}", "{account}"):
                short = short.replace(part, "999999")
            last = verb == "delete" and short == "/session"
            for role, api in clients.items():
                if op["x-luy-open"] or (last and role == "admin"):
                    continue
                calls += 1
                if op["x-luy-stream"]:
                    status, kind = next(api.stream(short)), ""
                else:
                    status = api.call(verb.upper(), short, None if verb == "get" else b"{}",
                                      kind="text/csv" if short.endswith("/import") else "application/json")
                    kind = api.type()
                denied = status == 403 and kind in ("api.role", "")
                if status == 401 or status >= 500 or denied != (role not in op["x-luy-roles"]):
                    wrong.append(f"{verb} {short} {role}: {status} {kind}, roles {op['x-luy-roles']}")
                if last:
                    api.login(f"vt-{role}", PASSWORD)
    check(f"roles: {calls} calls answer as the table says", not wrong and calls > 500, "\n".join(wrong[:30]))
    me = clients["unit_officer"]
    equal("an officer sees the own subtree", (me.call("GET", "/unit?count=1"), me.body["total"]), (200, 1))
    equal("what lies outside does not exist", me.call("GET", "/unit/UB"), 404)
    clients["operator"].call("POST", "/role_grant", {"account": "vt-operator", "role": "admin"})
    equal("an operator cannot grant himself more", clients["operator"].type(), "api.role")


def tokens(luyd, boss):
    equal("a token", boss.call("POST", "/tokens", {"name": "cron", "roles": ["admin"], "expires_on": "2099-01-01"}), 201)
    token, ident = boss.body["token"], boss.body["id"]
    script = Api(luyd)
    script.headers["Authorization"] = f"Bearer {token}"
    equal("needs no CSRF value", script.call("POST", "/site", {"code": "P1", "name": "Phòng máy"}), 201)
    equal("cannot make another", (script.call("POST", "/tokens", {"name": "x"}), script.type()), (403, "api.session_only"))
    check("is kept as a hash only", token.encode() not in b"".join(p.read_bytes() for p in luyd.data.glob("registry.db*")))
    equal("is deleted", boss.call("DELETE", f"/tokens/{ident}"), 204)
    equal("and dead", script.call("GET", "/site"), 401)


def listen(api, path, want, seconds=180):
    """Reads a stream in a thread until want(event, data); gives a function that waits for it."""
    found, ready = [], threading.Event()

    def run():
        try:
            stream = api.stream(path)
            ready.set() if next(stream) == 200 else found.append("status")
            for event, data in stream:
                if want(event, data):
                    found.append((event, data))
                    return
        except OSError as e:
            found.append(e)
        finally:
            ready.set()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(seconds)

    def wait():
        thread.join(seconds)
        return found[0] if found else None
    return wait


def streams(luyd, boss):
    stats = listen(boss, "/live", lambda e, d: e == "stats")
    check("/live gives figures at once", isinstance(stats(), tuple))
    tail = listen(boss, "/events/tail?query=program:sshd", lambda e, d: e == "line" and "tail-mark" in d["msg"])
    live = listen(boss, "/live", lambda e, d: e == "finding" and "login" in d.get("control", ""))
    luyd.send("<86>1 - web-1 sshd 100 - - tail-mark")
    hit = tail()
    check("/events/tail gives the line", isinstance(hit, tuple) and hit[1]["host"] == "web-1" and hit[1]["transport"] == "tcp", hit)
    start = time.monotonic()
    for i in range(12):
        luyd.send(f"<86>1 - web-1 sshd {200 + i} - - Failed password for root from 192.0.2.66 port {4000 + i} ssh2")
    hit = live()
    check("/live gives the finding", isinstance(hit, tuple), hit or luyd.log()[-2000:])
    print(f"# {time.monotonic() - start:.2f} s after the first of twelve", flush=True)
    if isinstance(hit, tuple):
        clauses = set()
        boss.call("GET", "/findings?state=open")
        for item in boss.body["items"]:
            clauses |= set(item["clauses"])
        check("findings name BT-7.2", "BT-7.2" in clauses, boss.body)
        ident = hit[1]["id"]
        equal("one finding, with its why", (boss.call("GET", f"/findings/{ident}"), "why" in boss.body), (200, True))
        equal("closing by hand is 409", boss.call("POST", f"/findings/{ident}", {"state": "closed"}), 409)
        equal("acknowledge", (boss.call("POST", f"/findings/{ident}", {"state": "acknowledged", "note": "đang xem"}), boss.body.get("state")), (200, "acknowledged"))
    boss.call("GET", "/today")
    check("/today has drops and intake", boss.body["drops"]["total"] >= 0 and boss.body["intake"]["received"] >= 13, boss.body)


def events(luyd, boss):
    luyd.send(*[f"<13>1 - h{i % 3} dem {i} - - dong-{i:03d}" for i in range(250)])
    until(180, lambda: boss.call("GET", "/events?query=program:dem%20%7C%20count") == 200 and boss.body["total"] == 250)
    equal("count", boss.body["total"], 250)
    boss.call("GET", "/events?query=program:dem%20%7C%20count%20by%20host")
    equal("count by", sorted((r["keys"][0], r["count"]) for r in boss.body["rows"]), [("h0", 84), ("h1", 83), ("h2", 83)])
    seen, cursor = [], ""
    while True:
        boss.call("GET", f"/events?query=program:dem&limit=100{cursor}")
        seen += [i["msg"] for i in boss.body["items"]]
        if boss.body["next"] is None:
            break
        cursor = f"&before={boss.body['next']}"
    equal("paging gives each line once, newest first", seen, [f"dong-{i:03d}" for i in reversed(range(250))])
    boss.call("GET", "/events/histogram?query=program:dem&buckets=30")
    equal("the histogram adds up", sum(r["count"] for r in boss.body["rows"]), 250)
    for form in ("text", "json", "csv"):
        boss.call("GET", f"/events/export?query=program:dem&format={form}")
        equal(f"export as {form}", len(boss.body.splitlines()) - (form == "csv"), 250)
    with socket.create_connection(("127.0.0.1", luyd.ports["syslog_tcp"])) as s:
        s.sendall(b"<13>1 - h byte - - - sai-\xff-ma\n")
    until(180, lambda: boss.call("GET", "/events?query=program:byte") == 200 and boss.body["items"])
    item = boss.body["items"][0]
    check("bytes that are no UTF-8 come whole", "raw_base64" in item and "\ufffd" in item["raw"] and "bad_utf8" in item["flags"], item)


def flows(luyd, boss):
    head = struct.pack("!HHIIIIBBH", 5, 2, 100000, int(time.time()), 0, 0, 0, 0, 0)
    record = lambda src, port, packets, size: struct.pack("!4s4s4sHHIIIIHHBBBBHHBBH", src, bytes([10, 9, 0, 1]), bytes(4), 1, 2, packets, size,
                                                          90000, 95000, 40000, port, 0, 0x1b, 6, 0, 0, 0, 24, 24, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(head + record(bytes([10, 8, 0, 7]), 22, 500, 70000) + record(bytes([10, 8, 0, 8]), 443, 5, 900), ("127.0.0.1", luyd.ports["flow_udp"]))
    ask = lambda q: boss.call("GET", "/query?query=" + urllib.parse.quote(q))
    until(180, lambda: ask("from:flows") == 200 and len(boss.body["rows"]) == 2)
    equal("flows arrive", len(boss.body["rows"]), 2)
    equal("a filter over flows", (ask("from:flows dst_port:22 packets:>100 src:10.8.0.0/16 | count"), boss.body["rows"]), (200, [[1]]))
    equal("top talkers", (ask("from:flows | top 10 src by bytes"), boss.body["rows"]), (200, [["10.8.0.7", "70000"], ["10.8.0.8", "900"]]))
    boss.call("GET", "/sources")
    equal("the exporter is listed", [(x["address"], x["version"], x["flows"]) for x in boss.body["exporters"]], [("127.0.0.1", 5, 2)])
    boss.call("GET", "/stats")
    equal("and counted", (boss.body["intake"]["flow_records"], boss.body["flows"]["flows"]), (2, 2))


def schema_dry_run(luyd, boss):
    """Beside a luyd that serves from the same folder: what another schema would do."""
    before = {p.name: p.stat().st_size for p in luyd.data.iterdir() if p.is_file()}
    luyd_schema = luyd.folder / "schema-next"
    shutil.copytree(ROOT / "schema", luyd_schema)
    out = luyd.run("--data", luyd.data, "--check-schema", luyd_schema)
    equal("--check-schema of the same schema", (out.returncode, len(out.stdout.splitlines())), (0, 1)) or print("#", out.stderr)
    (luyd_schema / "cabinets.yaml").write_text("group: {name: cabinets, vi: Tủ, en: Cabinets}\nkinds:\n  cabinet:\n"
        "    label: {vi: Tủ, en: Cabinet}\n    key: code\n    columns: [code]\n    fields:\n"
        "      code: {type: text, required: true, max: 40, label: {vi: Mã, en: Code}}\n"
        "    states:\n      active: {vi: Dùng, en: Used}\n", encoding="utf-8")
    out = luyd.run("--data", luyd.data, "--check-schema", luyd_schema)
    check("a kind more goes through and is named", out.returncode == 0 and out.stdout.startswith("+ cabinet"), out.stdout + out.stderr)
    people = luyd_schema / "people.yaml"
    people.write_text(people.read_text(encoding="utf-8").replace("max: 200", "max: 3", 1), encoding="utf-8")  # "Ủy ban tỉnh" is longer
    out = luyd.run("--data", luyd.data, "--check-schema", luyd_schema)
    check("a loss is refused with the record in the way", out.returncode == 1 and "unit.name" in out.stderr and "id 1 " in out.stderr, out.stdout + out.stderr)
    (luyd_schema / "cabinets.yaml").write_text("group: {}\n", encoding="utf-8")
    out = luyd.run("--data", luyd.data, "--check-schema", luyd_schema)
    check("a mistake has its line", out.returncode == 1 and "cabinets.yaml:1" in out.stderr, out.stderr)
    equal("no kind more is served", boss.call("GET", "/cabinet"), 404)
    equal("no file more in the folder", {p.name for p in luyd.data.iterdir() if p.is_file()}, set(before))
    out = luyd.run("--data", luyd.folder / "nothing", "--check-schema", ROOT / "schema")
    check("without data it says so and makes none", out.returncode == 1 and not (luyd.folder / "nothing").exists(), out.stderr)


def reload(luyd, boss):
    luyd.settings["login_failures"] = "2"
    luyd.write()
    luyd.child.send_signal(signal.SIGHUP)
    check("SIGHUP is journalled", until(180, lambda: boss.call("GET", "/events?query=program:luyd%20event=luyd_reload%20configuration=new") == 200
                                        and boss.body["items"]), luyd.log()[-1500:])
    account(boss, "tai-nap", "auditor")
    codes = [Api(luyd).login("tai-nap", "sai-mat-khau") for _ in range(3)]
    equal("the new limit holds", codes, [401, 401, 423])
    luyd.settings["login_failures"] = "5"
    luyd.write("nonsense here\n")
    luyd.child.send_signal(signal.SIGHUP)
    check("a bad file is refused whole", until(180, lambda: boss.call("GET", "/events?query=program:luyd%20event=luyd_reload%20configuration=kept") == 200
                                               and boss.body["items"]), luyd.log()[-1500:])
    check("with line and column", f"luyd.conf:{len(luyd.settings) + 1}:10" in luyd.log(), luyd.log()[-800:])
    account(boss, "tai-nap-2", "auditor")
    equal("the old limit stays", [Api(luyd).login("tai-nap-2", "sai-mat-khau") for _ in range(3)], [401, 401, 423])
    luyd.write()


def reload_under_load(luyd, boss):
    """No line is lost while configuration and packs are read again."""
    luyd.child.send_signal(signal.SIGHUP)
    with socket.create_connection(("127.0.0.1", luyd.ports["syslog_tcp"])) as s:
        for n in range(20):
            s.sendall(b"".join(b"<13>1 - h nap - - - nap-%05d\n" % (n * 500 + k) for k in range(500)))
            if n % 5 == 0:
                luyd.child.send_signal(signal.SIGHUP)
    equal("reloads lose no line", until(180, lambda: boss.call("GET", "/events?query=program:nap%20%7C%20count") == 200
                                       and boss.body["total"] == 10000), True)


def second(luyd):
    out = luyd.run("--data", luyd.data, "--config", luyd.folder / "luyd.conf")
    check("a second luyd on the same data is refused with words", out.returncode == 1 and "Another luyd" in out.stderr, out.stderr)


def restart(luyd, boss):
    code, took = luyd.stop()
    equal("SIGTERM ends it clean", code, 0) or print("#", luyd.log()[-3000:])
    print(f"# it took {took:.2f} s", flush=True)
    check("no ports file stays", not (luyd.data / "ports").exists())
    recipe = (ROOT / "docs/recipes/add-a-record-kind.md").read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    own = luyd.folder / "schema-own"            # the recipe, followed: a kind more, seen by the next start
    shutil.copytree(ROOT / "schema", own)
    (own / "cabinets.yaml").write_text(recipe, encoding="utf-8")
    luyd.settings["schema_dir"] = str(own)
    luyd.write()
    out = luyd.run("--data", luyd.data, "--config", luyd.folder / "luyd.conf", "--check-schema", own)
    check("the recipe's kind goes with the data", out.returncode == 0 and "+ cabinet" in out.stdout, out.stdout + out.stderr)
    start = time.monotonic()
    luyd.start()
    print(f"# start to ready: {time.monotonic() - start:.2f} s", flush=True)
    boss.connection = None
    equal("the session is still good", boss.call("GET", "/session"), 200)
    equal("records are still there", (boss.call("GET", "/unit/UB"), boss.body.get("rev")), (200, 2))
    equal("lines too", (boss.call("GET", "/events?query=program:dem%20%7C%20count"), boss.body["total"]), (200, 250))
    equal("a record of the new kind", boss.call("POST", "/cabinet", {"name": "Tủ số 1", "unit": "SO", "height_u": 42}), 201)
    equal("its number", boss.body["key"], "TM-1")
    equal("its bounds", (boss.call("POST", "/cabinet", {"name": "x", "unit": "SO", "height_u": 99}), boss.body["errors"][0]["pointer"]), (422, "/height_u"))
    equal("its step asks for the key's holder", (boss.call("PATCH", "/cabinet/TM-1", {"state": "in_use"}, {"If-Match": '"1"'}), boss.body["errors"][0]["pointer"]),
          (422, "/key_holder"))
    equal("found without diacritics", (boss.call("GET", "/cabinet?q=tu%20so%201&count=1"), boss.body["total"]), (200, 1))
    equal("in the box", (boss.call("GET", "/find?q=tu%20so%201"), [g["kind"] for g in boss.body["groups"]][:1]), (200, ["cabinet"]))
    equal("its history", (boss.call("GET", "/cabinet/TM-1/history"), len(boss.body["items"])), (200, 1))
    boss.call("GET", "/schema")
    check("the console's form knows it", any(k["name"] == "cabinet" and k["label"]["vi"] == "Tủ mạng" for k in boss.body["kinds"]))
    check("no new first password", not (luyd.data / "first-password").exists())
    equal("history whole", (boss.call("GET", "/registry/verify"), boss.body["bad_seq"]), (200, 0))


def reset_login(luyd):
    """Needs the machine, not the network: for a stopped luyd."""
    out = luyd.run("--data", luyd.data, "--config", luyd.folder / "luyd.conf", "--reset-login", "admin")
    equal("--reset-login is refused while luyd runs", out.returncode, 1)
    for _ in range(5):
        Api(luyd).login("admin", "sai-mat-khau")
    equal("admin is locked out", Api(luyd).login("admin", PASSWORD), 423)
    luyd.stop()
    out = luyd.run("--data", luyd.data, "--config", luyd.folder / "luyd.conf", "--reset-login", "khong-co")
    check("--reset-login of nobody is 1, with words", out.returncode == 1 and "khong-co" in out.stderr, out.stderr)
    out = luyd.run("--data", luyd.data, "--config", luyd.folder / "luyd.conf", "--reset-login", "admin")
    equal("--reset-login", out.returncode, 0) or print("#", out.stderr)
    once = out.stdout.split()[-1]
    luyd.start()
    api = Api(luyd)
    equal("and in again", (api.login("admin", once), api.body.get("must_change")), (200, True))
    api.call("POST", "/password", {"old": once, "new": PASSWORD + "-Moi#"})
    equal("with a new password", api.call("POST", "/password", {"old": PASSWORD + "-Moi#", "new": "Song-Ham-Luong-1910"}), 204)
    return api


def hostile_connections(luyd, boss):
    idle = [socket.create_connection(("127.0.0.1", luyd.ports["https"])) for _ in range(150)]
    junk = socket.create_connection(("127.0.0.1", luyd.ports["https"]))
    junk.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
    equal("150 silent connections and one without TLS are in nobody's way", Api(luyd).call("GET", "/health"), 200)
    slow = Api(luyd).connect()
    slow.connect()
    slow.sock.sendall(b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nContent-Type: application/json\r\n\r\n{")
    equal("nor one that stops in the middle of a body", boss.call("GET", "/health"), 200)
    for raw in (b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"GET\r\n\r\n",
                b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"):
        c = Api(luyd).connect()
        c.connect()
        c.sock.sendall(raw)
        c.sock.settimeout(120)
        try:
            head = c.sock.recv(100)
            check(f"raw {raw[:24]!r} is refused or cut", head == b"" or b" 4" in head[:12], head)
        except OSError as e:
            check(f"raw {raw[:24]!r} is refused or cut", not isinstance(e, TimeoutError), e)
    for s in (*idle, junk):
        s.close()
    slow.close()
    equal("alive after that", boss.call("GET", "/health"), 200)


def crash(luyd, boss):
    """With journal_sync_ms = 0 what a search finds is durable."""
    halt = threading.Event()

    def load():
        try:
            with socket.create_connection(("127.0.0.1", luyd.ports["syslog_tcp"])) as s:
                n = 0
                while not halt.is_set():
                    s.sendall(b"".join(b"<13>1 - h ben - - - ben-%08d\n" % (n + k) for k in range(100)))
                    n += 100
        except OSError:
            pass
    for round_ in (1, 2):
        halt.clear()
        thread = threading.Thread(target=load, daemon=True)
        thread.start()
        until(180, lambda: boss.call("GET", "/events?query=program:ben%20%7C%20count") == 200 and boss.body["total"] > 2000 * round_)
        before = boss.body["total"]
        boss.call("POST", "/site", {"code": f"KILL{round_}", "name": "trước khi chết"})
        os.killpg(luyd.child.pid, signal.SIGKILL)
        luyd.child.wait()
        halt.set()
        thread.join(10)
        luyd.start()
        boss.connection = None
        boss.call("GET", "/events?query=program:ben%20%7C%20count")
        check(f"kill -9 number {round_}: {before} seen before, {boss.body['total']} after", before > 0 and boss.body["total"] >= before)
        equal("a record written just before is there", boss.call("GET", f"/site/KILL{round_}"), 200)


def disk_full(luyd, boss):
    """A file takes the space that the journal must leave to others."""
    free = shutil.disk_usage(luyd.data).free
    luyd.settings["journal_reserve"] = str(max(free - (200 << 20), 1 << 20))
    luyd.stop()
    luyd.write()
    luyd.start()
    boss.connection = None
    filler = luyd.folder / "filler"
    fd = os.open(filler, os.O_CREAT | os.O_WRONLY)
    try:
        os.posix_fallocate(fd, 0, 400 << 20)
    except OSError as e:
        os.close(fd)
        filler.unlink()
        check(f"disk full # SKIP cannot fill the disk: {e}", True)
        return
    with socket.create_connection(("127.0.0.1", luyd.ports["syslog_tcp"])) as s:
        def pour():                     # an idle journal does not ask the disk
            s.sendall(b"<13>1 - h day - - - dang-day\n")
            return boss.call("GET", "/health") == 503
        full = until(180, pour)
        s.sendall(b"<13>1 - h day - - - khi-day\n")
        check("a full disk: health says so", full and boss.type() == "api.disk_full", boss.body)
        equal("searching goes on", boss.call("GET", "/events?query=program:dem"), 200)
        boss.call("GET", "/stats")
        check("it is counted", boss.body["pipeline"]["disk_full"] == 1 and boss.body["pipeline"]["disk_full_pauses"] >= 1, boss.body)
        os.close(fd)
        filler.unlink()
        check("it resumes by itself", until(180, lambda: boss.call("GET", "/health") == 200), boss.body)
        check("and what waited is there", until(180, lambda: boss.call("GET", "/events?query=khi-day%20%7C%20count") == 200 and boss.body["total"] == 1), boss.body)
    check("the pause is an event", until(180, lambda: boss.call("GET", "/events?query=program:luyd%20event=disk_full") == 200 and boss.body["items"]))


def intake_dies(luyd, boss):
    path = f"/proc/{luyd.child.pid}/task/{luyd.child.pid}/children"
    pids = {int(p) for t in pathlib.Path(f"/proc/{luyd.child.pid}/task").iterdir() for p in (t / "children").read_text().split()}
    equal("intake is one process", len(pids), 1)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)

    def back():
        try:
            luyd.send("<13>1 - h sau - - - sau-gap")
            return boss.call("GET", "/events?query=program:sau%20%7C%20count") == 200 and boss.body["total"] > 0
        except OSError:
            return False
    start = time.monotonic()
    check("a killed intake is back", until(180, back), path)
    print(f"# after {time.monotonic() - start:.2f} s", flush=True)
    check("and the gap is an event", until(180, lambda: boss.call("GET", "/events?query=program:luyd%20event=intake_gap") == 200 and boss.body["items"]))


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="luyd-test-"))
    os.chmod(folder, 0o755)
    luyd = Luyd(folder)
    parts = [headers, lockout, bad_input, records, schema_dry_run, roles, tokens, hostile_connections, streams, events, flows, reload, reload_under_load, intake_dies]
    try:
        arguments(luyd)
        luyd.start()
        boss = first_start(luyd)
        for part in parts:
            try:
                part(luyd, boss)
            except (OSError, KeyError, IndexError, TypeError, ValueError, StopIteration, http.client.HTTPException) as e:
                check(f"{part.__name__}: {type(e).__name__} {e}", False, luyd.log()[-2000:])
                boss.connection = None
        second(luyd)
        restart(luyd, boss)
        boss = reset_login(luyd)
        crash(luyd, boss)
        disk_full(luyd, boss)
        code, took = luyd.stop(signal.SIGINT)
        equal("SIGINT ends it clean", code, 0)
        check("no sanitizer spoke", "Sanitizer" not in luyd.log() and "runtime error" not in luyd.log(), luyd.log()[-6000:])
    except RuntimeError as e:
        check("luyd runs", False, e)
    finally:
        luyd.end()
    finish(folder)


main()
