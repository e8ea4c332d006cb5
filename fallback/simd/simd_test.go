package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// byteLevels are those that this processor has.
func byteLevels() (l []Level) {
	for i := Plain; i <= Best(); i++ {
		if i == Plain || i.OfARM64() == Best().OfARM64() {
			l = append(l, i)
		}
	}
	return l
}

// levels are those that differ in more than products of bytes: one of arm64.
func levels() []Level {
	if Best().OfARM64() {
		return []Level{Plain, Best()}
	}
	return byteLevels()
}

// values are n numbers that begin off elements into their memory, so that loads are not aligned; some are not ordinary.
func values(r *rand.Rand, n, off int, odd bool) []float32 {
	v := make([]float32, off+n)[off:]
	special := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 0, float32(math.Copysign(0, -1)), 1e-42, math.MaxFloat32}
	for i := range v {
		v[i] = float32(r.NormFloat64())
		if odd && r.IntN(40) == 0 {
			v[i] = special[r.IntN(len(special))]
		}
	}
	return v
}

func sameBits[T float32 | float64](t *testing.T, want, got []T) {
	t.Helper()
	for i := range want {
		if math.Float64bits(float64(want[i])) != math.Float64bits(float64(got[i])) && !(want[i] != want[i] && got[i] != got[i]) {
			require.FailNow(t, "differs", "element %d: got %v, want %v", i, got[i], want[i])
		}
	}
}

func TestExactTile(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, l := range levels()[1:] {
		for n := range 301 {
			rows, off := n%19, n%5
			w := values(r, Width*n, off, n%3 == 0)
			x := make([][]float64, rows)
			for i := range x {
				x[i] = make([]float64, n)
				l.Widen(x[i], values(r, n, off, n%3 == 0))
			}
			want := make([]float64, Width*rows+1)
			for i := range want {
				want[i] = r.NormFloat64()
			}
			got := append([]float64(nil), want...)
			Plain.ExactTile(x, w, want)
			l.ExactTile(x, w, got)
			sameBits(t, want, got)

			w2, row := values(r, Width*n, off+1, n%3 == 0), make([]float64, n)
			l.Widen(row, values(r, n, off, n%3 == 0))
			want = append(make([]float64, 2*Width), 0.125)
			got = append([]float64(nil), want...)
			Plain.ExactRow(row, w, w2, want)
			l.ExactRow(row, w, w2, got)
			sameBits(t, want, got)

			ldw := n + off
			w = values(r, ldw*(Width-1)+n, off, n%3 == 0)
			want, got = want[Width:], got[Width:] // an element behind the sums stays as it is
			Plain.ExactRows(row, w, ldw, want, nil)
			l.ExactRows(row, w, ldw, got, make([]byte, 7*off))
			sameBits(t, want, got)
		}
	}
}

func TestFloatTile(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, l := range levels()[1:] {
		for n := range 301 {
			rows, off := n%19, n%5
			w, w2 := values(r, Width*n, off, n%3 == 0), values(r, Width*n, off+1, n%3 == 0)
			x, wide := make([][]float32, rows), make([][]float64, rows)
			for i := range x {
				x[i] = values(r, n, off, n%3 == 0)
				wide[i] = make([]float64, n)
				Plain.Widen(wide[i], x[i])
			}
			got, mark := make([]float32, 2*Width*rows+1), float32(0.125)
			got[2*Width*rows] = mark
			l.FloatTile(x, w, w2, got)
			require.Equal(t, mark, got[2*Width*rows], "written past the sums")
			for i := range x {
				for j, panel := range [][]float32{w, w2} {
					for c := range Width {
						var sum, size float64
						for k, v := range wide[i] {
							sum += v * float64(panel[Width*k+c])
							size += math.Abs(v * float64(panel[Width*k+c]))
						}
						have := float64(got[2*Width*i+Width*j+c])
						if bound := float64(n+1) * 0x1p-24 * size; !(math.Abs(have-sum) <= bound) && !unordinary(sum, size) {
							require.FailNow(t, "differs", "%v n %d row %d column %d: got %v, want %v ± %v", l, n, i, c, have, sum, bound)
						}
						if math.IsNaN(sum) {
							require.True(t, math.IsNaN(have), "%v n %d: got %v, want NaN", l, n, have)
						}
					}
				}
			}
		}
	}
}

