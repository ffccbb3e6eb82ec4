#!/usr/bin/env bash
# Fails if a tracked file names a path of one machine, a secret, a package mirror, or a leftover.
# The patterns are spelt so that they do not match themselves.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
failed=0

# refuse <what it is> <pattern> [pathspec...]
refuse() {
    local what=$1 pattern=$2 found
    shift 2
    found=$(git grep -nIP "$pattern" -- "$@" ':!data' || true)
    if [[ $found ]]; then
        printf '%s:\n%s\n' "$what" "$(cut -c1-160 <<<"$found")"
        failed=1
    fi
}

refuse "path of one machine" '(?<![\w.}/-])/(ho[m]e|Use[r]s|roo[t]|wor[k]|mn[t])/\w' .
refuse "leftover" '\b(TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b' .
refuse "private key" 'BEGIN [A-Z ]*PRIVATE K[E]Y' .
refuse "download address in a lock file" '"resol[v]ed":' '*package-lock.json'
refuse "package mirror" '(deb|snapshot|security)\.debia[n]\.org|registr[y]\.npmjs' .
if git ls-files -s | grep '^120000' >/dev/null; then
    echo "symbolic links:" && git ls-files -s | grep '^120000' && failed=1
fi
large=$(git ls-files -z | xargs -0 -r stat -c '%s %n' | awk '$1 > 20000000 { print $2 }')
if [[ $large ]]; then
    echo "over 20 MB: $large" && failed=1
fi
grep -q 'Apache License' LICENSE && grep -q 'Version 2.0' LICENSE || {
    echo "LICENSE is not Apache-2.0"
    failed=1
}
exit $failed
