#!/usr/bin/env bash
# Quotes of the same swaps by Gantry, by the protocols' own packages, by Rust crates, and by the
# chain's own contracts through eth_call: one table of nanoseconds a quote. What they answer has to
# be the same, or this fails. Needs ./dev test's set-up, npm and cargo; their packages stay in here.
#   bench/peers/run.sh [--quick] [BUILD_FOLDER]
# --quick builds and installs nothing and measures for a moment only, but compares as much. It leaves
# out the packages or the crates where they are not installed, and says so.
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

if [[ ! $quick ]]; then
    cmake --build "$build" --target gantry_peers >"$found/build.log"
    [[ -d node_modules ]] || npm ci --ignore-scripts --no-audit --no-fund >&2
    cargo build --release --locked --quiet --manifest-path rust/Cargo.toml
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
    echo "LEFT OUT: the Rust crates. cargo build --release --locked in bench/peers/rust, of Rust 1.91" \
        "or newer, installs them." >&2
fi
touch "$found/rows"

node - "$found" <<'SCRIPT'
const { readFileSync } = require("node:fs");
const folder = process.argv[2];
const rows = readFileSync(`${folder}/rows`, "utf8").split("\n").map((row) => row.split("\t"));
const text = (ns) => (ns < 1e4 ? `${ns.toFixed(0)} ns` : `${(ns / 1e3).toFixed(1)} us`);
console.log(`${"venue".padEnd(21)} ${"who quotes".padEnd(32)} ${"a quote".padStart(9)} ${"ours is faster".padStart(17)}`);
for (const { venue, ours_ns, node, node_ns } of JSON.parse(readFileSync(`${folder}/asked.json`))) {
  const all = [["gantry", ours_ns]];
  for (const [of, who, ns] of rows) if (of === venue) all.push([who, Number(ns)]);
  if (node) all.push([node, node_ns]);
  for (const [who, ns] of all) {
    const ratio = who === "gantry" ? "" : `${(ns / ours_ns).toFixed(1)} times`;
    console.log(`${venue.padEnd(21)} ${who.padEnd(32)} ${text(ns).padStart(9)} ${ratio.padStart(17)}`);
  }
}
SCRIPT
