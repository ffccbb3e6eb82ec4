#!/usr/bin/env bash
# Usage: tests/evm/playground_test.sh <build folder>
# Starts the playground as its user does: it says where its chain is, the chain's market moves, the
# configuration is one that the host takes and trades by; and however it ends, no chain is left.
set -euo pipefail
seconds_max=120 # bounds against a hang, not expectations
build=$(cd "$1" && pwd)
work=$(mktemp -d)
mkdir "$work/tmp"
export TMPDIR=$work/tmp # where the chain's own folder is
pid=
finish() {
    [[ -z $trading ]] || kill -KILL "$trading" 2>/dev/null || true
    [[ -z $pid ]] || kill -KILL "$pid" 2>/dev/null || true
    rm -rf "$work"
}
trading=
trap finish EXIT

fail() {
    echo "$1"
    cat "$work/out" "$work/err"
    exit 1
}

# until_true <what> <command...>
until_true() {
    local what=$1 i
    shift
    for ((i = 0; i < seconds_max * 10; i++)); do
        "$@" && return 0
        sleep 0.1
    done
    fail "not within $seconds_max s: $what"
}

start() {
    : >"$work/out" # or what the one before said is taken for this one's
    "$build/gantry_playground" --folder "$work/config" --block-ms 50 "$@" \
        >"$work/out" 2>"$work/err" </dev/null &
    pid=$!
    until_true "the first lines" introduced
    chain=$(sed -n 's/^chain .*, process \([0-9]*\)$/\1/p' "$work/out")
    url=$(sed -n 's/^chain .* at \(http:[^,]*\),.*/\1/p' "$work/out")
    is_running "$chain" || fail "there is no chain"
}
introduced() {
    is_running "$pid" || fail "it ended at once"
    grep -q '^It trades' "$work/out"
}
is_running() { kill -0 "$1" 2>/dev/null; }
has_ended() { ! is_running "$1"; }

# rpc <method> <parameters as JSON>: the result as JSON.
rpc() {
    node -e '
        const [url, method, params] = process.argv.slice(1);
        const body = JSON.stringify({jsonrpc: "2.0", id: 1, method, params: JSON.parse(params)});
        const request = require("http").request(url, {method: "POST",
            headers: {"content-type": "application/json"}}, (answer) => {
                let text = "";
                answer.on("data", (part) => (text += part));
                answer.on("end", () => console.log(JSON.stringify(JSON.parse(text).result)));
            });
        request.end(body);' "$url" "$1" "$2"
}
block() { echo $(($(rpc eth_blockNumber '[]' | tr -d '"'))); }
is_past() { (($(block) >= $1)); }

# end <signal>: it ends with 0, and nothing of it is left.
end() {
    local status=0
    kill "-$1" "$pid"
    wait "$pid" || status=$?
    ((status == 0)) || fail "after $1 it ends with $status"
    grep -q '^The chain has ended' "$work/out" || fail "after $1 it does not say so"
    until_true "the chain's end after $1" has_ended "$chain"
    [[ -z $(ls -A "$work/tmp") ]] || fail "after $1 it leaves $(ls -A "$work/tmp")"
    pid=
}

start --seed 7
first=$(block)
until_true "ten blocks" is_past $((first + 10))
sync=0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1 # Sync(uint112,uint112)
swaps=$(rpc eth_getLogs "[{\"fromBlock\": \"$(printf '0x%x' "$first")\", \"topics\": [\"$sync\"]}]" |
    grep -o '"logIndex"' | wc -l)
((swaps >= 10)) || fail "$swaps swaps in ten blocks"

