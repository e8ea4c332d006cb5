package fallback

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// hugePages is at least size bytes of zeros, the system having been asked for huge pages; nil if it refuses.
func hugePages(size int64) []byte {
	size = (size + 2*hugePage - 1) / hugePage * hugePage
	data, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil
	}
	if unix.Madvise(data, unix.MADV_HUGEPAGE) != nil {
		_ = unix.Munmap(data) // memory of the usual pages is no better than where the weights lie
		return nil
	}
	return data
}

func releasePages(data []byte) { _ = unix.Munmap(data) }

// lastLevelCache is its size in bytes, 0 if the system does not tell.
func lastLevelCache() int64 {
	text, err := os.ReadFile("/sys/devices/system/cpu/cpu0/cache/index3/size")
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(string(text)), "K"), 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}
