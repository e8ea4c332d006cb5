#!/usr/bin/env bash
# usage: .ci/get-lavapipe.sh DEST [SUITE]    puts a newer Mesa lavapipe, the Vulkan loader and the Khronos validation layer into DEST
#
# Then DEST/run PROGRAM… or go test -exec DEST/run ./gpu/… runs with these. Lavapipe is Vulkan on the CPU; the newer one has
# cooperative matrices, which Debian 12's lacks. No root needed; nothing on the system changes. The programs run with the
# suite's own C library, so DEST holds everything they load. The suite is pinned; the versions taken are in DEST/versions.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

[ $# = 1 ] || [ $# = 2 ] || { say "usage: $0 DEST [SUITE]"; exit 2; }
get_mesa "$1" "${2:-forky}" lvp mesa-vulkan-drivers libvulkan1 vulkan-validationlayers
