#!/usr/bin/env python3
"""Spreadsheets as an office uses them: a real luyd, the real luy; TAP on stdout.

    exchange_test.py PATH_OF_LUYD PATH_OF_LUY
"""
import hashlib
import http.client
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from xml.sax.saxutils import escape

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))
from luyd import PASSWORD, ROOT, Api, Luyd, administrator, check, results # noqa: E402 - it lies there

LUYD, LUY = (pathlib.Path(p).resolve() for p in sys.argv[1:3])


class Luy:
    def __init__(self, folder, luyd):
        port = luyd.ports["https"]
        self.folder, self.luyd = folder, luyd
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
    luy.run("import", good, "--dry-run")
    check("and shows what the checks would open, by control, clause and record", "unit-has-it-officer" in luy.out and "TU-6.3" in luy.out and "  SO-TC" in luy.out
          and re.search(r"Checks: [1-9]\d* would open", luy.err) and "\nchecks" not in luy.out, luy.out + luy.err)
    check("-o json gives that to scripts", luy.run("import", good, "--dry-run", "-o", "json") == 0 and json.loads(luy.out)["checks"]["opens"] > 0, luy.out)
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


def records(luy, kind, *words):
    luy.run("list", kind, *words, "-o", "json", "--limit", "1000")
    return {r["key"]: r for r in json.loads(luy.out)}


def from_netbox(luy, folder):
    maps = ROOT / "tests" / "maps" / "netbox"
    files = [maps / f"{n}.csv" for n in ("devices", "ip-addresses", "interfaces", "prefixes", "vlans", "sites", "tenants")]
    luy.run("add", "network", "code=INTRA", "name=Nội bộ", "kind=intranet")
    check("luy maps names them and what they ask for", luy.run("maps") == 0 and "netbox" in luy.out and "phpipam" in luy.out and "network" in luy.out, luy.out)
    check("an unknown mapping is refused with those that there are", luy.run("import", "--map", "netbux", *files) == 1 and "netbox, phpipam" in luy.err, luy.err)
    check("without its parameters it is refused with what they mean", luy.run("import", "--map", "netbox", *files) == 1 and
          "network" in luy.err and "code of the network" in luy.err, luy.err)
    given = ["import", "--map", "netbox", "--with", "network=INTRA,unit=VH", *files]
    check("seven exports are judged together", luy.run(*given, "--dry-run", "-o", "json") == 0, luy.err)
    counts = {}
    for s in json.loads(luy.out or "{}").get("sheets", []):
        counts[s["kind"]] = counts.get(s["kind"], 0) + s["created"] + s["updated"]
    answer = json.loads(luy.out or "{}")
    left = {(n["sheet"], n["column"]): n["detail"] for n in answer.get("notes", []) if n["code"] == "registry.map_unused"}
    check("columns that the mapping does not use are told with what was left out, once each and counted",
          answer.get("unused") == len(left) == answer.get("notes_total") and "filled cells left out: 3" in left.get(("devices", "Region"), "") and
          left.get(("devices", "Rack")) and ("devices", "Serial number") not in left and ("devices", "Comments") not in left, left)
    check("what each kind gets", counts == {"unit": 1, "site": 2, "device": 3, "interface": 2, "prefix": 3, "address": 3, "vlan": 2}, counts)
    check("a dry run writes nothing", luy.total("prefix") == 0)
    check("and go in as one", luy.run(*given) == 0, luy.err)
    units, sites, devices = (records(luy, k) for k in ("unit", "site", "device"))
    check("a tenant that is there by name is that unit, another is made", "SO-TC" in units and "VAN-PHONG" in units and "SO-TAI-CHINH" not in units, sorted(units))
    check("the device has its unit, site, category and model", [devices["srv-db-01"][k]["key"] for k in ("unit", "site", "network")] == ["SO-TC", "TRUNG-TAM-DU-LIEU-A", "INTRA"]
          and devices["srv-db-01"]["category"] == "server" and devices["sw-core-01"]["category"] == "switch" and devices["srv-db-01"]["model"] == "R740", devices.get("srv-db-01"))
    check("a role that nobody knows gives the default", devices["may-la-01"]["category"] == "server" and devices["may-la-01"]["unit"]["key"] == "VH")
    addresses, prefixes = records(luy, "address"), records(luy, "prefix")
    check("an address finds the narrowest prefix, whatever its own length says", addresses["10.60.1.99"]["prefix"]["key"] == "10.60.1.0/24", addresses["10.60.1.99"])
    check("and its device and interface", addresses["10.60.1.10"]["interface"]["key"] == "srv-db-01/eth0" and addresses["10.60.1.10"]["fqdn"] == "db.tinh.example.vn", addresses["10.60.1.10"])
    check("a container is one", prefixes["10.60.0.0/16"]["container"] is True and prefixes["10.60.0.0/24"]["container"] is False)
    check("again, it changes nothing", luy.run(*given, "-o", "json") == 0 and all(json.loads(luy.out)[k] == 0 for k in ("created", "updated")), luy.err + luy.out)


