#!/usr/bin/env python3
"""Size and complexity: files (C 600 lines, TypeScript 400), functions (100 lines, nesting 4, parameters 6).

usage: size.py [ROOT]    exit 0 clean, 1 findings (one line each)
C function bounds come from Universal Ctags; nesting is counted from braces, which clang-format keeps honest.
"""
import json
import os
import re
import subprocess
import sys

ROOT = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", ".."))
MAX_FILE = {".c": 600, ".h": 600, ".cc": 600, ".ts": 400, ".tsx": 400}
MAX_LINES, MAX_NESTING, MAX_PARAMETERS = 100, 4, 6
# Functions of a library that are taken over (media/transport/agent_tie.c) have its signatures.
TAKEN_OVER = "stun_usage_"
# Words that only say "unfinished": they may not land.
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")


def sources():
    out = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"],
                         capture_output=True, text=True, check=True).stdout
    return [p for p in out.split("\n") if os.path.splitext(p)[1] in MAX_FILE and os.path.exists(os.path.join(ROOT, p))]


def strip(text):
    """Blanks out comments, strings and character constants, keeping line breaks."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def nesting(lines):
    depth, deepest, switches = 0, 0, []
    for line in lines:
        for token in re.findall(r"\bswitch\b|[{}]", line):
            if token == "switch":
                switches.append(depth)
            elif token == "{":
                depth += 1
            else:
                depth -= 1
        deepest = max(deepest, depth)
    return deepest - 1  # the body itself


def functions(files):
    out = subprocess.run(["ctags", "--output-format=json", "--fields=+neS", "--kinds-c=f", "-f", "-"] + files,
                         capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return [json.loads(line) for line in out.split("\n") if line]


def check_function(tag, text, findings):
    where = f"{tag['path']}:{tag['line']}: {tag['name']}"
    length = tag.get("end", tag["line"]) - tag["line"] + 1
    if length > MAX_LINES:
        findings.append(f"{where}: {length} lines (at most {MAX_LINES})")
    signature = tag.get("signature", "()")
    count = 0 if signature in ("()", "(void)") else re.sub(r"\([^()]*\)", "", signature[1:-1]).count(",") + 1
    if count > MAX_PARAMETERS and not tag["name"].startswith(TAKEN_OVER):
        findings.append(f"{where}: {count} parameters (at most {MAX_PARAMETERS})")
    deep = nesting(text.split("\n")[tag["line"] - 1:tag.get("end", tag["line"])])
    if deep > MAX_NESTING:
        findings.append(f"{where}: nested {deep} deep (at most {MAX_NESTING})")


def main():
    findings, files = [], sources()
    texts = {}
    for path in files:
        text = open(os.path.join(ROOT, path), encoding="utf-8").read()
        texts[path] = strip(text)
        limit = MAX_FILE[os.path.splitext(path)[1]]
        lines = text.count("\n")
        if lines > limit:
            findings.append(f"{path}: {lines} lines (at most {limit}: one idea a file)")
        for number, line in enumerate(text.split("\n"), 1):
            if UNFINISHED.search(line):
                findings.append(f"{path}:{number}: marked as unfinished")
    for tag in functions([p for p in files if p.endswith((".c", ".h"))]):
        check_function(tag, texts[tag["path"]], findings)
    print("\n".join(findings))
    print(f"size: {len(files)} files, {len(findings)} findings")
    return 1 if findings else 0


sys.exit(main())
