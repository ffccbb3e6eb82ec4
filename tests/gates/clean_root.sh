#!/usr/bin/env bash
# Usage: tests/gates/clean_root.sh <folder>   (as root)
# Makes a Debian 12 root in that folder with nothing but git, clones the current commit into it, and
# does there what the README tells a new user: ./dev run, the same again, ./dev test. Prints the
# seconds each took. How the network is reached (mirrors, proxies, certificates) is this machine's
# own configuration, read when the script runs. The folder is emptied first, if this script made it.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
((EUID == 0)) || { echo "needs root, for debootstrap and chroot" && exit 1; }
command -v debootstrap >/dev/null || { echo "needs the package debootstrap" && exit 1; }

# In a mount namespace of its own, so that what is mounted here goes away with the script.
if [[ ${GANTRY_CLEAN_ROOT_STAGE:-} != inside ]]; then
    GANTRY_CLEAN_ROOT_STAGE=inside exec unshare --mount -- "$0" "$@"
fi

target=$1
if [[ -e $target ]]; then
    [[ -f $target/.gantry-clean-root ]] || { echo "$target exists and is not ours" && exit 1; }
    rm -rf --one-file-system "$target"
fi
mkdir -p "$target"
touch "$target/.gantry-clean-root"
target=$(cd "$target" && pwd)

# "URI suite components" of this machine's Debian 12 sources, from both formats.
sources=$(
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
        sed -n 's/^deb *\(\[[^]]*\]\)\? *\([^ ]* bookworm[^ ]* .*\)/\2/p'
    cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk -v RS= -F'\n' '
        { uri = suites = components = ""
          for (i = 1; i <= NF; ++i) {
              if ($i ~ /^URIs:/) uri = substr($i, 6)
              if ($i ~ /^Suites:/) suites = substr($i, 8)
              if ($i ~ /^Components:/) components = substr($i, 12) }
          count = split(suites, suite, " ")
          for (i = 1; i <= count; ++i) if (suite[i] ~ /^bookworm/) print uri, suite[i], components }'
)
sources=$(awk 'NF > 2 && $2 ~ /^bookworm(-updates|-security)?$/ { $1 = $1; print }' <<<"$sources" |
    sort -u)
mirror=$(awk '$2 == "bookworm" { print $1; exit }' <<<"$sources")
[[ $mirror ]] || { echo "this machine names no mirror of Debian 12" && exit 1; }

echo "== debootstrap"
log=$target.log
debootstrap --variant=minbase --include=git bookworm "$target" "$mirror" >"$log" 2>&1 ||
    { tail "$log" && exit 1; }
sed 's/^/deb /' <<<"$sources" >"$target/etc/apt/sources.list"
apt-config dump | grep -E '^Acquire::(https?::Proxy|Check-)' >"$target/etc/apt/apt.conf.d/90machine" ||
    true
cp /etc/resolv.conf "$target/etc/resolv.conf"
mkdir -p "$target/usr/local/share/ca-certificates"
cp /usr/local/share/ca-certificates/*.crt "$target/usr/local/share/ca-certificates/" 2>/dev/null ||
    true
mount -t proc proc "$target/proc"
mount --rbind /dev "$target/dev"

environment=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
    HOME=/gantry-author CI="${CI:-}")
for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY NODE_EXTRA_CA_CERTS; do
    [[ ${!name:-} ]] && environment+=("$name=${!name}")
done
if command -v npm >/dev/null; then
    environment+=("npm_config_registry=$(npm config get registry)")
fi
mkdir -p "$target/gantry-author"

seconds=()
inside() {
    local started=$SECONDS
    echo "== $*"
    chroot "$target" env -i "${environment[@]}" sh -c 'cd /gantry && exec "$@"' sh "$@" </dev/null
    seconds+=("$((SECONDS - started)) s  $*")
}

git -C "$repository" bundle create -q "$target/gantry.bundle" HEAD
chroot "$target" env -i "${environment[@]}" git clone -q /gantry.bundle /gantry
inside ./dev run
inside ./dev run
inside ./dev test > >(tee "$target.test")
inside ./dev test > >(tail -1)

echo
printf '%s\n' "${seconds[@]}"
grep -E '^[0-9]+ passed, [0-9]+ failed$' "$target.test" | tail -1
