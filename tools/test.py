#!/usr/bin/env python3
"""Runs every test and closes with the counts.

A step is a command whose result is TAP on stdout or a Meson test run; each
step says what it counted. Steps can be named on the command line to run only
those: tools/test.py lint unit
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parent.parent
JOBS = os.environ.get("LUY_JOBS", str(os.cpu_count() or 2))


class Counts:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def run(command, log, **env):
    with open(log, "w", encoding="utf-8") as out:
        return subprocess.run(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                              env=dict(os.environ, **env), check=False).returncode


def show_tail(log, lines=60):
    text = pathlib.Path(log).read_text(encoding="utf-8", errors="replace").splitlines()
    print("\n".join("    " + line for line in text[-lines:]))


def count_tap(text):
    """The counts; of each failure the line, and what stands below it as the reason."""
    counts, reasons = Counts(), 0
    for line in text.splitlines():
        reasons -= 1
        if reasons > 0 and line.startswith("#"):
            print("    " + line[:1000])
        if re.match(r"not ok\b", line):
            counts.failed += 1
            reasons = 8
            print("    " + line)
        elif re.match(r"ok\b", line):
            if re.search(r"#\s*skip", line, re.I):
                counts.skipped += 1
                print("    " + line)
            else:
                counts.passed += 1
    return counts


def tap(name, command, **env):
    log = ROOT / "build" / f"{name}.log"
    code = run(command, log, **env)
    counts = count_tap(log.read_text(encoding="utf-8", errors="replace"))
    if code != 0 and counts.failed == 0:
        counts.failed = 1
    if counts.passed + counts.failed + counts.skipped == 0:
        print(f"    {name}: no test ran")
        counts.failed = 1
    if counts.failed:
        show_tail(log)
    return counts


# What runs on more than one thread, or shares memory with another process.
THREADED = ["base/err", "base/file", "vault/vault", "registry/store", "registry/threads", "intake/net", "intake/tls", "intake/fault",
            "journal/journal", "journal/thread", "journal/flow_guest", "journal/ch_feed", "relay/flows", "judge/threads", "judge/effect", "api/auth", "daemon/luyd"]


# The engine itself under the sanitizers; what stands on it has been there with SQLite.
ON_POSTGRESQL = ["registry/store-pg", "registry/foreign-pg", "registry/registry-pg", "registry/personal-pg", "registry/move-pg"]


# tests, targets: what alone is compiled; else everything.
BUILDS = {
    "release": {},
    "asan": {"options": ["-Db_sanitize=address,undefined"]},
    "tsan": {"options": ["-Db_sanitize=thread"], "tests": THREADED},
    "fuzz": {"options": ["-Dfuzz=true", "-Db_sanitize=address,undefined"], "CC": "clang", "targets": ["fuzzers"]},
}


def targets_of(folder, build):
    """What Ninja is asked for: the named targets, or the files that the named tests depend on."""
    if "tests" not in build:
        return build.get("targets", [])
    subprocess.run(["ninja", "-C", str(folder), "build.ninja"], stdout=subprocess.DEVNULL, check=True)  # what Meson knows, as of now
    info = folder / "meson-info"
    files = {t["id"]: t["filename"] for t in json.loads((info / "intro-targets.json").read_text(encoding="utf-8"))}
    tests = [t for t in json.loads((info / "intro-tests.json").read_text(encoding="utf-8")) if t["name"] in build["tests"]]
    missing = set(build["tests"]) - {t["name"] for t in tests}
    if missing:
        raise LookupError(f"no test named {', '.join(sorted(missing))}")
    return sorted({os.path.relpath(f, folder) for t in tests for d in t["depends"] for f in files[d]})


def compile_in(name, jobs):
    """Configure and compile one of BUILDS; true when it stands."""
    folder = ROOT / "build" / name
    log = ROOT / "build" / f"{name}.log"
    build = BUILDS[name]
    env = {"CC": build["CC"]} if "CC" in build else {}
    if not (folder / "build.ninja").exists():
        if run(["meson", "setup", str(folder), "-Dwerror=true", *build.get("options", [])], log, **env):
            return False
    return run(["nice", "-n", "10", "ninja", f"-j{jobs}", "-C", str(folder), *targets_of(folder, build)], log) == 0


class Ahead:
    """Compiles what later steps need while the earlier ones wait for browsers and
    daemons: one build after the other, on one core, behind everything else."""

    def __init__(self):
        self.threads = {}

    def start(self, names):
        before = None
        for name in names:
            thread = threading.Thread(target=self.one, args=(name, before), daemon=True)
            self.threads[name] = before = thread
            thread.start()

    @staticmethod
    def one(name, before):
        if before:
            before.join()
        compile_in(name, 1)

    def wait(self, name):
        if name in self.threads:
            self.threads[name].join()


AHEAD = Ahead()


def meson(name, names=()):
    """Compile, run; counts come from the JUnit file that Meson writes."""
    folder = ROOT / "build" / name
    log = ROOT / "build" / f"{name}.log"
    AHEAD.wait(name)
    if not compile_in(name, JOBS):
        show_tail(log)
        return failure()
    report = folder / "meson-logs" / "testlog.junit.xml"
    report.unlink(missing_ok=True)
    # The limits are for hangs, not for slow machines.
    command = ["meson", "test", "-C", str(folder), "--no-rebuild", "--print-errorlogs", "--num-processes", JOBS, "--timeout-multiplier", "4"]
    command += names
    code = run(command, log)
    counts = Counts()
    if report.exists():
        for case in ET.parse(report).getroot().iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                counts.failed += 1
                print(f"    failed: {case.get('classname')} {case.get('name')}")
            elif case.find("skipped") is not None:
                counts.skipped += 1
                print(f"    skipped: {case.get('classname')} {case.get('name')}")
            else:
                counts.passed += 1
    if code != 0 and counts.failed == 0:
        counts.failed = 1
    if counts.failed:
        show_tail(log, 150)
    return counts


def failure():
    counts = Counts()
    counts.failed = 1
    return counts


def web():
    log = ROOT / "build" / "web.log"
    if run(["tools/build-web"], log):
        show_tail(log)
        return failure()
    return tap("web-unit", ["npm", "--prefix", "web", "run", "--silent", "test"])


STEPS = [
    ("lint", lambda: tap("lint", ["python3", "tools/lint.py"])),
    ("unit", lambda: meson("release")),
    ("web", web),
    ("scenario", lambda: tap("scenario", ["python3", "tests/scenario/run.py", "--build", "build/release", "--e2e"])),
    ("flows", lambda: tap("flows", ["python3", "tests/flows/run.py", "--build", "build/release"])),
    ("clickhouse", lambda: tap("clickhouse", ["python3", "tests/clickhouse/run.py", "--build", "build/release"])),
    ("asan", lambda: meson("asan", names=["--no-suite", "pg"])),
    ("asan-pg", lambda: meson("asan", names=ON_POSTGRESQL)),
    ("scenario-asan", lambda: tap("scenario-asan", ["python3", "tests/scenario/run.py", "--build", "build/asan"])),
    ("tsan", lambda: meson("tsan", names=THREADED)),
    ("fuzz", lambda: AHEAD.wait("fuzz") or tap("fuzz-run", ["tools/fuzz", os.environ.get("LUY_FUZZ_SECONDS", "4"), "1"])),
]


def main():
    (ROOT / "build").mkdir(exist_ok=True)
    wanted = sys.argv[1:]
    unknown = [w for w in wanted if w not in dict(STEPS)]
    if unknown:
        sys.exit(f"no step named {', '.join(unknown)}; there are: {', '.join(dict(STEPS))}")
    total = Counts()
    for name, step in STEPS:
        if wanted and name not in wanted:
            continue
        print(f"{name} ...", flush=True)
        start = time.monotonic()
        counts = step()
        print(f"{name}: {counts} ({time.monotonic() - start:.0f} s)", flush=True)
        total.add(counts)
        if name == "unit" and not wanted:
            AHEAD.start(["asan", "tsan", "fuzz"])
    print(total)
    sys.exit(1 if total.failed or total.passed == 0 else 0)


main()
