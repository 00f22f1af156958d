#!/usr/bin/env python3
"""A real luyd on a data folder with months that are over; TAP on stdout.

    archive_test.py PATH_OF_LUYD PATH_OF_OFFLINE_KIT PATH_OF_LUY_JOURNAL

It archives lines and flows to another file system, lists and records them, lets age take only what is archived, and
what it made verifies and is asked without it.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))
from luyd import ENV, PASSWORD, Api, Luyd, administrator, check, equal, finish, until  # noqa: E402 - it lies there

LUYD, KIT, JOURNAL = (pathlib.Path(p).resolve() for p in sys.argv[1:4])
MEMORY = pathlib.Path("/dev/shm")


def flows_of(api):
    api.call("GET", "/query?query=" + urllib.parse.quote("from:flows | count"))
    return api.body["rows"][0][0]


def asked(api, text, more=""):
    code = api.call("GET", "/query?query=" + urllib.parse.quote(text) + more)
    return (code, api.body["rows"], api.body["stats"].get("absent", [])) if code == 200 else (code, api.body)


def luy_journal(*words):
    done = subprocess.run([JOURNAL, *map(str, words)], env=ENV, capture_output=True, check=False)
    return done.returncode, done.stdout


def archives(luyd, both, place):
    """The first run: two months are copied, though age would take all of their flows at once."""
    luyd.start()
    check("both months are made", until(60, lambda: (place / both / "manifest.json").exists()), luyd.log())
    api = administrator(luyd)
    check("and known", until(60, lambda: api.call("GET", "/journal/archives") == 200 and len(api.body["items"]) == 2 and api.body["waiting_segments"] == 0), api.body)
    equal("with their flows, none lost", ([(i["records"], i["flows"], i["flow_files"], i["present"]) for i in api.body["items"]], api.body["lost_segments"]),
          ([(500, 80, 1, True), (0, 80, 1, True)], 0))
    check("they are recorded", until(60, lambda: api.call("GET", "/log_archive") == 200 and len(api.body["items"]) == 2), api.body)
    equal("whole, with their flows", [(i["whole"], i["flows"]) for i in api.body["items"]], [(True, 80)] * 2)
    equal("lines are found in them", asked(api, "from:archive | count"), (200, [[500]], []))
    here = asked(api, "from:logs | fields seq, host, raw", "&before=501&limit=600")
    check("as in the journal", asked(api, "from:archive | fields seq, host, raw", "&limit=600") == here and len(here[1]) == 500, here)
    (place / both).rename(place / "away")
    equal("one that is away is named", asked(api, "from:archive | count")[::2], (200, [both]))
    (place / "away").rename(place / both)
    equal("luyd ends", luyd.stop()[0], 0)


def age(luyd):
    """The next run finds them archived, and age takes them at its first look."""
    luyd.start()
    api = Api(luyd)
    equal("login", api.login("admin", PASSWORD), 200)
    check("age has taken what is archived", until(60, lambda: flows_of(api) == 80), flows_of(api))
    equal("the journal verifies", (api.call("GET", "/journal/verify"), api.body["bad"], api.body["flows_deleted"]), (200, False, 160))
    equal("luyd ends again", luyd.stop()[0], 0)


def alone(place, names):
    for name, events in names:
        code, out = luy_journal("verify", "--dir", place / name, "-o", "json")
        found = json.loads(out)
        equal(f"an archive of {events} lines verifies alone", (code, found["bad"], found["events"], found["flows"]), (0, False, events, 80))


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="luyd-archive-"))
    if not MEMORY.is_dir() or MEMORY.stat().st_dev == folder.stat().st_dev:
        print("1..0 # SKIP no second file system")
        return
    place = pathlib.Path(tempfile.mkdtemp(prefix="luyd-archive-", dir=MEMORY))
    luyd = Luyd(LUYD, folder / "luyd", archive_dir=f'"{place}"', flow_retention_days=1)
    luyd.data.mkdir()
    journal, flows, keys, both, before = subprocess.run([KIT, "500"], capture_output=True, check=True, text=True).stdout.split()
    for at, name in ((journal, "journal"), (flows, "flows"), (keys, "keys")):
        shutil.move(at, luyd.data / name)
    try:
        archives(luyd, both, place)
        age(luyd)
        alone(place, ((both, 500), (before, 0)))
    finally:
        luyd.end()
        shutil.rmtree(place, ignore_errors=True)
    finish(folder)


main()
