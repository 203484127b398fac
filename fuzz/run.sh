#!/bin/sh
# Runs one target for some seconds on tests/corpus and on what earlier runs have found.
set -eu
cd "$(dirname "$0")"
target=$1 seconds=$2
case $target in
respond) seeds=reviews ;;
nad) seeds=nads ;;
*) echo "There is no fuzz target $target; respond and nad exist." >&2; exit 2 ;;
esac
if ! cargo +nightly --version >/dev/null 2>&1; then
	echo "Fuzzing needs a nightly toolchain: rustup toolchain install nightly --profile minimal" >&2
	exit 2
fi
mkdir -p "corpus/$target"
# The first directory is the one that grows.
exec cargo +nightly fuzz run "$target" "corpus/$target" "../tests/corpus/$seeds" -- \
	-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1
