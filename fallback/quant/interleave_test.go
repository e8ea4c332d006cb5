package quant

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

// Interleaved rows come back byte by byte, decode to the bits of the plain ones, and their products agree by what float32 rounding
// allows, for every number of blocks, at any alignment; an infinity or NaN on either side is not lost.
func TestInterleavedRowsAreTheSameRows(t *testing.T) {
	for format := range interleavings {
		for level := simd.Plain; level == simd.Plain || level <= simd.Best(); level++ {
			if level == simd.Plain || Interleaved(level, format) {
				t.Run(format.String()+" "+level.String(), func(t *testing.T) { sameRows(t, level, format) })
			}
		}
	}
}

func sameRows(t *testing.T, level simd.Level, format compute.DType) {
	r := rand.New(rand.NewPCG(11, 12))
	for blocks := 1; blocks <= 40; blocks++ {
		n, rows := blocks*format.BlockLen(), InterleavedRows*(1+blocks%3)
		if blocks < 10 { // several groups in each of four places, and those behind them
			rows = InterleavedRows * (1 + blocks)
		}
		row := blocks * format.BlockBytes()
		w := make([]byte, rows*row)
		randomRow(r, format, w)
		if blocks%8 == 6 {
			extremeWeights(format, w)
		}
		odd := blocks%4 == 3
		if odd {
			unordinary(format, w)
		}
		groups := make([]byte, blocks%5+len(w))[blocks%5:]
		Interleave(format, groups, w, n)
		one := make([]byte, row)
		for c := range rows {
			InterleavedRow(format, one, groups[c/InterleavedRows*InterleavedRows*row:][:InterleavedRows*row], c%InterleavedRows)
			require.Equal(t, w[c*row:(c+1)*row], one, "%d blocks, row %d", blocks, c)
		}
		if !Interleaved(level, format) {
			continue
		}
		decoded := make([]float32, rows*n)
		require.NoError(t, Decode(format, decoded, w))
		for g := range rows / InterleavedRows {
			panel := make([]float32, InterleavedRows*n+1)
			panel[InterleavedRows*n] = 0.125
			DecodeInterleaved(level, format, panel[:InterleavedRows*n], groups[g*InterleavedRows*row:])
			require.EqualValues(t, 0.125, panel[InterleavedRows*n], "written past the panel")
			for k := range n {
				for i := range InterleavedRows {
					want, got := decoded[(g*InterleavedRows+i)*n+k], panel[InterleavedRows*k+i]
					if math.Float32bits(want) != math.Float32bits(got) {
						t.Fatalf("%d blocks: row %d, element %d: got %v, want %v", blocks, i, k, got, want)
					}
				}
			}
		}
		x, xOdd := make([]float32, n), -1
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		if blocks%8 == 6 { // all of the largest bytes
			for i := range x {
				x[i] = float32(blocks%16 - 10)
			}
		}
		x[r.IntN(n)] = 1e-42
		if blocks%8 == 5 {
			xOdd = r.IntN(n)
			x[xOdd] = float32(math.NaN())
		}
		var b simd.Bytes
		b.Set(level, x, InterleavedOrder)
		out := make([]float32, rows+1)
		out[rows] = 0.125
		MultiplyInterleaved(level, format, groups, &b, out[:rows])
		require.EqualValues(t, 0.125, out[rows], "written past the results")
		for c, got := range out[:rows] {
			if xOdd >= 0 || odd && c == 0 {
				require.True(t, math.IsNaN(float64(got)) || math.IsInf(float64(got), 0), "%d blocks row %d: got %v", blocks, c, got)
				continue
			}
			var want, size, all float64
			for k, v := range decoded[c*n : (c+1)*n] {
				q := float64(b.D[k/32]) * (256*float64(b.Upper[k]) + float64(b.Lower[k]))
				want += q * float64(v)
				size += math.Abs(q * float64(v))
				all += math.Abs(q)
			}
			bound := 1e-40 + float64(n+40)*0x1p-24*(size+40*all*float64(largest(decoded[c*n:(c+1)*n]))/8)
			require.LessOrEqual(t, math.Abs(float64(got)-want), bound, "%d blocks row %d: got %v, want %v", blocks, c, got, want)
		}
	}
}

