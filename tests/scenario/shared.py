"""The registry on PostgreSQL: the main job there, two luyd on one registry, the
leader killed, the server taken away in mid-write, and the way back to a file.

Nothing is assumed of a machine's own server: tests/pg.py starts one in a
private folder, behind a unix socket. Writers check their own words: whatever
was answered with 201 must be there once, whatever was not is asked for again
under the same Idempotency-Key and must be there once as well."""
import http.client
import pathlib
import signal
import subprocess
import sys
import threading
import time

import demo
import documents
import tap
import wire
import world

sys.path.insert(0, str(world.ROOT / "tests"))
import pg

WRITERS = 6
PG_TIMES = ["check_interval = 1s"]


def run(args, folder):
    if not pg.available():
        tap.skip("the registry on PostgreSQL", "PostgreSQL 15 is not installed")
        return
    folder.mkdir()
    with pg.Server(quick=False) as server:
        server.sql("CREATE DATABASE luy")
        twins = [world.Luyd(args.build, folder / name / "data", 0, settings_of(server)) for name in ("mot", "hai")]
        for luyd in twins:
            luyd.data.parent.mkdir()
        try:
            first, second = tap.part("postgresql: the main job", main_job, args, folder, *twins)
            if args.e2e: # three people, each in a browser of their own
                tap.part("postgresql: browser", demo.browser, twins[0], folder, wire.PASSWORD, ["walk"], "postgresql: ")
            tap.part("postgresql: two luyd", two, *twins, first, second)
            tap.part("postgresql: kill -9 of the leader", killed, *twins)
            tap.part("postgresql: documents", documents.run, args, server, twins[1], twins[0])
            tap.part("postgresql: the server goes away", gone, server, *twins)
            code, text = verify(args, twins[1])
            tap.check("postgresql: luy verify after all of it", code == 0, text)
        finally:
            for luyd in twins:
                tap.equal(f"postgresql: luyd {luyd.data.parent.name} stops clean", luyd.stop(), 0)
        tap.part("postgresql: to a file and back", moved, args, server, twins[0])


def settings_of(server, name="luy"):
    return [f"store = {server.url(name)}", *PG_TIMES]


def login(luyd):
    api = world.Api(luyd)
    api.login("admin", wire.PASSWORD)
    return api


def role(luyd):
    try:
        return world.Api(luyd).call("GET", "/api/v1/health")[1]["role"]
    except (OSError, ValueError, TypeError, KeyError, http.client.HTTPException):
        return None


# ---- the main job ----

def main_job(args, folder, one, second):
    subprocess.run([sys.executable, str(world.HERE / "province.py"), str(folder / "province")], check=True, capture_output=True)
    one.load(folder / "province")
    one.start()
    first = wire.session(one)
    demo.declared(first, folder)
    demo.state_findings(first, folder)
    wire.send(one, *(b"<38>1 - log-ttch sshd 77 - - Failed password for invalid user quan.tri from 10.8.0.7 port 4002%d ssh2\n" % n for n in range(10)))
    tap.check("ten failed logins open a finding, kept in PostgreSQL", world.until(120, lambda: demo.login_finding(first)))
    second.start()
    return first, login(second)


# ---- two luyd ----

def two(one, other, first, second):
    tap.equal("the first leads, the second stands by", (role(one), role(other)), ("active", "standby"))
    tap.equal("there is no second one-time password", other.first_password(), None)
    found = lambda api, q: [h["key"] for g in api.get("/find", q=q)["groups"] for h in g["hits"]]
    found(second, "chua co gi")  # from here on its index is in memory
    status, made = first.post("/unit", {"code": "HAI-MAY", "name": "Đơn vị chung sổ", "tier": "commune"})
    tap.equal("a record is made at the leader", status, 201)
    tap.check("the other's find box knows it at once, also with a letter wrong",
              "HAI-MAY" in found(second, "hai-may") and "HAI-MAY" in found(second, "don vi chunh so"), found(second, "hai-may"))
    tap.equal("and its list", [u["name"] for u in second.get("/unit", code="HAI-MAY")["items"]], ["Đơn vị chung sổ"])
    status, _ = first.call("PATCH", f"/api/v1/unit/{made['id']}", {"name": "Tên khác hẳn"}, headers={"If-Match": f'"{made["rev"]}"'})
    tap.equal("it is changed at the leader", status, 200)
    tap.check("the other finds the new name and no longer the old one",
              "HAI-MAY" in found(second, "ten khac han") and "HAI-MAY" not in found(second, "chung so"))
    status, body = second.call("PATCH", f"/api/v1/unit/{made['id']}", {"name": "Cũ"}, headers={"If-Match": f'"{made["rev"]}"'})
    tap.equal("a write from the old state is refused there too", status, 412)
    keyed = {"code": "HAI-KHOA", "name": "Một lần", "tier": "commune"}
    a = first.post("/unit", keyed, headers={"Idempotency-Key": "hai-may-1"})
    b = second.post("/unit", keyed, headers={"Idempotency-Key": "hai-may-1"})
    tap.equal("the same call at the other gets the first answer again", (a[0], b), (201, a))
    tap.equal("a record written at the standby is the leader's at once",
              (second.post("/unit", {"code": "HAI-PHU", "name": "Từ máy dự phòng", "tier": "commune"})[0], found(first, "hai-phu")[:1]), (201, ["HAI-PHU"]))
    status, body = second.post("/controls/run")
    tap.check("it runs no checks and says so", status == 503 and "standby" in body["detail"], (status, body))
    live_news(other, first, second)


