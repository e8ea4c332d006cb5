package compute

import "context"

// Device runs programs. It is safe for use by one goroutine at a time; executables of one device share its queue.
// Devices may rely on Check: every program reaching Compile has passed it.
type Device interface {
	// Info describes the device as it is now, memory in use included.
	Info() Info
	// NewBuffer makes a buffer; without Data its bytes are zero.
	NewBuffer(BufferSpec) (Buffer, error)
	// Upload writes src at byte off of dst. Typed weight buffers take whole rows.
	Upload(dst Buffer, off int64, src []byte) error
	// Download reads len(dst) bytes at byte off of src. Weights in a layout of the device's own are refused.
	Download(dst []byte, src Buffer, off int64) error
	// Compile prepares a program. An op or format the device lacks is an *UnsupportedError, before anything runs.
	Compile(context.Context, *Program, Options) (Executable, error)
	// Close frees everything the device made.
	Close() error
}

// Executable is a program made ready by a device.
type Executable interface {
	// Placement lists the groups of ops in the order they run: what runs each and why it was chosen.
	Placement() []Group
	// Run executes the program for one step and returns when its outputs can be read.
	Run(context.Context, *Call) error
	// Locate finds a tensor's memory: outputs always, scratch only when compiled with Options.Keep.
	// It is valid until Close; a run overwrites it.
	Locate(Ref) (View, error)
	Close() error
}

// Preparer is an executable that gets ready what a step needs, such as kernels that must be compiled, when the first of its shape runs.
// Prepare does so before: for a step of one sequence and one output.
type Preparer interface {
	Prepare(ctx context.Context, tokens int) error
}

// Watched is a device whose driver ends work that takes too long.
type Watched interface {
	// MaxOp is the FLOPs of one op that such a device surely does in time; 0: any.
	MaxOp() int64
}

// View is a tensor's place in a buffer.
type View struct {
	Buffer Buffer
	Offset int64 // bytes
}

// Math is the meaning of arithmetic that the caller asks for.
type Math uint8

const (
	// Exact: float32 activations, float32 or wider accumulation.
	Exact Math = iota
	// Fast: half or int8 activations and matrix units, whatever the device does best; compared against Exact.
	Fast
)

func (m Math) String() string {
	if m == Fast {
		return "fast"
	}
	return "exact"
}

// Options of Compile.
type Options struct {
	Math Math
	// MaxTokens and MaxOutputs bound the step, and so the scratch memory. Zero means 1.
	MaxTokens, MaxOutputs int
	// MaxSeqs and MaxPages bound the sequences of a step and the pages of one sequence. Zero means 1.
	MaxSeqs, MaxPages int
	// MaxSteps bounds Call.Steps, where the program ends with a Sample op: at most the constant MaxSteps.
	MaxSteps int
	// Keep gives every tensor that is written memory of its own, so that Locate finds it after a run. Tensors that were
	// fused away have none; with NoFuse there are no such tensors.
	Keep bool
	// NoFuse keeps one group per op.
	NoFuse bool
	// Variant forces kernels by op stem, for the kernel lab ("matmul" → "matmul_q8_0_tile"). Unknown names are errors.
	Variant map[string]string
	// Progress, if set, is told how many of the kernels that a step needs are compiled, from none to all, when some are not yet: by
	// a run of a new shape and by Prepare. Calls do not overlap.
	Progress func(done, total int)
}

// Group is one or more ops that a device runs together.
type Group struct {
	Ops        []int  // indices into Program.Instrs
	Label      string // labels of its ops, joined by +
	Stem       string // stems of its ops, joined by _
	Shape      string // formats and sizes that tell calls of one stem apart, such as Q8_0 768×256
	Kernel     string // the variant chosen
	Why        string // why this variant
	Dispatches int
	Barriers   int // barriers in front of or between its dispatches
}

// Call is one run of an executable.
type Call struct {
	Step *Step
	// Steps, above 0, asks for that many steps of one token: behind Step one at the next position for each token that the program's
	// Sample op chose. Sampled is set to the tokens chosen, in its own memory where that suffices: at least one, fewer than asked for
	// where the device takes fewer, and none behind one of Sampling.Stop or behind a logit that is not a number (negative, as Sample
	// has it).
	Steps   int
	Sampled []int32
	// Before and After, if set, are called around each group with all memory settled, so that tensors may be read or
	// written by Download and Upload. They make the device run group by group.
	Before, After func(group int) error
	// Timing, if set, is filled with what ran when.
	Timing *Timing
}

// Kind is what sort of device it is, in order of preference.
type Kind uint8

const (
	Discrete Kind = iota + 1
	Integrated
	Virtual
	Software // a driver that emulates a GPU on the CPU
	Host     // the pure-Go fallback
)

func (k Kind) String() string {
	return [...]string{"unknown", "discrete", "integrated", "virtual", "software", "host"}[min(int(k), 5)]
}

// Info describes a device.
type Info struct {
	Name, Driver, API string
	Kind              Kind
	MemoryTotal       int64 // bytes in the heap that holds weights
	MemoryFree        int64 // bytes, clamped to the total; equal to the total where the driver does not tell
	MemoryUsed        int64 // bytes this device object has allocated
	Threads           int   // Host: worker goroutines
	Tiers             []string
	Limits            map[string]int64 // by Vulkan's names
	ID                string           // device, driver and version: key for caches
	Emulated          bool             // by tuff itself, to check kernels: its times mean nothing, and nothing about it is kept
}
