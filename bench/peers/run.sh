#!/usr/bin/env bash
# Quotes of the same swaps by Gantry, by the protocols' own packages, by Rust crates, and by the
# chain's own contracts through eth_call; then searches and backtests of Rust crates: one table of
# times. What they answer has to be the same, or this fails. Needs ./dev test's set-up, npm and cargo;
# their packages stay in here.
#   bench/peers/run.sh [--quick] [BUILD_FOLDER]
# --quick builds and installs nothing and measures for a moment only, but compares as much. It leaves
# out the packages or the crates where they are not installed, and says so. The crates that search take
# minutes to build, and a newer Rust, so that nothing but this builds them, where there is one.
set -euo pipefail
cd "$(dirname "$0")"
milliseconds=1000
quick=
if [[ ${1:-} == --quick ]]; then
    quick=yes milliseconds=20
    shift
fi
build=$(realpath "${1:-../../build/release}")
found=$build/peers$quick
mkdir -p "$found"
rust=rust/target/release/gantry-peers
searches=searches/target/release/gantry-peers-searches

if [[ ! $quick ]]; then
    cmake --build "$build" --target gantry_peers >"$found/build.log"
    [[ -d node_modules ]] || npm ci --ignore-scripts --no-audit --no-fund >&2
    cargo build --release --locked --quiet --manifest-path rust/Cargo.toml
    wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' searches/Cargo.toml)
    if printf '%s\n' "$wanted" "$(rustc --version | cut -d' ' -f2)" | sort -CV; then
        cargo build --release --locked --quiet --manifest-path searches/Cargo.toml
    fi
fi

"$build/gantry_peers" "$found/asked.json" $milliseconds
rm -f "$found/rows"
if [[ ! $quick || -d node_modules ]]; then
    node peers.mjs "$found/asked.json" $milliseconds >>"$found/rows"
else
    echo "LEFT OUT: the protocols' packages. npm ci --ignore-scripts in bench/peers installs them." >&2
fi
if [[ ! $quick || -x $rust ]]; then
    "$rust" "$found/asked.json" $milliseconds >>"$found/rows"
else
    echo "LEFT OUT: the Rust crates. cargo build --release --locked in bench/peers/rust, of Rust" \
        "1.91.1 or newer, installs them." >&2
fi
if [[ -x $searches && ! $(find searches/src -newer $searches) ]]; then
    # One of the crates tells of each search.
    "$searches" "$found/asked.json" $milliseconds 2> >(grep -v '^discovery ' >&2) >>"$found/rows"
else
    echo "LEFT OUT: the crates that search. cargo build --release --locked in bench/peers/searches, of" \
        "Rust 1.97 or newer, installs them." >&2
fi
touch "$found/rows"

node - "$found" <<'SCRIPT'
const { readFileSync } = require("node:fs");
const folder = process.argv[2];
const rows = readFileSync(`${folder}/rows`, "utf8").split("\n").map((row) => row.split("\t"));
const locks = ["rust", "searches"].map((project) => readFileSync(`${project}/Cargo.lock`, "utf8"));
const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
// With the version that is pinned, where it is a package or a crate that begins the name.
const named = (who) => {
  const [first, ...rest] = who.split(/(?=[ ,])/);
  const crate = locks.map((lock) => lock.split(`name = "${first}"\nversion = "`)[1]).find(Boolean);
  const version = packages[`node_modules/${first}`]?.version ?? crate?.split('"')[0];
  return [version ? `${first} ${version}` : first, ...rest].join("");
};
const text = (ns) =>
  ns < 1e4 ? `${ns.toFixed(0)} ns` : ns < 1e7 ? `${(ns / 1e3).toFixed(1)} us` : `${(ns / 1e6).toFixed(1)} ms`;
const times = (ratio) => (ratio < 1 ? `1/${(1 / ratio).toFixed(1)} times` : `${ratio.toFixed(1)} times`);
const row = (what, who, time, ratio) =>
  console.log(`${what.padEnd(22)} ${who.padEnd(48)} ${time.padStart(9)} ${ratio.padStart(14)}`);
row("what", "who", "time", "ours is faster");
for (const { venue, ours_ns, node, node_ns } of JSON.parse(readFileSync(`${folder}/asked.json`))) {
  const all = [["gantry", ours_ns]];
  for (const [of, who, ns] of rows) if (of === venue) all.push([who, Number(ns)]);
  if (node) all.push([node, node_ns]);
  for (const [who, ns] of all) {
    row(venue, named(who), text(ns), who === "gantry" ? "" : times(ns / ours_ns));
  }
}
SCRIPT
