#!/usr/bin/env bash
# usage: .ci/oracle.sh FILE    runs every model of the reference collection on both devices and writes the table of results to FILE
#
# The collection is the folder $TUFF_SHARED, or shared beside the checkout. A case that neither passes nor is refused by name
# fails, and then FILE stays as it is.
set -euo pipefail
. "$(dirname "$0")/test-env.sh"
cd "$root"
shared=${TUFF_SHARED:-$(dirname "$root")/shared}
[ -d "$shared/oracle" ] || die "no reference collection: $shared/oracle is not there; set TUFF_SHARED to the folder that holds oracle"
[ "${REQUIRE_GPU:-0}" = 1 ] || die "no Vulkan device: $tested_device"
out=$(realpath "$1")
TUFF_SHARED=$shared TUFF_COVERAGE=$out go test -timeout 30m -count=1 -run 'TestLogitsOfOracle|TestFoldersOfOracle' ./cmd/tuff
say "wrote $1"
# The losses of small trained models of every format, which stand in no table; on a software driver this takes minutes.
if [ -d "$shared/real/stories260K-ref" ]; then
	TUFF_SHARED=$shared TUFF_EVERY_LOSS=1 go test -timeout 60m -count=1 -run TestPerplexityOfReference ./cmd/tuff
fi
