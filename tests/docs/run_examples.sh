#!/usr/bin/env bash
# Usage: tests/docs/run_examples.sh <build folder> <page.md>
# Runs every ```sh block of a page, in order, as a reader would: in a folder that looks like this
# repository after ./dev run, with the program in PATH and nothing of the reader's own in the
# environment. A variable that a block sets (with a name in lower case) is set in those after it, as in
# one shell; a page that makes its own folder, work=$(mktemp -d), must leave nothing in the
# repository's. A block fails unless it ends with 0, or with N where it says `# exits with N`.
# What cannot be run here is a ```console block. A ```text block shows what they print: each of its
# lines must have been printed, but for "..." where something is left out.
set -euo pipefail
seconds_max=300 # an example that hangs ends by then
build=$(cd "$1" && pwd)
page=$(realpath "$2")
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
reader=$work/gantry
mkdir -p "$reader/build" "$work/home" "$work/blocks" "$work/tmp"
mkdir -m 700 "$work/runtime"
cp -r "$repository"/{cmake,config,data,docs,sdk,LICENSE} "$reader"
ln -s "$build" "$reader/build/release"

# In place of ./dev, which would build and test from within a test: it knows the commands of the
# real one and refuses all others; of `run` it does the last step.
cat >"$reader/dev" <<END
#!/bin/sh
"$repository/dev" --help | grep -qE "^  \$1( |\\\$)" || { echo "./dev has no command \$1"; exit 2; }
[ "\$1" != run ] || exec gantry "\$@"
END
chmod +x "$reader/dev"

awk -v folder="$work/blocks" '
    /^```sh$/ { name = sprintf("%s/%04d.sh", folder, NR); inside = 1; printf "" >name; next }
    /^```/ { if (inside) close(name); inside = 0; next }
    inside { print >name }
    END { exit inside }' "$page" || { echo "$page: a block has no end" && exit 1; }

# However a block ends: what it has set.
cat >"$work/shell" <<'END'
trap 'declare -p $(compgen -v | grep "^[a-z]") >"$variables" 2>/dev/null || true' EXIT
variables=$1
[[ ! -f $variables ]] || . "$variables"
. "$2"
END

ls -A "$reader" >"$work/before"
count=0 failed=0
touch "$work/printed"
for block in "$work"/blocks/*.sh; do
    [[ -f $block ]] || break
    count=$((count + 1))
    expected=$(sed -n 's/.*# exits with \([0-9]*\)$/\1/p' "$block" | tail -1)
    line=$((10#$(basename "$block" .sh)))
    status=0
    (
        cd "$reader"
        exec env -i PATH="$build:$PATH" HOME="$work/home" LANG=C.UTF-8 TERM=dumb \
            XDG_RUNTIME_DIR="$work/runtime" TMPDIR="$work/tmp" CCACHE_DISABLE=1 \
            RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" \
            timeout --kill-after=5 "$seconds_max" \
            bash -eu "$work/shell" "$work/variables" "$block"
    ) >"$work/log" 2>&1 </dev/null &
    group=$! # timeout leads a process group of its own: what the block left running ends with it
    wait $group || status=$?
    kill -- -$group 2>/dev/null || true
    cat "$work/log" >>"$work/printed"
    if ((status != ${expected:-0})); then
        echo "$(basename "$page"), line $line: exits with $status instead of ${expected:-0}"
        cat "$block" "$work/log"
        failed=$((failed + 1))
    fi
done
((count > 0)) || { echo "$(basename "$page") has no \`\`\`sh block" && exit 1; }

if grep -qxF 'work=$(mktemp -d)' "$page" && ! ls -A "$reader" | diff "$work/before" -; then
    echo "$(basename "$page") leaves files in the repository's folder"
    failed=$((failed + 1))
fi

while IFS= read -r shown; do
    grep -qxF -e "$shown" "$work/printed" && continue
    echo "$(basename "$page") shows what is not printed: $shown"
    failed=$((failed + 1))
done < <(awk '/^```text$/ { inside = 1; next } /^```/ { inside = 0 }
    inside && NF && $0 != "..."' "$page")
echo "$(basename "$page"): $count examples, $failed wrong"
((failed == 0))