# The wrapped coin takes coins in and gives them back, and no more than were put in.
wrapped=$(sed -n 's/^wrapped_native = "\(.*\)"$/\1/p' "$work/config/gantry.toml")
trader=$(rpc eth_accounts '[]' | cut -d'"' -f4)
word() { printf '%064x' "$1"; }
call() { rpc eth_call "[{\"from\": \"$trader\", \"to\": \"$wrapped\", \"data\": \"$1\"}, \"latest\"]"; }
send() {
    rpc eth_sendTransaction "[{\"from\": \"$trader\", \"to\": \"$wrapped\", \"data\": \"$1\",
        \"value\": \"$2\", \"gas\": \"0x30d40\"}]" >/dev/null
}
holds() { [[ $(call "0x70a08231$(printf '%064s' "${trader#0x}" | tr ' ' 0)") == "\"0x$(word "$1")\"" ]]; }
[[ $(call 0x313ce567) == "\"0x$(word 18)\"" ]] || fail "decimals() of the wrapped coin"
call 0x95d89b41 | grep -q "$(printf WETH | od -An -tx1 | tr -d ' ')" || fail "symbol() of it"
send 0xd0e30db0 0x5
until_true "a deposit" holds 5
[[ $(call "0x2e1a7d4d$(word 6)") == undefined ]] || fail "more can be withdrawn than is there"
send "0x2e1a7d4d$(word 2)" 0x0
until_true "a withdrawal" holds 3

"$build/gantry" --config "$work/config" config check || fail "the host refuses its configuration"
"$build/gantry" --config "$work/config" plugin list --json >"$work/list" || fail "plugins do not load"
for dex in uniswap_v2 sushiswap; do
    grep -q "$dex" "$work/list" || { cat "$work/list" && fail "no $dex"; }
done
"$build/gantry" --config "$work/config" doctor --online >"$work/doctor" 2>&1 || true
grep -q 'ok *provider anvil .*answers' "$work/doctor" ||
    { cat "$work/doctor" && fail "doctor does not reach the chain"; }
# The program trades there with the words that are printed, and its books say so.
printed=$(sed -n 's/^Trade: *\([A-Z_]*=[^ ]*\) .* run --live --config .*/\1/p' "$work/out")
[[ -n $printed ]] || fail "the command that trades is not printed"
gantry() { env "$printed" "$build/gantry" "$@" --config "$work/config"; }
mkdir -m 700 "$work/runtime" # its socket, which is no leftover of the chain's
env "$printed" XDG_RUNTIME_DIR="$work/runtime" "$build/gantry" run --live --config "$work/config" >"$work/run" 2>"$work/log" \
    </dev/null &
trading=$!
traded() {
    is_running "$trading" || { cat "$work/log" && fail "the run ended at once"; }
    (($(grep -c ': filled; ' "$work/log") >= 3))
}
until_true "three trades" traded
before=$(block)
until_true "blocks after trades" is_past $((before + 10))
kill -TERM "$trading"
status=0
wait "$trading" || status=$?
trading=
((status == 0)) || { cat "$work/log" && fail "the run ends with $status"; }
gantry audit report >"$work/report" || { cat "$work/report" && fail "there is no report"; }
grep -q 'triangular' "$work/report" || { cat "$work/report" && fail "the report tells no trade"; }
gantry audit verify >"$work/verify" || { cat "$work/verify" && fail "the trail is not whole"; }
end INT

start # over its own configuration
gantry audit report >"$work/report" 2>&1 && fail "an earlier chain's trades are in the books"
end TERM

start
kill -KILL "$pid"
wait "$pid" 2>/dev/null || true
pid=
until_true "the chain's end after KILL" has_ended "$chain"

mkdir -p "$work/foreign/state"
status=0
"$build/gantry_playground" --folder "$work/foreign" --blocks 1 >"$work/out" 2>"$work/err" || status=$?
((status == 2)) || fail "a folder with somebody else's state ends with $status"
[[ -d $work/foreign/state ]] || fail "somebody else's state was removed"

printf '[[chain]]\nid = "eip155:1"\n' >"$work/config/gantry.toml"
cp "$work/config/gantry.toml" "$work/before"
status=0
"$build/gantry_playground" --folder "$work/config" --blocks 1 >"$work/out" 2>"$work/err" || status=$?
((status == 2)) || fail "a folder of somebody else ends with $status"
cmp "$work/before" "$work/config/gantry.toml" || fail "a configuration was written over"
