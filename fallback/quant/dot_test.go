package quant

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

// The products agree with those of decoded rows by what float32 rounding allows, for every number of blocks or elements, at any
// alignment, on every level that this processor has; an infinity or NaN on either side is not lost.
func TestDotsAreThoseOfDecodedRows(t *testing.T) {
	if simd.Best() == simd.Plain {
		t.Skip("this processor has no vector instructions that are used")
	}
	r := rand.New(rand.NewPCG(9, 10))
	for level := simd.NEON; level <= simd.Best(); level++ {
		if level.OfARM64() != simd.Best().OfARM64() {
			continue
		}
		for format := compute.DType(0); format < 64; format++ {
			switch DotOf(level, format) {
			case NoDot:
				continue
			case FloatDot:
				if level > simd.AVX512 || level.OfARM64() && level > simd.NEON { // the same kernels again
					continue
				}
			default:
				if (level > simd.AVX2 || level == simd.SMMLA) && DotOf(level, format) == DotOf(level-1, format) {
					continue
				}
			}
			most := 300
			if level.OfARM64() && format.BlockLen() > 32 { // QEMU takes its time
				most = 60
			}
			for blocks := 1; blocks <= most; blocks++ {
				n, rows := blocks*format.BlockLen(), 1+blocks%3
				if blocks > 20 {
					rows = 1
				}
				if DotOf(level, format) == FloatDot && blocks%32 == 0 { // fours, and those behind them
					rows = 1 + blocks/32
				}
				row := blocks * format.BlockBytes()
				w := make([]byte, blocks%5+rows*row)[blocks%5:]
				randomRow(r, format, w)
				x := make([]float32, n+1)[1:]
				for i := range x {
					x[i] = float32(r.NormFloat64())
				}
				x[r.IntN(n)] = 1e-42
				odd := blocks%4 == 3
				if blocks%8 == 5 && format != compute.NVFP4 { // on the other side; all weights of NVFP4 are numbers
					odd, rows = true, 1
					w = w[:row]
					unordinary(format, w[r.IntN(blocks)*format.BlockBytes():])
				} else if odd {
					x[r.IntN(n)] = []float32{float32(math.NaN()), float32(math.Inf(1))}[blocks/4%2]
				}
				out := make([]float32, rows+1)
				out[rows] = 0.125
				rounded := multiplied(level, format, w, x, out[:rows])
				require.EqualValues(t, 0.125, out[rows], "written past the results")
				for c, got := range out[:rows] {
					decoded := make([]float32, n)
					require.NoError(t, Decode(format, decoded, w[c*row:(c+1)*row]))
					var want, size float64
					for i, v := range rounded {
						want += v * float64(decoded[i])
						size += math.Abs(v * float64(decoded[i]))
					}
					if odd {
						require.True(t, math.IsNaN(float64(got)) || math.IsInf(float64(got), 0), "%v %v %d: got %v", level, format, n, got)
						continue
					}
					// What is taken from unsigned numbers is as large as they are; the least products lose bits.
					bound := 1e-40 + float64(n+40)*0x1p-24*(size+40*sumAbs(rounded)*float64(largest(decoded))/8)
					require.LessOrEqual(t, math.Abs(float64(got)-want), bound, "%v %v %d row %d: got %v, want %v", level, format, n, c, got, want)
				}
			}
		}
	}
}

// randomRow fills blocks with random numbers and small scales.
func randomRow(r *rand.Rand, t compute.DType, w []byte) {
	for i := range w {
		w[i] = byte(r.Uint32())
	}
	scale := func(b []byte) {
		v := float32(r.NormFloat64()) / 64
		if r.IntN(8) == 0 {
			v /= 1024 // a denormal
		}
		putHalf(b, v)
	}
	for size := t.BlockBytes(); len(w) > 0; w = w[size:] {
		switch t {
		case compute.Q8_0, compute.Q4_0, compute.Q5_0, compute.IQ4_NL, compute.IQ4_XS, compute.F16, compute.Q1_0, compute.Q2_0,
			compute.IQ1_S, compute.IQ2_XXS, compute.IQ2_XS, compute.IQ2_S, compute.IQ3_XXS, compute.IQ3_S:
			scale(w)
		case compute.Q4_K, compute.Q5_K, compute.Q4_1, compute.Q5_1:
			scale(w)
			scale(w[2:])
		case compute.Q2_K:
			scale(w[80:])
			scale(w[82:])
		case compute.Q3_K:
			scale(w[108:])
		case compute.Q6_K:
			scale(w[208:])
		case compute.TQ1_0:
			scale(w[52:])
		case compute.TQ2_0:
			scale(w[64:])
		case compute.IQ1_M:
			var d [2]byte
			scale(d[:])
			spreadHalf(w, d)
		case compute.MXFP4:
			w[0] = 120 + w[0]%10
		case compute.BF16:
			w[1] = 0x3f
		case compute.F32:
			w[3] = 0xbf
		}
	}
}