def wrong_rows(luy, folder):
    bad = folder / "prefixes.csv"
    bad.write_text("ID,Prefix,Status,VRF,Tenant,Description\n1,10.61.0.0/24,active,,Không Có,a\n2,10.61.300.0/24,active,,,b\n", encoding="utf-8")
    ips = folder / "ips.csv"
    ips.write_text("IP Address,Status,VRF,Parent,Interface,DNS name\n10.99.0.1/24,active,,,,\n10.61.0.4/24,active,,khong-co,eth0,\n", encoding="utf-8")
    other = folder / "linh-tinh.csv"
    other.write_text("a,b\n1,2\n", encoding="utf-8")
    given = ["import", "--map", "netbox", "--with", "network=INTRA,unit=VH"]
    check("a table that fits nothing is refused with what each wants", luy.run(*given, bad, other) == 1 and "linh-tinh" in luy.err and "devices (Name, Status, Site, Role, Type)" in luy.err, luy.err)
    check("a mistake names file, row and the source's column", luy.run(*given, bad, ips) == 1 and "sheet ips, row 2, column IP Address: no prefix" in luy.err, luy.err)
    ips.write_text("IP Address,Status,VRF,Parent,Interface,DNS name\n10.61.0.4/24,active,,khong-co,eth0,\n", encoding="utf-8")
    marked = folder / "marked-netbox.xlsx"
    luy.run(*given, bad, ips, "--marked", marked)
    check("the import's own judgement speaks of the source too", "sheet prefixes, row 3, column Prefix: " in luy.err and "sheet ips, row 2, column Parent: " in luy.err, luy.err)
    with zipfile.ZipFile(marked) as z:
        text = "".join(z.read(n).decode("utf-8") for n in z.namelist() if n.endswith(".xml"))
    check("the marked workbook has both files as sheets", "10.61.300.0/24" in text and "khong-co" in text and "#Mistakes" in text)
    check("nothing was written", "10.61.0.0/24" not in records(luy, "prefix"))


