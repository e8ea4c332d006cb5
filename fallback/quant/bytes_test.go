package quant

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

// What rows are as bytes, with scales and minima, is what Decode gives, to the bit; for every number of blocks, at any alignment.
func TestUnpackedRowsAreDecodedRows(t *testing.T) {
	if simd.Best() == simd.Plain {
		t.Skip("this processor has no vector instructions that unpack")
	}
	r := rand.New(rand.NewPCG(27, 28))
	for format, f := range byteForms {
		if !unpacks(simd.Best(), format) {
			continue
		}
		length, size := format.BlockLen(), format.BlockBytes()
		for blocks := 1; blocks <= max(simd.ByteCols/length, 9); blocks++ {
			w := make([]byte, blocks%5+blocks*size)[blocks%5:]
			randomRow(r, format, w)
			n := blocks * length
			scales := f.Scales(n)
			q, d, m := make([]uint8, n+1), make([]float32, scales+1), make([]float32, scales+1)
			q[n], d[scales], m[scales] = 77, 77, 77
			Unpack(format, q[:n], d, m, w)
			require.True(t, q[n] == 77 && d[scales] == 77 && m[scales] == 77, "%v: written past the end", format)
			want := make([]float32, n)
			require.NoError(t, Decode(format, want, w))
			for k, v := range want {
				at := k * scales / n
				got := float32(d[at] * (float32(q[k]) - float32(f.Base)))
				if f.Minima {
					got -= 128 * m[at]
				}
				require.Equal(t, v, got, "%v, %d blocks, element %d", format, blocks, k)
			}
		}
	}
}

// Blocks whose scale is no number, or infinite, have scales that are not finite.
func TestUnpackedRowsKeepWhatIsNotFinite(t *testing.T) {
	if simd.Best() == simd.Plain {
		t.Skip("this processor has no vector instructions that unpack")
	}
	r := rand.New(rand.NewPCG(29, 30))
	for format := range byteForms {
		if !unpacks(simd.Best(), format) || format == compute.MXFP4 || format == compute.NVFP4 { // all of their scales are numbers
			continue
		}
		w := make([]byte, format.BlockBytes())
		randomRow(r, format, w)
		unordinary(format, w)
		q, d, m := make([]uint8, format.BlockLen()), make([]float32, 32), make([]float32, 32)
		Unpack(format, q, d, m, w)
		require.False(t, math.Abs(float64(d[0])) <= math.MaxFloat32, "%v: a scale is %v", format, d[0])
	}
}

// Panels of interleaved rows are those of the rows themselves.
func TestBytePanelsOfInterleavedRows(t *testing.T) {
	for level := simd.AVX2; level <= simd.Best(); level++ {
		t.Run(level.String(), func(t *testing.T) { panelsOfInterleaved(t, level) })
	}
}

func panelsOfInterleaved(t *testing.T, level simd.Level) {
	r := rand.New(rand.NewPCG(31, 32))
	for format := range interleavings {
		if _, ok := ByteForm(level, format); !ok || !Interleaved(level, format) {
			continue
		}
		f, length, size := byteForms[format], format.BlockLen(), format.BlockBytes()
		for blocks := 1; blocks <= simd.ByteCols/length; blocks++ {
			w := make([]byte, InterleavedRows*blocks*size)
			randomRow(r, format, w)
			group := make([]byte, len(w)+1)[1:]
			Interleave(format, group, w, length*blocks)
			var rows simd.ByteRows
			var want, got simd.BytePanels
			for i := range InterleavedRows {
				q, d, m := rows.Row(i)
				Unpack(format, q[:length*blocks], d, m, w[i*blocks*size:])
			}
			want.Set(level, 1, &rows, f, length*blocks)
			PanelOfInterleaved(level, format, &got, 1, group)
			require.True(t, want == got, "%v, %d blocks", format, blocks)
		}
	}
}

// Rows of 4096 elements, which stay in the caches.
func BenchmarkUnpack(b *testing.B) {
	if simd.Best() == simd.Plain {
		b.Skip("this processor has no vector instructions that unpack")
	}
	const n = 4096
	for format := compute.F32; format.Valid(); format++ {
		if !unpacks(simd.Best(), format) {
			continue
		}
		b.Run(format.String(), func(b *testing.B) {
			w := make([]byte, n/format.BlockLen()*format.BlockBytes())
			randomRow(rand.New(rand.NewPCG(33, 34)), format, w)
			q, d, m := make([]uint8, n), make([]float32, n/16), make([]float32, n/16)
			for b.Loop() {
				Unpack(format, q, d, m, w)
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gelements/s")
		})
	}
}
