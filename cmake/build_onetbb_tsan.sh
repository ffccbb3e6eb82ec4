#!/usr/bin/env bash
# Builds the installed version of oneTBB with the thread sanitizer, from Debian's source package.
# Usage: cmake/build_onetbb_tsan.sh <folder>. Prints the prefix for CMAKE_PREFIX_PATH; does nothing
# more when that version is there already.
#
# Rationale: Debian's libtbb is not instrumented, so the sanitizer cannot see its hand-overs and
# reports races in correct flow graphs. Suppressing those would hide real ones.
set -euo pipefail

folder=$(mkdir -p "$1" && cd "$1" && pwd)
version=$(dpkg-query -W -f '${source:Version}' libtbb-dev)
prefix=$folder/$version
if [[ -f $prefix/.complete ]]; then
    echo "$prefix"
    exit 0
fi

# The machine's own package sources, as deb-src, in files of our own: no root, nothing changed.
apt=$folder/apt
rm -rf "$apt"
mkdir -p "$apt/sources.d" "$apt/lists/partial" "$apt/cache/archives/partial"
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
    [[ -f $file ]] || continue
    case $file in
    *.list) sed -n 's/^deb[[:space:]]/deb-src /p' "$file" ;;
    *.sources) sed 's/^Types:.*/Types: deb-src/' "$file" ;;
    esac >"$apt/sources.d/$(basename "$file")"
done
touch "$apt/sources.list"
apt_get() {
    apt-get -q -o Dir::Etc::sourcelist="$apt/sources.list" \
        -o Dir::Etc::sourceparts="$apt/sources.d" -o Dir::State::lists="$apt/lists" \
        -o Dir::Cache="$apt/cache" -o APT::Sandbox::User= "$@" >&2
}
apt_get update
cd "$apt"
apt_get source "onetbb=$version"

source=$(find "$apt" -maxdepth 1 -type d -name 'onetbb-*')
cmake -S "$source" -B "$apt/build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DCMAKE_C_COMPILER="${CC:-gcc}" -DCMAKE_CXX_COMPILER="${CXX:-g++}" \
    -DCMAKE_CXX_FLAGS="-fsanitize=thread -g1 -Wno-error" \
    -DCMAKE_SHARED_LINKER_FLAGS=-fsanitize=thread -DCMAKE_INSTALL_PREFIX="$prefix" \
    -DCMAKE_INSTALL_LIBDIR=lib -DTBB_TEST=OFF -DTBBMALLOC_BUILD=OFF -DTBB_STRICT=OFF >&2
cmake --build "$apt/build" --parallel "${GANTRY_JOBS:-$(nproc)}" >&2
cmake --install "$apt/build" >/dev/null
touch "$prefix/.complete"
rm -rf "$apt"
echo "$prefix"