def own_mapping(luy, folder):
    own = folder / "own.yaml"
    own.write_text("map: own\nlabel: {vi: a, en: b}\nsources:\n  - name: x\n    has: [Ma]\n    records:\n      - kind: device\n        fields:\n"
                   "          code: Ma\n          nam: Ten\n          unit: {from: Dv, as: nothing}\n          site: {value: '{$no}', fom: x}\n"
                   "      - kind: xe-dap\n", encoding="utf-8")
    rows = folder / "rows.csv"
    rows.write_text("Ma,Ten,Loai,Don vi\nT1,Tên một,MÁY TÍNH,so-tc\nT2,Tên hai,máy quét,so-tc\n", encoding="utf-8")
    luy.run("import", "--map", own, rows)
    places = re.findall(r"^own\.yaml:(\d+):(\d+): ", luy.err, re.M)
    check("mistakes of a mapping come all at once, by line and column", places == [("10", "11"), ("11", "32"), ("12", "34"), ("12", "25"), ("13", "15")], luy.err)
    own.write_text("map: own\nlabel: {vi: a, en: b}\ntables:\n  loai: {máy tính: workstation}\nsources:\n  - name: x\n    has: [Ma, Ten]\n    records:\n"
                   "      - kind: device\n        fields:\n          code: '{Don vi}-{Ma}'\n          name: Ten\n          category: {from: Loai, table: loai}\n"
                   "          unit: {from: Don vi, as: upper}\n", encoding="utf-8")
    check("a value that the table lacks is a mistake in its cell", luy.run("import", "--map", own, rows) == 1 and "row 3, column Loai: " in luy.err and "máy quét" in luy.err and
          "may tinh" in luy.err, luy.err)
    rows.write_text("Ma,Ten,Loai,Don vi\nT1,Tên một,MÁY TÍNH,so-tc\n", encoding="utf-8")
    rows.write_text("Ma,Ten,Loai,Don vi,Gia,Trong,ten\nT1,Tên một,MÁY TÍNH,so-tc,9,,x\n", encoding="utf-8")
    check("of two columns of one name the second is not used, an empty one is not told", luy.run("import", "--map", own, rows, "--dry-run") == 0 and
          re.findall(r"^note: rows, 1 (\w+): ", luy.err, re.M) == ["Gia", "ten"], luy.err)
    check("in Vietnamese too", luy.run("import", "--map", own, rows, "--dry-run", "--lang", "vi") == 0 and "ánh xạ không dùng cột này; số ô có nội dung bị bỏ lại: 1" in luy.err, luy.err)
    rows.write_text("Ma,Ten,Loai,Don vi\nT1,Tên một,MÁY TÍNH,so-tc\n", encoding="utf-8")
    check("where every column is used nothing is told", luy.run("import", "--map", own, rows, "--dry-run", "-o", "json") == 0 and json.loads(luy.out)["unused"] == 0 and json.loads(luy.out)["notes"] == [], luy.out)
    check("a mapping of one's own works", luy.run("import", "--map", own, rows) == 0 and records(luy, "device", "name=Tên một").get("so-tc-T1", {}).get("unit", {}).get("key") == "SO-TC", luy.err)


def from_phpipam(luy, folder):
    maps = ROOT / "tests" / "maps" / "phpipam"
    given = ["import", "--map", "phpipam", "--with", "network=INTRA,unit=VH", *(maps / f"{n}.csv" for n in ("ip_address", "devices", "subnets"))]
    check("phpIPAM: three exports go in as one", luy.run(*given) == 0, luy.err)
    addresses, devices, vlans = (records(luy, k) for k in ("address", "device", "vlan"))
    check("addresses with prefix, device and name", addresses["10.70.1.5"]["prefix"]["key"] == "10.70.1.0/24" and addresses["10.70.1.5"]["device"]["key"] == "srv-70" and
          addresses["10.70.0.15"]["fqdn"] == "may15.tinh.example.vn" and addresses["10.70.0.15"]["purpose"] == "Phòng kế toán", addresses)
    check("devices by their type, a folder is no subnet, VLANs are made", devices["gw-70"]["category"] == "router" and "INTRA/70" in vlans, sorted(vlans))
    check("again, it changes nothing", luy.run(*given, "-o", "json") == 0 and all(json.loads(luy.out)[k] == 0 for k in ("created", "updated")), luy.err + luy.out)
    xls = folder / "20261126_phpipam_subnets_export.xls"
    xls.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512))
    check("its .xls itself is refused with what to do", luy.run("import", "--map", "phpipam", "--with", "network=INTRA,unit=VH", xls, maps / "subnets.csv") == 1 and ".xlsx" in luy.err, luy.err)


