#!/usr/bin/env python3
"""Turns i18n/*.json into one sorted C table. Refuses a key that is defined
twice or lacks a language, naming file and key."""
import json
import pathlib
import sys

folder, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
seen, bad = {}, []
for path in sorted(folder.glob("*.json")):
    for key, texts in json.loads(path.read_text(encoding="utf-8")).items():
        if key in seen:
            bad.append(f"{path.name}: {key} is also in {seen[key][0]}")
        for lang in ("vi", "en"):
            if not texts.get(lang):
                bad.append(f"{path.name}: {key} lacks {lang}")
        seen[key] = (path.name, texts)
if bad:
    sys.exit("\n".join(bad))


def c_text(text):
    return '"' + "".join(
        chr(b) if 32 <= b < 127 and b not in (34, 92) else f"\\{b:03o}" for b in text.encode()) + '"'


lines = ["/* Generated from i18n/ by tools/gen-messages.py. */", '#include "base/msg-int.h"',
         "const struct msg_entry msg_table[] = {"]
for key in sorted(seen, key=lambda k: k.encode()):
    texts = seen[key][1]
    lines.append(f"    {{ {c_text(key)}, {{ {c_text(texts['vi'])}, {c_text(texts['en'])} }} }},")
lines += ["};", f"const size_t msg_table_n = {len(seen)};", ""]
out.write_text("\n".join(lines), encoding="ascii")
