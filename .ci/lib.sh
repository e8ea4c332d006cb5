# Shared by the scripts in this folder; sourced, never run. Needs bash. Knows nothing of what it builds or tests.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${TUFF_CACHE:-$root/.cache}

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# go_env makes the go command work for users without a home folder and in checkouts that git distrusts (another owner):
# caches move into .cache, and version stamping is switched off where git would refuse to answer.
go_env() {
	have go || die "go is not in PATH: install Go $(sed -n 's/^go //p' "$root/go.mod") or newer"
	if [ -z "${GOCACHE:-}${XDG_CACHE_HOME:-}" ] && ! { [ -n "${HOME:-}" ] && mkdir -p "$HOME/.cache" 2>/dev/null && [ -w "$HOME/.cache" ]; }; then
		export GOCACHE=$cache/go-build
	fi
	if [ -z "${GOPATH:-}${GOMODCACHE:-}" ] && ! { [ -n "${HOME:-}" ] && [ -w "$HOME" ]; }; then
		export GOPATH=$cache/go
	fi
	if have git && ! git -C "$root" rev-parse HEAD >/dev/null 2>&1; then
		export GOFLAGS="${GOFLAGS:+$GOFLAGS }-buildvcs=false"
	fi
}

# as_root runs a command with root's rights, or fails at once: it never asks for a password.
as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"
	elif have sudo && sudo -n true 2>/dev/null; then sudo -n "$@"
	else return 1
	fi
}
can_root() { as_root true; }

# system_install puts packages on this machine; it fails without root, without apt, or when apt cannot do it.
system_install() {
	have apt-get && can_root || return 1
	say "installing on this system: $*"
	local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=180 -o Dpkg::Use-Pty=0)
	{ as_root "${apt[@]}" update && as_root "${apt[@]}" install -y --no-install-recommends "$@"; } >"$cache/apt.log" 2>&1 && return 0
	say "apt-get could not install them (last lines of $cache/apt.log):"
	tail -n 3 "$cache/apt.log" >&2
	return 1
}

# cc_works reports whether a C compiler can build and run what cgo needs (headers and libc included).
cc_works() {
	local cc dir rc=0
	cc=$(CGO_ENABLED=1 go env CC)
	have "${cc%% *}" || return 1
	dir=$(mktemp -d)
	printf '#include <dlfcn.h>\n#include <pthread.h>\n#include <stdlib.h>\nint main(void){return dlopen(0,RTLD_NOW)?0:1;}\n' >"$dir/a.c"
	{ $cc -pthread -o "$dir/a" "$dir/a.c" -ldl && "$dir/a"; } >/dev/null 2>&1 || rc=1
	rm -rf "$dir"
	return $rc
}

# packages prints the module's packages below the given folders, one a line; a folder that does not exist has none.
packages() {
	local d
	for d in "$@"; do
		if [ -d "$root/$d" ]; then (cd "$root" && go list "./$d/..." 2>&1 | sed '/matched no packages$/d'); fi
	done
}

# scratch_apt DIR [SUITE] makes DIR an apt state of its own, needing no root and leaving the system's alone, fetches the
# package lists into it and exports APT_CONFIG. Without SUITE it sees the system's sources and installed packages; with
# SUITE it sees that Debian suite only, on an empty system, from the archive that the system's own apt uses
# (or $DEBIAN_MIRROR), checked against Debian's archive key. apt verifies signatures and hashes either way.
scratch_apt() {
	local w=$1 suite=${2:-} key mirror arch
	have apt-get && have dpkg-deb || die "apt-get and dpkg-deb are needed to fetch packages: this is no Debian or Ubuntu system"
	mkdir -p "$w/lists/partial" "$w/cache/archives/partial" "$w/debs" "$w/root"
	{
		printf 'Dir::State "%s"; Dir::State::lists "%s/lists"; Dir::Cache "%s/cache";\n' "$w" "$w" "$w"
		printf 'Acquire::Languages "none"; APT::Sandbox::User ""; Debug::NoLocking "true"; Acquire::Retries "3";\n'
	} >"$w/apt.conf"
	if [ -n "$suite" ]; then
		arch=$(dpkg --print-architecture)
		key=
		for k in /usr/share/keyrings/debian-archive-keyring.gpg /usr/share/keyrings/debian-archive-keyring.pgp; do
			if [ -r $k ]; then key=$k; break; fi
		done
		[ -n "$key" ] || die "Debian's archive key is missing: install the package debian-archive-keyring"
		mirror=${DEBIAN_MIRROR:-}
		if [ -z "$mirror" ]; then
			mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null | awk 'NR == 1') || mirror=
		fi
		if [ -z "$mirror" ]; then mirror=$(mirror_from_sources); fi
		[ -n "$mirror" ] || die "no Debian archive in apt's sources: set DEBIAN_MIRROR to the address of one"
		printf 'deb [signed-by=%s] %s %s main\n' "$key" "$mirror" "$suite" >"$w/sources.list"
		: >"$w/status"
		{
			# Mirrors of moving suites lag, sometimes past the date to which their index is declared fresh. Signatures and
			# hashes still hold; all that is lost is the notice that newer versions exist, and these are pinned anyway.
			printf 'Acquire::Check-Valid-Until "false";\n'
			printf 'Dir::State::status "%s/status"; Dir::Etc::sourcelist "%s/sources.list"; Dir::Etc::sourceparts "-";\n' "$w" "$w"
			printf 'APT::Architecture "%s"; APT::Architectures "%s";\n' "$arch" "$arch"
		} >>"$w/apt.conf"
	else
		printf 'Dir::State::status "/var/lib/dpkg/status";\n' >>"$w/apt.conf"
	fi
	export APT_CONFIG=$w/apt.conf
	apt-get -qq update || die "apt-get could not fetch the package lists${suite:+ of $suite}"
}

