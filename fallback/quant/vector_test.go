package quant

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"tuff/fallback/simd"
)

// Every format that vector instructions decode comes out bit for bit as its definition has it, for random bytes and so for
// infinite and absent scales, at any alignment and number of blocks; nothing is written behind the last.
func TestVectorsDecodeTheSameBits(t *testing.T) {
	if simd.Best() == simd.Plain {
		t.Skip("this processor has no vector instructions that are used")
	}
	r := rand.New(rand.NewPCG(7, 8))
	for format := range vectors {
		for blocks := range 301 {
			if format.BlockLen() > 1 && blocks > 12 {
				break
			}
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

func BenchmarkDecodeWith(b *testing.B) {
	const n = 4096
	for format := range vectors {
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
