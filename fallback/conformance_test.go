package fallback_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tuff/fallback"
	"tuff/host/compute"
	"tuff/host/conformance"
)

func open(t testing.TB, threads int) *fallback.Device {
	d, err := fallback.New(fallback.Options{Threads: threads})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// raced is set under the race detector, which slows arithmetic twentyfold. Large cases share memory as their small kin do, and formats as others
// that are read the same way.
var raced bool

// options are those of a run: under the race detector quick cases of a few formats: plain, in blocks, interleaved, and decoded by a codebook.
func options(o conformance.Options) conformance.Options {
	if raced {
		o.Short, o.Formats = true, []compute.DType{compute.F32, compute.F16, compute.Q8_0, compute.Q4_0, compute.Q5_K, compute.IQ3_S}
	}
	return o
}

// The suite's own float64 formulas judge the definition.
func TestConformance(t *testing.T) {
	conformance.Run(t, open(t, 3), openPlain(t, 1), options(conformance.Options{Short: testing.Short()}))
}

// And plain Go itself, where vector instructions stand in for it.
func TestConformanceOfPlainGo(t *testing.T) {
	if raced {
		t.Skip("TestConformance shares the same units out under the race detector, which is slow")
	}
	conformance.Run(t, openPlain(t, 3), openPlain(t, 1), conformance.Options{Short: true})
}

func TestConformanceOfFastArithmetic(t *testing.T) {
	conformance.Run(t, open(t, 0), open(t, 1), options(conformance.Options{Math: compute.Fast, Short: true}))
}
