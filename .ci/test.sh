#!/usr/bin/env bash
# usage: .ci/test.sh [gpu] [go test flags…]    everything, or only what touches the GPU; says at the end on what the GPU tests ran
#
# Where a CPU driver is the only device, kernels run the quick cases of the suite, which cover each of them: the others take it an hour
# (.ci/run whole).
set -euo pipefail
. "$(dirname "$0")/test-env.sh"
cd "$root"

only=; if [ "${1:-}" = gpu ]; then only=gpu; shift; fi
flags=("$@")
mapfile -t all < <(go list ./...)
host=() device=()
for p in "${all[@]}"; do
	case $p in
	# Their results depend on the driver, which the test cache does not see: they always run.
	tuff/gpu | tuff/gpu/* | tuff/cmd/*) device+=("$p") ;;
	*) host+=("$p") ;;
	esac
done

# The others run beside them: those of a CPU driver take long, a package each.
rc=0 others=
go build ./... # once, for both
if [ -z "$only" ]; then
	go test -timeout 45m "${flags[@]}" "${host[@]}" & others=$!
	trap 'kill "$others" 2>/dev/null || :' EXIT
	trap 'exit 130' INT TERM
fi
short=(); if software_alone; then short=(-short); fi
if [ ${#device[@]} -gt 0 ]; then go test "${short[@]}" -timeout 45m -count=1 "${flags[@]}" "${device[@]}" || rc=1; fi
if [ -n "$others" ]; then wait "$others" || rc=1; others=; fi

printf '%s\n' "$tested_device" >"$cache/tested-device"
if [ $rc = 0 ]; then say "all tests passed; the GPU tests ran on: $tested_device"
else say "TESTS FAILED; the GPU tests ran on: $tested_device"; fi
exit $rc
