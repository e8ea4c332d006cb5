package gpu

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Lives that overlap in time, or follow each other within their rest, must not share bytes; others should.
func TestPlaceNeverOverlapsAndReuses(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var list []life
		var total uint64
		for range 1 + r.IntN(30) {
			first := r.IntN(20)
			l := life{first: first, last: first + r.IntN(4), size: 256 * (1 + r.Uint64N(16))}
			total += l.size
			list = append(list, l)
		}
		for _, rest := range []int{1, 4, 100} {
			top := place(list, rest)
			for i, a := range list {
				assert.LessOrEqual(t, a.off+a.size, top)
				for _, b := range list[:i] {
					near := a.first <= b.last+rest && b.first <= a.last+rest
					assert.False(t, near && a.off < b.off+b.size && b.off < a.off+a.size, "%+v and %+v", a, b)
				}
			}
			if rest == 100 {
				assert.Equal(t, total, top)
			}
		}
	}
	chain := make([]life, 50)
	for i := range chain {
		chain[i] = life{first: i, last: i + 1, size: 256}
	}
	assert.LessOrEqual(t, place(chain, 1), uint64(4*256), "a chain of equal steps needs few places")
}
