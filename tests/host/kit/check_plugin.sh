#!/bin/sh
# Usage: check_plugin.sh <gantry> passes|found|<check> <plugin.so> [arguments of plugin check]
# Checks one library: the exit code has to be what is expected. <check>: it is found, by that one.
set -eu
gantry=$1 expected=$2 file=$3
shift 3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
XDG_STATE_HOME=$folder
export XDG_STATE_HOME
case $expected in passes) code=0 ;; *) code=3 ;; esac
status=0
"$gantry" plugin check "$file" "$@" >"$folder/first" 2>&1 || status=$?
cat "$folder/first"
if [ "$status" != "$code" ]; then
    echo "exit code $status instead of $code"
    exit 1
fi
case $expected in
passes | found) ;;
*)
    grep -q "^  failed  $expected\$" "$folder/first" || {
        echo "the check $expected did not find it"
        exit 1
    }
    ;;
esac
