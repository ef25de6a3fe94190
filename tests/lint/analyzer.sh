#!/usr/bin/env bash
# gcc -fanalyzer over every C file of the house, with the flags of the given build folder.
# It is told about the allocator wrappers it cannot see through by plain code, never by pragmas.
# Leaks are not its business: gcc 12 takes a pointer stored at an index or offset that it does not know for lost, and
# so reports every map and table of owned text. LeakSanitizer under all tests and clang-tidy look for leaks.
set -u
build=$1
jobs_file=$(mktemp)
trap 'rm -f "$jobs_file"' EXIT
python3 - "$build/compile_commands.json" >"$jobs_file" <<'PY'
import json, re, sys
for entry in json.load(open(sys.argv[1])):
    path = entry["file"]
    if not re.search(r"/(gateway|media|signaling|recorder)/", path):
        continue
    command = re.sub(r"^\S*ccache ", "", entry["command"])
    command = re.sub(r" -o \S+", " -o /dev/null", command)
    print(f"cd {entry['directory']} && {command} -fanalyzer -Wno-analyzer-too-complex -Wno-analyzer-malloc-leak")
PY
xargs -P2 -d '\n' -I{} sh -c '{}' <"$jobs_file"
