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
	fast                                                 bool // in float32, in the level's instructions
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
	for t := i * k.chunk; t < min((i+1)*k.chunk, k.rows); t++ {
		k.route(weights, k.x.row(t)[:k.router.Cols])
		whole := k.router.Cols &^ (simd.Width - 1)
		if k.fast {
			k.mixFast(w.float32s(len(weights)), weights, t, whole)
		} else {
			k.mix(weights, t, whole)
		}
		k.mixRest(weights, t, whole)
		k.finish(t)
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

// streams are those of token t: x, how many there are in it, and y, which may be nil.
func (k *altup) streams(t int) (x []float32, own int, y []float32) {
	x = k.x.row(t)
	if k.y != nil {
		y = k.y.row(t)
	}
	return x, len(x) / k.router.Cols, y
}

// mixFast makes the sums of token t in columns up to a multiple of Width, in float32.
func (k *altup) mixFast(w []float32, weights []float64, t, whole int) {
	for i, v := range weights {
		w[i] = float32(v)
	}
	x, own, y := k.streams(t)
	cols, out := k.router.Cols, k.out.row(t)
	clear(out)
	k.level.Gemm(k.sums, whole, own, w, k.used, x, cols, out, cols)
	if y != nil {
		k.level.Gemm(k.sums, whole, k.used-own, w[own:], k.used, y, cols, out, cols)
	}
}

// mix makes them in float64, Width columns at a time.
func (k *altup) mix(weights []float64, t, whole int) {
	x, own, y := k.streams(t)
	cols, out := k.router.Cols, k.out.row(t)
	var ofX, ofY [compute.MostStreams][]float64
	for n := range k.sums {
		w := weights[n*k.used : (n+1)*k.used]
		ofX[n], ofY[n] = w[:own], w[own:]
	}
	var sums [simd.Width * compute.MostStreams]float64
	for c := 0; c < whole; c += simd.Width {
		clear(sums[:])
		k.level.AddRows(ofX[:k.sums], x[c:], cols, sums[:])
		if y != nil {
			k.level.AddRows(ofY[:k.sums], y[c:], cols, sums[:])
		}
		for n := range k.sums {
			for i, v := range sums[n*simd.Width : (n+1)*simd.Width] {
				out[n*cols+c+i] = float32(v)
			}
		}
	}
}

// mixRest makes those of the columns from from on.
func (k *altup) mixRest(weights []float64, t, from int) {
	x, own, y := k.streams(t)
	cols, out := k.router.Cols, k.out.row(t)
	for n := range k.sums {
		for c := from; c < cols; c++ {
			var sum float64
			for j, w := range weights[n*k.used : (n+1)*k.used] {
				if j < own {
					sum += w * float64(x[j*cols+c])
				} else {
					sum += w * float64(y[(j-own)*cols+c])
				}
			}
			out[n*cols+c] = float32(sum)
		}
	}
}

// finish makes what is wanted of the first sum besides.
func (k *altup) finish(t int) {
	first := k.out.row(t)[:k.router.Cols]
	if k.first != nil {
		copy(k.first.row(t), first)
	}
	if k.scaled != nil {
		scaled := k.scaled.row(t)
		for c, s := range k.scale.row(0) {
			scaled[c] = first[c] * s
		}
	}
}
