#!/usr/bin/env python3
"""luy journal on real folders: what goes in comes out, byte for byte; wrong
words get a sentence and change nothing. argv: luy-journal, luy-verifier, offline_kit. TAP on stdout."""
import csv
import fcntl
import hashlib
import io
import json
import os
import pathlib
import pty
import random
import shutil
import signal
import subprocess
import sys
import tempfile

PROGRAM, VERIFIER, KIT = sys.argv[1:4]
results = []


def check(title, ok, detail=""):
    results.append(bool(ok))
    print(f"{'ok' if ok else 'not ok'} {len(results)} - {title}", flush=True)
    if not ok:
        print("# " + str(detail).replace("\n", "\n# ")[:2000], flush=True)


def run(*words, data=b""):
    done = subprocess.run([PROGRAM, *map(str, words)], input=data, capture_output=True, check=False, env=dict(os.environ, LANG="en_US.UTF-8"))
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def lines_random(rng, count):
    alphabet = bytes(b for b in range(256) if b != 10)
    for i in range(count):
        if i % 3 == 0:
            yield f"<34>Nov 21 09:30:00 host-{i % 7} sshd[{i}]: Failed password for root from 10.8.{i % 5}.9 port {i} ssh2".encode()
        else:
            yield bytes(rng.choice(alphabet) for _ in range(rng.randrange(120)))


def round_trip(folder):
    rng = random.Random(20261126)
    lines = list(lines_random(rng, 3000))
    code, _, err = run("ingest", "--dir", folder / "j", data=b"\n".join(lines))
    check("lines of any bytes are taken, the last without an end", code == 0 and "3000 lines" in err, err)
    code, out, err = run("export", "--dir", folder / "j")
    check("all come back byte for byte", code == 0 and out == b"".join(line + b"\n" for line in reversed(lines)))
    check("the digest is of what was written", hashlib.sha256(out).hexdigest() in err, err)
    target = folder / "out.json"
    code, _, err = run("export", "--dir", folder / "j", "-o", "json", "--file", target, "program:sshd")
    rows = [json.loads(row) for row in target.read_text(encoding="utf-8").splitlines()]
    check("export as JSON lines into a file", code == 0 and len(rows) == 1000 and rows[0]["program"] == "sshd", err)
    check("and its digest", hashlib.sha256(target.read_bytes()).hexdigest() in err, err)
    code, _, err = run("export", "--dir", folder / "j", "--file", target)
    check("a file that is there is not written over", code == 1 and hashlib.sha256(target.read_bytes()).hexdigest(), err)
    code, out, _ = run("search", "--dir", folder / "j", "program:sshd | count by host", "-o", "csv")
    check("counts", code == 0 and sum(int(row.rsplit(",", 1)[1]) for row in out.decode().splitlines()) == 1000, out)
    code, out, err = run("search", "--dir", folder / "j", "-n", 5, "sshd")
    check("a limit says that there is more", len(out.splitlines()) == 5 and "--limit" in err, err)
    code, out, _ = run("stat", "--dir", folder / "j", "-o", "json")
    check("figures", json.loads(out)["events"] == 3000, out)
    code, _, err = run("ingest", "--dir", folder / "j", data=b"one more\n")
    code, out, _ = run("stat", "--dir", folder / "j", "-o", "json")
    check("a second ingest adds", json.loads(out)["events"] == 3001, out)


def long_lines(folder):
    code, _, err = run("ingest", "--dir", folder / "long", data=b"a" * 300000 + b"\nshort\n" + b"b" * 65536 + b"\n")
    check("a line too long is cut and told", code == 0 and "1 lines were longer" in err, err)
    code, out, _ = run("export", "--dir", folder / "long")
    check("its neighbours are whole", [len(line) for line in out.split(b"\n")] == [65536, 5, 65536, 0], [len(line) for line in out.split(b"\n")])


def line_without_end(folder):
    """A gigabyte without a line feed, then a line: memory stays that of a block."""
    child = subprocess.Popen([PROGRAM, "ingest", "--dir", str(folder / "endless"), "--quiet"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ, LANG="en_US.UTF-8"))
    piece = b"x" * (1 << 20)
    for _ in range(1024):
        child.stdin.write(piece)
    child.stdin.write(b"\nthe next line\n")
    child.stdin.close()
    err = child.stderr.read().decode()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    check("a line of a gigabyte is cut and told", child.returncode == 0 and "1 lines were longer" in err, err)
    check(f"in bounded memory ({used.ru_maxrss // 1024} MB)", used.ru_maxrss < 300 * 1024)
    code, out, _ = run("export", "--dir", folder / "endless")
    check("and the next one is whole", [len(line) for line in out.split(b"\n")] == [13, 65536, 0], [len(line) for line in out.split(b"\n")])


