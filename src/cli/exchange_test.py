#!/usr/bin/env python3
"""Spreadsheets as an office uses them: a real luyd, the real luy; TAP on stdout.

    exchange_test.py PATH_OF_LUYD PATH_OF_LUY
"""
import http.client
import json
import os
import pathlib
import re
import ssl
import subprocess
import sys
import tempfile
import time
import zipfile
from xml.sax.saxutils import escape

LUYD, LUY = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
ROOT = pathlib.Path(os.environ.get("LUY_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
PASSWORD = "Thanh-Tre-Xanh-2026"
results = []


def check(name, good, detail=""):
    results.append(bool(good))
    print(f"{'ok' if good else 'not ok'} {len(results)} - {name}", flush=True)
    if not good:
        for line in str(detail)[:3000].splitlines():
            print(f"# {line}", flush=True)
    return good


def start(folder):
    (folder / "luyd.conf").write_text("listen = 127.0.0.1:0\nsyslog_udp = 127.0.0.1:0\nsyslog_tcp = 127.0.0.1:0\n"
                                      "syslog_tls = 127.0.0.1:0\nflow_udp = 127.0.0.1:0\nipfix_udp = 127.0.0.1:0\n", encoding="utf-8")
    env = dict(os.environ, LUY_SHARE=str(ROOT), LUY_LANG="en")
    child = subprocess.Popen([LUYD, "--data", folder / "data", "--config", folder / "luyd.conf"], env=env, stdin=subprocess.DEVNULL,
                             stdout=open(folder / "log", "ab"), stderr=subprocess.STDOUT)
    end = time.monotonic() + 60
    while time.monotonic() < end and child.poll() is None:
        try:
            ports = json.loads((folder / "data" / "ports").read_text())
            return child, ports["https"]
        except (OSError, ValueError):
            time.sleep(0.02)
    raise RuntimeError("luyd did not start\n" + (folder / "log").read_text(errors="replace"))


def first_password(folder, port):
    """The one-time password has to be changed before anything else."""
    once = (folder / "data" / "first-password").read_text().strip()
    c = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=ssl.create_default_context(cafile=folder / "data/keys/ca.crt"))
    c.request("POST", "/api/v1/session", json.dumps({"account": "admin", "password": once}), {"Content-Type": "application/json"})
    a = c.getresponse()
    csrf = json.loads(a.read())["csrf"]
    c.request("POST", "/api/v1/password", json.dumps({"old": once, "new": PASSWORD}),
              {"Content-Type": "application/json", "Cookie": a.getheader("Set-Cookie").split(";")[0], "X-CSRF-Token": csrf})
    return c.getresponse().status


class Luy:
    def __init__(self, folder, port):
        self.folder = folder
        self.env = dict(os.environ, HOME=str(folder), XDG_CONFIG_HOME=str(folder / ".config"), LUY_LANG="en", LUY_URL=f"https://127.0.0.1:{port}",
                        LUY_CA=str(folder / "data/keys/ca.crt"))

    def run(self, *args, **kw):
        kw.setdefault("input", b"")
        out = subprocess.run([LUY, *map(str, args)], env=self.env, cwd=self.folder, capture_output=True, timeout=120, **kw)
        self.err, self.raw = out.stderr.decode("utf-8", "replace"), out.stdout
        self.out = out.stdout.decode("utf-8", "replace")
        return out.returncode

    def total(self, kind, *words):
        self.run("list", kind, *words, "-o", "json", "--limit", "1000")
        return len(json.loads(self.out))


def cell_name(col):
    return chr(65 + col) if col < 26 else chr(64 + col // 26) + chr(65 + col % 26)


def workbook(path, sheets):
    """{name: rows}: a workbook with inline texts, as small as the format allows."""
    ns = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("_rels/.rels", f'<Relationships><Relationship Id="r" Type="{rel}/officeDocument" Target="xl/workbook.xml"/></Relationships>')
        z.writestr("xl/workbook.xml", f'<workbook {ns} xmlns:r="{rel}"><sheets>' + "".join(
            f'<sheet name="{escape(n)}" sheetId="{i + 1}" r:id="s{i}"/>' for i, n in enumerate(sheets)) + "</sheets></workbook>")
        z.writestr("xl/_rels/workbook.xml.rels", "<Relationships>" + "".join(
            f'<Relationship Id="s{i}" Type="{rel}/worksheet" Target="worksheets/s{i}.xml"/>' for i in range(len(sheets))) + "</Relationships>")
        for i, rows in enumerate(sheets.values()):
            z.writestr(f"xl/worksheets/s{i}.xml", f"<worksheet {ns}><sheetData>" + "".join(
                f'<row r="{r + 1}">' + "".join(f'<c r="{cell_name(c)}{r + 1}" t="inlineStr"><is><t>{escape(v)}</t></is></c>' for c, v in enumerate(row) if v != "")
                + "</row>" for r, row in enumerate(rows)) + "</sheetData></worksheet>")


UNITS = [["code", "name", "tier", "parent.code"], ["TINH", "Ủy ban tỉnh", "province", ""], ["SO-TC", "Sở Tài chính", "department", "TINH"]]
DEVICES = [["code", "name", "category", "unit.code", "bought_on"], ["M1", "Máy một", "workstation", "SO-TC", "31/12/2025"],
           ["M2", "Máy hai", "laptop", "SO-TC", ""], ["M3", "Máy ba", "printer", "TINH", ""]]


def three_mistakes():
    rows = [list(r) for r in DEVICES]
    rows[1][4], rows[2][2], rows[3][3] = "31/13/2025", "xe-dap", "KHONG-CO"
    return rows


def several_kinds(luy, folder):
    units = luy.total("unit")  # the one that luyd itself begins with
    bad, good, marked = folder / "bad.xlsx", folder / "good.xlsx", folder / "marked.xlsx"
    workbook(bad, {"Đơn vị": UNITS, "device": three_mistakes()})
    workbook(good, {"Đơn vị": UNITS, "device": DEVICES})
    check("a workbook with three mistakes is refused", luy.run("import", bad, "--marked", marked) == 1, luy.err)
    lines = [l for l in luy.err.splitlines() if l.startswith("sheet device, row ")]
    check("each mistake is a line with sheet, row and column", [re.findall(r"row (\d+), column (\S+):", l) for l in lines] ==
          [[("2", "bought_on")], [("3", "category")], [("4", "unit.code")]], luy.err)
    check("and says what is right", "laptop" in lines[1] and "The file has 3 mistakes" in luy.err, luy.err)
    check("nothing was written", luy.total("unit") == units and luy.total("device") == 0)
    with zipfile.ZipFile(marked) as z:
        text = "".join(z.read(n).decode("utf-8") for n in z.namelist() if n.endswith(".xml"))
    check("the marked workbook holds the sheet and its mistakes", "Máy hai" in text and "#Mistakes" in text and "xe-dap" in text)
    luy.run("import", bad, "-o", "json")
    body = json.loads(luy.out)
    check("-o json gives them to scripts", len(body["errors"]) == 3 and body["errors"][0]["sheet"] == "device", luy.out)
    check("a dry run judges", luy.run("import", good, "--dry-run") == 0 and luy.total("unit") == units, luy.err)
    check("the mended workbook goes in", luy.run("import", good) == 0 and luy.total("unit") == units + 2 and luy.total("device") == 3, luy.err + luy.out)


def out_and_in(luy, folder):
    book = folder / "out.xlsx"
    check("several kinds go out into one workbook", luy.run("export", "unit", "device", "-O", book) == 0 and zipfile.is_zipfile(book), luy.err)
    check("it is for its owner alone", book.stat().st_mode & 0o077 == 0)
    check("and comes in with no change", luy.run("import", book, "-o", "json") == 0 and json.loads(luy.out)["unchanged"] == json.loads(luy.out)["rows"] == 6, luy.err + luy.out)
    check("CSV with a filter, to standard output", luy.run("export", "device", "category=laptop") == 0 and luy.out.count("\n") == 2 and "M2" in luy.out, luy.out)
    check("-f says the form whatever the name is", luy.run("export", "device", "-f", "xlsx", "-O", folder / "x.bin") == 0 and zipfile.is_zipfile(folder / "x.bin"))
    check("several kinds are no CSV", luy.run("export", "unit", "device", "-f", "csv") == 1 and "xlsx" in luy.err, luy.err)
    check("an unknown kind is said", luy.run("export", "xe-dap", "unit") == 1 and "xe-dap" in luy.err, luy.err)
    csv = folder / "device.csv"
    check("CSV to a file", luy.run("export", "device", "-O", csv) == 0 and csv.read_bytes().count(b"\n") == 4, luy.err)
    check("a CSV is of the kind its file is named after", luy.run("import", csv, "-o", "json") == 0 and json.loads(luy.out)["unchanged"] == 3, luy.err)
    check("or of the kind that is said", luy.run("import", "device", "-", input=csv.read_bytes()) == 0, luy.err)
    (folder / "linh-tinh.csv").write_bytes(csv.read_bytes())
    check("a CSV named after nothing is refused with what would be right", luy.run("import", folder / "linh-tinh.csv") == 1 and "linh-tinh" in luy.err, luy.err)
    check("a template has its kinds as sheets", luy.run("template", "unit", "device", "-O", folder / "t.xlsx") == 0 and zipfile.is_zipfile(folder / "t.xlsx"), luy.err)
    check("completion offers kinds to template and export", luy.run("completion") == 0 and "export|template" in luy.out and "--marked" in luy.out, luy.out)


def limits(luy, folder):
    big = folder / "big.csv"
    with open(big, "wb") as f:
        f.write(b"code,name\n")
        f.truncate(2 << 30)
    check("a sheet of 2 GB is refused before it is read", luy.run("import", "device", big) == 1 and "67108864" in luy.err, luy.err)


with tempfile.TemporaryDirectory(prefix="luy-exchange-") as name:
    folder = pathlib.Path(name)
    child, port = start(folder)
    try:
        check("first login", first_password(folder, port) == 204)
        luy = Luy(folder, port)
        check("luy login", luy.run("login", "admin", "--password-stdin", input=PASSWORD.encode()) == 0, luy.err)
        for part in (several_kinds, out_and_in, limits):
            part(luy, folder)
    finally:
        child.terminate()
        code = child.wait(20)
    check("luyd stops clean", code == 0, code)
print(f"1..{len(results)}")
sys.exit(0 if all(results) else 1)
