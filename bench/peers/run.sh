#!/usr/bin/env bash
# Quotes of the same swaps by Gantry, by the protocols' own packages, by a Rust crate, and by the
# chain's own quoter through eth_call: one table of nanoseconds a quote. What they answer has to be
# the same, or this fails. Needs ./dev test's set-up, npm and cargo; their packages stay in here.
#   bench/peers/run.sh [BUILD_FOLDER]
set -euo pipefail
cd "$(dirname "$0")"
build=$(realpath "${1:-../../build/release}")
found=$build/peers
mkdir -p "$found"

cmake --build "$build" --target gantry_peers >"$found/build.log"
[[ -d node_modules ]] || npm ci --ignore-scripts --no-audit --no-fund >&2
cargo build --release --locked --quiet --manifest-path rust/Cargo.toml

"$build/gantry_peers" "$found/asked.json"
node peers.mjs "$found/asked.json" >"$found/rows"
rust/target/release/gantry-peers "$found/asked.json" >>"$found/rows"

node - "$found" <<'SCRIPT'
const { readFileSync } = require("node:fs");
const folder = process.argv[2];
const rows = readFileSync(`${folder}/rows`, "utf8").trim().split("\n").map((row) => row.split(" "));
const text = (ns) => (ns < 1e4 ? `${ns.toFixed(0)} ns` : `${(ns / 1e3).toFixed(1)} us`);
console.log("venue              who quotes                        a quote    ours is faster");
for (const { venue, ours_ns, eth_call_ns } of JSON.parse(readFileSync(`${folder}/asked.json`))) {
  const all = [["gantry", ours_ns], ...rows.filter(([of]) => of === venue).map(([, who, ns]) => [who, Number(ns)])];
  if (eth_call_ns) all.push(["QuoterV2 by eth_call, local node", eth_call_ns]);
  for (const [who, ns] of all) {
    const ratio = who === "gantry" ? "" : `${(ns / ours_ns).toFixed(1)} times`;
    console.log(`${venue.padEnd(18)} ${who.padEnd(32)} ${text(ns).padStart(9)} ${ratio.padStart(17)}`);
  }
}
SCRIPT
