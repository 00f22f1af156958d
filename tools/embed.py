#!/usr/bin/env python3
"""A text file as a C array of its name, with a NUL at its end: embed.py pg_setup.sql pg_setup.sql.h"""
import pathlib
import sys

source, target = map(pathlib.Path, sys.argv[1:])
data = source.read_bytes() + b"\0"
name = source.name.replace(".", "_")
rows = (", ".join(str(b) for b in data[i:i + 24]) for i in range(0, len(data), 24))
target.write_text(f"static const unsigned char {name}[] = {{\n" + ",\n".join(rows) + "};\n", encoding="ascii")
