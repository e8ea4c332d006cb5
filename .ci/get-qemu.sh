#!/usr/bin/env bash
# usage: .ci/get-qemu.sh DEST     puts QEMU's user mode emulator of arm64 into DEST: DEST/qemu-aarch64-static
#
# No root needed; nothing on the system changes. The release is fixed because later ones name the package otherwise.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

suite=bookworm
[ $# = 1 ] || { say "usage: $0 DEST"; exit 2; }
mkdir -p "$1"; dest=$(cd "$1" && pwd)
works() { "$dest/qemu-aarch64-static" --version >/dev/null 2>&1; }
if works; then exit 0; fi

work=$dest/.apt
rm -rf "$work"; trap 'rm -rf "$work"' EXIT
scratch_apt "$work" $suite
unpack "$work" qemu-user-static
mv "$work/root/usr/bin/qemu-aarch64-static" "$dest/"
works || die "qemu-aarch64-static was fetched but does not run"
say "$("$dest/qemu-aarch64-static" --version | head -n 1) is in $dest"
