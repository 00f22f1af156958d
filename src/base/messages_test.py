#!/usr/bin/env python3
"""TAP: tools/gen-messages.py refuses what would leave a user without a text,
names file and key, and tells all mistakes in one pass."""
import pathlib
import subprocess
import sys
import tempfile

GEN = pathlib.Path(__file__).resolve().parents[2] / "tools" / "gen-messages.py"
GOOD = '{"a.b": {"vi": "Tệp {0}??/ \\"x\\"", "en": "File {0}"}}'
CASES = [
    ("good", {"a.json": GOOD}, None),
    ("no English", {"a.json": '{"a.b": {"vi": "x"}}'}, ["a.json: a.b lacks en"]),
    ("empty Vietnamese", {"a.json": '{"a.b": {"vi": "", "en": "x"}}'}, ["a.json: a.b lacks vi"]),
    ("twice in two files", {"a.json": GOOD, "b.json": GOOD}, ["b.json: a.b is also in a.json"]),
    ("twice in one file", {"a.json": GOOD[:-1] + "," + GOOD[1:]}, ["a.json: the key a.b is there twice"]),
    ("other placeholders", {"a.json": '{"a.b": {"vi": "{0}", "en": "{1}"}}'}, ["a.json: a.b has other placeholders"]),
    ("no JSON, and a second mistake", {"a.json": "{", "b.json": '{"c.d": {"en": "x"}}'}, ["a.json: ", "b.json: c.d lacks vi"]),
]


def run(files):
    with tempfile.TemporaryDirectory() as tmp:
        folder = pathlib.Path(tmp)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        out, dep = folder / "out.c", folder / "out.d"
        done = subprocess.run([sys.executable, GEN, folder, out, dep], capture_output=True, text=True, check=False)
        return done, out.read_text() if out.exists() else "", dep.read_text() if dep.exists() else ""


def good(files, complaints):
    done, table, dep = run(files)
    if complaints is None:
        return done.returncode == 0 and '{ "a.b", ' in table and "a.json" in dep and "??" not in table
    return done.returncode != 0 and not table and all(c in done.stderr for c in complaints)


print(f"1..{len(CASES)}")
for i, (name, files, complaints) in enumerate(CASES, 1):
    print("ok" if good(files, complaints) else "not ok", i, "-", name)
