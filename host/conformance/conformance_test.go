package conformance_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/fallback"
	"tuff/host/conformance"
)

func open(t testing.TB) *fallback.Device {
	d, err := fallback.New(fallback.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// raced says that the race detector is on.
var raced bool

// A bound as large as the values would let everything pass.
func TestBoundsAreTight(t *testing.T) {
	if raced {
		t.Skip("numbers do not depend on the race detector, and take ten times as long under it")
	}
	dev := open(t)
	for _, c := range conformance.Cases() {
		if testing.Short() && !c.Quick {
			continue
		}
		r := c.Run(t.Context(), dev, dev, conformance.Options{})
		assert.NotEqual(t, conformance.Failed, r.Status, r)
		if c.Op != "program" && r.Status == conformance.Passed {
			assert.Lessf(t, r.Slack, 0.1, "%v: bounds over values", c)
		}
	}
}

func TestCountsAreKept(t *testing.T) {
	require.NoError(t, conformance.CheckCounts(conformance.Cases()))
	assert.Greater(t, len(conformance.Cases()), 3000)
}
