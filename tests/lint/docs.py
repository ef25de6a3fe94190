#!/usr/bin/env python3
"""What the pages name is there: links and their anchors, files and folders, keys of the configuration, names of the code.

usage: docs.py [ROOT]    exit 0 clean, 1 findings (one line each)
Looked at are words in `code` outside of fenced blocks. CHANGELOG.md tells of what was: only its links are followed.
"""
import fnmatch
import json
import os
import re
import subprocess
import sys

ROOT = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", ".."))
PAST = {"CHANGELOG.md"}
# A word with a dot in it is a method or a member there.
CLIENTS = {"docs/PROTOCOL.md", "web/sdk/README.md", "docs/journal-format.md"}
ENDINGS = r"\.(?:c|h|cc|ts|tsx|mjs|py|sh|md|json|yaml|txt|png|cmake)"
# Written by a running gateway, a build, or another program's: no files of the tree.
MADE = re.compile(r"^(/|~|\.\./|var/|build/|node_modules/|dist/|record/|journal/|tracks/|audit/|dicom/|keys/|viewings/|hold/|erasures/|images/|studies/|run/)|[<>…]")


def git(*words):
    return subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=True).stdout.split("\n")


def anchor(title):
    return re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()).replace(" ", "-")


def spread(word):
    """a{b,c}d -> abd acd"""
    match = re.search(r"\{([^{}]*)\}", word)
    if not match:
        return [word]
    return [w for part in match.group(1).split(",") for w in spread(word[:match.start()] + part + word[match.end():])]


class House:
    def __init__(self):
        self.files = {p for p in git("ls-files", "-co", "--exclude-standard") if p and os.path.exists(os.path.join(ROOT, p))}
        self.folders = {p[:i] for p in self.files for i in range(len(p)) if p[i] == "/"}
        self.linked = set()
        self.names = {os.path.basename(p) for p in self.files}
        self.tops = {p.split("/")[0] for p in self.folders}
        table = self.read("gateway/config_table.c")
        self.keys = {f"{s}.{n}" for s, n in re.findall(r'^    \{"(\w+)", "(\w+)", HZ_CONFIG', table, re.M)} | {"tokens.keys"}
        self.sections = {k.split(".")[0] for k in self.keys}
        code = [p for p in self.files if re.search(r"(\.[ch]|\.cc|\.txt|\.tsx?|\.py|\.mjs)$|/dev$|^dev$", p)]
        self.code = "\n".join(self.read(p) for p in code)
        self.words = set(re.findall(r"\w+", self.code))

    def read(self, path):
        return open(os.path.join(ROOT, path), encoding="utf-8").read()

    def is_name(self, word):
        """Of a file, or of one that is made: its name is in the code."""
        made = re.escape(re.sub(r"\d+", "%u", word))
        return bool(fnmatch.filter(self.names, word)) or bool(re.search(rf"""["'`/]{made}["'`]""", self.code))

    def has(self, path, beside):
        path = path.rstrip("/")
        near = os.path.normpath(os.path.join(beside, path))
        return any(p in self.files or p in self.folders or ("*" in p and fnmatch.filter(self.files, p)) for p in (path, near))


def links(page, text, house, findings):
    for number, line in enumerate(text.split("\n"), 1):
        for target in re.findall(r"\]\(([^)\s]+)\)", line):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, mark = target.partition("#")
            path = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
            house.linked.add(path)
            if path not in house.files and path not in house.folders:
                findings.append(f"{page}:{number}: there is no {target}")
            elif mark and mark not in {anchor(t) for t in re.findall(r"^#+ (.*)$", house.read(path), re.M)}:
                findings.append(f"{page}:{number}: {path} has no #{mark}")


def fault(word, page, house):
    """What is wrong with a word in `code`; None: nothing."""
    if MADE.search(word):
        return None
    if re.fullmatch(r"[\w./{},*-]+", word) and ("/" in word or re.search(ENDINGS + "$", word)):
        top = word.split("/")[0]
        if "/" in word and top in house.tops and not all(house.has(p, os.path.dirname(page)) for p in spread(word)):
            return "no such file or folder"
        if "/" not in word and not all(house.is_name(p) for p in spread(word)):
            return "no file of that name"
        return None
    key = re.fullmatch(r"([a-z]+)\.([a-z_]+)", word)
    if key and page not in CLIENTS and key.group(1) in house.sections and word not in house.keys and f'"{word}"' not in house.code:
        return "no such key of huizhen.yaml"
    if re.fullmatch(r"huizhen-[a-z]+", word) and word not in house.code:
        return "no such program"
    name = re.fullmatch(r"(HUIZHEN|HZ|hz|huizhen)_\w+", word)
    metric = re.sub(r"^huizhen_|_total$", "", word)
    if name and not word.endswith("_") and word not in house.words and f'"{metric}"' not in house.code:
        env = re.fullmatch(r"HUIZHEN_([A-Z]+)_(\w+)", word)
        if not (env and f"{env.group(1)}.{env.group(2)}".lower() in house.keys):
            return "no such name in the code"
    return None


def words(page, text, house, findings):
    fenced = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        for word in [] if fenced else re.findall(r"`([^`]+)`", line):
            what = fault(word.rstrip("()"), page, house)
            if what:
                findings.append(f"{page}:{number}: `{word}`: {what}")


def protocol(house, findings):
    """Each method, push and error of huizhen.v1 is told in docs/PROTOCOL.md."""
    page, schema = "docs/PROTOCOL.md", "signaling/protocol/schema/"
    text = house.read(page)
    requests, pushes = (json.loads(house.read(f"{schema}{name}.json"))["$defs"] for name in ("requests", "pushes"))
    told = set(re.findall(r"`([a-z._]+)`", text))
    for name in sorted({n[:-len(".params")] for n in requests if n.endswith(".params")} | set(pushes)):
        if name not in told:
            findings.append(f"{page}:1: nothing of `{name}` ({schema})")
    for name, code in re.findall(r"(HZ_RPC_\w+) = -(\d+)", house.read("signaling/protocol/rpc.h")):
        if not re.search(rf"[-−]{code}", text):
            findings.append(f"{page}:1: nothing of {name}, -{code}")


def main():
    findings, house = [], House()
    pages = sorted(p for p in house.files if p.endswith(".md"))
    for page in pages:
        text = house.read(page)
        links(page, text, house, findings)
        if page not in PAST:
            words(page, text, house, findings)
    protocol(house, findings)
    findings += [f"{p}:1: no page leads to it" for p in pages if p.startswith("docs/") and p not in house.linked]
    print("\n".join(findings))
    print(f"docs: {len(pages)} pages, {len(findings)} findings")
    return 1 if findings else 0


sys.exit(main())
