package simd

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Products of unpacked rows agree with those in plain Go by what float32 rounding allows, for every number of blocks, wherever they begin and
// whatever form they have; an infinity or NaN on either side is not lost.
func TestUnpackedDot(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	for blocks := 1; blocks <= 130; blocks++ {
		f := ByteForm{Base: uint8(blocks % 5 * 32), Halves: blocks%6 >= 3, Minima: blocks%3 == 0}
		if f.Minima {
			f.Base = 0
		}
		n, before := 32*blocks, blocks%3
		x := values(r, n+32*before, 0, false)
		w, d, m := make([]uint8, n+3)[blocks%4:][:n], make([]float32, f.Scales(n)), make([]float32, f.Scales(n))
		var size float64
		for k := range w {
			w[k] = uint8(r.IntN(128 + int(f.Base)))
		}
		for i := range d {
			d[i], m[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
			if i%7 == 6 {
				d[i] = 1e-42
			}
		}
		if f.Base == 128 && blocks%2 == 0 { // the ends of what bytes hold: all weights and all lower bytes are −128 but one of each 32
			clear(w)
			for i := range x {
				x[i] = 384
				if i%32 == 0 {
					x[i] = 32639
				}
			}
		}
		odd := blocks%8 == 5
		switch bad := float32(math.Inf(1)); {
		case odd && blocks%16 == 5:
			x[32*before+r.IntN(n)] = float32(math.NaN())
		case odd && f.Minima:
			m[r.IntN(len(m))] = bad
		case odd:
			d[r.IntN(len(d))] = bad
		}
		for k, q := range w {
			at := k * len(d) / n
			v := math.Abs(float64(d[at])) * (float64(q) + float64(f.Base))
			if f.Minima {
				v += 128 * math.Abs(float64(m[at]))
			}
			size += v * math.Abs(float64(x[32*before+k]))
		}
		var plain Bytes
		plain.Set(Plain, x, InOrder)
		want := Plain.UnpackedDot(w, d, m, f, &plain, 32*before)
		for _, l := range byteLevels()[1:] {
			var b Bytes
			b.Set(l, x, l.OrderOfUnpacked())
			got := l.UnpackedDot(w, d, m, f, &b, 32*before)
			if odd {
				for _, v := range []float32{want, got} {
					require.False(t, math.Abs(float64(v)) <= math.MaxFloat32, "%v, %d blocks: got %v, want %v", l, blocks, got, want)
				}
				continue
			}
			require.InDelta(t, want, got, 0x1p-21*size, "%v, %d blocks, %+v", l, blocks, f)
		}
	}
}
