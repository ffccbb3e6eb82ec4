#!/usr/bin/env bash
# Usage: tests/gates/dead_files.sh <build folder>
# Every source and header under host/, sdk/include/ and plugins/ has to be reached by that build.
set -euo pipefail
build=$(cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

dead=$(comm -23 \
    <(git ls-files 'host/*.[ch]pp' 'plugins/*.[ch]pp' 'plugins/*.[ch]' 'sdk/include/*.h' \
        'sdk/include/*.hpp' | sort) \
    <({
        ninja -C "$build" -t deps
        sed -n 's/.*"file": "\(.*\)".*/\1/p' "$build/compile_commands.json"
    } | sed -nE "s#^ *($PWD|\.\./\.\.)/##p" | sort -u))
if [[ $dead ]]; then
    printf 'reached by no build:\n%s\n' "$dead"
    exit 1
fi