def proven(folder):
    run("ingest", "--dir", folder / "p", data=b"".join(b"<34>Nov 21 09:30:00 h sshd[1]: line %d\n" % i for i in range(5000)))
    code, out, err = run("verify", "--dir", folder / "p", "-o", "json")
    first = json.loads(out)
    check("what was ingested verifies", code == 0 and first["events"] == 5000 and not first["bad"], out + err.encode())
    code, _, err = run("verify", "--dir", folder / "p", "--anchor", "0" * 64)
    check("another anchor is another journal", code == 2, err)
    code, out, err = run("proof", "--dir", folder / "p", "4321")
    proof = folder / "proof.json"
    proof.write_bytes(out)
    done = subprocess.run([VERIFIER, "--anchor", first["anchor"], str(proof)], capture_output=True, check=False, env=dict(os.environ, LANG="en_US.UTF-8"))
    check("a proof passes luy-verifier, which shows the line", done.returncode == 0 and b"line 4320" in done.stdout, done.stdout + done.stderr)
    segment = next((folder / "p").glob("seg-*.luy"))
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    code, out, err = run("verify", "--dir", folder / "p")
    check("a flipped byte is found and its events named", code == 2 and b"5000" in out, out + err.encode())


def data_folder(folder, lines):
    """As luyd leaves it: DATA/journal, DATA/flows, DATA/keys; and the names of its two months that are over."""
    done = subprocess.run([KIT, str(lines)], capture_output=True, check=True)
    journal, flows, keys, both, alone = done.stdout.decode().split()
    for at, name in ((journal, "journal"), (flows, "flows"), (keys, "keys")):
        shutil.move(at, folder / name)
    return folder / "journal", both, alone


