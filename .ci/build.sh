#!/usr/bin/env bash
# usage: .ci/build.sh    writes bin/tuff, with Vulkan where a C compiler works, otherwise for the CPU only, and says so
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"
mkdir -p "$cache" bin
go_env

flags=(-trimpath -o bin/tuff)
if [ -n "${TAGS:-}" ]; then flags+=(-tags "$TAGS"); fi
if [ "${CGO_ENABLED:-1}" = 0 ]; then
	why="CGO_ENABLED=0"
elif ! cc_works; then
	why="no working C compiler"
elif CGO_ENABLED=1 go build "${flags[@]}" ./cmd/tuff; then
	exit 0
elif [ "${REQUIRE_GPU:-0}" = 1 ]; then
	die "the build with cgo failed"
else
	why="the build with cgo failed, see above"
fi
say "building bin/tuff without Vulkan ($why): it runs on the CPU; install gcc and build again for the GPU"
CGO_ENABLED=0 go build "${flags[@]}" ./cmd/tuff
