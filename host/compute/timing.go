package compute

import "time"

// Timing is what one call did, filled by the device.
type Timing struct {
	// Wall is the whole call as the host saw it, and Encode, Submit, Wait its parts in this order: writing the step, handing
	// work over, during which a device may begin, and waiting for it. What remains is the device's host code.
	Wall, Encode, Submit, Wait time.Duration
	// Spans are the dispatches in device order.
	Spans []Span
	// Clock names the clock of the spans and its resolution; HostOffset is the host time of span time zero since the
	// call began, with Deviation as the stated error (zero when both are one clock).
	Clock                 string
	HostOffset, Deviation time.Duration
}

// Span is one dispatch of one group.
type Span struct {
	Group      int
	Kernel     string
	Begin, End time.Duration // since the device's first timestamp of the call
	Workgroups [3]uint32     // of the dispatch, where the device counts in such
}

// Cost is the work that an op cannot avoid: each operand moved once, each product taken once.
type Cost struct {
	Bytes int64
	FLOPs int64
}

// Add adds d to c.
func (c Cost) Add(d Cost) Cost { return Cost{c.Bytes + d.Bytes, c.FLOPs + d.FLOPs} }

// Issuer is implemented by executables that know what their kernels ask of the memory and compute, which is more than Cost: operands that
// are read again, tiles that reach beyond an edge, partial results.
type Issuer interface {
	// Issued is that of each group in a step.
	Issued(*Step) []Cost
}
