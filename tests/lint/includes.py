#!/usr/bin/env python3
"""Who may include whom: the table of docs/ARCHITECTURE.md, enforced. Also: no cycles, headers guarded, paths rooted.

usage: includes.py [ROOT]    exit 0 clean, 1 findings (one line each)
"""
import os
import re
import subprocess
import sys

ROOT = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", ".."))
PARTS = ["gateway/base", "gateway", "media", "signaling", "recorder", "tests"]

# part -> (allowed folders or headers of ours)
OURS = {
    "gateway/base": ["gateway/base/"],
    "media": ["gateway/base/", "media/"],
    "signaling": ["gateway/base/", "media/api.h", "signaling/"],
    "recorder": ["gateway/base/", "media/api.h", "media/rtp/", "media/codec/", "media/picture/", "recorder/"],
    "gateway": ["gateway/", "media/", "signaling/", "recorder/"],
    "tests": ["gateway/", "media/", "signaling/", "recorder/", "tests/"],
}

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


def part_of(path):
    for part in PARTS:
        if path.startswith(part + "/"):
            return part
    return None


def sources():
    out = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "*.c", "*.h", "*.cc"],
                         capture_output=True, text=True, check=True).stdout
    return [p for p in out.split("\n") if p and os.path.exists(os.path.join(ROOT, p))]


def check(path, findings, graph):
    part = part_of(path)
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
            elif part and not any(name.startswith(a) for a in OURS[part] + ["generated/"]):
                findings.append(f"{where}: {part}/ may not include {name}")
            graph.setdefault(path, set()).add(name)
            continue
        for prefix, folders in THIRD.items():
            if name.startswith(prefix) and part != "tests" and not any(path.startswith(f) for f in folders):
                findings.append(f"{where}: <{name}> belongs to {' and '.join(folders)}")
        if part == "gateway/base" and "/" in name and not name.startswith(("sys/", "linux/", "netinet/", "arpa/", "net/")):
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
    findings, graph = [], {}
    files = sources()
    for path in files:
        check(path, findings, graph)
    cycles(graph, findings)
    print("\n".join(findings))
    print(f"includes: {len(files)} files, {len(findings)} findings")
    return 1 if findings else 0


sys.exit(main())
