package emulator

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// rounded is x to the nearest float32, by package big.
func rounded(x *big.Float) float32 {
	f, _ := x.Float32()
	return f
}

func exact(f float64) *big.Float { return new(big.Float).SetPrec(2000).SetFloat64(f) }

// TestFma32 against sums of any precision, with operands that make ties: few bits, and exponents far apart.
func TestFma32(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	number := func() float32 {
		m := float32(1 + r.IntN(1<<(1+r.IntN(24))))
		if r.IntN(2) == 0 {
			m = -m
		}
		return float32(math.Ldexp(float64(m), r.IntN(80)-40))
	}
	twice := 0
	for range 300000 {
		a, b, c := number(), number(), number()
		x := new(big.Float).SetPrec(2000).Mul(exact(float64(a)), exact(float64(b)))
		x.Add(x, exact(float64(c)))
		want := rounded(x)
		require.Equal(t, want, fma32(a, b, c), "%v·%v + %v", a, b, c)
		if p := float64(a) * float64(b); float32(p+float64(c)) != want {
			twice++
		}
	}
	assert.Positive(t, twice, "no case where rounding twice is wrong")
	assert.True(t, math.IsNaN(float64(fma32(float32(math.Inf(1)), 1, float32(math.Inf(-1))))))
	assert.Equal(t, float32(math.Inf(1)), fma32(float32(math.Inf(1)), 1, 5))
	assert.Equal(t, float32(math.Inf(1)), fma32(math.MaxFloat32, 2, 5))
}

// TestHalvesAreRoundedOnce: conversions from float64 and float32 that lie near the middle of two halves.
func TestHalvesAreRoundedOnce(t *testing.T) {
	for h := range uint16(0x7bff) {
		lo, hi := float64(compute.F16ToF32(h)), float64(compute.F16ToF32(h+1))
		mid := (lo + hi) / 2
		even := h + h&1
		require.Equal(t, uint64(even), fromFloat(mid, 16), "%#x", h)
		require.Equal(t, uint64(h), fromFloat(math.Nextafter(mid, lo), 16), "%#x", h)
		require.Equal(t, uint64(h+1), fromFloat(math.Nextafter(mid, hi), 16), "%#x", h)
		require.Equal(t, uint64(h+1)|0x8000, fromFloat(-math.Nextafter(mid, hi), 16), "%#x", h)
	}
}