def live_news(other, first, second):
    """The standby's live stream tells what the leader finds, and its marks."""
    heard = []
    reader = threading.Thread(target=listen, args=(other, second, heard), daemon=True)
    reader.start()
    world.until(120, lambda: heard)
    finding = demo.login_finding(first)
    start = time.monotonic()
    status, body = first.post(f"/findings/{finding['id']}", {"state": "acknowledged", "note": "đang xem"})
    tap.equal("a finding is acknowledged at the leader", status, 200)
    told = world.until(120, lambda: any(f'"id":{finding["id"]},' in line.replace(" ", "") and "acknowledged" in line for line in heard))
    tap.check("the stream of the standby tells it", told, heard[-5:])
    tap.note(f"told {time.monotonic() - start:.2f} s later")
    tap.equal("and its page has it", second.get(f"/findings/{finding['id']}")["state"], "acknowledged")
    status, body = second.post(f"/findings/{finding['id']}", {"state": "in_remedy"})
    tap.check("the standby moves no finding, and says where to", status == 503 and "standby" in body["detail"], (status, body))


def listen(luyd, api, heard):
    connection = http.client.HTTPSConnection("127.0.0.1", luyd.ports["https"], timeout=120, context=api.context)
    try:
        connection.request("GET", "/api/v1/live", headers={"Cookie": api.cookie})
        for line in connection.getresponse():
            heard.append(line.decode())
    except (OSError, http.client.HTTPException):
        pass


# ---- writers that check their own words ----

class Writer(threading.Thread):
    """Makes units one after the other, at whichever luyd answers."""

    def __init__(self, luyds, tag):
        super().__init__(daemon=True)
        self.luyds, self.tag, self.halt = luyds, tag, False
        self.made, self.refused, self.odd, self.answers = [], 0, [], 0
        self.apis = [login(luyd) for luyd in luyds]

    def run(self):
        n = 0
        while not self.halt:
            n += 1
            code = f"{self.tag}-{n:05d}"
            if self.write(code, n):
                self.made.append(code)

    def write(self, code, n):
        """True when it was answered with 201; retried under its key until then."""
        body = {"code": code, "name": f"Đơn vị {code}", "tier": "commune"}
        for attempt in range(4000):
            api = self.apis[(n + attempt) % len(self.apis)]
            try:
                status, answer = api.post("/unit", body, headers={"Idempotency-Key": code})
            except (OSError, http.client.HTTPException):
                self.refused += 1
                time.sleep(0.01)
                continue
            self.answers += 1
            if status == 201:
                return True
            if status != 503 or not answer.get("detail"):
                self.odd.append((code, status, answer))
                return False
            self.refused += 1
            time.sleep(0.01)
        self.odd.append((code, "never answered"))
        return False


def writers(luyds, tag):
    all_ = [Writer(luyds, f"{tag}{n}") for n in range(WRITERS)]
    for w in all_:
        w.start()
    return all_


def halt(all_):
    for w in all_:
        w.halt = True
    for w in all_:
        w.join(60)
    return [c for w in all_ for c in w.made], [o for w in all_ for o in w.odd]


def total(all_):
    return sum(len(w.made) for w in all_)


def kept_once(server_api, title, all_):
    """Each acknowledged unit stands once, made by one row of the history."""
    made, odd = halt(all_)
    tap.check(f"{title}: every call ended in 201, or in 503 with a sentence and 201 later", not odd, odd[:5])
    got, cursor = [], None
    prefix = all_[0].tag[:-1]
    while True:
        page = server_api.get("/unit", code__ic=prefix, limit=500, **({"cursor": cursor} if cursor else {}))
        got += [(u["code"], u["rev"]) for u in page["items"]]
        cursor = page.get("next")
        if not cursor:
            break
    tap.equal(f"{title}: {len(made)} acknowledged writes, each there once, nothing else", sorted(got), sorted((c, 1) for c in made))
    tap.equal(f"{title}: the history's chain is whole", server_api.get("/registry/verify")["bad_seq"], 0)
    tap.note(f"{title}: {len(made)} written, {sum(w.refused for w in all_)} calls refused and asked again")


def open_twice(api):
    """Subjects that have two open findings of one control."""
    seen, twice, cursor = set(), [], None
    while True:
        page = api.get("/findings", state="open", limit=500, **({"cursor": cursor} if cursor else {}))
        for f in page["items"]:
            key = (f["control"], f["subject"]["kind"], f["subject"]["key"])
            twice += [key] if key in seen else []
            seen.add(key)
        cursor = page["next"]
        if not cursor:
            return len(seen), twice


