package fallback

import (
	"tuff/fallback/simd"
	"tuff/host/compute"
)

// matmulHeads runs compute.MatMulHeads: one unit per chunk of weight rows of a head, each row decoded once for all tokens.
type matmulHeads struct {
	op        compute.MatMulHeads
	x, w, out *tensor
	fast      bool
	tokens    int
	n, chunk  int         // rows of a head, of a unit
	group     int         // rows that are multiplied together
	per       int         // units of a head
	a         activations // of the vector path: a row for each head and token
}

func (k *matmulHeads) begin(s *compute.Step) int {
	k.tokens = len(s.Tokens)
	k.n = k.w.Rows.Fixed / k.op.NumHeads
	if cols := k.w.Cols; k.a.level > simd.Plain {
		k.a.begin(k.op.NumHeads*k.tokens, k.w, k.a.few(k.tokens, k.w.DType))
		for h := range k.op.NumHeads {
			for t := range k.tokens {
				k.a.put(h*k.tokens+t, k.x.row(t)[h*cols:(h+1)*cols])
			}
		}
	}
	k.group, k.chunk = k.a.share(k.n, max(k.tokens, 1)*k.w.Cols)
	k.per = ceil(k.n, k.chunk)
	return k.op.NumHeads * k.per
}

func (k *matmulHeads) prepare() (task, int) { return k.a.prepare() }

func (k *matmulHeads) tier() string { return k.a.tier() }

func (k *matmulHeads) unit(wk *worker, i int) {
	h, part := i/k.per, i%k.per
	cols := k.w.Cols
	end := min((part+1)*k.chunk, k.n)
	if k.a.level > simd.Plain {
		for n := part * k.chunk; n < end; n += k.group {
			k.a.multiply(wk, h*k.tokens, (h+1)*k.tokens, k.w, h*k.n+n, min(k.group, end-n), nil,
				func(r int) []float32 { return k.out.row(r - h*k.tokens)[h*k.n+n:] })
		}
		return
	}
	scratch := wk.float32s(lanes * cols)
	for n := part * k.chunk; n < end; n += lanes {
		have := min(lanes, end-n)
		w := k.w.decode(scratch, h*k.n+n, h*k.n+n+have)
		for t := range k.tokens {
			multiplyRow(k.x.row(t)[h*cols:(h+1)*cols], w, k.out.row(t)[h*k.n+n:][:have], nil, k.fast)
		}
	}
}
