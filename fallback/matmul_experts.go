package fallback

import (
	"tuff/fallback/simd"
	"tuff/host/compute"
)

// matmulExperts runs compute.MatMulExperts: one unit per chunk of weight rows of an expert in use, each row decoded once.
type matmulExperts struct {
	op                   compute.MatMulExperts
	x, w, bias, ids, out *tensor // bias may be nil
	fast                 bool
	n, chunk, per        int         // rows of an expert, of a unit; units of an expert
	group                int         // rows that are multiplied together
	used                 [][]int     // by expert: rows of Out
	active               []int       // experts that are used
	a                    activations // of the vector path: a row for each of Out, by expert
	from                 []int       // by expert: the first of its rows there
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
	if k.a.level > simd.Plain {
		k.gather(rows)
	}
	k.active = k.active[:0]
	for e, list := range k.used {
		if len(list) > 0 {
			k.active = append(k.active, e)
		}
	}
	k.group, k.chunk = k.a.share(k.n, ceil(rows, len(k.active))*k.w.Cols)
	k.per = ceil(k.n, k.chunk)
	return len(k.active) * k.per
}

// gather puts the rows of X in the order of the experts that use them.
func (k *matmulExperts) gather(rows int) {
	k.a.begin(rows, k.w, k.a.few(ceil(rows, len(k.used)), k.w.DType))
	k.from = grown(k.from, len(k.used))
	at := 0
	for e, list := range k.used {
		k.from[e] = at
		for _, r := range list {
			k.a.put(at, k.x.row(k.rowOfX(r)))
			at++
		}
	}
}

// rowOfX is the row of X that row r of Out is made from.
func (k *matmulExperts) rowOfX(r int) int {
	if k.x.Rows.PerToken == 1 {
		return r / k.ids.Cols
	}
	return r
}

func (k *matmulExperts) prepare() (task, int) { return k.a.prepare() }

func (k *matmulExperts) tier() string { return k.a.tier() }

func (k *matmulExperts) unit(wk *worker, i int) {
	e, share := k.active[i/k.per], i%k.per
	var bias []float32
	if k.bias != nil {
		bias = k.bias.row(e)
	}
	first, end := share*k.chunk, min((share+1)*k.chunk, k.n)
	if k.a.level > simd.Plain {
		lo, hi := k.from[e], k.from[e]+len(k.used[e])
		for n := first; n < end; n += k.group {
			have := min(k.group, end-n)
			k.a.multiply(wk, lo, hi, k.w, e*k.n+n, have, part(bias, n, have), func(r int) []float32 { return k.out.row(k.used[e][r-lo])[n:] })
		}
		return
	}
	scratch := wk.float32s(lanes * k.w.Cols)
	for n := first; n < end; n += lanes {
		have := min(lanes, end-n)
		w := k.w.decode(scratch, e*k.n+n, e*k.n+n+have)
		for _, r := range k.used[e] {
			multiplyRow(k.x.row(k.rowOfX(r)), w, k.out.row(r)[n:n+have], part(bias, n, have), k.fast)
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
