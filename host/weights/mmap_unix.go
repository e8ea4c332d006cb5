//go:build unix

package weights

import (
	"os"

	"golang.org/x/sys/unix"
)

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
			// Whole pages inside the range only: a neighbour may still need the others.
			lo, hi := (off+page-1)/page*page, (off+n)/page*page
			if hi <= lo {
				return nil
			}
			return unix.Madvise(data[lo:hi], unix.MADV_DONTNEED)
		},
	}, nil
}
