#!/usr/bin/env bash
# The house is built by gcc; the fuzz targets by clang, with every file they can reach. What clang would refuse shows
# here, without a second build: files are parsed with the flags of the given build folder, nothing is written.
set -u
build=$1
python3 - "$build/compile_commands.json" <<'PY' | xargs -P2 -d '\n' -I{} sh -c '{}'
import json, shlex, sys
gcc_only = ("-Wlogical-op", "-Wno-format-truncation", "-Wduplicated-cond", "-Wno-maybe-uninitialized")
for entry in json.load(open(sys.argv[1])):
    words = shlex.split(entry["command"])
    flags = [w for w in words if w.startswith(("-D", "-I", "-W", "-std=")) and w not in gcc_only]
    system = [w for i, at in enumerate(words) if at == "-isystem" for w in ("-isystem", words[i + 1])]
    compiler = "clang" if entry["file"].endswith(".c") else "clang++"
    command = shlex.join([compiler, "-fsyntax-only", *flags, *system, entry["file"]])
    if entry["file"].endswith((".c", ".cc")):
        print(f"cd {shlex.quote(entry['directory'])} && {command}")
PY
