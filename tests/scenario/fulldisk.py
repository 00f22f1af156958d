"""A full disk under the registry, on both engines: a spreadsheet goes in whole
or not at all, the sentence says why, and with room again it goes in.

The disks are small ones in memory, in a mount namespace of their own: this file
is run again inside it, and its TAP is taken over."""
import argparse
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "demo"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import pg
import tap
import wire
import world

ROWS = 3000


def run(args, folder):
    if not world.Watched.namespaces():
        for engine in ("SQLite", "PostgreSQL, its tables", "PostgreSQL, all of it"):
            tap.skip(f"full disk: {engine}", "a small disk of its own needs root and a mount namespace")
        return
    folder.mkdir()
    inside = subprocess.run([*world.UNSHARE, sys.executable, __file__, "--build", str(args.build), "--folder", str(folder)],
                            capture_output=True, text=True, check=False)
    repeat(inside.stdout)
    tap.check("full disk: the test itself ran to its end", inside.returncode == 0 and "1.." in inside.stdout, inside.stdout + inside.stderr)


def repeat(text):
    """Its results as ours."""
    lines = text.splitlines()
    for i, line in enumerate(lines):
        found = re.fullmatch(r"(not )?ok \d+ - (.*?)( # SKIP (.*))?", line)
        if found and found[3]:
            tap.skip(found[2], found[4])
        elif found:
            said = []
            for more in lines[i + 1:]:
                if not more.startswith("#"):
                    break
                said.append(more[2:])
            tap.check(found[2], found[1] is None, "\n".join(said))


# ---- inside ----

def disk(path, size):
    path.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "luy-small", str(path)], check=True)
    return path


def fill(path, leave):
    """A file that takes all but `leave` bytes of the disk."""
    room = os.statvfs(path).f_bavail * os.statvfs(path).f_frsize
    with open(path / "ballast", "wb") as f:
        os.posix_fallocate(f.fileno(), 0, max(room - leave, 4096))


def sheet(tag):
    rows = "".join(f"{tag}-{n:05d},Đơn vị thứ {n} của bảng tính dài {'x' * 80},commune\n" for n in range(ROWS))
    return ("code,name,tier\n" + rows).encode()


def counts(api):
    report = api.get("/registry/verify")
    return api.get("/registry/counts")["unit"]["total"], report["rows"], report["bad_seq"]


def case(title, luyd, small, accepted, heal=None):
    """The sheet meets the end of the disk; then there is room again."""
    luyd.start()
    try:
        api = wire.session(luyd)
        tap.equal(f"{title}: a unit goes in before", api.post("/unit", {"code": "TRUOC", "name": "Trước", "tier": "province"})[0], 201)
        before = counts(api)
        fill(small, 1 << 20)
        status, body = api.call("POST", "/api/v1/unit/import", sheet("DAY"), kind="text/csv")
        tap.check(f"{title}: the sheet is refused with a reason", status in accepted and len(body["detail"]) > 20, (status, body))
        tap.note(f"{title}: {status}, {body['detail']}" if isinstance(body, dict) else str(body)[:200])
        document(title, api, accepted)
        tap.equal(f"{title}: luyd is there", luyd.child.poll(), None)
        (small / "ballast").unlink()
        if heal:
            heal()
        world.until(120, lambda: api.call("GET", "/api/v1/health")[0] == 200)
        tap.equal(f"{title}: none of its rows went in, and the chain is whole", counts(api), before)
        status, body = api.call("POST", "/api/v1/files?name=a.pdf", b"%PDF-1.7\n", kind="application/pdf")
        tap.equal(f"{title}: with room a document goes in", (status, api.get("/registry/verify")["files_bad"]), (201, 0))
        status, body = api.call("POST", "/api/v1/unit/import", sheet("DAY"), kind="text/csv")
        tap.equal(f"{title}: with room it goes in", status, 200)
        units, rows, bad = counts(api)
        tap.equal(f"{title}: all of it, and the chain is whole", (units, rows >= before[1] + ROWS, bad), (before[0] + ROWS, True, 0))
    finally:
        tap.equal(f"{title}: stops clean", luyd.stop(), 0)


def document(title, api, accepted):
    """What does not fit is refused whole, before there is room again."""
    random = b"%PDF-1.7\n" + os.urandom(6 << 20)  # a refused body is read to its end up to 8 MiB
    status, body = api.call("POST", "/api/v1/files?name=bien-ban.pdf", random, kind="application/pdf")
    tap.check(f"{title}: a document is refused with a reason", status in accepted and len(body["detail"]) > 20, (status, body))


def luyd_at(build, data, *settings):
    data.parent.mkdir(parents=True, exist_ok=True)
    return world.Luyd(build, data, 0, ["journal_reserve = 0", *settings])


def sqlite(build, folder):
    small = disk(folder / "sqlite" / "data", "20m")
    case("full disk, SQLite", luyd_at(build, small), small, (507,))


def tables(build, folder):
    small = disk(folder / "space", "64m")
    with pg.Server() as server:
        (small / "t").mkdir()
        pg.own(small / "t", server.who)
        server.sql(f"CREATE TABLESPACE small LOCATION '{small}/t'")
        server.sql("CREATE DATABASE luy TABLESPACE small")
        case("full disk, PostgreSQL's tables", luyd_at(build, folder / "tables" / "data", f"store = {server.url('luy')}"), small, (507,))


def whole(build, folder):
    """The server cannot write its log either, so it may end; an operator who makes room starts it again."""
    small = disk(folder / "whole", "224m")
    os.chmod(small, 0o777)
    with pg.Server(quick=False, data=str(small / "data")) as server:
        server.sql("CREATE DATABASE luy")

        def heal():
            if server.proc.poll() is not None:
                tap.note("full disk, PostgreSQL: the server had ended")
                server.start()

        case("full disk, all of PostgreSQL", luyd_at(build, folder / "all" / "data", f"store = {server.url('luy')}"), small, (503, 507), heal)


def inside():
    options = argparse.ArgumentParser()
    options.add_argument("--build", type=pathlib.Path, required=True)
    options.add_argument("--folder", type=pathlib.Path, required=True)
    args = options.parse_args()
    tap.part("sqlite", sqlite, args.build, args.folder)
    if pg.available():
        tap.part("tables", tables, args.build, args.folder)
        tap.part("whole", whole, args.build, args.folder)
    else:
        tap.skip("full disk, PostgreSQL", "PostgreSQL 15 is not installed")
    tap.close()


if __name__ == "__main__":
    inside()
