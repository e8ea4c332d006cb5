package model

import (
	"math"

	"tuff/host/compute"
)

// alibi is the table of what ALiBi adds to scores, none for models without it: slope·distance, with a slope for each head that
// falls geometrically from 2^(−MaxALiBi/n) to 2^−MaxALiBi for n heads, a power of two; further heads take the odd places of the
// series for 2n. Source: Press et al., Train Short, Test Long, 2022, section 3, and its reference implementation.
func (b *Builder) alibi() compute.Ref {
	c := b.cfg
	if c.MaxALiBi == 0 || b.slopes != 0 {
		return b.slopes
	}
	reach := b.p.MaxPos
	if int64(reach)*int64(c.NumHeads) > maxBiasTable {
		b.fail("ALiBi: got a context of %d for %d heads, want a table of at most %d distances", reach, c.NumHeads, maxBiasTable)
		return 0
	}
	table := make([]float32, (2*reach+1)*c.NumHeads)
	for h := range c.NumHeads {
		slope := alibiSlope(h, c.NumHeads, float64(c.MaxALiBi))
		if c.scaledALiBi > 0 {
			slope *= c.scaledALiBi / math.Sqrt(float64(c.HeadDim))
		}
		for far := -reach; far <= reach; far++ {
			table[(far+reach)*c.NumHeads+h] = float32(slope * float64(far))
		}
	}
	b.slopes = b.table("attn_alibi", 2*reach+1, c.NumHeads, table)
	return b.slopes
}

// maxBiasTable bounds the table's distances to one side, over all heads: half a gigabyte.
const maxBiasTable = 1 << 26

func alibiSlope(head, heads int, most float64) float64 {
	n := 1
	for 2*n <= heads {
		n *= 2
	}
	if head < n {
		return math.Exp2(-most * float64(head+1) / float64(n))
	}
	return math.Exp2(-most * float64(2*(head-n)+1) / float64(2*n))
}

func ones(n int) []float32 { return filled(n, 1) }

func filled(n int, with float32) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = with
	}
	return v
}
