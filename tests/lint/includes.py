#!/usr/bin/env python3
"""Who may include whom: the table of docs/ARCHITECTURE.md ("Folders"), enforced. Also: no cycles, headers guarded, paths rooted.

usage: includes.py [ROOT]    exit 0 clean, 1 findings (one line each)
"""
import os
import re
import subprocess
import sys

ROOT = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", ".."))
TABLE = "docs/ARCHITECTURE.md"

# third-party header prefix -> folders that may use it
THIRD = {
    "stun/": ["media/transport/"],
    "nice/": ["media/transport/"],
    "srtp2/": ["media/transport/"],
    "intel-ipsec-mb.h": ["media/transport/"],
    "openssl/": ["media/transport/", "media/dicomweb/", "signaling/auth/", "recorder/", "recorder/compose/"],
    "gst/": ["media/pipeline/", "signaling/sdp/"],
    "libwebsockets": ["signaling/server/"],
    "libavcodec/": ["media/codec/", "media/picture/", "media/mosaic/", "media/live/encoder", "media/imaging/video", "recorder/finalize/", "recorder/compose/"],
    "libavformat/": ["media/codec/", "media/imaging/video", "recorder/finalize/", "recorder/compose/"],
    "libavutil/": ["media/codec/", "media/picture/", "media/mosaic/", "media/live/encoder", "media/imaging/video", "recorder/finalize/", "recorder/compose/"],
    "libswresample/": ["recorder/finalize/", "recorder/compose/"],
    "libswscale/": ["media/picture/"],
    "ft2build.h": ["media/picture/text"],
    "dcmtk/": ["media/imaging/"],
    "openjph/": ["media/imaging/htj2k"],
    "openjpeg.h": ["media/imaging/decode_j2k"],
    "charls/": ["media/imaging/decode_jls"],
    "turbojpeg.h": ["media/studies/upright"],
    "zlib.h": ["media/imaging/inflate"],
    "jansson.h": ["signaling/", "gateway/", "media/dicomweb/keep", "media/dicomweb/pipe_send", "media/live/stack", "media/pipeline/", "recorder/"],
    "sqlite3.h": ["gateway/store/", "media/dicomweb/", "media/studies/"],
    "curl/": ["gateway/", "recorder/outbox/", "media/dicomweb/", "media/pipeline/"],
    "yaml.h": ["gateway/config"],
    "cyaml/": ["gateway/config"],
    "opus": ["media/codec/", "media/mix/", "media/pipeline/"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def spread(cell):
    """`a/{b,c}`, `d` -> a/b a/c d"""
    out = []
    for word in re.findall(r"`([^`]+)`", cell):
        head, brace, rest = word.partition("{")
        out += [head + one for one in rest.rstrip("}").split(",")] if brace else [word]
    return out


def rows():
    """folder -> the headers and folders of ours that it may include"""
    text = open(os.path.join(ROOT, TABLE), encoding="utf-8").read().split("## Folders\n")[1].split("\n## ")[0]
    found = {}
    for line in text.split("\n"):
        cells = line.split(" | ")
        if line.startswith("| `") and len(cells) == 3:
            found[spread(cells[0])[0]] = spread(cells[2])
    return found


def may(folder, name, allowed):
    """allowed: of rows(). A folder without a row is all that lies in it."""
    to = os.path.dirname(name)
    if to in (folder, "gateway/base") or name in allowed[folder] or to in allowed[folder]:
        return True
    return any(a not in allowed and name.startswith(a + "/") for a in allowed[folder])


def sources():
    out = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "*.c", "*.h", "*.cc"],
                         capture_output=True, text=True, check=True).stdout
    return [p for p in out.split("\n") if p and os.path.exists(os.path.join(ROOT, p))]


def check(path, allowed, findings, graph):
    folder, of_tests = os.path.dirname(path), path.startswith("tests/")
    if not of_tests and folder not in allowed and path not in allowed:
        findings.append(f"{path}:1: {folder} has no row in {TABLE}")
        return
    text = open(os.path.join(ROOT, path), encoding="utf-8").read()
    if path.endswith(".h") and not re.search(r"#ifndef \w+_H\n#define \w+_H", text):
        findings.append(f"{path}:1: header without an include guard")
    for number, line in enumerate(text.split("\n"), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        bracket, name = match.groups()
        where = f"{path}:{number}"
        if bracket == '"':
            if not os.path.exists(os.path.join(ROOT, name)) and not name.startswith("generated/"):
                findings.append(f'{where}: "{name}" is not rooted at the top of the tree')
            elif not of_tests and path not in allowed and not name.startswith("generated/") and not may(folder, name, allowed):
                findings.append(f"{where}: {folder}/ may not include {name} ({TABLE})")
            graph.setdefault(path, set()).add(name)
            continue
        for prefix, folders in THIRD.items():
            if name.startswith(prefix) and not of_tests and not any(path.startswith(f) for f in folders):
                findings.append(f"{where}: <{name}> belongs to {' and '.join(folders)}")
        if folder == "gateway/base" and "/" in name and not name.startswith(("sys/", "linux/", "netinet/", "arpa/", "net/")):
            findings.append(f"{where}: gateway/base uses libc only")


def cycles(graph, findings):
    state = {}

    def visit(node, trail):
        state[node] = 1
        for to in sorted(graph.get(node, ())):
            if state.get(to) == 1:
                findings.append(f"{node}: include cycle {' -> '.join(trail[trail.index(to):] + [to]) if to in trail else to}")
            elif to not in state:
                visit(to, trail + [to])
        state[node] = 2

    for node in sorted(graph):
        if node.endswith(".h") and node not in state:
            visit(node, [node])


def main():
    findings, graph, allowed = [], {}, rows()
    files = sources()
    for path in files:
        check(path, allowed, findings, graph)
    cycles(graph, findings)
    print("\n".join(findings))
    print(f"includes: {len(files)} files, {len(findings)} findings")
    return 1 if findings else 0


sys.exit(main())
