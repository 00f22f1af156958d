#!/usr/bin/env python3
"""Documents over a real socket against a real luyd; TAP on stdout.

    files_test.py PATH_OF_LUYD

In, out, every way of sending one wrongly, a byte altered behind luyd's back, a
document that nobody named. Nothing sleeps for luck.
"""
import hashlib
import http.client
import os
import pathlib
import sqlite3
import sys
import tempfile
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))
from luyd import Luyd, administrator, check, equal, finish, until  # noqa: E402 - it lies there
import luyd as shared  # noqa: E402

MAX = 256 << 10
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 300 + b"\n%%EOF\n"
PATH = "/inspection/KT-A/files/scan"


class Api(shared.Api):
    def call(self, method, path, body=None, **headers):
        return super().call(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()},
                            "application/json" if isinstance(body, dict) else "application/octet-stream")

    def put(self, name, body, rev, kind="application/octet-stream", **headers):
        query = "" if name is None else "?name=" + urllib.parse.quote(name)
        return self.call("PUT", PATH + query, body, If_Match=f'"{rev}"', Content_Type=kind, **headers)

    def rev(self):
        self.call("GET", "/inspection/KT-A")
        return self.body["rev"], self.body["scan"]


def begin(luyd):
    luyd.start()
    api = administrator(luyd, Api)
    for kind, record in (("unit", {"code": "TINH", "name": "Tỉnh", "tier": "province"}),
                         ("network", {"code": "WAN", "name": "Mạng", "kind": "intranet"}),
                         ("device", {"code": "PC-1", "name": "Máy", "category": "workstation", "unit": "TINH", "network": "WAN"}),
                         ("inspection", {"code": "KT-A", "device": "PC-1", "verdict": "fail", "inspected_on": "2026-11-01"})):
        equal(f"a {kind} to begin with", api.call("POST", "/" + kind, record), 201)
    return api


def in_and_out(luyd, api):
    equal("an empty field", (api.call("GET", PATH), api.type()), (404, "registry.file_none"))
    equal("a document goes in", api.put("Biên bản số 1.pdf", PDF, 1, "application/pdf", X_Reason="ky%20xong"), 200)
    want = {"name": "Biên bản số 1.pdf", "sha256": hashlib.sha256(PDF).hexdigest(), "size": len(PDF), "type": "application/pdf"}
    equal("the record says what it is", (api.body["scan"], api.body["rev"], api.answer.getheader("ETag")), (want, 2, '"2"'))
    equal("and it comes out", (api.call("GET", PATH), api.raw == PDF), (200, True))
    get = api.answer.getheader
    equal("as a download that no browser shows", (get("Content-Type"), get("X-Content-Type-Options"), get("Content-Disposition")),
          ("application/pdf", "nosniff", "attachment; filename=\"Bi__n b___n s___ 1.pdf\"; filename*=UTF-8''Bi%C3%AAn%20b%E1%BA%A3n%20s%E1%BB%91%201.pdf"))
    api.call("GET", "/inspection/KT-A/history")
    row = api.body["items"][0]
    equal("the history has it, with the reason", (row["after"]["scan"], row["reason"], row["op"]), (want, "ky xong", "change"))
    equal("by Content-Disposition", api.put(None, PDF, 2, Content_Disposition="attachment; filename=\"x.pdf\"; filename*=UTF-8''B%E1%BA%A3n%20qu%C3%A9t.pdf"), 200)
    equal("the name in UTF-8 counts", api.body["scan"]["name"], "Bản quét.pdf")
    equal("uploaded for a record that comes later", api.call("POST", "/files?name=a.txt", "sẽ có".encode(), Content_Type="text/plain"), 201)
    value = api.body
    equal("which names it", api.call("POST", "/inspection", {"code": "KT-B", "device": "PC-1", "verdict": "fail", "inspected_on": "2026-11-02", "scan": value}), 201)
    equal("so it is there", (api.call("GET", "/inspection/KT-B/files/scan"), api.raw.decode()), (200, "sẽ có"))
    api.call("GET", "/registry/verify")
    equal("all are whole", (api.body["files"], api.body["files_bad"], api.body["bad_files"], api.body["bad_seq"]), (2, 0, [], 0))


