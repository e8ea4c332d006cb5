package kvcache

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPagesAreNeverShared(t *testing.T) {
	pool, err := New(32, 16)
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(1, 2))
	seqs := make([]*Sequence, 5)
	for i := range seqs {
		seqs[i] = pool.NewSequence()
	}
	for range 2000 {
		s := seqs[r.IntN(len(seqs))]
		n := r.IntN(200)
		if r.IntN(3) == 0 {
			s.Shrink(n)
		} else if err := s.Grow(n); err != nil {
			var full *FullError
			require.ErrorAs(t, err, &full)
			require.Greater(t, full.Need, full.Free)
		} else {
			require.GreaterOrEqual(t, len(s.Pages())*pool.PageSize(), n)
		}
		seen := map[int32]bool{}
		held := 0
		for _, s := range seqs {
			for _, pg := range s.Pages() {
				require.False(t, seen[pg], "page %d held twice", pg)
				seen[pg] = true
				held++
			}
		}
		require.Equal(t, 32, held+pool.Free())
	}
	for _, s := range seqs {
		s.Close()
	}
	assert.Equal(t, 32, pool.Free())
}

func TestGrowTakesAllOrNothing(t *testing.T) {
	pool, err := New(2, 4)
	require.NoError(t, err)
	s := pool.NewSequence()
	require.Error(t, s.Grow(9))
	assert.Empty(t, s.Pages())
	require.NoError(t, s.Grow(8))
	assert.Equal(t, []int32{0, 1}, s.Pages())
	_, err = New(0, 4)
	assert.Error(t, err)
}
