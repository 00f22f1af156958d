#!/usr/bin/env python3
"""luy journal on real folders: what goes in comes out, byte for byte; wrong
words get a sentence and change nothing. argv: luy-journal, luy-verifier. TAP on stdout."""
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

PROGRAM, VERIFIER = sys.argv[1:3]
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
        wrong_words(folder)
    print(f"1..{len(results)}")
    sys.exit(0 if all(results) else 1)


main()
