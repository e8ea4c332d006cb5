//go:build unix

package weights

import (
	"os"

	"golang.org/x/sys/unix"
)

// largePage is the most that the system maps around a byte that is read.
const largePage = 2 << 20

// mapFile maps a file read-only. A file that is truncated while it is mapped makes reads beyond its end fault: replace
// model files by renaming, not in place, or open them with NoMmap.
func mapFile(f *os.File, size int) (content, error) {
	data, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return content{}, err
	}
	page := int64(os.Getpagesize())
	return content{
		data:  data,
		close: func() error { return unix.Munmap(data) },
		drop: func(off, n int64) error {
			// Pages beside the range came in with it, up to a large page; who still needs one finds it in the file's cache.
			lo, hi := max(0, off-largePage)/page*page, min(off+n+largePage, int64(size))
			return unix.Madvise(data[lo:hi], unix.MADV_DONTNEED)
		},
	}, nil
}
