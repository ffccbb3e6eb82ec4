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
dpkg-deb -f "$host_deb" Depends | grep -q libtbb

failed=0 count=0
for prefix in "$work/installed" "$work/unpacked/usr"; do
    for compiler in "g++ gcc -" "clang++-19 clang-19 -stdlib=libc++"; do
        read -r cxx cc flags <<<"$compiler"
        [[ $flags == - ]] && flags=
        for template in "$prefix"/share/gantry-sdk/template/*/; do
            copy=$work/author-$((count += 1))
            cp -r "$template" "$copy"
            echo "== $(basename "$template"), $cxx $flags, from ${prefix#"$work/"}"
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
            while IFS= read -r library; do
                "$work/host/usr/bin/gantry" plugin inspect "$library" || failed=1
            done < <(find "$copy/build" -name '*.so' -type f)
        done
    done
done
((count > 0)) || {
    echo "the SDK has no template"
    failed=1
}
exit $failed
