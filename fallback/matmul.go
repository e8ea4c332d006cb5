package fallback

import (
	"tuff/fallback/simd"
	"tuff/host/compute"
)

// lanes is the number of weight rows multiplied side by side: enough independent sums to hide the latency of an addition,
// each of them still taken in ascending k.
const lanes = 4

// matmul runs compute.MatMul: one unit per chunk of weight rows, each decoded once and multiplied with every row of X.
type matmul struct {
	op              compute.MatMul
	x, w, bias, out *tensor // bias may be nil
	fast            bool
	rows            int         // of X
	group, chunk    int         // weight rows that are multiplied together, and of one unit
	a               activations // of the vector path
}

func (k *matmul) begin(s *compute.Step) int {
	k.rows = k.x.Rows.At(s.Sizes())
	if k.rows == 0 {
		return 0
	}
	n := k.w.Rows.Fixed
	if k.a.level > simd.Plain {
		k.a.begin(k.rows, k.w, k.a.few(k.rows, k.w.DType))
		for r := range k.rows {
			k.a.put(r, k.x.row(r))
		}
	}
	k.group, k.chunk = k.a.share(n, k.rows*k.w.Cols)
	return ceil(n, k.chunk)
}

func (k *matmul) prepare() (task, int) { return k.a.prepare() }

func (k *matmul) tier() string { return k.a.tier() }

func (k *matmul) unit(wk *worker, i int) {
	cols := k.w.Cols
	end := min((i+1)*k.chunk, k.w.Rows.Fixed)
	var bias []float32
	if k.bias != nil {
		bias = k.bias.row(0)
	}
	if k.a.level > simd.Plain {
		for n := i * k.chunk; n < end; n += k.group {
			have := min(k.group, end-n)
			k.a.multiply(wk, 0, k.rows, k.w, n, have, part(bias, n, have), func(r int) []float32 { return k.out.row(r)[n:] })
		}
		return
	}
	scratch := wk.float32s(lanes * cols)
	for n := i * k.chunk; n < end; n += lanes {
		have := min(lanes, end-n)
		w := k.w.decode(scratch, n, n+have)
		for r := range k.rows {
			x, out := k.x.row(r), k.out.row(r)[n:n+have]
			if k.fast {
				for c := range out {
					out[c] = dotFast(x, w[c*cols:(c+1)*cols])
					if bias != nil {
						out[c] += bias[n+c]
					}
				}
				continue
			}
			for c, sum := range dots(x, w, have) {
				if c == have {
					break
				}
				if bias != nil {
					sum += float64(bias[n+c])
				}
				out[c] = float32(sum)
			}
		}
	}
}

// part is n elements of v from from on, or nil of nil.
func part(v []float32, from, n int) []float32 {
	if v == nil {
		return nil
	}
	return v[from : from+n]
}

// dots is the products of x with have rows of w.
func dots(x, w []float32, have int) (s [lanes]float64) {
	n := len(x)
	if have == lanes {
		return dot4(x, w[:n], w[n:2*n], w[2*n:3*n], w[3*n:4*n])
	}
	for c := range have {
		s[c] = dot(x, w[c*n:(c+1)*n])
	}
	return s
}