# ---- the leader dies ----

def killed(one, other):
    before = open_twice(login(other))[0]
    all_ = writers([one, other], "CHET")
    world.until(120, lambda: total(all_) > 60)
    one.child.send_signal(signal.SIGKILL)
    start = time.monotonic()
    one.child.wait()
    led = world.until(120, lambda: role(other) == "active")
    tap.check("the other leads", led, role(other))
    tap.note(f"took over after {time.monotonic() - start:.2f} s")
    at = total(all_)
    tap.check("writes go on there", world.until(120, lambda: total(all_) > at + 60))
    api = login(other)
    kept_once(api, "leader killed", all_)
    status, body = api.post("/controls/run")
    tap.equal("the new leader judges", status, 200)
    now, twice = open_twice(api)
    tap.equal("no finding is open twice", twice, [])
    tap.check("none is lost", now >= before, (before, now))
    tap.check("and it takes the states of findings", api.post(f"/findings/{demo_finding(api)}", {"state": "acknowledged"})[0] == 200)
    one.start()
    tap.equal("who comes back stands by", (role(one), role(other)), ("standby", "active"))


def demo_finding(api):
    return api.get("/findings", state="open", limit=1)["items"][0]["id"]


# ---- the database server dies ----

def gone(server, one, other):
    pids = [one.child.pid, other.child.pid]
    for how, name in ((signal.SIGQUIT, "ended in mid-write"), (signal.SIGINT, "restarted")):
        all_ = writers([one, other], "MAT" if how == signal.SIGQUIT else "LAI")
        world.until(120, lambda: total(all_) > 40)
        server.stop(how)
        start = time.monotonic()
        api = world.Api(one)
        api.cookie, api.csrf = all_[0].apis[0].cookie, all_[0].apis[0].csrf
        status, body = api.post("/unit", {"code": "KHONG", "name": "Không", "tier": "commune"})
        tap.check(f"server {name}: the client hears 503 and why", status == 503 and len(body["detail"]) > 20, (status, body))
        tap.note(f"server {name}: after {time.monotonic() - start:.3f} s")
        status, body = api.call("GET", "/api/v1/health")
        tap.check(f"server {name}: health answers that the registry is out of reach", status == 503 and len(body["detail"]) > 20, (status, body))
        server.start()
        at = total(all_)
        tap.check(f"server {name}: work goes on when it is back", world.until(120, lambda: total(all_) > at + 40), [w.odd for w in all_])
        tap.check(f"server {name}: one leads again", world.until(120, lambda: sorted([str(role(one)), str(role(other))]) == ["active", "standby"]),
                  (role(one), role(other)))
        kept_once(login(one), f"server {name}", all_)
    tap.equal("neither luyd ended", [l.child.poll() for l in (one, other)] + [one.child.pid, other.child.pid], [None, None] + pids)


# ---- to a file and back ----

def verify(args, luyd):
    """`luy verify`, as an operator calls it."""
    env = dict(luyd.env(), LUY_URL=luyd.url, LUY_CA=str(luyd.data / "keys" / "ca.crt"), HOME=str(luyd.data.parent), LUY_LANG="en")
    luy = [str(pathlib.Path(args.build) / "src" / "cli" / "luy")]
    subprocess.run([*luy, "login", "admin", "--password-stdin"], env=env, input=wire.PASSWORD + "\n", capture_output=True, text=True, check=True)
    done = subprocess.run([*luy, "verify"], env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def migrate(luyd, to):
    done = subprocess.run(luyd.command("--migrate-store", to), env=luyd.env(), capture_output=True, text=True, check=False)
    last = [line for line in done.stdout.splitlines() if line.startswith("history: ")]
    return done.returncode, last[-1] if last else done.stdout + done.stderr


def moved(args, server, luyd):
    server.sql("CREATE DATABASE ve")
    code, there = migrate(luyd, "sqlite")
    tap.equal("the registry moves from PostgreSQL to a file", (code, there.startswith("history: ")), (0, True))
    luyd.settings = [s for s in luyd.settings if not s.startswith("store =")]
    luyd.start()
    api = login(luyd)
    tap.equal("luyd serves from the file, its chain whole", (role(luyd), api.get("/registry/verify")["bad_seq"]), ("active", 0))
    tap.equal("and stops clean", luyd.stop(), 0)
    code, back = migrate(luyd, server.url("ve"))
    tap.equal("it moves from the file to PostgreSQL", code, 0)
    tap.note(f"{there} there, {back} back")
    luyd.settings.append(f"store = {server.url('ve')}")
    luyd.start()
    status, report = login(luyd).call("GET", "/api/v1/registry/verify")
    tap.equal("the chain ends where it ended, row for row", (status, report["bad_seq"], int(back.split(",")[0].split()[1])), (200, 0, report["rows"]))
    code, text = verify(args, luyd)
    tap.check("luy verify says so too", code == 0, text)
    tap.equal("stops clean at the end", luyd.stop(), 0)
