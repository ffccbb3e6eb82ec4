#!/usr/bin/env python3
"""Usage: sdk/abi/freeze.py <version>: keeps the SDK as it is now in sdk/abi/<version>/.

Copies the headers and the CMake function, and writes layout.inc: the size and every field's offset
of each struct, and the value of each constant, as this machine's C compiler sees them. To be run
once for a release; the plugins beside the copy are written by hand and never changed.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SDK = pathlib.Path(__file__).resolve().parent.parent
HEADERS = ["abi", "plugin", "state", "dex", "market", "strategy", "paymaster"]


def text_of(header):
    text = (SDK / "include/gantry" / f"{header}.h").read_text()
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def structs_of(text):
    for body, name in re.findall(r"typedef struct \w+ \{(.*?)\n\} (\w+);", text, flags=re.S):
        flat = re.sub(r"\s+", " ", body)
        flat = re.sub(r"\(\*(\w+)\)\s*\([^;]*\)", r"\1", flat)  # a function is its name
        fields = [re.search(r"(\w+)(\[[^\]]*\])?$", part.strip()).group(1)
                  for part in flat.split(";") if part.strip()]
        yield name, fields


def constants_of(text):
    for body in re.findall(r"enum \{(.*?)\}", text, flags=re.S):
        for name in re.findall(r"(GANTRY_\w+)\s*=", body):
            yield name
    for name in re.findall(r"#define (GANTRY_(?:\w+_MAX|PLUGIN_REVISION|PLUGIN_MAGIC|NO_OFFSET|"
                           r"OWN_STATE))\b(?!\()", text):
        yield name


def program():
    lines = ["#include <stddef.h>", "#include <stdio.h>"]
    lines += [f'#include "gantry/{header}.h"' for header in HEADERS]
    lines.append("int main(void) {")
    for header in HEADERS:
        text = text_of(header)
        for name, fields in structs_of(text):
            lines.append(f'printf("STRUCT({name}, %zu)\\n", sizeof({name}));')
            for field in fields:
                lines.append(
                    f'printf("FIELD({name}, {field}, %zu, %zu)\\n", offsetof({name}, {field}), '
                    f'sizeof((({name}*)0)->{field}));')
        for name in constants_of(text):
            lines.append(f'printf("CONSTANT({name}, %lldLL)\\n", (long long){name});')
    return "\n".join(lines + ["return 0;", "}"])


def main():
    target = SDK / "abi" / sys.argv[1]
    for folder in ("include/gantry", "cmake"):
        shutil.rmtree(target / folder, ignore_errors=True)
        shutil.copytree(SDK / folder, target / folder)
    with tempfile.TemporaryDirectory() as work:
        source = pathlib.Path(work) / "layout.c"
        source.write_text(program())
        binary = pathlib.Path(work) / "layout"
        subprocess.run(["cc", "-std=c11", f"-I{SDK}/include", source, "-o", binary], check=True)
        record = subprocess.run([binary], check=True, capture_output=True, text=True).stdout
    head = f"// Layout of SDK {sys.argv[1]}. Frozen: a released interface never changes.\n"
    (target / "layout.inc").write_text(head + record)


if __name__ == "__main__":
    main()
