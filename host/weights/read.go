package weights

import (
	"fmt"
	"runtime/debug"
)

// ReadInto copies len(dst) bytes of a tensor, from byte off of its data. Where the file is mapped and has been truncated, or its
// disk fails, it gives an error instead of ending the process.
func (f *File) ReadInto(dst []byte, t Tensor, off int64) (err error) {
	if off < 0 || off > t.Size || int64(len(dst)) > t.Size-off {
		return fmt.Errorf("weights: read tensor %s: got %d bytes from byte %d, want them within %d", quote(t.Name), len(dst), off, t.Size)
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		// The runtime's error of a fault tells the address; no other panic is ours to take.
		switch r := recover().(type) {
		case nil:
		case interface {
			error
			Addr() uintptr
		}:
			err = fmt.Errorf("weights: read tensor %s: the file shrank or its disk failed while it was mapped: %w", quote(t.Name), r)
		default:
			panic(r)
		}
	}()
	copy(dst, f.Data(t)[off:])
	return nil
}
