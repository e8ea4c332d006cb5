package gpu

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu/kernel"
	"tuff/host/compute"
)

// Whatever pieces memory is written in, every byte arrives, and comes back as it was.
func TestRowsArePackedInAnyPieces(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for dt := compute.F32; dt.Valid(); dt++ {
		const rows = 5
		cols := 3 * dt.BlockLen()
		l, err := kernel.LayoutOf(dt, cols)
		require.NoError(t, err)
		if !l.Packed() {
			continue
		}
		assert.Zero(t, l.Bytes%16, dt)
		assert.Less(t, l.Bytes, l.FileBytes+16, dt)
		src := make([]byte, rows*l.FileBytes)
		for i := range src {
			src[i] = byte(rng.Uint32())
		}
		whole := make([]byte, rows*l.Bytes)
		packRows(&l, whole, 0, src)
		for r := range rows {
			got := make([]byte, l.FileBytes)
			l.Unpack(got, whole[r*l.Bytes:])
			require.Equal(t, src[r*l.FileBytes:(r+1)*l.FileBytes], got, dt)
		}
		for _, piece := range []int{1, 7, 16, l.Bytes - 1, l.Bytes, l.Bytes + 1, 3*l.Bytes + 5} {
			got := bytes.Repeat([]byte{0xee}, len(whole))
			for at := 0; at < len(whole); at += piece {
				end := min(at+piece, len(whole))
				packRows(&l, got[at:end:end], at, src)
			}
			require.Equal(t, whole, got, "%v in pieces of %d", dt, piece)
		}
	}
}
