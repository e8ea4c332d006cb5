#!/usr/bin/env bash
# usage: LAVAPIPE=DIR .ci/planted/check.sh    demands that .ci/validated reports each planted fault, by its own message, and nothing without one
set -euo pipefail
. "$(dirname "$0")/../lib.sh"
cd "$root"
mkdir -p "$cache/ci"
bin=$cache/planted
go build -o "$bin" ./.ci/planted

# The shaders lie there compiled; where the pinned compiler is at hand, they must be what it makes.
if [ -x "$cache/glslc/glslc" ]; then
	for s in good race; do
		"$cache/glslc/glslc" --target-env=vulkan1.2 -O -o "$cache/planted.spv" .ci/planted/$s.comp
		cmp "$cache/planted.spv" .ci/planted/$s.spv || die "$s.spv is not what glslc makes of $s.comp"
	done
fi

bad=0
expect() { # NAME MESSAGE: the fault must be reported with a message that matches; without MESSAGE nothing may be
	local out rc=0
	out=$("$root/.ci/validated" "$bin" "$1" 2>&1) || rc=$?
	if [ -z "$2" ]; then
		if [ $rc = 0 ]; then say "$1: nothing reported, as it should be"; return; fi
	elif [ $rc = 3 ] && grep -qE "$2" <<<"$out"; then
		say "$1: reported: $(grep -oE "$2" <<<"$out" | head -n 1)"
		return
	fi
	bad=$((bad + 1))
	say "$1: NOT AS IT SHOULD BE: exit status $rc, want ${2:-silence}; it said:"
	head -c 4000 <<<"$out" >&2
}
expect none ''
expect core 'VUID-vkCmdFillBuffer-dstBuffer-00029'
expect sync 'SYNC-HAZARD-WRITE-AFTER-WRITE'
expect outside 'VUID-RuntimeSpirv-PhysicalStorageBuffer64-[0-9]+|Out of bounds access'
expect race '[Dd]ata race|SharedMemoryDataRace|shared-memory-data-race'
expect divide '[Dd]ivi[a-z]+ by zero|[Dd]ivide-by-zero'
[ $bad = 0 ] || die "$bad of 6 planted faults were not seen as they should be"
printf '6 of 6 as they should be (core, sync, 3 GPU-assisted, none)\n' >"$cache/ci/summary"
