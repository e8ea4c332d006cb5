package simd

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Both are within what roundings of float32 allow, and what is not a number stays where it belongs.
func TestRecurrences(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	near := func(n int, got float32, terms ...float64) {
		var want, size float64
		for _, v := range terms {
			want += v
			size += math.Abs(v)
		}
		if want-want != 0 || size > math.MaxFloat32/2 {
			if want != want {
				require.True(t, got != got, "%d: got %v, want %v", n, got, want)
			}
			return
		}
		require.InDelta(t, want, float64(got), size*float64(len(terms)+2)*0x1p-24+0x1p-140, "%d", n)
	}
	for _, l := range levels() {
		for n := range 301 {
			odd := n%3 == 0
			s, x, y, z := values(r, n+1, n%5, odd), values(r, n, n%7, odd), values(r, n, n%3, odd), values(r, n, n%11, odd)
			scanned, faded := append([]float32(nil), s...), append([]float32(nil), s...)
			sum := l.Scan(scanned[:n], x, y, z, 1.25)
			l.Fade(faded[:n], x, 0.75, -1.5)
			var products []float64
			for k := range n {
				near(n, scanned[k], float64(x[k])*float64(s[k]), 1.25*float64(y[k]))
				near(n, faded[k], 0.75*float64(s[k]), -1.5*float64(x[k]))
				products = append(products, float64(z[k])*float64(scanned[k]))
			}
			near(n, sum, products...)
			sameBits(t, []float32{s[n], s[n]}, []float32{scanned[n], faded[n]})
		}
	}
}

// Steps are those of the formula in float64, within what roundings of float32 allow, for shapes around the kernels' own, and touch nothing else.
func TestScanSteps(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	for _, l := range levels() {
		for _, rows := range []int{1, 3, 4, 5, 8, 13} {
			for _, cols := range []int{1, 8, 15, 16, 17, 48, 64, 65, 80, 128, 192} {
				for _, tokens := range []int{0, 1, 2, 7} {
					size := rows * cols
					p := &Steps{Decay: values(r, tokens, 0, false), X: values(r, tokens*rows, 1, false), BStride: cols + 3, CStride: cols, OutStride: rows + 2}
					for i, v := range p.Decay {
						p.Decay[i] = float32(1 / (1 + math.Abs(float64(v))))
					}
					p.B, p.C = values(r, tokens*p.BStride, 2, false), values(r, tokens*p.CStride, 3, false)
					p.Out = values(r, tokens*p.OutStride, 1, false)
					s := values(r, size+16, 1, false) // and what must stay
					state, sizes := make([]float64, size), make([]float64, size)
					for j := range state {
						state[j], sizes[j] = float64(s[j]), math.Abs(float64(s[j]))
					}
					out, outSizes := make([]float64, len(p.Out)), make([]float64, len(p.Out))
					for j, v := range p.Out {
						out[j], outSizes[j] = float64(v), math.Abs(float64(v))
					}
					for i := range tokens {
						for j := range size {
							row, k := j/cols, j%cols
							x, b, c := float64(p.X[i*rows+row]), float64(p.B[i*p.BStride+k]), float64(p.C[i*p.CStride+k])
							state[j] = float64(p.Decay[i])*state[j] + x*b
							sizes[j] = float64(p.Decay[i])*sizes[j] + math.Abs(x*b)
							out[i*p.OutStride+row] += c * state[j]
							outSizes[i*p.OutStride+row] += math.Abs(c) * sizes[j]
						}
					}
					behind := append([]float32(nil), s[size:]...)
					l.ScanSteps(s[:size], cols, p)
					for j, want := range state {
						require.InDelta(t, want, float64(s[j]), sizes[j]*float64(3*tokens+1)*0x1p-24, "%v rows %d cols %d tokens %d", l, rows, cols, tokens)
					}
					for j, want := range out {
						require.InDelta(t, want, float64(p.Out[j]), outSizes[j]*float64(3*tokens+cols+2)*0x1p-24, "%v rows %d cols %d tokens %d", l, rows, cols, tokens)
					}
					sameBits(t, behind, s[size:])
				}
			}
		}
	}
}

// Steps of the delta rule are those of the formula in float64, within what roundings of float32 allow, and touch nothing else.
func TestDeltaSteps(t *testing.T) {
	r := rand.New(rand.NewPCG(25, 26))
	unit := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64()) / 8
		}
		return v
	}
	for _, l := range levels() {
		for _, rows := range []int{2, 6, 64, 128} {
			for _, cols := range []int{16, 32, 48, 128} {
				if !l.HasDeltaSteps(rows, cols) {
					continue
				}
				for _, tokens := range []int{0, 1, 5} {
					p := &Deltas{KQ: unit(2 * tokens * rows), Gates: unit(4 * tokens), VStride: cols + 5, OutStride: cols + 1}
					p.V, p.Out = unit(tokens*p.VStride), unit(tokens*p.OutStride+3)
					size := rows * cols
					s := unit(size + 16)
					state := make([]float64, size)
					for j := range state {
						state[j] = float64(s[j])
					}
					out := make([]float64, len(p.Out))
					for j, v := range p.Out {
						out[j] = float64(v)
					}
					for i := range tokens {
						g := p.Gates[4*i:]
						for c := range cols {
							var u, o float64
							for n := range rows {
								u += float64(p.KQ[2*(i*rows+n)]) * state[n*cols+c]
								o += float64(p.KQ[2*(i*rows+n)+1]) * state[n*cols+c]
							}
							u = float64(g[1]) * (float64(p.V[i*p.VStride+c]) - float64(g[0])*u)
							out[i*p.OutStride+c] = float64(g[2])*o + float64(g[3])*u
							for n := range rows {
								state[n*cols+c] = float64(g[0])*state[n*cols+c] + float64(p.KQ[2*(i*rows+n)])*u
							}
						}
					}
					behind := append([]float32(nil), s[size:]...)
					l.DeltaSteps(s[:size], cols, p)
					for j, want := range state {
						require.InDelta(t, want, float64(s[j]), 1e-6, "%v rows %d cols %d tokens %d", l, rows, cols, tokens)
					}
					for j, want := range out {
						require.InDelta(t, want, float64(p.Out[j]), 1e-6, "%v rows %d cols %d tokens %d", l, rows, cols, tokens)
					}
					sameBits(t, behind, s[size:])
				}
			}
		}
	}
}
