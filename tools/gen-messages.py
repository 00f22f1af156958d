#!/usr/bin/env python3
"""gen-messages.py I18N OUT [DEPFILE]: turns i18n/*.json into one sorted C
table. Refuses a file that is no JSON, a key that is defined twice, lacks a
language, or has other placeholders in one language than in the other; all
mistakes are told in one pass, by file and key."""
import json
import pathlib
import re
import sys

LANGS = ("vi", "en")
PLACEHOLDER = re.compile(r"\{[0-9e]\}")


def once(pairs):
    """json.loads keeps the last of two equal keys; a catalogue must not have two."""
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1 and isinstance(dict(pairs)[name], dict):
            raise ValueError(f"the key {name} is there twice")
    return dict(pairs)


def read(folder):
    seen, bad = {}, []
    for path in sorted(folder.glob("*.json")):
        try:
            entries = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=once)
        except ValueError as err:
            bad.append(f"{path.name}: {err}")
            continue
        for key, texts in entries.items():
            if key in seen:
                bad.append(f"{path.name}: {key} is also in {seen[key][0]}")
            missing = [lang for lang in LANGS if not texts.get(lang)]
            bad += [f"{path.name}: {key} lacks {lang}" for lang in missing]
            marks = {frozenset(PLACEHOLDER.findall(texts.get(lang, ""))) for lang in LANGS}
            if not missing and len(marks) > 1:
                bad.append(f"{path.name}: {key} has other placeholders in vi than in en")
            seen[key] = (path.name, texts)
    return seen, bad


def c_text(text):
    return '"' + "".join(
        chr(b) if 32 <= b < 127 and b not in (34, 92, 63) else f"\\{b:03o}" for b in text.encode()) + '"'


def table(seen):
    lines = ["/* Generated from i18n/ by tools/gen-messages.py. */", '#include "base/msg-int.h"',
             "const struct msg_entry msg_table[] = {"]
    for key in sorted(seen, key=lambda k: k.encode()):
        texts = seen[key][1]
        lines.append(f"    {{ {c_text(key)}, {{ {c_text(texts['vi'])}, {c_text(texts['en'])} }} }},")
    return "\n".join(lines + ["};", f"const size_t msg_table_n = {len(seen)};", ""])


def main():
    folder, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    seen, bad = read(folder)
    if bad:
        sys.exit("\n".join(bad))
    out.write_text(table(seen), encoding="ascii")
    if len(sys.argv) > 3:
        deps = [folder, *sorted(folder.glob("*.json"))]
        escaped = " ".join(str(d).replace(" ", "\\ ") for d in deps)
        pathlib.Path(sys.argv[3]).write_text(f"{sys.argv[2]}: {escaped}\n", encoding="utf-8")


main()
