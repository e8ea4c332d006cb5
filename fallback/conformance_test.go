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

// raced is set under the race detector, which slows arithmetic twentyfold. Large cases share memory as their small kin do.
var raced bool

// The suite's own float64 formulas judge the definition.
func TestConformance(t *testing.T) {
	conformance.Run(t, open(t, 3), openPlain(t, 1), conformance.Options{Short: testing.Short() || raced})
}

// And plain Go itself, where vector instructions stand in for it.
func TestConformanceOfPlainGo(t *testing.T) {
	if raced {
		t.Skip("TestConformance shares the same units out under the race detector, which is slow")
	}
	conformance.Run(t, openPlain(t, 3), openPlain(t, 1), conformance.Options{Short: true})
}

func TestConformanceOfFastArithmetic(t *testing.T) {
	conformance.Run(t, open(t, 0), open(t, 1), conformance.Options{Math: compute.Fast, Short: true})
}
