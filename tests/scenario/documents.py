"""Documents of two luyd on one registry in PostgreSQL; a part of shared.py."""
import hashlib
import http.client
import signal
import threading

import shared
import tap
import world


def paper(of):
    """2 MiB that are of nobody else."""
    return b"%PDF-1.7\n" + hashlib.sha256(of.encode()).digest() * 65536


def attach(api, code, body, rev):
    return api.call("PUT", f"/api/v1/person/{code}/files/undertaking?name=cam-ket.pdf", body, headers={"If-Match": f'"{rev}"'}, kind="application/pdf")


def fetch(api, code):
    return api.call("GET", f"/api/v1/person/{code}/files/undertaking")


class Uploader(threading.Thread):
    """One document after the other onto a record of its own, until its luyd is gone."""

    def __init__(self, luyd, code):
        super().__init__(daemon=True)
        self.api, self.code, self.rev, self.times, self.odd = shared.login(luyd), code, 1, 0, None
        self.kept = self.trying = None

    def run(self):
        while self.odd is None:
            body = paper(f"{self.code} {self.times}")
            self.trying = body
            try:
                status, answer = attach(self.api, self.code, body, self.rev)
            except (OSError, http.client.HTTPException):
                return
            if status != 200:
                self.odd = (status, answer)
                return
            self.kept, self.trying, self.rev = body, None, answer["rev"]
            self.times += 1


def half(luyd, api, code):
    """An upload that has begun: the connection, with half of the document on it."""
    body = paper("a half")
    c = http.client.HTTPSConnection("127.0.0.1", luyd.ports["https"], timeout=120, context=api.context)
    c.putrequest("PUT", f"/api/v1/person/{code}/files/undertaking?name=nua.pdf")
    for name, value in (("Cookie", api.cookie), ("X-CSRF-Token", api.csrf), ("If-Match", '"1"'), ("Content-Type", "application/pdf"), ("Content-Length", len(body))):
        c.putheader(name, str(value))
    c.endheaders(body[: len(body) // 2])
    return c


def run(args, server, leader, other):
    """The leader is killed while documents are on their way into it; the other has each that was acknowledged, whole."""
    first, second = shared.login(leader), shared.login(other)
    codes = [f"TL-{n}" for n in range(4)]
    for code in [*codes, "TL-NUA", "TL-HAI"]:
        first.post("/person", {"code": code, "name": f"Người {code}", "unit": "HAI-MAY"})
    tap.equal("a document is attached at the leader", attach(first, "TL-HAI", paper("one"), 1)[0], 200)
    tap.check("and fetched at the other", fetch(second, "TL-HAI") == (200, paper("one")))
    tap.equal("the other attaches the next", attach(second, "TL-HAI", paper("two"), 2)[0], 200)
    tap.check("which the leader has at once", fetch(first, "TL-HAI") == (200, paper("two")))
    tap.equal("from an old state it is refused", attach(second, "TL-HAI", paper("three"), 2)[0], 412)
    begun = half(leader, first, "TL-NUA")
    all_ = [Uploader(leader, code) for code in codes]
    for u in all_:
        u.start()
    world.until(120, lambda: all(u.times > 1 or u.odd for u in all_))
    leader.child.send_signal(signal.SIGKILL)
    leader.child.wait()
    for u in all_:
        u.join(120)
    begun.close()
    tap.equal("every upload before that was taken", [u.odd for u in all_], [None] * len(all_))
    tap.check("some were on their way", any(u.trying for u in all_), [u.times for u in all_])
    got = {u.code: fetch(second, u.code) for u in all_}
    tap.check("the last acknowledged one is at the other, or the one behind it, whole",
              all(got[u.code][0] == 200 and got[u.code][1] in (u.kept, u.trying) for u in all_), {c: (g[0], len(g[1])) for c, g in got.items()})
    tap.equal("of the half nothing", fetch(second, "TL-NUA")[0], 404)
    halves = server.sql("SELECT COUNT(*) FROM luy.file_chunk WHERE sha256 NOT IN (SELECT sha256 FROM luy.file_blob)", "luy")
    tap.equal("no piece lies about without its document", halves.strip(), "0")
    tap.check("the other leads", world.until(120, lambda: shared.role(other) == "active"), shared.role(other))
    again = [attach(second, code, paper("again " + code), second.get(f"/person/{code}")["rev"])[0] for code in [*codes, "TL-NUA"]]
    tap.equal("they are attached again there", again, [200] * len(again))
    code, text = shared.verify(args, other)
    tap.check("luy verify reads every document and finds it whole", code == 0, text)
    tap.note(f"{sum(u.times for u in all_)} documents of 2 MiB acknowledged before the kill")
    leader.start()
    tap.equal("who comes back stands by", (shared.role(leader), shared.role(other)), ("standby", "active"))
    tap.check("and has them", fetch(shared.login(leader), "TL-NUA") == (200, paper("again TL-NUA")))