def refused(luyd, api):
    rev, scan = api.rev()
    cases = [
        ("no If-Match", lambda: api.call("PUT", PATH + "?name=a.pdf", PDF), 428, "api.if_match_missing"),
        ("an old one", lambda: api.put("a.pdf", PDF, 1), 412, "registry.stale"),
        ("no name", lambda: api.put(None, PDF, rev), 422, "registry.file_no_name"),
        ("a path for a name", lambda: api.put("../../etc/luy.pdf", PDF, rev), 422, "registry.file_name_path"),
        ("a line break in the name", lambda: api.put("a\r\nSet-Cookie: x.pdf", PDF, rev), 422, "registry.file_name_control"),
        ("a NUL in the name", lambda: api.call("PUT", PATH + "?name=a%00.pdf", PDF, If_Match=f'"{rev}"'), 400, "api.bad_uri"),
        ("a bad Content-Disposition", lambda: api.put(None, PDF, rev, Content_Disposition="attachment; filename*=latin1'x'%e9.pdf"), 400, "api.bad_disposition"),
        ("nothing at all", lambda: api.put("a.pdf", b"", rev), 422, "registry.file_empty"),
        ("a program", lambda: api.put("a.pdf", b"\x7fELF\x02\x01\x01" + b"\0" * 60, rev), 415, "registry.file_type"),
        ("a page that would run", lambda: api.put("a.html", b"<script>alert(1)</script>", rev), 415, "registry.file_ending"),
        ("a PDF that calls itself a picture", lambda: api.put("a.png", PDF, rev), 415, "registry.file_ending"),
        ("a claim that is not so", lambda: api.put("a.pdf", PDF, rev, "image/png"), 415, "registry.file_claim"),
        ("too large, said before", lambda: api.put("a.pdf", PDF + b" " * MAX, rev), 413, "api.body_too_large"),
        ("no such field", lambda: api.call("PUT", "/inspection/KT-A/files/remarks?name=a.pdf", PDF, If_Match=f'"{rev}"'), 404, "registry.no_file_field"),
        ("no such record", lambda: api.call("PUT", "/inspection/KT-Z/files/scan?name=a.pdf", PDF, If_Match='"1"'), 404, "registry.not_found"),
        ("a hash that is nobody's", lambda: api.call("PATCH", "/inspection/KT-A", {"scan": {"name": "a.pdf", "sha256": "0" * 64}}, If_Match=f'"{rev}"'), 422, "registry.invalid"),
        ("without a login", lambda: anonymous(luyd, api), 401, "api.no_session"),
    ]
    for name, call, status, kind in cases:
        equal(f"refused: {name}", (call(), api.type()), (status, kind))
        check(f"{name}: it is said in words", len(api.body["detail"]) > 10, api.body)
    equal("nothing of that was kept", api.rev(), (rev, scan))
    vi = Api(luyd)
    vi.headers = {**api.headers, "Accept-Language": "vi"}
    vi.put("a.exe", PDF, rev)
    check("and in Vietnamese", "đuôi tệp" in vi.body["detail"], vi.body)


def anonymous(luyd, api):
    stranger = Api(luyd)
    status = stranger.call("GET", PATH)
    api.body = stranger.body
    return status


def raw(api, head, body, end=True):
    """Bytes as they are; what comes back, or nothing."""
    connection = api.connect()
    connection.connect()
    lines = [f"PUT /api/v1{PATH}?name=a.pdf HTTP/1.1", "Host: x", *(f"{k}: {v}" for k, v in api.headers.items()), *head]
    try:
        connection.sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        if end:
            connection.sock.settimeout(120)
            return connection.sock.recv(4096)
        return b""
    except OSError:
        return b""
    finally:
        connection.close()


