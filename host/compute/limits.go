package compute

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"
)

// Limits are what a device reached when it was measured, the denominators of every share of a limit. Zero is what was not measured
// or what the device does not have. An operation of FLOPs, Double, Half, Dot8 and MatrixPeak.Rate is a multiplication or an addition.
type Limits struct {
	Bandwidth float64      // bytes/s read by a kernel that streams more than any cache holds
	FLOPs     float64      // float32 FLOP/s of register-only multiply-adds
	Double    float64      `json:",omitempty"` // the same with float64 sums of float32 products
	Half      float64      `json:",omitempty"` // the same in half precision
	Dot8      float64      `json:",omitempty"` // operations/s of dot products of packed bytes
	Matrix    []MatrixPeak `json:",omitempty"` // of matrix units, the fastest shape of each kind of types

	Dispatch    time.Duration // one more dependent dispatch with its barrier
	Independent time.Duration `json:",omitempty"` // one more dispatch without a barrier
	Submit      time.Duration // handing over an empty recording and waiting for it

	// Upload and Download are bytes/s between the host's memory and the device's on the way that weights and results go. MappedWrite
	// and MappedRead are bytes/s of the host's own copies to and from mapped memory: 0 where the host does not reach such memory.
	Upload      float64 `json:",omitempty"`
	Download    float64 `json:",omitempty"`
	MappedWrite float64 `json:",omitempty"`
	MappedRead  float64 `json:",omitempty"`

	Measured time.Time
	Took     time.Duration `json:",omitempty"` // the measurement
	Full     bool          `json:",omitempty"` // all was measured that the device has, not only what every report needs
}

// MatrixPeak is what a device's matrix units reached with products of one shape, factors and sums in registers.
type MatrixPeak struct {
	Types   string // such as half×half→float32
	M, N, K int    // elements
	Rate    float64
}

func (p MatrixPeak) String() string { return fmt.Sprintf("%s %d×%d×%d", p.Types, p.M, p.N, p.K) }

// MatrixFLOPs is the rate of the matrix units with factors of 16 bits, the faster of its sums; 0 where there are none or none were
// measured.
func (l *Limits) MatrixFLOPs() (best float64) {
	for _, p := range l.Matrix {
		if strings.HasPrefix(p.Types, "half") || strings.HasPrefix(p.Types, "bfloat16") {
			best = max(best, p.Rate)
		}
	}
	return best
}

// MatrixRate is the rate of the matrix units with such types; 0 where it was not measured.
func (l *Limits) MatrixRate(types string) float64 {
	for _, p := range l.Matrix {
		if p.Types == types {
			return p.Rate
		}
	}
	return 0
}

// Check holds limits that come from a file against what a measurement can give: rates and times that are finite and not negative,
// with those that every device has.
func (l *Limits) Check() error {
	rates := []float64{l.Bandwidth, l.FLOPs, l.Double, l.Half, l.Dot8, l.Upload, l.Download, l.MappedWrite, l.MappedRead}
	for _, p := range l.Matrix {
		if p.M < 1 || p.N < 1 || p.K < 1 || p.Rate <= 0 {
			return fmt.Errorf("compute: check limits: matrix peak %v: got %g operations/s, want more than 0 of a shape", p, p.Rate)
		}
		rates = append(rates, p.Rate)
	}
	for _, r := range rates {
		if !(r >= 0 && r <= math.MaxFloat64) {
			return fmt.Errorf("compute: check limits: got a rate of %g, want a finite number that is not negative", r)
		}
	}
	if l.Bandwidth == 0 || l.FLOPs == 0 || l.Dispatch < 0 || l.Independent < 0 || l.Submit <= 0 || l.Measured.IsZero() {
		return fmt.Errorf("compute: check limits: got %g B/s, %g FLOP/s, %v a dispatch, %v a submission, measured %v, want all of them",
			l.Bandwidth, l.FLOPs, l.Dispatch, l.Submit, l.Measured)
	}
	return nil
}

// Measurer is an optional ability of a Device: measuring what every report gives its shares of, in a second or two.
type Measurer interface {
	Measure(context.Context) (Limits, error)
}
