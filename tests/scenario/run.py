#!/usr/bin/env python3
"""The main job from end to end, without a screen, on real daemons; TAP on stdout.

    tests/scenario/run.py --build build/release [--e2e]

A province is declared, luyd starts, a real sshd and rsyslogd make lines, and
what Lũy says of them is compared with what is known to be true. With --e2e the
browser tests then run against the same luyd.
"""
import argparse
import os
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "demo"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import crash
import demo
import fulldisk
import shared
import tap
import wire


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--build", type=pathlib.Path, required=True)
    options.add_argument("--e2e", action="store_true")
    options.add_argument("--keep", action="store_true", help="keep the folder with data and logs")
    args = options.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="luy-scenario-"))
    os.chmod(folder, 0o755)
    try:
        for part in (demo, wire, crash, shared, fulldisk):
            tap.part(part.__name__, part.run, args, folder / part.__name__)
    finally:
        if args.keep or not all(tap.results):
            tap.note(f"data and logs stay in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    tap.close()


main()