def archived(folder):
    folder.mkdir()
    journal, both, alone = data_folder(folder, 3000)
    place = folder / "place"
    code, _, err = run("archive", "--dir", journal, "--to", place)
    check("a place that is not there is told", code == 1 and "There is no folder" in err, err)
    place.mkdir()
    with open(journal / "lock", "wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code, _, err = run("archive", "--dir", journal, "--to", place)
        check("a journal that luyd holds is refused", code == 1 and "lock" in err and not list(place.iterdir()), err)
    if os.geteuid() == 0:
        os.chown(journal, 65534, 65534)
        code, _, err = run("archive", "--dir", journal, "--to", place)
        check("the folder of another account is refused", code == 1 and "another account" in err and not list(place.iterdir()), err)
        os.chown(journal, 0, 0)
    (folder / "keys").rename(folder / "away")
    code, _, err = run("archive", "--dir", journal, "--to", place)
    check("without the ledger's keys nothing is made", code == 1 and "keys" in err and not list(place.iterdir()), err)
    run("ingest", "--dir", folder / "other", data=b"a line\n")
    (folder / "keys").mkdir()
    for name in (folder / "away").glob("head-*"):
        shutil.copy(next((folder / "other" / "keys").glob("head-*")), folder / "keys" / name.name)
    heads = (journal / "heads").read_bytes()
    code, _, err = run("archive", "--dir", journal, "--to", place)
    check("nor with the keys of another", code == 1 and "keys" in err and not list(place.iterdir()) and (journal / "heads").read_bytes() == heads, err)
    shutil.rmtree(folder / "keys")
    (folder / "away").rename(folder / "keys")
    code, out, err = run("archive", "--dir", journal, "--to", place, "-o", "json")
    rows = [json.loads(row) for row in out.splitlines()]
    check("two months are made, oldest first", code == 0 and [row["name"] for row in rows] == [alone, both], (rows, err))
    check("one of flows alone, one of both, whole", [(row["records"], row["flows"], row["whole"]) for row in rows] == [(0, 80, True), (3000, 80, True)], rows)
    code, out, err = run("archive", "--dir", journal, "--to", place)
    check("nothing is made twice", code == 0 and out == b"" and "No month is due" in err, err)
    code, out, err = run("verify", "--dir", journal, "-o", "json")
    check("the journal verifies after it", code == 0 and not json.loads(out)["bad"] and json.loads(out)["flows"] == 240, out)
    in_archive(place / both)


def in_archive(month):
    code, out, err = run("stat", "--dir", month, "-o", "json")
    check("figures of an archive count its flows", json.loads(out)["flows"] == 80 and json.loads(out)["events"] == 3000, out)
    code, out, err = run("search", "--dir", month, "from:flows | count")
    check("flows of an archive are asked", code == 0 and out.split() == [b"80"], (out, err))
    code, out, err = run("search", "--dir", month, "from:flows src:10.0.0.3 | sum bytes by src", "-o", "json")
    row = json.loads(out)
    check("with steps, as JSON", code == 0 and row["src"] == "10.0.0.3" and row["sum_bytes"] > 0, (out, err))
    code, out, err = run("search", "--dir", month, "* | top 1 program", "-o", "csv")
    check("steps over lines too", code == 0 and len(out.splitlines()) == 2, (out, err))
    code, out, err = run("export", "--dir", month, "-o", "csv", "from:flows")
    rows = list(csv.DictReader(io.StringIO(out.decode())))
    check("and written out, with the digest", code == 0 and len(rows) == 80 and rows[0]["src"].startswith("10.0.0.") and hashlib.sha256(out).hexdigest() in err, err)
    code, out, err = run("search", "--dir", month, "-n", 5, "from:flows")
    check("a limit says that there is more flows", len(out.splitlines()) == 5 and "--limit" in err, err)
    code, out, err = run("verify", "--dir", month)
    check("an archive with flows verifies", code == 0 and "80" in err and "160 flows that lie elsewhere" in err, err)
    check("its words say how flows are read", "from:flows" in (month / "README.txt").read_text(encoding="utf-8"))
    flows = next(month.glob("flow-*.lyf"))
    data = bytearray(flows.read_bytes())
    data[len(data) // 2] ^= 1
    flows.chmod(0o600)
    flows.write_bytes(data)
    code, out, err = run("verify", "--dir", month)
    check("a flipped byte of its flows is found and the file named", code == 2 and flows.name.encode() in out, (out, err))
    flows.unlink()
    code, out, err = run("verify", "--dir", month)
    check("a file of flows that is gone is told", code == 2 and flows.name.encode() in out, (out, err))


def stopped_midway(folder):
    """Ctrl-C when a figure of the progress was seen; the next call goes on."""
    folder.mkdir()
    journal, both, alone = data_folder(folder, 60000)
    place = folder / "place"
    place.mkdir()
    master, slave = pty.openpty()
    child = subprocess.Popen([PROGRAM, "archive", "--dir", str(journal), "--to", str(place)], stderr=slave, stdout=subprocess.PIPE, env=dict(os.environ, LANG="en_US.UTF-8"))
    os.close(slave)
    seen = b""
    try:
        while chunk := os.read(master, 4096):
            seen += chunk
            if b"%" in seen and child.poll() is None:
                child.send_signal(signal.SIGINT)
    except OSError:  # the other end is closed
        pass
    child.stdout.close()
    code = child.wait()
    check("progress is shown", b"copied and compared" in seen, seen)
    check("Ctrl-C stops it with a sentence", code == 1 and b"goes on later" in seen and not (place / both).exists(), (code, seen))
    check("what was done stays", (place / f".{both}.part").is_dir(), list(place.iterdir()))
    code, out, err = run("archive", "--dir", journal, "--to", place, "-q")
    check("the next call goes on", code == 0 and both.encode() in out and err == "", (out, err))
    code, out, err = run("verify", "--dir", place / both, "-o", "json")
    check("to a whole archive", code == 0 and json.loads(out)["events"] == 60000, out)


def wrong_words(folder):
    rows = [
        ([], "Usage"),
        (["search", "x"], "--dir"),
        (["search", "--dir", folder / "none", "x"], "Cannot read"),
        (["search", "--dir", folder / "j"], "usage"),
        (["search", "--dir", folder / "j", "host:("], "host:"),
        (["search", "--dir", folder / "j", "(a OR"], ""),
        (["search", "--dir", folder / "j", "-n", "many", "a"], "many"),
        (["search", "--dir", folder / "j", "-o", "xml", "a"], "xml"),
        (["search", "--dir", folder / "j", "--strange", "a"], "--strange"),
        (["search", "--dir"], "--dir"),
        (["export", "--dir", folder / "j", "a | count"], "lines"),
        (["ingest", "--dir", folder / "x", folder / "nothing.txt"], "nothing.txt"),
        (["ingest", "--dir", folder / "x", "--block", "9000"], "9000"),
        (["archive", "--dir", folder / "j"], "--to"),
        (["archive", "--dir", folder / "none", "--to", folder], "Cannot read"),
        (["search", "--dir", folder / "j", "from:flows"], "No flows"),
        (["tidy"], "tidy"),
    ]
    for words, part in rows:
        code, out, err = run(*words)
        check(f"refused: {' '.join(str(w).replace(str(folder), '') for w in words) or 'no word'}", code == 1 and part in err + out.decode(), (code, err))


def main():
    with tempfile.TemporaryDirectory(prefix="luy-offline-") as name:
        folder = pathlib.Path(name)
        round_trip(folder)
        long_lines(folder)
        line_without_end(folder)
        proven(folder)
        archived(folder / "a")
        stopped_midway(folder / "b")
        wrong_words(folder)
    print(f"1..{len(results)}")
    sys.exit(0 if all(results) else 1)


main()
