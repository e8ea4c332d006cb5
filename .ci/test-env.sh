# Sourced by test.sh and run: makes ready what the tests need and exports the environment they run in.
#   CGO_ENABLED, CC          1 where a C compiler works (installed, or unpacked into .cache), else 0: the GPU is then out of reach
#   REQUIRE_GPU=1            where a Vulkan device was seen: from then on a missing device is a failure, not a skip
#   GALLIVM_PERF=nopt        on CPU drivers of Mesa kernels are compiled quickly, not well
#   MESA_SHADER_CACHE_DIR    a folder that all stages share
#   LD_LIBRARY_PATH, VK_*    where lavapipe had to be unpacked into .cache instead of being installed
# It sets tested_device to what the GPU tests run on, in words, or to why they do not run.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mkdir -p "$cache"
go_env

# see_devices fills $cache/devices with the Vulkan devices that this environment offers, at one blow, for stages run beside each other;
# it fails when there is none.
see_devices() {
	local rc=0
	"$cache/devices.bin" >"$cache/devices.$$" 2>"$cache/devices.err.$$" || rc=$?
	mv "$cache/devices.err.$$" "$cache/devices.err"
	mv "$cache/devices.$$" "$cache/devices"
	return $rc
}

# software_alone says whether lavapipe is all there is.
software_alone() { grep -q llvmpipe "$cache/devices" 2>/dev/null && [ "$(wc -l <"$cache/devices")" = 1 ]; }

# unpack_lavapipe gets this system's own release of lavapipe and of whatever of its needs is not installed into
# .cache/lavapipe, without root, and points loader and linker at it.
unpack_lavapipe() (
	set -e
	dest=$cache/lavapipe work=$cache/lavapipe/.apt
	rm -rf "$dest"; mkdir -p "$dest/lib"; trap 'rm -rf "$work"' EXIT
	scratch_apt "$work"
	mapfile -t packages < <(closure mesa-vulkan-drivers libvulkan1)
	# Installed but not at work (a removed file, no device): then the packages themselves are still needed.
	unpack "$work" mesa-vulkan-drivers libvulkan1 "${packages[@]}"
	find "$work/root" -name '*.so*' \( -type f -o -type l \) -exec cp -a {} "$dest/lib/" \;
	# The system's own C library must stay in charge: a second one in the same process breaks it.
	rm -f "$dest"/lib/ld-linux* "$dest"/lib/libc.so* "$dest"/lib/libm.so* "$dest"/lib/libpthread.so* "$dest"/lib/libdl.so* "$dest"/lib/librt.so*
	[ -e "$dest/lib/libvulkan_lvp.so" ] && [ -e "$dest/lib/libvulkan.so.1" ] || die "mesa-vulkan-drivers of this release has no lavapipe"
	sed "s#\"library_path\": \"[^\"]*\"#\"library_path\": \"$dest/lib/libvulkan_lvp.so\"#" "$work"/root/usr/share/vulkan/icd.d/lvp_icd*.json >"$dest/lvp.json"
)