// unordinary makes the weights of a block infinite or not numbers.
func unordinary(t compute.DType, w []byte) {
	at := 0
	switch t {
	case compute.F32:
		copy(w, []byte{0, 0, 0x80, 0x7f})
		return
	case compute.BF16:
		copy(w, []byte{0x80, 0x7f})
		return
	case compute.MXFP4:
		w[0] = 255
		return
	case compute.Q2_K:
		at = 80
	case compute.Q3_K:
		at = 108
	case compute.Q6_K:
		at = 208
	case compute.TQ1_0:
		at = 52
	case compute.TQ2_0:
		at = 64
	case compute.IQ1_M:
		spreadHalf(w, [2]byte{0, 0x7c})
		return
	}
	putHalf(w[at:], float32(math.Inf(1)))
}

// spreadHalf puts a binary16 into the four words of a block of IQ1_M that share it.
func spreadHalf(w []byte, d [2]byte) {
	for i := range 4 {
		w[49+2*i] = w[49+2*i]&15 | d[i/2]>>(4*(i%2))<<4
	}
}

// multiplied sets out to the products of rows, and gives X as it was rounded.
func multiplied(l simd.Level, t compute.DType, w []byte, x, out []float32) []float64 {
	rounded := make([]float64, len(x))
	if DotOf(l, t) == FloatDot {
		for i, v := range x {
			rounded[i] = float64(v)
		}
		MultiplyFloats(l, t, w, x, out)
		return rounded
	}
	var b, ordered simd.Bytes
	b.Set(simd.Plain, x, simd.InOrder)
	for i, q := range b.Upper {
		rounded[i] = float64(b.D[i/32]) * (256*float64(q) + float64(b.Lower[i]))
	}
	ordered.Set(l, x, OrderOf(l, t))
	if DotOf(l, t) == BytesDot {
		MultiplyBytes(t, w, &ordered, out)
		return rounded
	}
	var memory simd.ByteRows
	MultiplyUnpacked(l, t, w, []simd.Bytes{ordered}, &memory, out)
	return rounded
}

func sumAbs(v []float64) (s float64) {
	for _, x := range v {
		s += math.Abs(x)
	}
	return s
}

func largest(v []float32) (top float32) {
	for _, x := range v {
		top = max(top, abs(x))
	}
	return top
}

func BenchmarkDot(b *testing.B) {
	const n = 4096
	for format := compute.DType(0); format < 64; format++ {
		for level := simd.AVX2; level <= simd.Best(); level++ {
			if DotOf(level, format) == NoDot {
				continue
			}
			b.Run(format.String()+"/"+level.String(), func(b *testing.B) {
				size, err := format.RowBytes(n)
				require.NoError(b, err)
				w, x, out := make([]byte, 32*size), make([]float32, n), make([]float32, 32)
				randomRow(rand.New(rand.NewPCG(1, 2)), format, w)
				bytes := make([]simd.Bytes, 1)
				bytes[0].Set(level, x, OrderOf(level, format))
				var memory simd.ByteRows
				for b.Loop() {
					switch DotOf(level, format) {
					case FloatDot:
						MultiplyFloats(level, format, w, x, out)
					case UnpackedDot:
						MultiplyUnpacked(level, format, w, bytes, &memory, out)
					default:
						MultiplyBytes(format, w, &bytes[0], out)
					}
				}
				b.SetBytes(int64(len(w)))
			})
		}
	}
}
