#!/usr/bin/env bash
# Usage: tests/gates/install.sh <build folder>
# Does what a plugin's author does: installs the SDK (by cmake --install, and from the .deb), copies
# the template out of the repository, and builds it with g++ and libstdc++ and with clang and libc++.
# The host's package must hold the program, and the host must accept each library that was built.
set -euo pipefail
build=$(cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
repository=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --component sdk --prefix "$work/installed" >/dev/null
rm -f "$build"/packages/*.deb
(cd "$build" && cpack -G DEB >/dev/null)
sdk_deb=$(find "$build/packages" -maxdepth 1 -name 'gantry-sdk_*_all.deb')
host_deb=$(find "$build/packages" -maxdepth 1 -name 'gantry_*.deb')
dpkg-deb -x "$sdk_deb" "$work/unpacked"
dpkg-deb -x "$host_deb" "$work/host"

# The package is found by its name alone, and nothing in it points back to where it was made.
for prefix in "$work/installed" "$work/unpacked/usr"; do
    if grep -rIlF -e "$repository" "$prefix"; then
        echo "$prefix: these files name the repository's folder"
        exit 1
    fi
done
[[ -x $work/host/usr/bin/gantry ]]
ldd "$work/host/usr/bin/gantry" | grep 'not found' && exit 1
[[ $(dpkg-deb -f "$host_deb" Depends) == *libtbb* ]]

# The host reads every library without running it; and what is a strategy, it runs.
try_in_host() {
    local copy=$1 name
    "$gantry" plugin inspect "$copy"/build/*.so >/dev/null || return 1
    grep -q '"kind": "strategy"' "$copy/plugin.json" || return 0
    name=$(sed -n 's/^ *"name": "\([^"]*\)".*/\1/p' "$copy/plugin.json" | head -1)
    cp -r "$work/host/etc" "$copy/etc"
    ln -s "$work/host/usr" "$copy/usr" # the configuration's paths are relative to it
    printf '[strategies.%s]\nenabled = true\n' "$name" >"$copy/etc/gantry/strategies.toml"
    "$gantry" --config "$copy/etc/gantry" --plugins "$work/host/usr/lib/gantry/plugins" \
        --plugins "$copy/build" run --blocks 5 --json >"$copy/run.json" || return 1
    grep -q "\"$name\"" "$copy/run.json" || {
        echo "$name did not run in the host"
        return 1
    }
}

# The package's configuration is the operator's: dpkg asks before it replaces an edited file.
dpkg-deb -I "$host_deb" conffiles | diff - <(cd "$work/host" && find etc -type f | sed 's,^,/,' | sort)

# Neither needs to be told where its configuration is.
gantry=$work/host/usr/bin/gantry
(cd / && "$gantry" run --blocks 5 --json >/dev/null)
"$gantry" --config "$work/host/etc/gantry" run --blocks 5 --json >/dev/null
"$gantry" --config "$work/host/etc/gantry/live" config check --json >"$work/live.json"
grep -q '"errors": *\[\]' "$work/live.json"
cmake --install "$build" --component host --prefix "$work/prefix" >/dev/null
(cd / && "$work/prefix/bin/gantry" config explain >"$work/explained")
grep -qF "$work/prefix/etc/gantry/gantry.toml" "$work/explained"
(cd / && "$work/prefix/bin/gantry" run --blocks 5 --json >/dev/null)
echo '# edited' >>"$work/prefix/etc/gantry/gantry.toml"
cmake --install "$build" --component host --prefix "$work/prefix" >/dev/null
grep -qx '# edited' "$work/prefix/etc/gantry/gantry.toml"

failed=0 count=0
for prefix in "$work/installed" "$work/unpacked/usr"; do
    for compiler in "g++ gcc -" "clang++-19 clang-19 -stdlib=libc++"; do
        read -r cxx cc flags <<<"$compiler"
        [[ $flags == - ]] && flags=
        for template in "$prefix"/share/gantry-sdk/template/{cpp,c}/*/; do
            copy=$work/author-$((count += 1))
            cp -r "$template" "$copy"
            echo "== ${template#"$prefix/share/gantry-sdk/template/"}, $cxx $flags, from ${prefix#"$work/"}"
            if ! {
                cmake -S "$copy" -B "$copy/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" \
                    -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$cxx" \
                    -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_FLAGS="$flags" &&
                    cmake --build "$copy/build"
            } >"$copy/log" 2>&1; then
                cat "$copy/log"
                failed=1
                continue
            fi
            tests/gates/symbols.sh "$copy/build" || failed=1
            try_in_host "$copy" || failed=1
        done
    done
done
((count > 0)) || {
    echo "the SDK has no template"
    failed=1
}
exit $failed
