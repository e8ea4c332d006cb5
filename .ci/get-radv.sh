#!/usr/bin/env bash
# usage: .ci/get-radv.sh DEST [SUITE]    puts Mesa's driver for AMD's GPUs and the Vulkan loader into DEST
#
# Then RADV_FORCE_FAMILY=navi31 DEST/run PROGRAM… has null hardware of that family: a device that compiles kernels as for the real one, and
# runs nothing. The suite is pinned to one whose Mesa has that: 25.0; later releases dropped it. No root needed; nothing on the system
# changes. The programs run with the suite's own C library, so DEST holds everything they load. DEST/versions names what was taken.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

[ $# = 1 ] || [ $# = 2 ] || { say "usage: $0 DEST [SUITE]"; exit 2; }
get_mesa "$1" "${2:-trixie}" radeon mesa-vulkan-drivers libvulkan1
