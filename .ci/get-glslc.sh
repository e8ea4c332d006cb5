#!/usr/bin/env bash
# usage: .ci/get-glslc.sh DEST     puts the pinned shader compiler into DEST: DEST/glslc and DEST/spirv-val
#
# The SPIR-V in shaders/spv is committed and compared byte for byte, and glslc's output differs between versions, so the
# version is pinned here and nowhere else. No root needed; nothing on the system changes. The programs run with their own
# C library, because the pinned release is newer than Debian 12 and than some Ubuntus.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

suite=trixie version=2025.2-1
[ $# = 1 ] || { say "usage: $0 DEST"; exit 2; }
mkdir -p "$1"; dest=$(cd "$1" && pwd)

pinned() { [ -x "$dest/glslc" ] && [ "$("$dest/glslc" --version 2>/dev/null | head -n 1)" = "shaderc $version" ] && "$dest/spirv-val" --version >/dev/null 2>&1; }
if pinned; then exit 0; fi

work=$dest/.apt
rm -rf "$work"; trap 'rm -rf "$work"' EXIT
scratch_apt "$work" $suite
unpack "$work" glslc=$version libshaderc1=$version spirv-tools libc6 libstdc++6 libgcc-s1

find_one() { find "$work/root" \( -type f -o -type l \) -path "*$1" | head -n 1; }
ld=$(find "$work/root" -name 'ld-linux*.so.*' | head -n 1)
for f in usr/bin/glslc usr/bin/spirv-val libshaderc.so.1 libstdc++.so.6 libm.so.6 libgcc_s.so.1 libc.so.6; do
	p=$(find_one "/$f")
	[ -n "$p" ] || die "the fetched packages lack $f"
	cp -L "$p" "$dest/"
done
cp -L "$ld" "$dest/ld.so"
for t in glslc spirv-val; do
	mv "$dest/$t" "$dest/$t.bin"
	# The folder may be moved: the wrapper finds its neighbours from its own place.
	printf '#!/bin/sh\nd=$(dirname "$(readlink -f "$0")")\nexec "$d/ld.so" --library-path "$d" "$d/%s.bin" "$@"\n' $t >"$dest/$t"
	chmod +x "$dest/$t"
done
pinned || die "glslc: got $("$dest/glslc" --version 2>&1 | head -n 1), want shaderc $version"
say "glslc $version is in $dest"
