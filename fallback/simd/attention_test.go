package simd

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// near judges a float32 sum of n products against its float64 sum and that of the products' sizes.
func near(t *testing.T, got float32, sum, size float64, n int) {
	t.Helper()
	if math.IsNaN(sum) {
		require.True(t, got != got, "got %v, want NaN", got)
		return
	}
	if bound := float64(n+1)*0x1p-24*size + 1e-44; !(math.Abs(float64(got)-sum) <= bound) && !unordinary(sum, size) {
		require.FailNow(t, "differs", "n %d: got %v, want %v ± %v", n, got, sum, bound)
	}
}

func TestGemm(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, l := range levels() {
		for k := range 301 {
			m, n, off := k%19, Width*(k%6), k%5
			lda, ldb, ldc := k+k%3, n+k%4, n+k%2
			a, b, c := values(r, lda*m+k, off, k%3 == 0), values(r, ldb*k+n, off, k%3 == 0), values(r, ldc*m+n+1, off, false)
			got := append([]float32(nil), c...)
			l.Gemm(m, n, k, a, lda, b, ldb, got, ldc)
			inside := make([]bool, len(c))
			for i := range m {
				for j := range n {
					at := ldc*i + j
					inside[at] = true
					sum, size := float64(c[at]), math.Abs(float64(c[at]))
					for p := range k {
						v := float64(a[lda*i+p]) * float64(b[ldb*p+j])
						sum, size = sum+v, size+math.Abs(v)
					}
					near(t, got[at], sum, size, k+1)
				}
			}
			for i, v := range c {
				require.True(t, inside[i] || v == got[i], "written beside the result")
			}
			if m > 0 && n > 0 { // the same sums for one row and one panel alone
				one := append([]float32(nil), c...)
				l.Gemm(1, Width, k, a[lda*(m-1):], lda, b[n-Width:], ldb, one[ldc*(m-1)+n-Width:], ldc)
				sameBits(t, got[ldc*(m-1)+n-Width:][:Width], one[ldc*(m-1)+n-Width:][:Width])
			}
		}
	}
}

// storedRows are n rows of k elements in a format, stride bytes apart, with their values.
func storedRows(r *rand.Rand, format Stored, n, k, gap, off int, odd bool) (Rows, [][]float32) {
	rows := Rows{Format: format, Stride: k*format.bytes() + gap*format.bytes()}
	rows.Data = make([]byte, off+n*rows.Stride+k*format.bytes())[off:]
	all := make([][]float32, n)
	for i := range all {
		all[i] = values(r, k, 0, odd)
		for c, v := range all[i] {
			at := rows.Data[i*rows.Stride+c*format.bytes():]
			var bits uint32
			switch format {
			case F32:
				bits = math.Float32bits(v)
				at[2], at[3] = byte(bits>>16), byte(bits>>24)
			case F16:
				bits = uint32(compute.F32ToF16(v))
				all[i][c] = compute.F16ToF32(uint16(bits))
			case BF16:
				bits = math.Float32bits(v) >> 16
				all[i][c] = math.Float32frombits(bits << 16)
			}
			at[0], at[1] = byte(bits), byte(bits>>8)
		}
	}
	return rows, all
}

func TestRows(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, l := range levels()[1:] {
		for _, format := range []Stored{F32, F16, BF16} {
			for n := range 301 {
				k := rowBlock * (n%11 + 1)
				rows, all := storedRows(r, format, n, k, n%4, n%3, n%3 == 0)
				rows.Ahead = (n%3 - 1) * n << 12
				x, out := values(r, k, n%5, n%3 == 0), make([]float32, n+1)
				out[n] = 0.125
				l.RowDots(out[:n], rows, x)
				require.EqualValues(t, 0.125, out[n])
				for i, row := range all {
					var sum, size float64
					for c, v := range row {
						p := float64(v) * float64(x[c])
						sum, size = sum+p, size+math.Abs(p)
					}
					near(t, out[i], sum, size, k)
				}
				if n > 0 { // the same sum for a row alone
					alone := rows
					alone.Data = rows.Data[(n-1)*rows.Stride:]
					one := make([]float32, 1)
					l.RowDots(one, alone, x)
					sameBits(t, out[n-1:n], one)
				}

				a, sums := values(r, n, n%5, n%3 == 0), values(r, k+1, n%7, false)
				before := append([]float32(nil), sums...)
				l.RowSums(sums[:k], a, rows)
				require.Equal(t, before[k], sums[k])
				for c := range k {
					sum, size := float64(before[c]), math.Abs(float64(before[c]))
					for i, w := range a {
						p := float64(w) * float64(all[i][c])
						sum, size = sum+p, size+math.Abs(p)
					}
					near(t, sums[c], sum, size, n+1)
				}
			}
		}
	}
}

