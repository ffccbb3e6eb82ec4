#!/usr/bin/env bash
# Usage: tests/gates/symbols.sh <folder or .so>...
# Every plugin exports exactly gantry_plugin, and has nothing that keeps a library from being
# unmapped (STB_GNU_UNIQUE, static TLS), written to (TEXTREL), or resolved alike everywhere (RPATH);
# it brings no library along but the language's own, and imports nothing that does I/O.
set -euo pipefail

libraries='^(libstdc\+\+|libc\+\+|libc\+\+abi|libunwind|libgcc_s|libm|libc|ld-linux-[a-z0-9-]+)\.so\.[0-9]+$'
imports='^(open|openat|fopen|creat|socket|connect|send|recv|sendto|recvfrom|dlopen|dlsym|system|popen|fork|vfork|exec[vl]p?e?|posix_spawnp?|pthread_create|clock_gettime|gettimeofday|time|rand|random|getrandom|getentropy|getenv|secure_getenv|exit|_exit|abort_handler_s)(64)?(@.*)?$'
failed=0 count=0

complain() {
    echo "$1: $2"
    failed=1
}

check() {
    local file=$1 symbols dynamic exported found
    symbols=$(readelf --dyn-syms -W "$file")
    dynamic=$(readelf -d -W "$file")
    exported=$(awk '$5 ~ /^(GLOBAL|WEAK|UNIQUE)$/ && $7 != "UND" { sub(/@.*/, "", $8); print $8 }' \
        <<<"$symbols")
    [[ $exported == gantry_plugin ]] ||
        complain "$file" "exports $(wc -w <<<"$exported") symbols instead of gantry_plugin:" $exported
    grep -q ' UNIQUE ' <<<"$(readelf -s -W "$file")" && complain "$file" "has a STB_GNU_UNIQUE symbol"
    grep -q 'TEXTREL' <<<"$dynamic" && complain "$file" "has text relocations"
    grep -q 'STATIC_TLS' <<<"$dynamic" && complain "$file" "has static thread-local storage"
    grep -qE 'RPATH|RUNPATH' <<<"$dynamic" && complain "$file" "has a run path"
    grep -qE 'NODELETE' <<<"$dynamic" && complain "$file" "is marked as never unmapped"
    [[ $(readelf -S -W "$file") == *" .gantry_manifest "* ]] || complain "$file" "has no manifest"
    found=$(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' <<<"$dynamic" | grep -vE "$libraries" || true)
    [[ -z $found ]] || complain "$file" "needs $(tr '\n' ' ' <<<"$found")"
    found=$(awk '$7 == "UND" { print $8 }' <<<"$symbols" | grep -E "$imports" || true)
    [[ -z $found ]] || complain "$file" "imports $(tr '\n' ' ' <<<"$found")"
    count=$((count + 1))
}

for argument in "$@"; do
    while IFS= read -r file; do check "$file"; done < <(find "$argument" -name '*.so' -type f | sort)
done
((count > 0)) || complain "$*" "no plugin"
echo "$count plugins read"
exit $failed
