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

func TestOptionsKeep(t *testing.T) {
	var cases []conformance.Case
	for i := range 10 {
		cases = append(cases, conformance.Case{Op: "o", Name: string(rune('a' + i)), Quick: i != 3})
	}
	names := func(o conformance.Options) (s string) {
		for _, c := range o.Of(cases) {
			s += c.Name
		}
		return s
	}
	assert.Equal(t, "abcdefghij", names(conformance.Options{}))
	assert.Equal(t, "abcefghij", names(conformance.Options{Short: true}))
	assert.Equal(t, "adg", names(conformance.Options{Spread: 3}))
	assert.Equal(t, "aeh", names(conformance.Options{Short: true, Spread: 3}))
	assert.Equal(t, "abcefghij", names(conformance.Options{Short: true, Spread: 9}))
	assert.Equal(t, "d", names(conformance.Options{Match: "/d", Spread: 3}))
}