// TestHalves against the conversions that the rest of tuff uses: every half, and numbers of every exponent.
func TestHalves(t *testing.T) {
	for h := range 1 << 16 {
		require.Equal(t, math.Float32bits(compute.F16ToF32(uint16(h))), math.Float32bits(f16(uint64(h))), "%#x", h)
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 1000000 {
		f := math.Float32frombits(r.Uint32())
		require.Equal(t, uint64(compute.F32ToF16(f)), of16(f), "%v", f)
	}
}

// TestOperations: one number each of what SPIR-V defines.
func TestOperations(t *testing.T) {
	u8, u32, f, h := &typ{op: opTypeInt, bits: 8}, &typ{op: opTypeInt, bits: 32}, &typ{op: opTypeFloat, bits: 32, float: true}, &typ{op: opTypeFloat, bits: 16, float: true}
	u64 := &typ{op: opTypeInt, bits: 64}
	neg := func(v int64) uint64 { return uint64(v) & mask(32) }
	for _, c := range []struct {
		op   uint32
		of   *typ
		a, b uint64
		want uint64
	}{
		{opIAdd, u32, 0xffffffff, 2, 1}, {opIAdd, u8, 0xff, 2, 1}, {opISub, u32, 1, 2, 0xffffffff}, {opIMul, u32, 0x10001, 0x10000, 0x10000},
		{opIMul, u64, 1 << 33, 1 << 30, 1 << 63}, {opUDiv, u32, 7, 2, 3}, {opUMod, u32, 7, 4, 3}, {opSDiv, u32, neg(-7), 2, neg(-3)},
		{opSRem, u32, neg(-7), 4, neg(-3)}, {opSMod, u32, neg(-7), 4, 1}, {opSMod, u32, 7, neg(-4), neg(-1)}, {opULessThan, u32, 1, 0xffffffff, 1},
		{opSLessThan, u32, 1, 0xffffffff, 0}, {opSLessThan, u8, 0x80, 0, 1}, {opSGreaterThanEqual, u32, neg(-1), neg(-1), 1},
		{opShiftLeftLogical, u32, 0x80000001, 1, 2}, {opShiftRightArithmetic, u32, 0x80000000, 31, 0xffffffff}, {opShiftRightLogical, u32, 0x80000000, 31, 1},
		{opShiftRightLogical, u32, 1, 32, 0x7fff7fff}, {opBitwiseXor, u32, 6, 3, 5}, {opFAdd, f, of32(1.5), of32(2), of32(3.5)},
		{opFAdd, h, of16(2048), of16(1), of16(2048)}, {opFMul, h, of16(300), of16(300), of16(float32(math.Inf(1)))}, {opFDiv, f, of32(1), of32(3), of32(1.0 / 3)},
		{opFOrdLessThan, f, of32(1), of32(float32(math.NaN())), 0}, {opFUnordLessThan, f, of32(1), of32(float32(math.NaN())), 1},
		{opFOrdNotEqual, f, of32(1), of32(float32(math.NaN())), 0}, {opFUnordNotEqual, f, of32(1), of32(1), 0}, {opFOrdEqual, f, of32(0), 1 << 31, 1},
	} {
		got := binaryOp(c.op, c.of)(c.a, c.b)
		assert.Equal(t, c.want, got, "instruction %d of %#x and %#x", c.op, c.a, c.b)
	}
	i32 := func(v float32) uint64 { return of32(v) }
	for _, c := range []struct {
		op      uint32
		of, to  *typ
		a, want uint64
	}{
		{opNot, u8, u8, 1, 0xfe}, {opSNegate, u32, u32, 1, 0xffffffff}, {opFNegate, f, f, of32(2), of32(-2)}, {opFNegate, h, h, of16(2), of16(-2)},
		{opUConvert, u32, u8, 0x1ff, 0xff}, {opSConvert, u8, u32, 0x80, 0xffffff80}, {opFConvert, f, h, of32(65520), 0x7c00}, {opFConvert, h, f, 0x3c00, of32(1)},
		{opConvertUToF, u32, f, 0xffffffff, i32(4294967296)}, {opConvertSToF, u32, f, 0xffffffff, i32(-1)}, {opConvertUToF, u32, h, 2049, of16(2048)},
		{opConvertFToU, f, u32, i32(3.9), 3}, {opConvertFToS, f, u32, i32(-3.9), neg(-3)}, {opConvertFToU, f, u32, of32(float32(math.NaN())), 0x7fff7fff},
		{opBitCount, u32, u32, 0xf0f0, 8},
	} {
		assert.Equal(t, c.want, unaryOp(c.op, c.of, c.to)(c.a), "instruction %d of %#x", c.op, c.a)
	}
	nan := of32(float32(math.NaN()))
	assert.Equal(t, of32(1), glslBinary(glslFMin, 32)(nan, of32(1)))
	assert.Equal(t, of32(1), glslBinary(glslFMax, 32)(of32(1), nan))
	assert.Equal(t, of32(2), glslBinary(glslFMax, 32)(of32(1), of32(2)))
	assert.Equal(t, neg(-2), glslBinary(glslSMin, 32)(neg(-2), 1))
	assert.Equal(t, of32(3), glslTernary(glslFClamp, 32)(of32(5), of32(0), of32(3)))
	assert.Equal(t, of16(3), glslTernary(glslFma, 16)(of16(1), of16(2), of16(1)))
}

// TestFastOperationsAreTheSame: each quick form against the function it stands for.
func TestFastOperationsAreTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	numbers := []uint64{0, 1, 2, 31, 32, 33, 0x7fffffff, 0x80000000, 0xffffffff, of32(1.5), of32(-3), of32(1e-40), of32(float32(math.Inf(1)))}
	u, f, b := &typ{op: opTypeInt, bits: 32}, &typ{op: opTypeFloat, bits: 32, float: true}, &typ{op: opTypeBool, bits: 1}
	n := 0
	for op := uint32(opBitcast + 1); op < 260; op++ {
		for _, of := range []*typ{u, f, b} {
			slow, fast := binaryOp(op, of), fastBinary(op, of.bits)
			if slow == nil || fast == nil {
				continue
			}
			n++
			for _, few := range []bool{false, true} {
				w := &warp{lanes: 8, full: !few, r: make([]uint64, 8*6)}
				for l := range int32(8) {
					if !few || l%3 == 1 {
						w.act = append(w.act, l)
					}
				}
				for i := range w.r {
					w.r[i] = numbers[r.IntN(len(numbers))] & mask(of.bits)
				}
				before := append([]uint64(nil), w.r...)
				fast(w, &instr{d: 0, a: 16, b: 32, n: 2})
				want := append([]uint64(nil), before...)
				for _, l := range w.act {
					for _, o := range []int32{0, 8} {
						want[o+l] = slow(before[16+o+l], before[32+o+l])
					}
				}
				require.Equal(t, want, w.r, "instruction %d on %d bits", op, of.bits)
			}
		}
	}
	assert.Greater(t, n, 20)
}
