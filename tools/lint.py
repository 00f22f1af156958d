#!/usr/bin/env python3
"""Promises that a compiler does not check, as TAP: includes point down, every
message exists in both languages and is used, the status table names tests
that exist, the code has the house's look."""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# folder -> folders whose headers it may include (ARCHITECTURE.md, "The house")
LAYERS = {
    "base": [],
    "vault": ["base"],
    "registry": ["base", "vault"],
    "intake": ["base", "vault"],
    "journal": ["base", "vault", "intake"],
    "relay": ["base", "vault", "intake", "journal"],
    "judge": ["base", "vault", "registry", "intake", "journal"],
    "api": ["base", "vault", "registry", "intake", "journal", "judge"],
    "daemon": ["base", "vault", "registry", "intake", "journal", "relay", "judge", "api"],
    "cli": ["base"],
    "offline": ["base", "vault", "intake", "journal"],
    "verifier": [],
}
# daemon/pipeline.c alone may include all three of these
MEET = {"intake/intake.h", "journal/journal.h", "judge/judge.h"}


def sources(*suffixes):
    return [p for p in sorted((ROOT / "src").rglob("*")) if p.suffix in suffixes]


def rel(path):
    return path.relative_to(ROOT)


def check_layers():
    bad = []
    for path in sources(".c", ".h"):
        module = path.relative_to(ROOT / "src").parts[0]
        found = re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(encoding="utf-8"), re.M)
        for inc in found:
            folder = inc.split("/")[0]
            if folder in LAYERS and folder != module and folder not in LAYERS[module]:
                bad.append(f"{rel(path)} includes {inc}: {module}/ may know only {', '.join(LAYERS[module]) or 'nothing'}")
    return bad


def catalogue():
    keys = {}
    for path in sorted((ROOT / "i18n").glob("*.json")):
        for key, texts in json.loads(path.read_text(encoding="utf-8")).items():
            keys[key] = (path, texts)
    return keys


KEY = re.compile(r'"((?:base|yaml|json|vault|registry|schema|store|intake|journal|query|relay|judge|pack|sigma|api|daemon|config|cli|offline)\.[a-z0-9_.]+)"')
# A key that is put together: "config.help." #name, "base.errno.%s".
HEAD = re.compile(r'"((?:[a-z]+\.)+(?:[a-z_]+\.)*)(?:%s)?"')
NOT_KEYS = re.compile(r"\.(h|c|db|conf|pem|crt|key|yaml|yml|json|sock|log|tmp|gen|csv)$")


def check_messages():
    keys = catalogue()
    used, prefixes = set(), set()
    bad = []
    for path in sources(".c", ".h"):
        if path.name.endswith(("_test.c", "_fuzz.c", "_bench.c")):
            continue
        text = path.read_text(encoding="utf-8")
        prefixes.update(HEAD.findall(text))
        for key in KEY.findall(text):
            if NOT_KEYS.search(key) and key not in keys:
                continue
            used.add(key)
            if key not in keys and not key.endswith("."):
                bad.append(f"{rel(path)} uses {key}, which no file of i18n/ has")
    for key, (path, texts) in keys.items():
        for lang in ("vi", "en"):
            if not texts.get(lang, "").strip():
                bad.append(f"{rel(path)}: {key} lacks {lang}")
        if set(re.findall(r"\{\d\}", texts.get("vi", ""))) != set(re.findall(r"\{\d\}", texts.get("en", ""))):
            bad.append(f"{rel(path)}: {key} has other arguments in vi than in en")
        if key not in used and not key.startswith(tuple(prefixes)):
            bad.append(f"{rel(path)}: {key} is used nowhere")
    return bad


