#!/usr/bin/env bash
# Usage: tests/author/new_plugin.sh <gantry> <repository> <kind> <language>
# Makes a project by `gantry plugin new` in a folder of its own, builds it, runs its tests, and has
# the host inspect, run and check what came out. The copy that is built names nothing of the repository.
set -euo pipefail
gantry=$1 repository=$2 kind=$3 language=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
name=our_$kind
cd "$work"

"$gantry" plugin new "$kind" "$name" --lang "$language" --id com.acme.some-$kind >said
grep -q "gantry plugin run" said
grep -q "gantry plugin check" said
cd "$name"
if grep -rIl -e "$repository" -e "my_$kind" --exclude-dir=sdk .; then
    echo "these files name the repository's folder, or the template"
    exit 1
fi
grep -rq "\"com.acme.some-$kind\"" plugin.json

if [[ $language == rust ]]; then
    # One target folder for the three would race; the crate is small.
    export CARGO_TERM_COLOR=never CARGO_TARGET_DIR=$work/target
    cargo test --quiet --offline --locked
    cargo build --quiet --release --offline --locked
    library=$work/$name.so
    mv "$work/target/release/lib$name.so" "$library"
else
    cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS="-Wall -Wextra -Werror" \
        -DCMAKE_CXX_FLAGS="-Wall -Wextra -Werror" >log
    cmake --build build >>log || { cat log && exit 1; }
    ctest --test-dir build --output-on-failure --no-tests=error
    library=$PWD/build/$name.so
    "$repository/tests/gates/symbols.sh" "$library"
fi
"$gantry" plugin inspect "$library" --json >inspected
grep -q '"exports": *\["gantry_plugin"\]' <(tr -d '\n' <inspected | sed 's/\[ */[/; s/ *\]/]/')
grep -q '"unique_symbols": *0' inspected
grep -q "com.acme.some-$kind" inspected
"$gantry" plugin run "$library" --blocks 3 >ran || { cat ran && exit 1; }
grep -q "^our_$kind 0.1.0 ($kind) by one thread" ran
grep -q "^3 blocks of .* given" ran
grep -q "^0 strikes" ran

# The kit's sandbox leaves no room for a sanitizer in the host.
if [[ ${GANTRY_KIT:-yes} == yes ]]; then
    XDG_STATE_HOME=$work/state "$gantry" plugin check "$library" >checked || { cat checked && exit 1; }
    grep -q " passed, 0 failed, " checked
fi

# Nothing is written over.
cd "$work"
before=$(find "$name" -type f -exec sha256sum {} + | sort | sha256sum)
status=0
"$gantry" plugin new "$kind" "$name" --lang "$language" 2>refused || status=$?
((status == 1))
grep -q "is there already" refused
[[ $before == "$(find "$name" -type f -exec sha256sum {} + | sort | sha256sum)" ]]
