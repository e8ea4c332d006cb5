package simd

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Vector instructions round as plain Go does, whatever the elements are, and an order only moves bytes.
func TestBytes(t *testing.T) {
	for _, l := range levels() {
		t.Run(l.String(), func(t *testing.T) { bytesOfLevel(t, l) })
	}
}

func bytesOfLevel(t *testing.T, l Level) {
	r := rand.New(rand.NewPCG(7, 8))
	for n := range 301 {
		x := values(r, n, n%5, n%3 == 0)
		for i := range x {
			switch n % 7 {
			case 1:
				x[i] *= 1e-32 // no factor
			case 2:
				x[i] *= 1e36
			case 3:
				x[i] = float32(r.IntN(511)-255) / 2 // halves
			}
		}
		var want, got Bytes
		want.Set(Plain, x, InOrder)
		got.Set(l, x, InOrder)
		require.Equal(t, want.Upper, got.Upper, "%d elements", n)
		require.Equal(t, want.Lower, got.Lower, "%d elements", n)
		sameBits(t, want.D, got.D)
		sameBits(t, want.S, got.S)
		sameBits(t, want.H, got.H)
		for i := range got.W {
			k := i&^3 | i&1<<1 | i>>1&1
			require.EqualValues(t, 256*int(want.Upper[k])+int(want.Lower[k]), got.W[i], "%d elements", n)
		}
		require.Equal(t, l.multipliesWords() && n >= 32, len(got.W) > 0)
		for i, d := range want.D {
			for k, v := range x[32*i : 32*i+32] {
				is := float64(d) * (256*float64(want.Upper[32*i+k]) + float64(want.Lower[32*i+k]))
				if math.Abs(float64(v)-is) > float64(d)*0.505+smallest {
					require.FailNow(t, "rounded wrongly", "%d elements: %v became %v", n, v, is)
				}
			}
		}
		for _, o := range []Order{Halves, Crossed} {
			got.Set(l, x, o)
			for k, q := range want.Upper {
				at := k
				if in := k % 128; k < len(want.Upper)&^255 {
					switch o {
					case Halves:
						at += -in + in%32/16*64 + in/32*16 + in%16
					case Crossed:
						at += -in + []int{0, 2, 1, 3}[in/32]*32 + in%32
					}
				}
				require.Equal(t, [2]int8{q, want.Lower[k]}, [2]int8{got.Upper[at], got.Lower[at]}, "%d elements, order %d, element %d", n, o, k)
			}
		}
	}
}