// ulps is how far got is from want in units of the last place of float32 at want.
func ulps(got float32, want float64) float64 {
	switch {
	case want != want && got != got:
		return 0
	case want != want || got != got:
		return math.Inf(1)
	case math.Abs(want) >= 0x1.ffffffp127: // rounds to infinity
		if math.IsInf(float64(got), 1) == (want > 0) && math.IsInf(float64(got), 0) {
			return 0
		}
		return math.Inf(1)
	}
	_, e := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(e-24, -149))
}

// every calls f with numbers of all exponents and signs, with what is not a number, and with many around 0 and the limits of exp.
func every(f func(x []float32)) {
	r := rand.New(rand.NewPCG(11, 12))
	for e := range 256 {
		x := make([]float32, 1024)
		for i := range x {
			x[i] = math.Float32frombits(uint32(i%2)<<31 | uint32(e)<<23 | r.Uint32()>>9)
		}
		f(x)
	}
	for range 400 {
		x := make([]float32, 1024)
		for i := range x {
			x[i] = float32(r.Float64()*220 - 115)
		}
		f(x)
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	f([]float32{0, float32(math.Copysign(0, -1)), nan, inf, -inf, 1e-45, -1e-45, math.MaxFloat32, -math.MaxFloat32, 88.72283, 88.72284, -103.97208, -103.97207, -87.33655})
}

func TestExp(t *testing.T) {
	for _, l := range levels()[1:] {
		worst, at := 0.0, float32(0)
		every(func(x []float32) {
			got := make([]float32, len(x))
			l.Exp(got, x)
			for i, v := range x {
				if u := ulps(got[i], math.Exp(float64(v))); u > worst {
					worst, at = u, v
				}
			}
			if l > AVX2 {
				again := make([]float32, len(x))
				AVX2.Exp(again, x)
				sameBits(t, again, got)
			}
		})
		t.Logf("%v: %.3f ULP at %v", l, worst, at)
		require.LessOrEqual(t, worst, 1.0, "%v at %v", l, at)
	}
}

func TestSwiGLU(t *testing.T) {
	for _, l := range levels()[1:] {
		worst, at := 0.0, float32(0)
		every(func(x []float32) {
			got, y := make([]float32, len(x)), make([]float32, len(x))
			for i := range y {
				y[i] = 1
			}
			l.SwiGLU(got, x, y)
			for i, v := range x {
				want := float64(v) / (1 + math.Exp(-float64(v)))
				if v < -87 && v == v {
					if math.IsInf(float64(v), -1) {
						require.True(t, got[i] != got[i])
					} else {
						require.InDelta(t, want, got[i], 1e-36)
					}
					continue
				}
				if u := ulps(got[i], want); u > worst {
					worst, at = u, v
				}
				y[i] = float32(i)
			}
			again := make([]float32, len(x))
			copy(again, got)
			l.SwiGLU(x, x, y) // in place, and with a factor
			for i, v := range again {
				if v < math.MaxFloat32/2048 && y[i] != 1 {
					require.InDelta(t, float64(v)*float64(y[i]), x[i], math.Abs(float64(v)*float64(y[i]))*0x1p-23+1e-44)
				}
			}
		})
		t.Logf("%v: %.3f ULP at %v", l, worst, at)
		require.LessOrEqual(t, worst, 3.0, "%v at %v", l, at)
	}
}

// Gates are within what their comments say, and what they say of infinities and of what is not a number holds.
func TestGates(t *testing.T) {
	const a = 2 * math.Sqrt2 / math.SqrtPi
	for _, l := range levels()[1:] {
		for _, f := range []struct {
			name string
			run  func(dst, x, y []float32)
			want func(x float64) float64
			size func(x float64) float64 // of the allowed difference, in units of the result
		}{
			{"tanh", func(dst, x, y []float32) { l.Gate(dst, x, y, a, 0.044715*a) },
				func(x float64) float64 { return x / (1 + math.Exp(-a*(x+0.044715*x*x*x))) },
				func(x float64) float64 { return 0x1p-22 * (2 + a*math.Abs(x+0.044715*x*x*x)) }},
			{"clamped", func(dst, x, y []float32) { l.Gate(dst, x, y, 1.702, 0) },
				func(x float64) float64 { return x / (1 + math.Exp(-1.702*x)) },
				func(x float64) float64 { return 0x1p-22 * (2 + 1.702*math.Abs(x)) }},
			{"gelu", l.GELU, func(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) },
				func(x float64) float64 { return 0x1p-21 * (1 + x*x) }},
		} {
			worst, at := 0.0, float32(0)
			every(func(x []float32) {
				got, y := make([]float32, len(x)), slices.Repeat([]float32{1}, len(x))
				f.run(got, x, y)
				for i, v := range x {
					want := f.want(float64(v))
					switch {
					case v != v:
						require.True(t, got[i] != got[i], f.name)
					case math.IsInf(float64(v), -1):
						require.True(t, got[i] != got[i] || got[i] == 0, f.name)
					case math.IsInf(float64(v), 1):
						require.Equal(t, v, got[i], f.name)
					default:
						off := (math.Abs(float64(got[i])-want) - 1e-36) / math.Abs(want) / f.size(float64(v))
						if off > worst || off != off && want != 0 {
							worst, at = off, v
						}
					}
				}
				f.run(x, x, y) // in place
				sameBits(t, got, x)
			})
			t.Logf("%v %s: %.3f of what is allowed at %v", l, f.name, worst, at)
			require.LessOrEqual(t, worst, 1.0, "%v %s at %v", l, f.name, at)
		}
	}
}