# mirror_from_sources finds the Debian archive where the package lists were deleted, as container images do, so that
# indextargets cannot tell origins: the first address whose path ends in /debian, of either sources format.
mirror_from_sources() {
	local f
	for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
		if [ -r "$f" ]; then cat "$f"; fi
	done | awk '!/^[ \t]*#/ { for (i = 1; i <= NF; i++) if (!found && $i ~ /^https?:.*\/debian\/?$/) { print $i; found = 1 } }'
}

# unpack DIR PACKAGE… downloads exactly these packages (name or name=version) and unpacks them below DIR/root.
unpack() {
	local w=$1; shift
	(cd "$w/debs" && apt-get -qq download "$@") || die "apt-get could not download: $*"
	for d in "$w"/debs/*.deb; do dpkg-deb -x "$d" "$w/root"; done
}

# closure PACKAGE… prints name=version of these and of all they need that is not installed in the current apt state.
closure() {
	apt-get install -s --no-install-recommends "$@" | sed -nE 's/^Inst ([^ ]+) (\[[^]]*\] )?\(([^ ]+) .*/\1=\3/p'
}

# get_mesa DEST SUITE DRIVER PACKAGE… puts a driver of Mesa's (lvp, radeon) as a suite has it, the Vulkan loader and those packages' validation
# layer into DEST, with all that they load and the suite's own loader of programs, and a script DEST/run that runs a program with these.
# DEST/versions names the suite and the versions; a DEST that has the suite already is left as it is.
get_mesa() (
	mkdir -p "$1"; dest=$(cd "$1" && pwd); suite=$2 driver=$3
	shift 3
	if [ -x "$dest/run" ] && [ "$(head -n 1 "$dest/versions" 2>/dev/null)" = "suite $suite" ]; then exit 0; fi
	work=$dest/.apt
	rm -rf "$work" "$dest/run"; trap 'rm -rf "$work"' EXIT
	scratch_apt "$work" "$suite"
	mapfile -t packages < <(closure "$@")
	[ ${#packages[@]} -gt $# ] || die "apt-get found no way to install $1 from $suite"
	unpack "$work" "${packages[@]}"

	ld=$(find "$work/root" -name 'ld-linux*.so.*' | head -n 1)
	lib=$(dirname "$(find "$work/root" -name "libvulkan_$driver.so" | head -n 1)")
	[ -n "$ld" ] && [ -f "$lib/libvulkan_$driver.so" ] || die "the fetched packages lack ld-linux or libvulkan_$driver.so"
	mkdir -p "$dest/lib" "$dest/layers"
	cp -L "$ld" "$dest/ld.so"
	libraries=("libvulkan_$driver.so" libvulkan.so.1)
	if [[ " $* " == *" vulkan-validationlayers "* ]]; then
		libraries+=(libVkLayer_khronos_validation.so)
		cp "$work/root/usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation.json" "$dest/layers/"
	fi
	for f in "${libraries[@]}"; do
		cp -L "$lib/$f" "$dest/lib/"
		"$ld" --library-path "$lib" --list "$lib/$f" | awk '/=>/{print $3}' | while read -r need; do cp -L "$need" "$dest/lib/"; done
	done
	# Programs built against an older C library ask for these by name; in a newer one they are empty shells.
	for f in libdl.so.2 libpthread.so.0 librt.so.1; do if [ -e "$lib/$f" ]; then cp -L "$lib/$f" "$dest/lib/"; fi; done
	sed "s#\"library_path\": \"[^\"]*\"#\"library_path\": \"$dest/lib/libvulkan_$driver.so\"#" "$work/root/usr/share/vulkan/icd.d/${driver}_icd"*.json >"$dest/$driver.json"
	{ echo "suite $suite"; for f in "$@"; do printf '%s\n' "${packages[@]}" | grep "^$f="; done; } >"$dest/versions"
	cat >"$dest/run" <<-R
	#!/bin/sh
	export VK_ICD_FILENAMES=$dest/$driver.json VK_DRIVER_FILES=$dest/$driver.json VK_LAYER_PATH=$dest/layers
	exec $dest/ld.so --library-path $dest/lib "\$@"
	R
	chmod +x "$dest/run"
	say "Mesa is in $dest: $(tail -n +2 "$dest/versions" | tr '\n' ' ')"
)
