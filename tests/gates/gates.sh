# The gates of continuous integration; sourced by ./dev, which has the helpers used here.
# A gate is a function gate_<name>: it returns non-zero if it failed, and its tests, if any, end with
# the line "N passed, N failed". A gate without tests counts as one.
# shellcheck shell=bash

# tidy is run by name until it is known to be clean in one sitting.
all_gates=(format words abi test symbols dead install fuzz asan tsan)
# A machine that compiles everything anew may not have the time for the last ones: what there was no
# time for neither passes nor fails, and is named before the closing line. One that had half an hour
# and did not end hangs, and fails.
minutes_max=50
minutes_of_a_gate_max=30

ci_command() {
    local gates=("$@") gate
    ((${#gates[@]})) || gates=("${all_gates[@]}")
    for gate in "${gates[@]}"; do
        declare -F "gate_${gate//-/_}" >/dev/null || fail "no gate '$gate'; see ./dev --help"
    done
    mkdir -p "$logs"
    set_up ci
    if ((${#gates[@]} == 1)); then
        run_gate "${gates[0]}"
        return
    fi

    local table="" passed=0 failed=0 result started counts not_run=()
    for gate in "${gates[@]}"; do
        say "== $gate"
        started=$SECONDS
        local status=124 left=$((minutes_max * 60 - SECONDS))
        if ((left > 60)); then
            status=0
            timeout --kill-after=10 "$left" ./dev ci "$gate" >"$logs/$gate.log" 2>&1 </dev/null ||
                status=$?
        fi
        if ((status == 124 && left < minutes_of_a_gate_max * 60)); then
            not_run+=("$gate")
            table+=$(printf '%-12s %-8s %7s %7s %8d' "$gate" "no time" - - $((SECONDS - started)))$'\n'
            continue
        fi
        result=passed
        if ((status != 0)); then
            result=FAILED
            failed_tests "$logs/$gate.log"
            tail -n 60 "$logs/$gate.log"
        fi
        counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$logs/$gate.log" | tail -1)
        # Ended before its own closing line: the gate as a whole is what failed.
        if [[ -z $counts ]] || [[ $result == FAILED && $counts == *" 0" ]]; then
            counts=$([[ $result == passed ]] && echo "1 0" || echo "0 1")
        fi
        read -r good bad <<<"$counts"
        passed=$((passed + good)) failed=$((failed + bad))
        table+=$(printf '%-12s %-8s %7d %7d %8d' "$gate" $result "$good" "$bad" \
            $((SECONDS - started)))$'\n'
    done
    echo
    printf '%-12s %-8s %7s %7s %8s\n' gate result passed failed seconds
    printf '%s' "$table"
    printf '%-12s %-8s %7d %7d %8d\n\n' total "" $passed $failed $SECONDS
    if ((${#not_run[@]})); then
        echo "INCOMPLETE: nothing is known of ${not_run[*]}: the $minutes_max minutes that all gates have" \
            "together ended before. What was built is kept; go on with: ./dev ci ${not_run[*]}"
    fi
    echo "$passed passed, $failed failed"
    ((failed == 0 && passed > 0))
}

# What tests that failed have printed, which may stand far above the end of the log: of each its
# beginning.
failed_tests() {
    awk '/^ *[0-9]+\/[0-9]+ Test +#/ { left = /\*\*\*|Not Run/ ? 80 : 0 }
        / Start +[0-9]+: / { next }
        left-- > 0' "$1"
}

# Where one gate runs by itself, a gate without tests still ends with the closing line.
run_gate() {
    local status=0 out
    out=$logs/$1.out
    # In a shell of its own, so that the first failing command ends the gate.
    set +e
    (
        set -e
        "gate_${1//-/_}"
    ) > >(tee "$out") 2>&1
    status=$?
    set -e
    sleep 0.1
    if ! grep -qE '^[0-9]+ passed, [0-9]+ failed$' "$out"; then
        ((status == 0)) && echo "1 passed, 0 failed" || echo "0 passed, 1 failed"
    fi
    return $status
}

# ---- reading the text -----------------------------------------------------------------------------

gate_format() {
    git ls-files '*.h' '*.hpp' '*.c' '*.cpp' | grep -v '^data/' |
        xargs -r clang-format-19 --dry-run -Werror
}

# Nothing of one machine, and no leftovers, in what is committed.
gate_words() { tests/gates/words.sh; }

# The SDK's types are those that plugins were built with.
gate_abi() { tests/gates/abi.sh; }

# ---- builds ---------------------------------------------------------------------------------------

build_release() {
    set_up_node
    set_up_node tests/evm/sponsored
    configure release -DGANTRY_DEVELOPER=ON
    build release
}

gate_test() {
    set_up test
    set_up_peers
    ./dev test
}

gate_symbols() {
    build_release
    tests/gates/symbols.sh build/release/plugins
}

gate_dead() {
    build_release
    tests/gates/dead_files.sh build/release
}

gate_install() {
    build_release
    tests/gates/install.sh build/release
}

# Tests labelled release_only measure the program as users run it (allocations, memory).
sanitizer_tests() {
    local preset=$1 runner=()
    # The thread sanitizer wants addresses where it expects them, on kernels that spread them wide.
    if setarch "$(uname -m)" -R true 2>/dev/null; then runner=(setarch "$(uname -m)" -R); fi
    local planted
    planted=$(ctest --test-dir "build/$preset" -N -L planted | sed -n 's/^Total Tests: //p')
    ((planted == $2)) || fail "$preset: $planted tests of planted faults instead of $2"
    run_tests_with "${runner[*]}" "$preset" -LE "no_compile|release_only"
}

run_tests_with() {
    local runner=$1
    shift
    ctest_runner=$runner run_tests "$@"
}

gate_asan() {
    set_up_node
    configure asan
    build asan
    export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:check_initialization_order=1
    export UBSAN_OPTIONS=print_stacktrace=1
    sanitizer_tests asan 6
}

gate_tsan() {
    local prefix
    set_up_node
    prefix=$(GANTRY_JOBS=$(jobs) cmake/build_onetbb_tsan.sh .deps/onetbb-tsan | tail -1)
    configure tsan -DCMAKE_PREFIX_PATH="$prefix"
    build tsan
    [[ $(ldd build/tsan/race_in_node) == *"libtbb.so.12 => $prefix/"* ]] ||
        fail "tsan: the tests do not run with the instrumented oneTBB"
    export TSAN_OPTIONS=second_deadlock_stack=1
    sanitizer_tests tsan 2
}

gate_tidy() {
    local files
    cmake --preset tidy >&2 # always: nothing is built here, so nothing notices new files
    files=$(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' build/tidy/compile_commands.json |
        grep -E "^$root/(host|plugins)/" | sort -u)
    [[ $files ]] || fail "tidy: nothing to check"
    echo "$(wc -l <<<"$files") files"
    xargs -P "$(jobs)" -n 1 clang-tidy-19 -p build/tidy --quiet <<<"$files"
}

# Each target from its corpus and a fixed seed; one with a planted fault, which has to be found. What
# a plugin or its author hands us has a minute, the rest less. floors.txt has the edges that each has
# to reach: a target that stops at the first check would pass for ever.
gate_fuzz() {
    configure fuzz
    build fuzz gantry_fuzz
    export UBSAN_OPTIONS=print_stacktrace=1
    local target failed=0 passed
    local -a names=()
    for target in build/fuzz/fuzz/*; do
        [[ -x $target && -f $target ]] && names+=("$(basename "$target")")
    done
    rm -f build/fuzz/found/*/result
    export -f fuzz_one
    printf '%s\n' "${names[@]}" | xargs -P "$(jobs)" -I '{}' bash -c 'fuzz_one "$1"' _ '{}' || failed=1
    passed=$(cat build/fuzz/found/*/result 2>/dev/null | grep -c '^passed$' || true)
    echo "$passed passed, $((${#names[@]} - passed)) failed"
    ((failed == 0 && passed == ${#names[@]}))
}

fuzz_one() {
    local name=$1 seconds found edges corpus floor
    found=build/fuzz/found/$name
    mkdir -p "$found/corpus"
    corpus=$(cat "build/fuzz/fuzz/$name.corpus")
    read -r seconds floor < <(sed -n "s/^$name  *//p" tests/fuzz/floors.txt)
    [[ $seconds && $floor ]] || { echo "$name: no line in tests/fuzz/floors.txt"; return 1; }
    seconds=${GANTRY_FUZZ_SECONDS:-$seconds}
    local arguments=(-max_total_time="$seconds" -seed=20201016 -rss_limit_mb=2048 -timeout=10
        -max_len=32768 "-artifact_prefix=$found/" "$found/corpus")
    local status=0
    # shellcheck disable=SC2086
    "build/fuzz/fuzz/$name" "${arguments[@]}" $corpus >"$found/log" 2>&1 || status=$?
    edges=$(sed -n 's/^#[0-9]*\t[A-Za-z]* *cov: \([0-9]*\).*/\1/p' "$found/log" | tail -1)
    if [[ $name == planted_* ]]; then
        if ((status == 0)) || ! grep -q "heap-buffer-overflow" "$found/log"; then
            echo "$name: the planted fault was not found"
            return 1
        fi
        echo "$name: the planted fault was found"
    elif ((status != 0)); then
        tail -n 40 "$found/log"
        echo "$name: a fault; the input that shows it is in $found"
        return 1
    elif ((${edges:-0} < floor)); then
        echo "$name: reached ${edges:-0} edges of the code in $seconds s, at least $floor are expected:" \
            "what keeps it from going deeper?"
        return 1
    else
        echo "$name: $seconds s without a fault, $edges edges (floor $floor)"
    fi
    echo passed >"$found/result"
}

# ---- a machine with nothing on it -----------------------------------------------------------------

gate_clean_root() { tests/gates/clean_root.sh "${GANTRY_CLEAN_ROOT:-$root/build/clean-root}"; }
