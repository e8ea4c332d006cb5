package quant

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// Blocks that name every codebook point in order, with scales of 1 or their least value and no signs, decode to the values
// of another implementation (the Python package gguf 0.19.0), of which the SHA-256 of the little-endian float32s is kept.
func TestEveryCodebookPoint(t *testing.T) {
	for d, c := range map[compute.DType]struct {
		blocks int
		hash   string
		fill   func(b []byte, index func(k int) int) // index gives the k-th index of this block
	}{
		compute.IQ1_S: {64, "70a0dcc28c2cbf6cc0b01fac1d2017d362e12121ed5d2822a61f83cb3dffc474", func(b []byte, index func(int) int) {
			for k := range 32 {
				b[2+k] = byte(index(k))
				word := binary.LittleEndian.Uint16(b[34+k/4*2:])
				binary.LittleEndian.PutUint16(b[34+k/4*2:], word|uint16(index(k)>>8)<<(3*(k%4)))
			}
		}},
		compute.IQ1_M: {64, "70a0dcc28c2cbf6cc0b01fac1d2017d362e12121ed5d2822a61f83cb3dffc474", func(b []byte, index func(int) int) {
			b[0], b[1], b[53], b[55] = 0, 0, 0xc0, 0x30 // the binary16 1.0 is spread over the scale words
			for k := range 32 {
				b[k] = byte(index(k))
				b[32+k/2] |= byte(index(k) >> 8 << (4 * (k % 2)))
			}
		}},
		compute.IQ2_XXS: {8, "dd385260277e844a8a39148bf06660edb168aaabdb0c86221ab47f4ecf955dcc", func(b []byte, index func(int) int) {
			for k := range 32 {
				b[2+k/4*8+k%4] = byte(index(k))
			}
		}},
		compute.IQ2_XS: {16, "13232acce88f3b796a3e8aaa2368a4d3b165a5549ee072ec616466f840a49245", func(b []byte, index func(int) int) {
			for k := range 32 {
				binary.LittleEndian.PutUint16(b[2+2*k:], uint16(index(k)))
			}
		}},
		compute.IQ2_S: {32, "22c8ea0168c79901d72d87ef77ecf36d066f502033a17946f271fd0762cdf4bb", func(b []byte, index func(int) int) {
			for k := range 32 {
				b[2+k] = byte(index(k))
				b[66+k/4] |= byte(index(k) >> 8 << (2 * (k % 4)))
			}
		}},
		compute.IQ3_XXS: {4, "e179053db98f566ea441167f6fc3634ac4d0b3189a5f136ef40927db729443d9", func(b []byte, index func(int) int) {
			for k := range 64 {
				b[2+k] = byte(index(k))
			}
		}},
		compute.IQ3_S: {8, "b703ee82ef0f3d9043b4cf176511d5a69361462fd63e575cca4ac40176c7b580", func(b []byte, index func(int) int) {
			for k := range 64 {
				b[2+k] = byte(index(k))
				b[66+k/8] |= byte(index(k) >> 8 << (k % 8))
			}
		}},
	} {
		t.Run(d.String(), func(t *testing.T) {
			perBlock := 32
			if d == compute.IQ3_XXS || d == compute.IQ3_S {
				perBlock = 64
			}
			src := make([]byte, c.blocks*d.BlockBytes())
			for i := range c.blocks {
				b := src[i*d.BlockBytes():][:d.BlockBytes()]
				binary.LittleEndian.PutUint16(b, compute.F32ToF16(1))
				c.fill(b, func(k int) int { return i*perBlock + k })
			}
			dst := make([]float32, c.blocks*256)
			require.NoError(t, Decode(d, dst, src))
			h := sha256.New()
			require.NoError(t, binary.Write(h, binary.LittleEndian, dst))
			assert.Equal(t, c.hash, hex.EncodeToString(h.Sum(nil)))
		})
	}
}