def hostile(luyd, api):
    rev, scan = api.rev()
    match = f'If-Match: "{rev}"'
    raw(api, [match, f"Content-Length: {len(PDF)}"], PDF[:1000], end=False)
    raw(api, [match, "Content-Length: 9999999999999999"], PDF, end=False)
    for name, head in (("a length that no number holds", "Content-Length: 99999999999999999999999"), ("a length below nothing", "Content-Length: -5"),
                       ("chunks that are none", "Transfer-Encoding: chunked")):
        answer = raw(api, [match, head], b"zz\r\n" + PDF[:50])
        check(f"{name}: refused or cut", answer == b"" or b" 4" in answer[:12], answer[:100])
    raw(api, [match, "Transfer-Encoding: chunked"], b"ffff\r\n" + PDF[:100], end=False)
    big = b"".join(b"4000\r\n" + b"x" * 0x4000 + b"\r\n" for _ in range(MAX // 0x4000 + 2)) + b"0\r\n\r\n"
    answer = raw(api, [match, "Transfer-Encoding: chunked"], big)
    check("chunks without end", answer == b"" or b" 413 " in answer[:16], answer[:100])
    answer = raw(api, [match, "Content-Length: 9"], PDF[:200])
    check("a length that says less cuts it there", answer == b"" or b" 200 " in answer[:16], answer[:100])
    new_rev, new_scan = api.rev()
    check("only that one was written", (new_rev, (new_scan or {}).get("size")) == (rev + 1, 9), (new_rev, new_scan))
    equal("alive", api.call("GET", "/health"), 200)
    db = sqlite3.connect(luyd.data / "registry.db")
    halves = db.execute("SELECT COUNT(*) FROM file_chunk WHERE sha256 NOT IN (SELECT sha256 FROM file_blob)").fetchone()[0]
    db.close()
    equal("nothing half-written lies about", halves, 0)
    equal("and the document that was there goes in again", api.put("Bản quét.pdf", PDF, new_rev), 200)


def rights(luyd, api):
    api.call("POST", "/account", {"name": "kiemtra", "kind": "user", "state": "active"})
    api.call("POST", "/role_grant", {"account": "kiemtra", "role": "auditor"})
    api.call("POST", "/logins", {"account": "kiemtra"})
    once, auditor = api.body["one_time_password"], Api(luyd)
    auditor.first_login("kiemtra", once)
    equal("an auditor reads", (auditor.call("GET", PATH), auditor.raw == PDF), (200, True))
    equal("and does not write", auditor.put("a.pdf", PDF, api.rev()[0]), 403)
    equal("nor upload", auditor.call("POST", "/files?name=a.pdf", PDF), 403)
    api.call("POST", "/person", {"code": "hanh", "name": "Hạnh", "unit": "TINH"})
    equal("a person's paper", api.call("PUT", "/person/hanh/files/undertaking?name=ck.pdf", PDF, If_Match='"1"'), 200)
    equal("is read by who may", api.call("GET", "/person/hanh/files/undertaking"), 200)
    check("which is told in the journal", until(180, lambda: api.call("GET", "/events?query=program:luyd%20event=personal_read%20how=file") == 200 and api.body["items"]), api.body)


def restarted(luyd, api):
    """A byte is altered while luyd is down, and what nobody named is too old by then."""
    api.call("POST", "/files?name=bo.txt", "không ai dùng".encode(), Content_Type="text/plain")
    orphan = hashlib.sha256("không ai dùng".encode()).hexdigest()
    luyd.stop()
    db = sqlite3.connect(luyd.data / "registry.db")
    db.execute("UPDATE file_upload SET at = at - 200000")
    db.execute("UPDATE file_chunk SET data = 'QUFB' || SUBSTR(data, 5) WHERE sha256 = ? AND n = 0", (hashlib.sha256(PDF).hexdigest(),))
    db.commit()
    db.close()
    luyd.start()
    equal("altered bytes do not go out", (api.call("GET", PATH), api.type()), (500, "registry.file_altered"))
    equal("verify finds them", api.call("GET", "/registry/verify"), 200)
    bad = {(f["kind"], f["key"], f["field"], f["fault"]) for f in api.body["bad_files"]}
    equal("in which records", bad, {("inspection", "KT-A", "scan", "altered"), ("person", "hanh", "undertaking", "altered")})
    equal("attaching the same again heals", api.put("Bản quét.pdf", PDF, api.rev()[0]), 200)
    equal("so it is whole", (api.call("GET", "/registry/verify"), api.body["files_bad"]), (200, 0))

    def swept():
        look = sqlite3.connect(luyd.data / "registry.db")
        n = look.execute("SELECT COUNT(*) FROM file_blob WHERE sha256 = ?", (orphan,)).fetchone()[0]
        look.close()
        return n == 0
    check("what nobody named is swept away", until(180, swept))


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="luyd-files-"))
    os.chmod(folder, 0o755)
    luyd = Luyd(pathlib.Path(sys.argv[1]).resolve(), folder, check_interval="1h", journal_sync_ms="0", file_max=str(MAX))
    try:
        api = begin(luyd)
        for part in (in_and_out, refused, hostile, rights, restarted):
            part(luyd, api)
        code, _ = luyd.stop()
        equal("it ends clean", code, 0)
        check("no sanitizer spoke", "Sanitizer" not in luyd.log() and "runtime error" not in luyd.log(), luyd.log()[-6000:])
    except (RuntimeError, OSError, KeyError, TypeError, ValueError, http.client.HTTPException) as e:
        check(f"it ran: {type(e).__name__} {e}", False, luyd.log()[-3000:])
    finally:
        luyd.end()
    finish(folder)


main()
