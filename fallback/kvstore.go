package fallback

import (
	"fmt"

	"tuff/fallback/quant"
	"tuff/host/compute"
)

// kvstore runs compute.KVStore: one unit per sequence, because two rows of one sequence may share a position and then the
// later one stands.
type kvstore struct {
	op                   compute.KVStore
	k, v, kCache, vCache *tensor // v and vCache may be nil
	pageSize             int
	step                 *compute.Step
}

func (k *kvstore) begin(s *compute.Step) int {
	k.step = s
	return len(s.Seqs)
}

func (k *kvstore) unit(_ *worker, i int) {
	q := &k.step.Seqs[i]
	for t := q.First; t < q.First+q.Count; t++ {
		slot := slotOf(q, int(k.step.Pos[t]), k.pageSize)
		store(k.kCache, slot, k.k.row(t))
		if k.v != nil {
			store(k.vCache, slot, k.v.row(t))
		}
	}
}

// slotOf is the row of a paged tensor that holds position pos of a sequence.
func slotOf(q *compute.Seq, pos, pageSize int) int {
	return int(q.Pages[pos/pageSize])*pageSize + pos%pageSize
}

// store converts one row to the cache's type.
func store(dst *tensor, slot int, src []float32) {
	if dst.DType == compute.F32 {
		copy(dst.row(slot), src)
		return
	}
	if err := quant.EncodeWith(dst.buf.dev.level, dst.DType, dst.bytes(slot, slot+1), src); err != nil {
		panic(fmt.Sprintf("BUG: %s: %v", dst.Name, err)) // Check knows the types and the shape
	}
}
