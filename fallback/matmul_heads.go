package fallback

import "tuff/host/compute"

// matmulHeads runs compute.MatMulHeads: one unit per chunk of weight rows of a head, each row decoded once for all tokens.
type matmulHeads struct {
	op        compute.MatMulHeads
	x, w, out *tensor
	fast      bool
	tokens    int
	n, chunk  int // rows of a head, of a unit
	per       int // units of a head
}

func (k *matmulHeads) begin(s *compute.Step) int {
	k.tokens = len(s.Tokens)
	k.n = k.w.Rows.Fixed / k.op.NumHeads
	k.chunk = ceil(chunk(k.n, max(k.tokens, 1)*k.w.Cols), lanes) * lanes
	k.per = ceil(k.n, k.chunk)
	return k.op.NumHeads * k.per
}

func (k *matmulHeads) unit(wk *worker, i int) {
	h, part := i/k.per, i%k.per
	cols := k.w.Cols
	scratch := wk.float32s(lanes * cols)
	end := min((part+1)*k.chunk, k.n)
	for n := part * k.chunk; n < end; n += lanes {
		have := min(lanes, end-n)
		w := k.w.decode(scratch, h*k.n+n, h*k.n+n+have)
		for t := range k.tokens {
			multiplyRow(k.x.row(t)[h*cols:(h+1)*cols], w, k.out.row(t)[h*k.n+n:][:have], nil, k.fast)
		}
	}
}
