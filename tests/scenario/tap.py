"""TAP for the scenario: check(), skip(), and the plan at the end."""
import sys
import traceback

results = []


def check(title, ok, detail=""):
    results.append(bool(ok))
    print(f"{'ok' if ok else 'not ok'} {len(results)} - {title}", flush=True)
    if not ok:
        for line in str(detail).splitlines()[:40]:
            print(f"# {line}", flush=True)
    return bool(ok)


def equal(title, got, want):
    return check(title, got == want, f"got  {got!r}\nwant {want!r}")


def skip(title, why):
    results.append(True)
    print(f"ok {len(results)} - {title} # SKIP {why}", flush=True)


def note(text):
    print(f"# {text}", flush=True)


def part(title, function, *args):
    """One part of the scenario; an exception is a failed test, the rest goes on."""
    try:
        return function(*args)
    except Exception:
        check(title, False, traceback.format_exc())
        return None


def close():
    print(f"1..{len(results)}")
    sys.exit(0 if results and all(results) else 1)