// Formats that the reference collection lacks, by hand.
func TestBlocksByHand(t *testing.T) {
	decode := func(d compute.DType, src []byte) []float32 {
		dst := make([]float32, d.BlockLen())
		require.NoError(t, Decode(d, dst, src))
		return dst
	}
	half := func(f float32) []byte { return binary.LittleEndian.AppendUint16(nil, compute.F32ToF16(f)) }

	b := append(half(0.5), make([]byte, 16)...)
	b[2], b[17] = 0b00000101, 0b10000000
	x := decode(compute.Q1_0, b)
	assert.Equal(t, []float32{0.5, -0.5, 0.5, -0.5}, x[:4])
	assert.Equal(t, []float32{-0.5, 0.5}, x[126:])

	b = append(half(0.5), make([]byte, 16)...)
	b[2], b[17] = 0b11_10_01_00, 0b01_00_00_00
	x = decode(compute.Q2_0, b)
	assert.Equal(t, []float32{-0.5, 0, 0.5, 1}, x[:4])
	assert.Equal(t, []float32{-0.5, 0}, x[62:])

	b = append(append(half(0.25), half(99)...), make([]byte, 32)...)
	b[4], b[35] = 127, 0x80
	x = decode(compute.Q8_1, b)
	assert.Equal(t, []float32{31.75, 0}, x[:2])
	assert.Equal(t, float32(-32), x[31])

	b = append(binary.LittleEndian.AppendUint32(nil, math.Float32bits(1.5)), make([]byte, 288)...)
	b[4], b[259], b[260] = 2, 0xff, 77
	x = decode(compute.Q8_K, b)
	assert.Equal(t, []float32{3, 0}, x[:2])
	assert.Equal(t, float32(-1.5), x[255])

	assert.Equal(t, []float32{float32(math.Pi)}, decode(compute.F64, binary.LittleEndian.AppendUint64(nil, math.Float64bits(math.Pi))))
	assert.Equal(t, []float32{-2.5}, decode(compute.F32, binary.LittleEndian.AppendUint32(nil, math.Float32bits(-2.5))))
}

// Scales at the ends of their range: E8M0 0 is 2⁻¹²⁷ and 255, a NaN by the paper, is 2¹²⁸ halved before it can overflow;
// UE4M3's NaN code stands for 0.
func TestFourBitFloatScales(t *testing.T) {
	assert.Equal(t, float32(0x1p-128), halfE8M0(0))
	assert.Equal(t, float32(0x1p-127), halfE8M0(1))
	assert.Equal(t, float32(0x1p-126), halfE8M0(2))
	assert.Equal(t, float32(0.5), halfE8M0(127))
	assert.Equal(t, float32(0x1p127), halfE8M0(255))
	assert.Equal(t, float32(0), halfUE4M3(0))
	assert.Equal(t, float32(0x1p-10), halfUE4M3(1))
	assert.Equal(t, float32(0.5), halfUE4M3(0x38))
	assert.Equal(t, float32(224), halfUE4M3(0x7e))
	assert.Equal(t, float32(0), halfUE4M3(0x7f))
}

func TestRowsOfHalvesAreTheHalves(t *testing.T) {
	src, dst := make([]byte, 2<<16), make([]float32, 1<<16)
	for h := range 1 << 16 {
		binary.LittleEndian.PutUint16(src[2*h:], uint16(h))
	}
	require.NoError(t, Decode(compute.F16, dst, src))
	for h := range dst {
		require.Equal(t, math.Float32bits(compute.F16ToF32(uint16(h))), math.Float32bits(dst[h]), "%#x", h)
	}
}

// Rounding keeps levels inside their bits whatever the input, and numbers close.
func TestEncodingIsBounded(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for i, f := range formats {
		d := compute.DType(i)
		if f.encode == nil {
			continue
		}
		n := max(32, d.BlockLen())
		src, back, b := make([]float32, n), make([]float32, n), make([]byte, n/d.BlockLen()*d.BlockBytes())
		for i := range src {
			src[i] = float32(i-11) / 7
		}
		require.NoError(t, Encode(d, b, src))
		require.NoError(t, Decode(d, back, b))
		for i := range src {
			assert.InDelta(t, src[i], back[i], 0.25, "%v", d)
		}
		for _, bad := range [][]float32{{nan}, {inf}, {-inf, inf, nan}, {math.MaxFloat32, -math.MaxFloat32}} {
			copy(src, bad)
			require.NoError(t, Encode(d, b, src), "%v", d)
			require.NoError(t, Decode(d, back, b), "%v", d)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for d := compute.F32; d.Valid(); d++ {
		if !Supported(d) {
			continue
		}
		b.Run(d.String(), func(b *testing.B) {
			dst := make([]float32, 4096)
			src := make([]byte, 4096/d.BlockLen()*d.BlockBytes())
			for i := range src {
				src[i] = byte(i * 37)
			}
			b.SetBytes(4 * 4096)
			for b.Loop() {
				if err := Decode(d, dst, src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
