#!/usr/bin/env bash
# Usage: tests/gates/abi.sh
# The types of the SDK as they are now against those of the frozen SDK 0.1, by abidiff: any change
# fails, also one that abidiff only wants a person to see (its exit status 4: fields in another order,
# another size of a field, renumbered constants, a slot at the end of a table), unless it is in
# sdk/abi/reviewed.abignore. Then changes are planted, each of which it has to find.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

verdict() {
    echo "$1: $2"
    if [[ $1 == passed ]]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

# What SDK 0.1 has frozen. Interfaces that came later stand in headers of their own.
frozen="abi plugin state dex market strategy paymaster"

# A library with the types of one SDK's headers: each struct, and each set of constants, is what one
# of its functions takes.
build() {
    local include=$1 out=$2 header
    {
        for header in $frozen; do
            echo "#include \"gantry/$header.h\""
        done
        for header in $frozen; do
            sed -n 's/^} \(gantry_[a-z0-9_]*\);$/\1/p' "$include/gantry/$header.h"
        done | while read -r type; do
            echo "void use_$type(const $type* value);"
            echo "void use_$type(const $type* value) { (void)value; }"
        done
    } >"$out.c"
    # Enums without a name get one, so that a function can take them.
    mkdir -p "$out.include/gantry"
    cp "$include"/gantry/*.h "$out.include/gantry/"
    for header in $frozen; do
        awk -v base="$header" '
            /enum \{/ { sub(/enum \{/, "enum gantry_set_" base "_" ++n " {") }
            { print }' "$include/gantry/$header.h" >"$out.include/gantry/$header.h"
    done
    grep -hoE 'enum gantry_set_[a-z]+_[0-9]+' "$out".include/gantry/*.h | sort -u |
        while read -r _ set; do
            echo "void use_$set(enum $set value);"
            echo "void use_$set(enum $set value) { (void)value; }"
        done >>"$out.c"
    gcc -std=c11 -g -O0 -fPIC -shared -fno-eliminate-unused-debug-types -I"$out.include" \
        -o "$out" "$out.c"
}

# 0: no difference; prints what there is.
differs() {
    local status=0
    abidiff --no-added-syms --suppressions sdk/abi/reviewed.abignore "$1" "$2" >"$work/report" 2>&1 ||
        status=$?
    return "$status"
}

sources=sdk/abi/0.1/include
build "$sources" "$work/then.so"
structs=$(grep -c '^void use_gantry_[a-z0-9_]*(const' "$work/then.so.c")
sets=$(grep -c '^void use_gantry_set_.*{' "$work/then.so.c")
((structs >= 100 && sets >= 15)) || { # each struct twice: declared and defined
    echo "only $structs structs and $sets sets of constants were found in $sources"
    exit 1
}

build sdk/include "$work/now.so"
if differs "$work/then.so" "$work/now.so"; then
    verdict passed "$((structs / 2)) structs and $sets sets of constants are those of SDK 0.1"
else
    cat "$work/report"
    verdict FAILED "the SDK's types are not those of SDK 0.1 (a change is a new revision in a new header)"
fi

# planted <what> <header> <sed script>: the changed headers must make a difference.
planted() {
    local what=$1 header=$2 script=$3 copy=$work/planted
    rm -rf "$copy"
    cp -r sdk/include "$copy"
    sed -i -E "$script" "$copy/gantry/$header"
    # What pins the sizes would stop the compiler first; here abidiff is on trial.
    sed -i -E 's/^GANTRY_LAYOUT\(.*\);$//' "$copy"/gantry/*.h
    if cmp -s "$copy/gantry/$header" <(sed -E 's/^GANTRY_LAYOUT\(.*\);$//' "sdk/include/gantry/$header"); then
        verdict FAILED "nothing was planted: $what"
        return
    fi
    build "$copy" "$work/planted.so"
    if differs "$work/then.so" "$work/planted.so"; then
        verdict FAILED "not found: $what"
    else
        verdict passed "found: $what"
    fi
}

planted "two fields in another order" state.h \
    '/^  uint32_t tag;         /d; s/^  gantry_status status; .*$/&\n  uint32_t tag;/'
planted "a field of another size" strategy.h 's/^  uint32_t leg_count; .*/  uint64_t leg_count;/'
planted "a field of another type and the same size" dex.h 's/^  uint64_t swap_gas;.*/  int64_t swap_gas;/'
planted "a renumbered constant" abi.h 's/GANTRY_UNSUPPORTED = 5,/GANTRY_UNSUPPORTED = 9,/'
planted "a slot at the end of a table" strategy.h \
    's/^\} gantry_strategy_v1;$/  gantry_status (*more)(gantry_strategy_instance* instance);\n&/'
planted "a field at the end of a struct" abi.h 's/^\} gantry_context;$/  uint64_t more;\n&/'
planted "another argument of a call" paymaster.h \
    's/uint32_t http_status, gantry_bytes body,/uint64_t http_status, gantry_bytes body,/'

echo "$passed passed, $failed failed"
((failed == 0))