def test_names():
    names = set()
    for path in [ROOT / "tests" / "meson.build", *(ROOT / "src").rglob("meson.build"), *(ROOT / "tests").rglob("meson.build")]:
        text = path.read_text(encoding="utf-8")
        names.update(re.findall(r"test\(\s*'([^']+)'", text))
        names.update(re.findall(r"\['([a-z0-9_/-]+)',", text))
        for items, prefix in re.findall(r"foreach t : \[([^\]]*)\]\s*(?:exe = executable\([^()]*\)\s*)?test\('([^']+)' \+ t", text):
            names.update(prefix + item for item in re.findall(r"'([^']+)'", items))
    names.update(f"scenario/{p.stem}" for p in (ROOT / "tests" / "scenario").glob("*.py"))
    names.update(p.parent.name for p in (ROOT / "tests").glob("*/run.py"))
    names.update(f"e2e/{p.stem}" for p in (ROOT / "tests" / "e2e").glob("*.mjs"))
    names.update(f"daemon/{p.stem}" for p in (ROOT / "src" / "daemon").glob("*_test.py"))
    return names


def check_status():
    path = ROOT / "docs" / "status.md"
    bad, rows, names = [], 0, test_names()
    for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if not line.startswith("|") or len(cells) != 5 or cells[0] in ("capability",) or set(cells[0]) <= set("-: "):
            continue
        rows += 1
        if cells[2] not in ("works", "partly", "not yet"):
            bad.append(f"docs/status.md:{n}: '{cells[2]}' is none of works, partly, not yet")
        tests = re.findall(r"`([^`]+)`", cells[4])
        if cells[2] != "not yet" and not tests:
            bad.append(f"docs/status.md:{n}: {cells[0]} says {cells[2]} and names no test")
        for test in tests:
            if test not in names:
                bad.append(f"docs/status.md:{n}: no test is named {test}")
    if rows < 60:
        bad.append(f"docs/status.md has only {rows} rows")
    return bad


def check_format():
    files = [str(p) for p in sources(".c", ".h")]
    out = subprocess.run(["clang-format", "--dry-run", "-Werror", *files], capture_output=True, text=True, check=False)
    return sorted({line.split(":")[0] + " is not in the house's format: make format"
                   for line in out.stderr.splitlines() if "error:" in line})


def check_unfinished():
    bad = []
    for path in sources(".c", ".h") + sorted((ROOT / "web" / "src").rglob("*.ts*")):
        for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
                bad.append(f"{rel(path)}:{n}: {line.strip()[:80]}")
    return bad


def check_pipeline():
    bad = []
    for path in sources(".c"):
        found = set(re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(encoding="utf-8"), re.M))
        if MEET <= found and rel(path) != pathlib.Path("src/daemon/pipeline.c"):
            bad.append(f"{rel(path)}: intake, journal and judge meet in src/daemon/pipeline.c only")
    return bad


def check_manual():
    page = (ROOT / "man" / "luyd.8").read_text(encoding="utf-8")
    options = re.findall(r"^    O\((\w+),", (ROOT / "src" / "daemon" / "config.c").read_text(encoding="utf-8"), re.M)
    words = re.findall(r'\{ "--([a-z-]+)"', (ROOT / "src" / "daemon" / "main.c").read_text(encoding="utf-8"))
    bad = [f"man/luyd.8 lacks the option {name}" for name in options if not re.search(rf"^\.B {name}\b", page, re.M)]
    bad += [f"man/luyd.8 lacks --{word}" for word in words if "\\-\\-" + word.replace("-", "\\-") not in page]
    conf = (ROOT / "etc" / "luyd.conf").read_text(encoding="utf-8")
    bad += [f"etc/luyd.conf lacks {name}" for name in options if not re.search(rf"^#?\s*{name}\s*=", conf, re.M)]
    return bad


CHECKS = [
    ("includes point down", check_layers),
    ("intake, journal and judge meet in one place", check_pipeline),
    ("messages are whole, used and known", check_messages),
    ("the status table is honest", check_status),
    ("the manual and the commented configuration know every option", check_manual),
    ("format", check_format),
    ("nothing is left unfinished in the code", check_unfinished),
]
failed = 0
print(f"1..{len(CHECKS)}")
for number, (title, check) in enumerate(CHECKS, 1):
    problems = check()
    failed += bool(problems)
    print(f"{'not ok' if problems else 'ok'} {number} - {title}")
    for problem in problems[:200]:
        print(f"# {problem}")
sys.exit(1 if failed else 0)