# unpack_cc gets this system's own release of gcc and the C library's headers into .cache/cc, without root, and leaves
# .cache/cc/cc: a wrapper, because gcc run from elsewhere must be told where headers, libraries and its own parts are.
unpack_cc() (
	set -e
	dest=$cache/cc work=$cache/cc/.apt
	rm -rf "$dest"; mkdir -p "$dest"; trap 'rm -rf "$work"' EXIT
	scratch_apt "$work"
	mapfile -t packages < <(closure gcc libc6-dev)
	# The linker needs the C library below the same root as the headers, in the very version that is running.
	for p in libc6 libgcc-s1; do packages+=("$p=$(dpkg-query -W -f '${Version}' $p)"); done
	unpack "$work" gcc libc6-dev "${packages[@]}"
	mv "$work/root" "$dest/root"
	# Where /lib is a link to /usr/lib, packages still carry files in either.
	if [ ! -e "$dest/root/lib" ]; then ln -s usr/lib "$dest/root/lib"; fi
	if [ ! -e "$dest/root/lib64" ] && [ -d "$dest/root/usr/lib64" ]; then ln -s usr/lib64 "$dest/root/lib64"; fi
	triplet=$(basename "$(dirname "$(find "$dest/root" -name crt1.o | head -n 1)")")
	# The compiler's own libraries, without the C library: that must stay the system's in the compiler's process.
	mkdir "$dest/lib"
	find "$dest/root" -path "*/$triplet/*.so*" \( -name 'libmpc.*' -o -name 'libmpfr.*' -o -name 'libgmp.*' -o -name 'libisl.*' -o -name 'libbfd*' \
		-o -name 'libopcodes*' -o -name 'libctf*' -o -name 'libsframe*' -o -name 'libjansson*' -o -name 'libz.*' -o -name 'libzstd.*' \) -exec cp -a {} "$dest/lib/" \;
	printf '#!/bin/sh\nexport LD_LIBRARY_PATH=%s/lib PATH=%s/root/usr/bin:$PATH\nexec %s/root/usr/bin/gcc --sysroot=%s/root "$@"\n' "$dest" "$dest" "$dest" "$dest" >"$dest/cc"
	chmod +x "$dest/cc"
) >"$cache/cc.log" 2>&1

use_unpacked_cc() {
	[ -x "$cache/cc/cc" ] && export CC=$cache/cc/cc && cc_works
}

use_unpacked_lavapipe() {
	[ -s "$cache/lavapipe/lvp.json" ] || return 1
	export LD_LIBRARY_PATH="$cache/lavapipe/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
	export VK_DRIVER_FILES=$cache/lavapipe/lvp.json VK_ICD_FILENAMES=$cache/lavapipe/lvp.json
	see_devices
}

if [ "${CGO_ENABLED:-1}" = 0 ]; then :
elif cc_works || use_unpacked_cc; then export CGO_ENABLED=1
elif unset CC; system_install gcc libc6-dev && cc_works; then export CGO_ENABLED=1
elif have apt-get && say "no C compiler here: getting gcc" && unpack_cc && use_unpacked_cc; then
	export CGO_ENABLED=1
	say "gcc was unpacked into $cache/cc; the system is unchanged"
else
	unset CC
	export CGO_ENABLED=0
fi

tested_device=
if [ "$CGO_ENABLED" = 0 ]; then
	tested_device="none: no working C compiler, and Vulkan is reached through cgo (install gcc)"
else
	$(go env CC) -O1 -o "$cache/devices.bin.$$" "$root/.ci/devices.c" -ldl
	mv "$cache/devices.bin.$$" "$cache/devices.bin"
	if ! see_devices; then
		say "no Vulkan device here ($(head -n 1 "$cache/devices.err")): getting Mesa's lavapipe"
		if use_unpacked_lavapipe; then :
		elif system_install mesa-vulkan-drivers libvulkan1 && see_devices; then :
		elif have apt-get && unpack_lavapipe && use_unpacked_lavapipe; then say "lavapipe was unpacked into $cache/lavapipe; the system is unchanged"
		else tested_device="none: no Vulkan device and no way found to get lavapipe ($(head -n 1 "$cache/devices.err"))"
		fi
	fi
fi
if [ -z "$tested_device" ]; then
	export REQUIRE_GPU=1
	tested_device=$(awk -F'\t' '{printf "%s%s (%s, Vulkan %s)", (NR > 1 ? " and " : ""), $2, $1, $3}' "$cache/devices")
elif [ "${REQUIRE_GPU:-0}" = 1 ]; then
	die "REQUIRE_GPU=1, but the GPU tests run on $tested_device"
fi

# Mesa's CPU drivers spend more time on optimising a test's kernels than on running them; the stage newer tests what users run.
export GALLIVM_PERF=${GALLIVM_PERF-nopt}

# What Mesa has compiled once no other stage compiles again: tests give programs cache folders of their own, drivers need none.
export MESA_SHADER_CACHE_DIR=${MESA_SHADER_CACHE_DIR:-$cache/mesa}
mkdir -p "$MESA_SHADER_CACHE_DIR"
