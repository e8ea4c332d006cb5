package quant

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

// Every format that vector instructions decode comes out bit for bit as its definition has it, for random bytes and so for
// infinite and absent scales, at any alignment and number of blocks; nothing is written behind the last.
func TestVectorsDecodeTheSameBits(t *testing.T) {
	if simd.Best() == simd.Plain {
		t.Skip("this processor has no vector instructions that are used")
	}
	r := rand.New(rand.NewPCG(7, 8))
	for i, f := range vectors {
		format := compute.DType(i)
		if f == nil || vectorOf(simd.Best(), format) == nil {
			continue
		}
		most := 300
		if simd.Best().OfARM64() && format.BlockLen() > 32 { // QEMU takes its time
			most = 40
		}
		for blocks := range most + 1 {
			n, size := blocks*format.BlockLen(), blocks*format.BlockBytes()
			src := make([]byte, size+blocks%5)[blocks%5:]
			for i := range src {
				src[i] = byte(r.Uint32())
			}
			want, got := make([]float32, n), make([]float32, n+9)
			for i := range got {
				got[i] = 12345
			}
			require.NoError(t, Decode(format, want, src))
			require.NoError(t, DecodeWith(simd.Best(), format, got[:n], src))
			for i, w := range want {
				if math.Float32bits(w) != math.Float32bits(got[i]) && !(w != w && got[i] != got[i]) {
					require.FailNow(t, "differs", "%v: element %d of %d blocks: got %v, want %v", format, i, blocks, got[i], w)
				}
			}
			for _, v := range got[n:] {
				require.EqualValues(t, 12345, v, "%v: %d blocks: written behind the last", format, blocks)
			}
		}
	}
}

// Rows that lie apart are decoded as each by itself is, whatever lies ahead of them; nothing is written behind the last.
func TestRowsDecodeAsEachOfThem(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	for _, format := range []compute.DType{compute.F16, compute.BF16, compute.Q8_0, compute.Q4_0, compute.Q6_K} {
		for _, l := range []simd.Level{simd.Plain, simd.Best()} {
			f := RowsDecoderOf(l, format)
			for rows := 1; rows <= 70; rows++ {
				blocks := r.IntN(6) + 1
				if format.BlockLen() == 1 {
					blocks = r.IntN(150) + 1
				}
				n, size := blocks*format.BlockLen(), blocks*format.BlockBytes()
				stride := size + r.IntN(100)
				src, got := make([]byte, (rows-1)*stride+size), make([]float32, rows*n+9)
				for i := range src {
					src[i] = byte(r.Uint32())
				}
				for i := range got {
					got[i] = 12345
				}
				f(got[:rows*n], src, rows, stride, r.IntN(3)*(r.IntN(1<<20)-1<<19))
				want := make([]float32, n)
				for i := range rows {
					require.NoError(t, Decode(format, want, src[i*stride:][:size]))
					for c, w := range want {
						if g := got[i*n+c]; math.Float32bits(w) != math.Float32bits(g) && !(w != w && g != g) {
							require.FailNow(t, "differs", "%v: element %d of row %d of %d: got %v, want %v", format, c, i, rows, g, w)
						}
					}
				}
				for _, v := range got[rows*n:] {
					require.EqualValues(t, 12345, v, "%v: %d rows: written behind the last", format, rows)
				}
			}
		}
	}
}

// All exponents with the fractions on both sides of every rounding, in any number at any alignment.
func TestVectorsEncodeTheSameBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	try := func(src []float32) {
		size := 2 * len(src)
		want, got := make([]byte, size), make([]byte, size+3)
		require.NoError(t, Encode(compute.F16, want, src))
		require.NoError(t, EncodeWith(simd.Best(), compute.F16, got[:size], src))
		require.Equal(t, append(want, 0, 0, 0), got)
	}
	for e := range 512 {
		src := make([]float32, 0, 4096)
		for range 1024 {
			f := uint32(e)<<23 | r.Uint32()>>22<<13
			for _, rest := range []uint32{0, 0xfff, 0x1000, 0x1001} {
				src = append(src, math.Float32frombits(f|rest))
			}
		}
		try(src)
	}
	for n := range 301 {
		src := make([]float32, n+n%5)[n%5:]
		for i := range src {
			src[i] = math.Float32frombits(r.Uint32())
		}
		try(src)
	}
}

func BenchmarkDecodeWith(b *testing.B) {
	const n = 4096
	for i, f := range vectors {
		format := compute.DType(i)
		if f == nil {
			continue
		}
		for _, l := range []simd.Level{simd.Plain, simd.Best()} {
			b.Run(format.String()+"/"+l.String(), func(b *testing.B) {
				size, err := format.RowBytes(n)
				require.NoError(b, err)
				dst, src := make([]float32, n), make([]byte, size)
				for b.Loop() {
					if err := DecodeWith(l, format, dst, src); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gelements/s")
			})
		}
	}
}