def unit_sheet(luy, folder):
    luy.run("add", "person", "code=NV1", "name=Trần <b>Hạnh</b> & con", "unit=SO-TC")
    check("luy sheet", luy.run("sheet", "TINH", "--lang", "vi", "-O", folder / "tinh.html") == 0, luy.err)
    text = (folder / "tinh.html").read_text(encoding="utf-8")
    check("it holds the units below, their people, devices and addresses", all(w in text for w in ("Sở Tài chính", "Trần &lt;b&gt;Hạnh", "Máy hai", "10.60.1.10", "Người lập")), text[:2000])
    check("what is shown is text, never markup", "<b>Hạnh" not in text)
    check("values are in words", "Máy xách tay" in text and ">laptop<" not in text)
    check("in English as well", luy.run("sheet", "TINH", "--lang", "en") == 0 and "Prepared by" in luy.out and "Laptop" in luy.out, luy.out[:2000])
    check("a unit elsewhere is not on it", luy.run("sheet", "VAN-PHONG") == 0 and "Máy hai" not in luy.out)
    check("a unit that is not there", luy.run("sheet", "KHONG-CO") == 1 and "KHONG-CO" in luy.err, luy.err)


def peak(luy):
    """Most memory that luyd ever had, in MiB."""
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{luy.luyd.child.pid}/status").read_text())[1]) // 1024


