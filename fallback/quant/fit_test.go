package quant

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// fits are the block formats that Fit writes.
var fits = []compute.DType{compute.Q8_0, compute.Q4_0, compute.Q4_1, compute.Q5_0, compute.Q5_1, compute.Q4_K, compute.Q5_K, compute.Q6_K}

// fitted is src after a round trip through t, and the sum of squared errors.
func fitted(t testing.TB, d compute.DType, src []float32) (out []float32, sum float64) {
	t.Helper()
	b := make([]byte, len(src)/d.BlockLen()*d.BlockBytes())
	require.NoError(t, Fit(d, b, src))
	return decoded(t, d, b, src)
}

func decoded(t testing.TB, d compute.DType, b []byte, src []float32) (out []float32, sum float64) {
	t.Helper()
	out = make([]float32, len(src))
	require.NoError(t, Decode(d, out, b))
	for i, v := range src {
		e := float64(v) - float64(out[i])
		sum += e * e
	}
	return out, sum
}

// drawn are n normally distributed numbers of which every 64th or so is much larger, as in weights.
func drawn(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64() * 0.02)
		if r.IntN(64) == 0 {
			v[i] *= 4
		}
	}
	return v
}

func TestFitIsNoWorseThanEncodeOnAnyBlock(t *testing.T) {
	for _, d := range fits {
		if !Encodable(d) {
			continue
		}
		v := drawn(3, 1<<14)
		n := d.BlockLen()
		for i := 0; i < len(v); i += n {
			b := make([]byte, d.BlockBytes())
			require.NoError(t, Encode(d, b, v[i:i+n]))
			_, want := decoded(t, d, b, v[i:i+n])
			_, got := fitted(t, d, v[i:i+n])
			require.LessOrEqual(t, got, want*(1+1e-5), "%v block %d", d, i/n)
		}
	}
}

// others are mean squared errors of drawn(7, 1<<16) as llama-quantize (llama.cpp b8681 of Debian) rounds it, pure types without an
// importance matrix, measured with Decode.
var others = map[compute.DType]float64{
	compute.Q8_0: 2.3245e-08, compute.Q4_0: 5.8891e-06, compute.Q4_1: 3.7511e-06, compute.Q5_0: 1.4754e-06, compute.Q5_1: 8.8673e-07,
	compute.Q4_K: 3.2472e-06, compute.Q5_K: 8.3677e-07, compute.Q6_K: 2.2833e-07,
}

func TestFitIsCloserThanLlamaQuantize(t *testing.T) {
	v := drawn(7, 1<<16)
	for _, d := range fits {
		_, sum := fitted(t, d, v)
		got := sum / float64(len(v))
		assert.Less(t, got, 0.97*others[d], "%v", d)
		assert.Greater(t, got, 0.5*others[d], "%v: too good to be measured right", d)
	}
}

// levelsOf are the steps between the least and the largest number of each format.
var levelsOf = map[compute.DType]float64{compute.Q8_0: 254, compute.Q4_0: 15, compute.Q4_1: 15, compute.Q5_0: 31, compute.Q5_1: 31,
	compute.Q4_K: 15, compute.Q5_K: 31, compute.Q6_K: 63}

func TestFitOfAnyBlockIsWithinABound(t *testing.T) {
	shapes := map[string]func(r *rand.Rand, i int) float64{
		"normal": func(r *rand.Rand, _ int) float64 { return r.NormFloat64() },
		"one outlier": func(r *rand.Rand, i int) float64 {
			return map[bool]float64{true: 1000, false: r.NormFloat64()}[i == 77]
		},
		"positive":      func(r *rand.Rand, _ int) float64 { return 1 + r.Float64() },
		"negative":      func(r *rand.Rand, _ int) float64 { return -1 - r.Float64() },
		"constant":      func(*rand.Rand, int) float64 { return 0.3 },
		"minus":         func(*rand.Rand, int) float64 { return -0.3 },
		"two values":    func(_ *rand.Rand, i int) float64 { return float64(i%2) - 0.5 },
		"small":         func(r *rand.Rand, _ int) float64 { return 1e-3 * r.NormFloat64() },
		"large":         func(r *rand.Rand, _ int) float64 { return 1e4 * (2*r.Float64() - 1) },
		"one is not 0":  func(_ *rand.Rand, i int) float64 { return map[bool]float64{true: 5}[i == 3] },
		"zero sections": func(r *rand.Rand, i int) float64 { return float64(i/32%2) * r.NormFloat64() },
	}
	for name, shape := range shapes {
		for _, d := range fits {
			t.Run(fmt.Sprintf("%s/%v", name, d), func(t *testing.T) {
				r := rand.New(rand.NewPCG(5, 5))
				v := make([]float32, 256)
				var top float64
				for i := range v {
					v[i] = float32(shape(r, i))
					top = max(top, math.Abs(float64(v[i])))
				}
				out, sum := fitted(t, d, v)
				// A uniform grid over ±top would err by at most half a step; least squares may trade more at the ends for less within.
				step := 2 * top / levelsOf[d]
				assert.LessOrEqual(t, sum/256, step*step/4*1.01)
				for i := range v {
					require.LessOrEqual(t, math.Abs(float64(v[i])-float64(out[i])), 2.5*step, "element %d: %v as %v", i, v[i], out[i])
				}
			})
		}
	}
}

