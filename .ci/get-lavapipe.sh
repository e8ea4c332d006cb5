#!/usr/bin/env bash
# usage: .ci/get-lavapipe.sh DEST [SUITE]    puts a newer Mesa lavapipe, the Vulkan loader and the Khronos validation layer into DEST
#
# Then DEST/run PROGRAM… or go test -exec DEST/run ./gpu/… runs with these. Lavapipe is Vulkan on the CPU; the newer one has
# cooperative matrices, which Debian 12's lacks. No root needed; nothing on the system changes. The programs run with the
# suite's own C library, so DEST holds everything they load. The suite is pinned; the versions taken are in DEST/versions.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

[ $# = 1 ] || [ $# = 2 ] || { say "usage: $0 DEST [SUITE]"; exit 2; }
suite=${2:-forky}
mkdir -p "$1"; dest=$(cd "$1" && pwd)
if [ -x "$dest/run" ] && [ "$(head -n 1 "$dest/versions" 2>/dev/null)" = "suite $suite" ]; then exit 0; fi

work=$dest/.apt
rm -rf "$work" "$dest/run"; trap 'rm -rf "$work"' EXIT
scratch_apt "$work" "$suite"
mapfile -t packages < <(closure mesa-vulkan-drivers libvulkan1 vulkan-validationlayers)
[ ${#packages[@]} -gt 3 ] || die "apt-get found no way to install mesa-vulkan-drivers from $suite"
unpack "$work" "${packages[@]}"

mkdir -p "$dest/layers"
gather "$work" "$dest" libvulkan_lvp.so libvulkan.so.1 libVkLayer_khronos_validation.so
cp "$work/root/usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation.json" "$dest/layers/"
sed "s#\"library_path\": \"[^\"]*\"#\"library_path\": \"$dest/lib/libvulkan_lvp.so\"#" "$work"/root/usr/share/vulkan/icd.d/lvp_icd*.json >"$dest/lvp.json"
{ echo "suite $suite"; printf '%s\n' "${packages[@]}" | grep -E '^(mesa-vulkan-drivers|libvulkan1|vulkan-validationlayers)='; } >"$dest/versions"
cat >"$dest/run" <<R
#!/bin/sh
export VK_ICD_FILENAMES=$dest/lvp.json VK_DRIVER_FILES=$dest/lvp.json VK_LAYER_PATH=$dest/layers
exec $dest/ld.so --library-path $dest/lib "\$@"
R
chmod +x "$dest/run"
say "lavapipe is in $dest: $(tail -n +2 "$dest/versions" | tr '\n' ' ')"
