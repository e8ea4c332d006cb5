package compute

import (
	"context"
	"time"
)

// Limits are what a device reached when it was measured, the denominators of every share of a limit.
type Limits struct {
	Bandwidth float64       // bytes/s read by a kernel that streams more than any cache holds
	FLOPs     float64       // float32 FLOP/s of register-only multiply-adds
	Dispatch  time.Duration // one more dependent dispatch with its barrier
	Submit    time.Duration // handing over an empty recording and waiting for it
	Measured  time.Time
}

// Measurer is an optional ability of a Device: measuring its own limits, in a second or two.
type Measurer interface {
	Measure(context.Context) (Limits, error)
}
