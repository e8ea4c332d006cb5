package gpu

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func sp(lo, hi uint64) []span { return []span{{lo, hi}} }

// tracked inserts barriers as a recording does.
func tracked(list []access) []event {
	var t tracker
	var out []event
	for _, a := range list {
		if t.before(a) {
			out = append(out, event{barrier: true})
		}
		out = append(out, event{access: a})
	}
	return out
}

func barriers(events []event) (n int) {
	for _, e := range events {
		if e.barrier {
			n++
		}
	}
	return n
}

func TestBarriersOnlyForTrueHazards(t *testing.T) {
	for name, c := range map[string]struct {
		list []access
		want int
	}{
		"read after write":                      {[]access{{writes: sp(0, 4)}, {reads: sp(0, 4)}}, 1},
		"write after read":                      {[]access{{reads: sp(0, 4)}, {writes: sp(2, 6)}}, 1},
		"write after write":                     {[]access{{writes: sp(0, 4)}, {writes: sp(3, 5)}}, 1},
		"read after read":                       {[]access{{reads: sp(0, 4)}, {reads: sp(0, 4)}}, 0},
		"neighbours do not overlap":             {[]access{{writes: sp(0, 4)}, {reads: sp(4, 8)}}, 0},
		"independent chains share one":          {[]access{{writes: sp(0, 4)}, {writes: sp(8, 12)}, {reads: sp(0, 4)}, {reads: sp(8, 12)}}, 1},
		"a barrier settles what came before it": {[]access{{writes: sp(0, 4)}, {reads: sp(0, 4), writes: sp(8, 12)}, {reads: sp(0, 4)}}, 1},
		"but not what came after it":            {[]access{{writes: sp(0, 4)}, {reads: sp(0, 4), writes: sp(8, 12)}, {reads: sp(8, 12)}}, 2},
	} {
		events := tracked(c.list)
		assert.Equal(t, c.want, barriers(events), name)
		assert.Empty(t, check(events), name)
	}
}

// check is the proof that does not share the tracker's code path: random sequences never race, and taking any barrier away
// makes a race, so none is too much.
func TestRandomSequencesNeverRaceAndNoBarrierIsIdle(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	removed := 0
	for range 300 {
		var list []access
		some := func(n int) (s []span) {
			for range r.IntN(n) {
				lo := uint64(r.IntN(40))
				s = append(s, span{lo, lo + 1 + uint64(r.IntN(6))})
			}
			return s
		}
		for range 30 {
			list = append(list, access{some(4), some(3)})
		}
		events := tracked(list)
		require.Empty(t, check(events))
		for i, e := range events {
			if e.barrier {
				without := append(append([]event{}, events[:i]...), events[i+1:]...)
				require.NotEmpty(t, check(without), "barrier %d", i)
				removed++
			}
		}
	}
	assert.Greater(t, removed, 1000)
}