func TestLengthsOfElementwise(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for _, l := range levels()[1:] {
		for n := range 301 {
			x, y := values(r, n, n%5, true), values(r, n, n%3, true)
			exp, glu, gelu := values(r, n+1, n%7, false), values(r, n+1, n%7, false), values(r, n+1, n%7, false)
			ends := [3]float32{exp[n], glu[n], gelu[n]}
			l.Exp(exp[:n], x)
			l.Gate(glu[:n], x, y, 1.5, 0.125)
			l.GELU(gelu[:n], x, y)
			require.Equal(t, ends, [3]float32{exp[n], glu[n], gelu[n]})
			for i := range n { // each as in a block of its own
				one := make([]float32, 1)
				l.Exp(one, x[i:i+1])
				sameBits(t, one, exp[i:i+1])
				l.Gate(one, x[i:i+1], y[i:i+1], 1.5, 0.125)
				sameBits(t, one, glu[i:i+1])
				l.GELU(one, x[i:i+1], y[i:i+1])
				sameBits(t, one, gelu[i:i+1])
			}
			whole := n &^ (rowBlock - 1)
			top, sum := float32(math.Inf(-1)), 0.0
			for _, v := range x[:whole] {
				if v > top {
					top = v
				}
			}
			require.Equal(t, top, l.Max(x[:whole]))
			z := values(r, whole, n%5, false)
			want := make([]float32, whole)
			for i, v := range z {
				want[i] = v - 1.5
			}
			l.Exp(want, want)
			got := l.ExpSum(z, 1.5)
			sameBits(t, want, z)
			for _, v := range want {
				sum += float64(v)
			}
			require.InDelta(t, sum, got, 1e-5*sum)
		}
	}
}

// The kernels' callers count on slices that are no longer than their memory.
func TestKernelsRefuseShortSlices(t *testing.T) {
	for _, l := range levels()[1:] {
		f := make([]float32, 64)
		require.Panics(t, func() { l.Gemm(2, 16, 2, f[:3:3], 2, f, 16, f, 16) })
		require.Panics(t, func() { l.Gemm(2, 16, 2, f, 2, f[:17:17], 16, f, 16) })
		require.Panics(t, func() { l.Gemm(2, 16, 2, f, 2, f, 16, f[:31:31], 16) })
		require.Panics(t, func() { l.Gemm(2, 15, 2, f, 2, f, 16, f, 16) })
		require.Panics(t, func() { l.RowDots(f[:2], Rows{Format: F16, Data: make([]byte, 63), Stride: 32}, f[:16]) })
		require.Panics(t, func() { l.RowSums(f[:15], f[:2], Rows{Format: F16, Data: make([]byte, 64), Stride: 32}) })
		require.Panics(t, func() { l.Exp(f[:3:3], f) })
		require.Panics(t, func() { l.Max(f[:3]) })
		require.Panics(t, func() { l.ExpSum(f[:3], 0) })
	}
}