// unordinary sums are beyond what float32 can hold.
func unordinary(sum, size float64) bool {
	return sum != sum || math.IsInf(sum, 0) || size > math.MaxFloat32/4
}

func TestMoves(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, l := range levels()[1:] {
		for n := range 301 {
			t.Run(fmt.Sprintf("%v/%d", l, n), func(t *testing.T) {
				stride := n + n%7
				src := values(r, stride*Width+n, n%5, true)
				want, got := make([]float32, Width*n+1), make([]float32, Width*n+1)
				Plain.Interleave(want, src, stride, n)
				l.Interleave(got, src, stride, n)
				sameBits(t, want, got)

				wide, wide2 := make([]float64, n+1), make([]float64, n+1)
				Plain.Widen(wide, src[:n])
				l.Widen(wide2, src[:n])
				sameBits(t, wide, wide2)

				whole := make([]float32, n)
				var sum float32
				for k := range whole {
					whole[k] = float32(r.IntN(100))
					sum += whole[k]
				}
				require.Equal(t, sum, l.Sum(whole))

				var squares float64
				for _, v := range whole {
					squares += float64(v) * float64(v)
				}
				require.Equal(t, squares, l.Squares(whole)) // whole numbers, so exact in any order
				var moments [2]float64
				for _, v := range whole {
					moments[0] += float64(v) - 7
					moments[1] += (float64(v) - 7) * (float64(v) - 7)
				}
				first, second := l.Moments(whole, 7)
				require.Equal(t, moments, [2]float64{first, second})
				normal, bias := make([]float32, n+1), src[2*n:3*n]
				l.Normalized(normal, src[:n], src[n:2*n], bias, 0.3, 1.7)
				for k, v := range src[:n] {
					factor := float64(float32(float32(v-0.3)*1.7)) * float64(src[n+k])
					want, size := factor+float64(bias[k]), math.Abs(factor)+math.Abs(float64(bias[k]))
					if got := float64(normal[k]); want-want != 0 {
						require.True(t, got == want || got != got && want != want, "%d of %d: got %v, want %v", k, n, got, want)
					} else if size < math.MaxFloat32 {
						require.InDelta(t, want, got, size*0x1p-23+0x1p-149)
					}
				}
				require.Zero(t, normal[n])
				product, product2 := make([]float32, n+1), make([]float32, n+1)
				Plain.ScaledProduct(product, src[:n], src[n:2*n], 1.7)
				l.ScaledProduct(product2, src[:n], src[n:2*n], 1.7)
				sameBits(t, product, product2)
			})
		}
	}
}

func BenchmarkExactTile(b *testing.B) {
	const n = 512
	for _, l := range levels() {
		b.Run(l.String(), func(b *testing.B) {
			x := make([][]float64, 8)
			for i := range x {
				x[i] = make([]float64, n)
			}
			w, sums := make([]float32, Width*n), make([]float64, Width*8)
			for b.Loop() {
				l.ExactTile(x, w, sums)
			}
			b.ReportMetric(2*8*Width*n*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

func BenchmarkFloatTile(b *testing.B) {
	const n = 512
	for _, l := range levels() {
		b.Run(l.String(), func(b *testing.B) {
			x := make([][]float32, 8)
			for i := range x {
				x[i] = make([]float32, n)
			}
			w, sums := make([]float32, Width*n), make([]float32, 2*Width*8)
			for b.Loop() {
				l.FloatTile(x, w, w, sums)
			}
			b.ReportMetric(2*8*2*Width*n*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