class Raw:
    """Requests that luy would not send."""

    def __init__(self, luy):
        self.api = Api(luy.luyd)
        self.api.login("admin", PASSWORD)

    def post(self, body=None, length=None, kind="text/csv"):
        """body: bytes, or an iterable of them, sent in chunks without a length."""
        c = self.api.connect()
        c.putrequest("POST", "/api/v1/device/import")
        for k, v in {**self.api.headers, "Content-Type": kind}.items():
            c.putheader(k, v)
        self.sent = 0
        try:
            if length is not None:
                c.putheader("Content-Length", str(length))
                c.endheaders()
            elif isinstance(body, bytes):
                c.putheader("Content-Length", str(len(body)))
                c.endheaders(body)
            else:
                c.putheader("Transfer-Encoding", "chunked")
                c.endheaders()
                for piece in body:
                    c.send(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.sent += len(piece)
                c.send(b"0\r\n\r\n")
        except OSError:
            pass  # cut off: what was said before that is read all the same
        try:
            a = c.getresponse()
            return a.status, json.loads(a.read())
        except (OSError, http.client.HTTPException):
            return 0, {}


def limits(luy, folder):
    big = folder / "big.csv"
    with open(big, "wb") as f:
        f.write(b"code,name\n")
        f.truncate(2 << 30)
    check("a sheet of 2 GB is refused before it is read", luy.run("import", "device", big) == 1 and "67108864" in luy.err, luy.err)
    raw, before = Raw(luy), peak(luy)
    status, body = raw.post(length=2 << 30)
    check("the server refuses 2 GB by its head alone", status == 413 and "67108864" in body.get("detail", ""), (status, body))
    piece = b"x" * (1 << 20)
    status, body = raw.post(body=(piece for _ in range(1024)))
    check("a line of 1 GB without a length is cut off", status in (0, 413) and raw.sent < 300 << 20, (status, body, raw.sent))
    status, body = raw.post(body=b"code,name\n" + b"x" * (60 << 20))
    check("a line of 60 MiB is refused by its first cell", status == 422 and "65536 bytes" in json.dumps(body), (status, body))
    bomb = folder / "bomb.xlsx"
    workbook(bomb, {"device": DEVICES})
    with zipfile.ZipFile(bomb) as z:
        parts = {n: z.read(n) for n in z.namelist()}
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as z:
        for n, data in parts.items():
            with z.open(n, "w") as f:
                head, mark, tail = data.partition(b"<sheetData>")
                f.write(head + mark)
                for _ in range(300 if mark else 0):
                    f.write(b" " * (1 << 20))
                f.write(tail)
    check("a workbook that unpacks to 300 MB is refused", bomb.stat().st_size < 4 << 20 and luy.run("import", bomb) == 1 and
          ("134217728" in luy.err or "damaged" in luy.err), luy.err)
    grown = peak(luy) - before
    print(f"# luyd: {before} MiB before, at most {before + grown} MiB", flush=True)
    check("all that within 200 MiB of memory", grown < 200 or "detect_leaks" in os.environ.get("ASAN_OPTIONS", "") and grown < 1000, grown)


def cells(luy, folder):
    ns = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    row = '<row r="2"><c r="A2" t="inlineStr"><is><t>CT1</t></is></c>%s<c r="C2" t="inlineStr"><is><t>laptop</t></is></c><c r="D2" t="inlineStr"><is><t>SO-TC</t></is></c>%s</row>'
    book = folder / "cells.xlsx"

    def put(name, date):
        workbook(book, {"device": DEVICES[:1]})
        with zipfile.ZipFile(book) as z:
            parts = {n: z.read(n).decode() for n in z.namelist()}
        parts["xl/worksheets/s0.xml"] = parts["xl/worksheets/s0.xml"].replace("</sheetData>", row % (name, date) + "</sheetData>")
        parts["xl/_rels/workbook.xml.rels"] = parts["xl/_rels/workbook.xml.rels"].replace("</Relationships>",
            '<Relationship Id="st" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>')
        parts["xl/styles.xml"] = f'<styleSheet {ns}><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'
        with zipfile.ZipFile(book, "w") as z:
            for n, text in parts.items():
                z.writestr(n, text)

    put('<c r="B2" t="str"><f>"Máy "&amp;A2</f><v>Máy CT1</v></c>', '<c r="E2" s="1"><v>46022</v></c>')
    check("a formula's value is taken and told, a real date is one", luy.run("import", book, "-o", "json") == 0 and json.loads(luy.out)["notes_total"] == 1 and
          "formula" in json.loads(luy.out)["notes"][0]["detail"] and records(luy, "device", "code=CT1")["CT1"]["bought_on"] == "2025-12-31", luy.err + luy.out)
    put('<c r="B2" t="inlineStr"><is><t>Máy CT1</t></is></c>', '<c r="E2" s="1"><f>TODAY()</f><v>46022</v></c>')
    check("one that changes with the day is refused in its cell", luy.run("import", book) == 1 and "sheet device, row 2, column bought_on: " in luy.err and "TODAY()" in luy.err, luy.err)
    check("d/m/Y in a CSV", luy.run("import", "device", "-", input=b"code,bought_on\nCT1,1/2/2026\nM2,15/03/2026\n") == 0 and
          records(luy, "device", "code=CT1")["CT1"]["bought_on"] == "2026-02-01", luy.err)
    check("m/d/Y and d-m-Y are mistakes, never a guess", luy.run("import", "device", "-", input=b"code,bought_on\nCT1,12/31/2026\nM2,15-03-2026\n") == 1 and
          "row 2, column bought_on: " in luy.err and "row 3, column bought_on: " in luy.err, luy.err)


def documents(luy, folder):
    """In and out by luy; a sheet with them comes back without a change; an altered one is found."""
    pdf, back = folder / "Biên bản số 1.pdf", folder / "back.pdf"
    pdf.write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 2000)
    people = "code,name,unit.code\n" + "".join(f"{code},{code},SO-TC\n" for code in ("AN", "BA", "BINH"))
    check("people who were there", luy.run("import", "person", "-", input=people.encode()) == 0, luy.err)
    row = "code,unit.code,device.code,method,destroyed_on,done_by.code,witnesses.code\nTH-1,SO-TC,M1,shred,2026-11-01,AN,BA|BINH\n"
    check("and their record", luy.run("import", "destruction", "-", input=row.encode()) == 0, luy.err)
    check("luy attach", luy.run("attach", "destruction", "TH-1", "scan", pdf, "--reason", "đã ký") == 0, luy.err)
    check("luy fetch gives the same bytes", luy.run("fetch", "destruction", "TH-1", "scan", "-O", back) == 0 and back.read_bytes() == pdf.read_bytes(), luy.err)
    check("for the owner alone", back.stat().st_mode & 0o077 == 0)
    check("or to the standard output", luy.run("fetch", "destruction", "TH-1", "scan") == 0 and luy.raw == pdf.read_bytes(), luy.err)
    rev = records(luy, "destruction")["TH-1"]["rev"]
    check("the same again changes nothing", luy.run("attach", "destruction", "TH-1", "scan", pdf) == 0 and records(luy, "destruction")["TH-1"]["rev"] == rev, luy.err)
    (folder / "a.exe").write_bytes(b"MZ" + bytes(100))
    check("a program is refused with what would be right", luy.run("attach", "destruction", "TH-1", "scan", folder / "a.exe") == 1 and "docx" in luy.err, luy.err)
    check("a field that holds none, too", luy.run("fetch", "destruction", "TH-1", "minutes") == 1 and "minutes" in luy.err, luy.err)
    check("verify counts it", luy.run("verify") == 0 and "1 documents are whole" in luy.err, luy.err)
    for form in ("csv", "xlsx"):
        sheet = folder / f"destruction.{form}"
        check(f"{form} with a document comes in with no change", luy.run("export", "destruction", "-O", sheet) == 0 and
              luy.run("import", *(["destruction"] if form == "csv" else []), sheet, "-o", "json") == 0 and json.loads(luy.out)["unchanged"] == 1, luy.err + luy.out)
    csv = (folder / "destruction.csv").read_text()
    check("name and SHA-256 stand in the cell", f"{pdf.name} sha256:{hashlib.sha256(pdf.read_bytes()).hexdigest()}" in csv, csv)
    bad = csv.replace("sha256:", "sha256:0", 1)
    check("one that is nowhere is a mistake in its cell", luy.run("import", "destruction", "-", input=bad.encode()) == 1 and "row 2, column scan: " in luy.err, luy.err)
    if "LUY_TEST_STORE" not in os.environ:
        db = sqlite3.connect(folder / "data" / "registry.db", timeout=60)
        db.execute("UPDATE file_chunk SET data = 'QUFB' || SUBSTR(data, 5) WHERE n = 1")
        db.commit()
        db.close()
        check("verify fails on an altered one and says which", luy.run("verify") == 2 and "destruction TH-1 scan" in luy.err and pdf.name in luy.err, luy.err)
        check("which does not go out", luy.run("fetch", "destruction", "TH-1", "scan", "-O", folder / "no.pdf") == 1 and not (folder / "no.pdf").exists(), luy.err)
        check("attached again it is whole", luy.run("attach", "destruction", "TH-1", "scan", pdf) == 0 and luy.run("verify") == 0, luy.err)


with tempfile.TemporaryDirectory(prefix="luy-exchange-") as name:
    folder = pathlib.Path(name)
    luyd = Luyd(LUYD, folder, store=os.environ.get("LUY_TEST_STORE", "sqlite")).start()
    try:
        administrator(luyd)
        luy = Luy(folder, luyd)
        check("luy login", luy.run("login", "admin", "--password-stdin", input=PASSWORD.encode()) == 0, luy.err)
        for part in (several_kinds, out_and_in, from_netbox, wrong_rows, own_mapping, from_phpipam, unit_sheet, cells, limits, documents):
            part(luy, folder)
    finally:
        code, _ = luyd.stop()
    check("luyd stops clean", code == 0, code)
print(f"1..{len(results)}")
sys.exit(0 if all(results) else 1)
