package fallback

import "tuff/host/compute"

// matmulExperts runs compute.MatMulExperts: one unit per chunk of weight rows of all experts in use, each row decoded once.
type matmulExperts struct {
	op                   compute.MatMulExperts
	x, w, bias, ids, out *tensor // bias may be nil
	fast                 bool
	n, chunk, per        int     // rows of an expert, of a unit; units of an expert
	used                 [][]int // by expert: rows of Out
}

func (k *matmulExperts) begin(s *compute.Step) int {
	experts := k.op.NumExperts
	if k.used == nil {
		k.used = make([][]int, experts)
	}
	for e := range k.used {
		k.used[e] = k.used[e][:0]
	}
	rows := 0
	for t := range s.Tokens {
		for _, id := range k.ids.row(t) {
			e := min(max(int(id), 0), experts-1)
			k.used[e] = append(k.used[e], rows)
			rows++
		}
	}
	if rows == 0 {
		return 0
	}
	k.n = k.w.Rows.Fixed / experts
	k.chunk = ceil(chunk(k.n, ceil(rows, experts)*k.w.Cols), lanes) * lanes
	k.per = ceil(k.n, k.chunk)
	return experts * k.per
}

func (k *matmulExperts) unit(wk *worker, i int) {
	e, part := i/k.per, i%k.per
	if len(k.used[e]) == 0 {
		return
	}
	cols, used := k.w.Cols, k.ids.Cols
	scratch := wk.float32s(lanes * cols)
	var bias []float32
	if k.bias != nil {
		bias = k.bias.row(e)
	}
	for n := part * k.chunk; n < min((part+1)*k.chunk, k.n); n += lanes {
		have := min(lanes, min((part+1)*k.chunk, k.n)-n)
		w := k.w.decode(scratch, e*k.n+n, e*k.n+n+have)
		var add []float32
		if bias != nil {
			add = bias[n : n+have]
		}
		for _, r := range k.used[e] {
			x := r
			if k.x.Rows.PerToken == 1 {
				x = r / used
			}
			multiplyRow(k.x.row(x), w, k.out.row(r)[n:n+have], add, k.fast)
		}
	}
}

// multiplyRow multiplies one row of X by len(out) rows of weights; bias may be nil.
func multiplyRow(x, w, out, bias []float32, fast bool) {
	cols := len(x)
	if fast {
		for c := range out {
			out[c] = dotFast(x, w[c*cols:(c+1)*cols])
			if bias != nil {
				out[c] += bias[c]
			}
		}
		return
	}
	sums := dots(x, w, len(out))
	for c := range out {
		sum := sums[c]
		if bias != nil {
			sum += float64(bias[c])
		}
		out[c] = float32(sum)
	}
}
