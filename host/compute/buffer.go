package compute

// Usage is what a buffer is for. The device chooses memory by it.
type Usage uint8

const (
	// UseWeights is written once and read by every run.
	UseWeights Usage = iota + 1
	// UseState is read and written by runs and lives across them.
	UseState
	// UseReadback is written by runs or copies and read by the host.
	UseReadback
)

func (u Usage) String() string {
	return [...]string{"none", "Weights", "State", "Readback"}[min(int(u), 3)]
}

// BufferSpec describes a buffer to make. DType, Rows and Cols say what it holds, so that a device may store weights in a
// layout of its own; Size is then Rows·RowBytes(Cols). For untyped buffers only Size is set.
type BufferSpec struct {
	Name       string
	Usage      Usage
	Size       int64 // bytes, as the host counts them
	DType      DType // NoDType: untyped bytes
	Rows, Cols int   // elements
	// Data, if not nil, holds the first contents, Size bytes. A device whose memory is the host's may use it in place
	// for UseWeights: the caller keeps it alive and unchanged until Close. Other devices have copied it on return.
	Data []byte
	// Taken, if not nil, may be told of Data[lo:hi) that the device has copied and will not read again, before all of Data is; from any
	// goroutine.
	Taken func(lo, hi int64)
	// Among, if not 0, is the size of all weights of the model: a device may decide by it where they are best kept.
	Among int64
	// Lookup says of weights that their rows are only read one by one, as those of an embedding table are: a device need not keep them
	// near or lay them out for products.
	Lookup bool
}

// Buffer is memory that a device owns. Its bytes are reached through the device only.
type Buffer interface {
	Name() string
	Size() int64 // bytes, as the host counts them
	Close() error
}
