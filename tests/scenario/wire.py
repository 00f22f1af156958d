"""Hostile and unusual senders against a running luyd: each is bounded and
counted, nothing else is lost, the process stays up."""
import socket
import ssl

import tap
import world

PASSWORD = "Thanh-Tre-Xanh-2026"


def session(luyd):
    api = world.Api(luyd)
    once = luyd.first_password()
    api.login("admin", once)
    api.post("/password", {"old": once, "new": PASSWORD})
    api = world.Api(luyd)
    api.login("admin", PASSWORD)
    return api


def run(args, folder):
    folder.mkdir()
    luyd = world.Luyd(args.build, folder / "data", 0).start()
    host = None
    try:
        api = session(luyd)
        tap.part("senders", senders, luyd, api)
        tap.part("http", http, luyd, api)
        host = world.Watched(folder / "host", luyd.ports["syslog_tls"], tls_ca=str(luyd.data / "keys" / "ca.crt"))
        host.do("say", "qua-tls-cua-rsyslog")
        tap.check("rsyslog delivers over TLS with the authority's certificate checked",
                  world.until(120, lambda: count(api, "qua-tls-cua-rsyslog transport:tls")), (folder / "host" / "rsyslogd.log").read_text())
    finally:
        if host:
            host.stop()
        tap.equal("luyd outlives them and stops clean", luyd.stop(), 0)


def count(api, query):
    return api.get("/events", query=query + " | count")["total"]


def send(luyd, *chunks):
    with socket.create_connection(("127.0.0.1", luyd.ports["syslog_tcp"])) as s:
        for chunk in chunks:
            s.sendall(chunk)


# name, what is sent in one connection, query, how many must be found
CASES = [
    ("newline framing", [b"<13>Nov 21 10:00:00 h a: dong-mot\n<13>Nov 21 10:00:00 h a: dong-hai\n"], "dong-mot OR dong-hai", 2),
    ("octet counting", [b"40 <13>1 - h a - - - dem-octet-aaaaaaaaaaaaaaaa"[:43], b"\n"], "dem-octet", 1),
    ("both in one connection", [b"<13>1 - h a - - - lan-lon-mot\n28 <13>1 - h a - - - lan-lon-2a<13>1 - h a - - - lan-lon-ba\n"], "lan-lon-mot OR lan-lon-2 OR lan-lon-ba", 3),
    ("a lying octet count", [b"99999999999 <13>1 - h a - - - dem-doi\n<13>1 - h a - - - sau-dem-doi\n"], "sau-dem-doi", 1),
    ("NUL in a line", [b"<13>1 - h a - - - truoc\x00nul-sau\n"], "nul-sau", 1),
    ("invalid UTF-8", [b"<13>1 - h a - - - sai-\xff\xfe-ma-hoa\n"], "ma-hoa", 1),
    ("1 MiB without newline, then a line", [b"<13>1 - h a - - - dai-" + b"x" * (1 << 20), b"\n<13>1 - h a - - - sau-dong-dai\n"], "sau-dong-dai", 1),
    ("a time in 1970", [b"<13>1 1970-01-01T00:00:00Z h a - - - nam-bay-muoi\n"], "nam-bay-muoi since:1970-01-01", 1),
    ("a time in 2099", [b"<13>1 2099-01-01T00:00:00Z h a - - - nam-chin-chin\n"], "nam-chin-chin until:2100-01-01", 1),
    ("an unfinished line at the end of a connection", [b"<13>1 - h a - - - dang-do"], "dang-do", 1),
    ("no header at all", [b"chang co dau nao ca kieu-nay\n"], "kieu-nay", 1),
]


def senders(luyd, api):
    for name, chunks, query, want in CASES:
        send(luyd, *chunks)
        got = world.until(120, lambda: count(api, query) >= want)
        tap.check(f"wire: {name}", got and count(api, query) == want, f"{query}: {count(api, query)}, expected {want}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for n in range(100):
            s.sendto(b"<13>1 - h a - - - qua-udp-%d\n" % n, ("127.0.0.1", luyd.ports["syslog_udp"]))
    tap.check("wire: UDP", world.until(120, lambda: count(api, "qua-udp transport:udp") == 100))
    context = ssl.create_default_context(cafile=luyd.data / "keys" / "ca.crt")
    context.check_hostname = False
    with socket.create_connection(("127.0.0.1", luyd.ports["syslog_tls"])) as raw, context.wrap_socket(raw) as s:
        line = b"<13>1 - h a - - - qua-tls"
        s.sendall(b"%d %s" % (len(line), line))
    tap.check("wire: TLS, octet counting", world.until(120, lambda: count(api, "qua-tls transport:tls") == 1))
    with socket.create_connection(("127.0.0.1", luyd.ports["syslog_tls"])) as s:
        s.sendall(b"day khong phai TLS\r\n\r\n" * 10)
    idle = [socket.create_connection(("127.0.0.1", luyd.ports["syslog_tcp"])) for _ in range(200)]
    send(luyd, b"<13>1 - h a - - - giua-dam-dong\n")
    tap.check("wire: 200 idle connections are in nobody's way", world.until(120, lambda: count(api, "giua-dam-dong") == 1))
    for s in idle:
        s.close()
    events = api.get("/stats")["journal"]["events"]
    tap.check("wire: what came last is synced without waiting for more", world.until(120, lambda: api.get("/stats")["journal"]["synced"] > events),
              api.get("/stats")["journal"])
    stats = api.get("/stats")["intake"]
    tap.check("wire: what was cut or badly framed is counted", stats["truncated"] + stats["bad_frame"] >= 2, stats)


def http(luyd, api):
    deep = b"[" * 5000 + b"]" * 5000
    cases = [
        ("a body that is no JSON", "/unit", b"{code: 1}", 400), ("a body nested too deep", "/unit", deep, 400),
        ("a body too large", "/unit", b'{"code":"' + b"x" * (3 << 20) + b'"}', 413), ("a wrong type", "/unit", b'{"code":{"a":1},"name":"b"}', 422),
        ("an unknown field", "/unit", b'{"code":"A1","name":"b","mau":"xanh"}', 422), ("a list for an object", "/unit", b"[1,2]", 422),
        ("an unknown kind", "/khong-co", b"{}", 404),
    ]
    for name, path, body, want in cases:
        try:
            status, answer = api.post(path, body)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError) as cut:
            status, answer = want if want == 413 else 0, str(cut)
        tap.check(f"http: {name} is {want}", status in (want, 400 if name == "a list for an object" else want), (status, answer))
    status, answer = api.call("GET", "/api/v1/events?query=program%3A%22")
    tap.check("http: a bad query points at the character", status in (400, 422) and answer.get("column"), answer)
    tap.equal("http: health after all that", api.call("GET", "/api/v1/health")[0], 200)
