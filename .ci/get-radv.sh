#!/usr/bin/env bash
# usage: .ci/get-radv.sh DEST [SUITE]    puts Mesa's driver for AMD's GPUs and the Vulkan loader into DEST
#
# Then RADV_FORCE_FAMILY=navi31 DEST/run PROGRAM… has null hardware of that family: a device that compiles kernels as for the real one, and
# runs nothing. The suite is pinned to one whose Mesa has that: 25.0; later releases dropped it. No root needed; nothing on the system
# changes. The programs run with the suite's own C library, so DEST holds everything they load. DEST/versions names what was taken.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

[ $# = 1 ] || [ $# = 2 ] || { say "usage: $0 DEST [SUITE]"; exit 2; }
suite=${2:-trixie}
mkdir -p "$1"; dest=$(cd "$1" && pwd)
if [ -x "$dest/run" ] && [ "$(head -n 1 "$dest/versions" 2>/dev/null)" = "suite $suite" ]; then exit 0; fi

work=$dest/.apt
rm -rf "$work" "$dest/run"; trap 'rm -rf "$work"' EXIT
scratch_apt "$work" "$suite"
mapfile -t packages < <(closure mesa-vulkan-drivers libvulkan1)
[ ${#packages[@]} -gt 2 ] || die "apt-get found no way to install mesa-vulkan-drivers from $suite"
unpack "$work" "${packages[@]}"
gather "$work" "$dest" libvulkan_radeon.so libvulkan.so.1
sed "s#\"library_path\": \"[^\"]*\"#\"library_path\": \"$dest/lib/libvulkan_radeon.so\"#" "$work"/root/usr/share/vulkan/icd.d/radeon_icd*.json >"$dest/radv.json"
{ echo "suite $suite"; printf '%s\n' "${packages[@]}" | grep -E '^(mesa-vulkan-drivers|libvulkan1)='; } >"$dest/versions"
cat >"$dest/run" <<R
#!/bin/sh
export VK_ICD_FILENAMES=$dest/radv.json VK_DRIVER_FILES=$dest/radv.json
exec $dest/ld.so --library-path $dest/lib "\$@"
R
chmod +x "$dest/run"
say "Mesa's driver for AMD is in $dest: $(tail -n +2 "$dest/versions" | tr '\n' ' ')"