// extremeWeights makes each weight and small scale the largest that there is, or the least where there are signs: no sum of bytes or words may overflow.
func extremeWeights(t compute.DType, w []byte) {
	for i := range w {
		switch at := i % t.BlockBytes(); {
		case t == compute.Q6_K && at >= 208, (t == compute.Q4_0 || t == compute.Q5_0 || t == compute.Q8_0 || t == compute.IQ4_NL || t == compute.IQ4_XS) && at < 2, t == compute.MXFP4 && at < 1,
			(t == compute.Q4_K || t == compute.Q5_K) && at < 4, t == compute.Q3_K && at >= 108, t == compute.Q2_K && at >= 80, t == compute.TQ2_0 && at >= 64, t == compute.TQ1_0 && at >= 52: // binary16
		case t == compute.Q6_K && at >= 192, t == compute.Q8_0:
			w[i] = 0x80
		case t == compute.IQ4_NL, t == compute.IQ4_XS && at >= 8:
			w[i] = 0 // −127
		case t == compute.MXFP4:
			w[i] = 0x77 // 12
		default:
			w[i] = 0xff
		}
	}
}

func BenchmarkInterleaved(b *testing.B) {
	const n = 4096
	for format := range interleavings {
		for level := simd.AVX2; level <= simd.Best() && Interleaved(level, format); level++ {
			b.Run(format.String()+"/"+level.String(), func(b *testing.B) {
				size, err := format.RowBytes(n)
				require.NoError(b, err)
				w, out := make([]byte, 32*size), make([]float32, 32)
				randomRow(rand.New(rand.NewPCG(1, 2)), format, w)
				var x simd.Bytes
				x.Set(level, make([]float32, n), InterleavedOrder)
				for b.Loop() {
					MultiplyInterleaved(level, format, w, &x, out)
				}
				b.SetBytes(int64(len(w)))
			})
		}
	}
}

// All 256 scales of MXFP4, among them the two that are subnormal, decode to the bits of the plain ones, and multiply.
func TestScalesOfInterleavedMXFP4(t *testing.T) {
	const format, blocks = compute.MXFP4, 16
	if !Interleaved(simd.AVX2, format) || simd.Best() < simd.AVX2 {
		t.Skip("this processor has no vector instructions that are used")
	}
	w, n := make([]byte, InterleavedRows*blocks*format.BlockBytes()), blocks*format.BlockLen()
	randomRow(rand.New(rand.NewPCG(13, 14)), format, w)
	for i := range InterleavedRows * blocks {
		w[i*format.BlockBytes()] = byte(i)
	}
	group, decoded, panel := make([]byte, len(w)), make([]float32, InterleavedRows*n), make([]float32, InterleavedRows*n)
	Interleave(format, group, w, n)
	require.NoError(t, Decode(format, decoded, w))
	DecodeInterleaved(simd.AVX2, format, panel, group)
	x, out := make([]float32, n), make([]float32, InterleavedRows)
	for i := range x {
		x[i] = float32(i%3) / 0x1p13
	}
	var b simd.Bytes
	b.Set(simd.AVX2, x, InterleavedOrder)
	MultiplyInterleaved(simd.AVX2, format, group, &b, out)
	for r, got := range out {
		var want, size float64
		for k := range n {
			v := decoded[r*n+k]
			require.Equal(t, math.Float32bits(v), math.Float32bits(panel[InterleavedRows*k+r]), "row %d, element %d", r, k)
			want += float64(v) * float64(x[k])
			size += math.Abs(float64(v)) * float64(x[k])
		}
		if r < InterleavedRows-1 { // the largest scales overflow
			require.InDelta(t, want, float64(got), size/1024, "row %d", r)
		}
	}
}
