package fallback

import (
	"math"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

// altup runs compute.AltUp: one unit per chunk of tokens.
type altup struct {
	op                                                   compute.AltUp
	x, y, router, coefs, bias, scale, out, first, scaled *tensor // y, scale, first and scaled may be nil
	level                                                simd.Level
	fast                                                 bool // the router in float32, in the level's instructions
	used, sums                                           int
	rows, chunk                                          int
}

func (k *altup) begin(s *compute.Step) int {
	k.rows = len(s.Tokens)
	k.chunk = chunk(k.rows, k.sums*k.used*k.router.Cols)
	return ceil(k.rows, k.chunk)
}

func (k *altup) unit(w *worker, i int) {
	weights := w.float64s(k.sums * k.used)
	rows := make([][]float64, k.sums)
	for n := range rows {
		rows[n] = weights[n*k.used : (n+1)*k.used]
	}
	for t := i * k.chunk; t < min((i+1)*k.chunk, k.rows); t++ {
		k.route(weights, k.x.row(t)[:k.router.Cols])
		k.mix(rows, t)
	}
}

// route makes weights of the first stream.
func (k *altup) route(weights []float64, x []float32) {
	routed := k.router.Rows.Fixed
	var m [compute.MostStreams]float64
	squares := 0.0
	if k.fast && len(x)%32 == 0 {
		var dots [compute.MostStreams]float32
		squares = k.level.Squares(x)
		k.level.DotF32(k.router.bytes(0, routed), x, dots[:routed])
		for r, v := range dots[:routed] {
			m[r] = float64(v)
		}
	} else {
		for _, v := range x {
			squares += float64(v) * float64(v)
		}
		for r := range routed {
			for c, v := range k.router.row(r) {
				m[r] += float64(v) * float64(x[c])
			}
		}
	}
	scale := 1 / math.Sqrt(squares/float64(len(x))+float64(k.op.Eps))
	for r := range routed {
		m[r] = math.Tanh(m[r] * scale)
	}
	for i, v := range k.bias.row(0) {
		weights[i] = float64(v)
		for r, c := range k.coefs.row(i) {
			weights[i] += float64(c) * m[r]
		}
	}
}

// mix makes the sums of token t, Width columns at a time.
func (k *altup) mix(weights [][]float64, t int) {
	cols := k.router.Cols
	x, out := k.x.row(t), k.out.row(t)
	var y []float32
	if k.y != nil {
		y = k.y.row(t)
	}
	own := len(x) / cols
	ofX, ofY := make([][]float64, k.sums), make([][]float64, k.sums)
	for n, w := range weights {
		ofX[n], ofY[n] = w[:own], w[own:]
	}
	var sums [simd.Width * compute.MostStreams]float64
	for c := 0; c < cols; c += simd.Width {
		if c+simd.Width > cols {
			k.mixRest(weights, t, c)
			break
		}
		clear(sums[:])
		k.level.AddRows(ofX, x[c:], cols, sums[:])
		if y != nil {
			k.level.AddRows(ofY, y[c:], cols, sums[:])
		}
		for n := range weights {
			for i, v := range sums[n*simd.Width : (n+1)*simd.Width] {
				out[n*cols+c+i] = float32(v)
			}
		}
	}
	if k.first != nil {
		copy(k.first.row(t), out[:cols])
	}
	if k.scaled != nil {
		scaled := k.scaled.row(t)
		for c, s := range k.scale.row(0) {
			scaled[c] = out[c] * s
		}
	}
}

// mixRest makes those of the columns from from on.
func (k *altup) mixRest(weights [][]float64, t, from int) {
	cols := k.router.Cols
	x, out := k.x.row(t), k.out.row(t)
	for n, w := range weights {
		for c := from; c < cols; c++ {
			var sum float64
			for j, v := range w {
				s := x
				if at := j*cols + c; at >= len(x) {
					s, j = k.y.row(t), j-len(x)/cols
				}
				sum += v * float64(s[j*cols+c])
			}
			out[n*cols+c] = float32(sum)
		}
	}
}