func TestFitOfZerosIsZero(t *testing.T) {
	for _, d := range fits {
		out, sum := fitted(t, d, make([]float32, 256))
		assert.Zero(t, sum, d)
		assert.NotContains(t, out, float32(1), d)
	}
}

// Numbers near and below the least binary16 scale: nothing is worse than zero, and nothing is NaN.
func TestFitOfTinyNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, top := range []float64{1e-6, 1e-8, 1e-20, 1e-38, 1e-45} {
		v := make([]float32, 256)
		var square float64
		for i := range v {
			v[i] = float32(r.NormFloat64() * top)
			square += float64(v[i]) * float64(v[i])
		}
		for _, d := range fits {
			out, sum := fitted(t, d, v)
			assert.LessOrEqual(t, sum, square*1.0001, "%v of %g", d, top)
			for _, x := range out {
				require.False(t, x != x, "%v of %g", d, top)
			}
		}
	}
}

// What a format cannot hold, not even as sums of squares, does not become infinite.
func TestFitOfHugeNumbersIsFinite(t *testing.T) {
	v := make([]float32, 256)
	for i := range v {
		v[i] = 3e30 * float32(1-2*(i%2))
	}
	for _, d := range fits {
		out, _ := fitted(t, d, v)
		for i, x := range out {
			require.False(t, x != x || math.IsInf(float64(x), 0), "%v element %d: %v", d, i, x)
		}
	}
}

// What a format stands for exactly comes back exactly: levels times a power of two.
func TestFitOfWhatTheFormatHoldsIsExact(t *testing.T) {
	low := map[compute.DType]int{compute.Q8_0: -127, compute.Q4_0: -8, compute.Q4_1: 0, compute.Q5_0: -16, compute.Q5_1: 0, compute.Q4_K: 0, compute.Q5_K: 0, compute.Q6_K: -32}
	for _, d := range fits {
		v := make([]float32, 256)
		for i := range v {
			v[i] = 0.25 * float32(low[d]+i*7%(int(levelsOf[d])+1))
			switch { // every block, however small, has its end
			case i%16 == 0:
				v[i] = 0.25 * float32(low[d])
			case i%16 == 1 && low[d] == 0:
				v[i] = 0.25 * float32(levelsOf[d])
			}
		}
		_, sum := fitted(t, d, v)
		// K formats round their scales to six or eight bits of another number.
		assert.Less(t, sum, map[bool]float64{true: 1e-3, false: 1e-9}[d.BlockLen() == 256], d)
	}
}

func TestFitNamesWhatItDoesNotKnow(t *testing.T) {
	assert.ErrorContains(t, Fit(compute.IQ2_S, make([]byte, 82), make([]float32, 256)), "fit IQ2_S: not supported")
	assert.ErrorContains(t, Fit(compute.Q6_K, make([]byte, 209), make([]float32, 256)), "got 209 bytes for 256 elements, want 210")
	assert.False(t, Fittable(compute.IQ2_S))
	assert.True(t, Fittable(compute.Q6_K))
}

func BenchmarkFit(b *testing.B) {
	v := drawn(1, 1<<14)
	for _, d := range fits {
		b.Run(d.String(), func(b *testing.B) {
			out := make([]byte, len(v)/d.BlockLen()*d.BlockBytes())
			b.SetBytes(int64(4 * len(v)))
			for b.Loop() {
				if err := Fit(d, out, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
