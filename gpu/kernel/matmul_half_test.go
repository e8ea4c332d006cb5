package kernel

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
	"tuff/shaders"
)

// Half precision is for devices with neither matrix units nor, where a format can be read as bytes, fast dot products.
func TestWhoMultipliesInHalfPrecision(t *testing.T) {
	halves := ample
	halves.Float16 = true
	both := dots()
	both.Float16 = true
	cpu := halves
	cpu.CPU = true
	for _, c := range []struct {
		name   string
		caps   Caps
		format compute.DType
		math   compute.Math
		want   string
	}{
		{"halves", halves, compute.Q8_0, compute.Fast, "matmul_halves matmul_q8_0_half matmul_q8_0_half"},
		{"exact", halves, compute.Q8_0, compute.Exact, "matmul_q8_0_tile matmul_q8_0_tile"},
		{"dot products of bytes", both, compute.Q8_0, compute.Fast, "quantize matmul_q8_0_int8 matmul_q8_0_int8"},
		{"dot products of bytes, plain weights", both, compute.F16, compute.Fast, "matmul_halves matmul_f16_half matmul_f16_half"},
		{"a rarer format", halves, compute.MXFP4, compute.Fast, "matmul_mxfp4_tile matmul_mxfp4_tile"},
		{"a CPU", cpu, compute.F16, compute.Fast, "matmul_f16_tile matmul_f16_tile"},
	} {
		p := compute.NewProgram("one")
		x := p.Scratch("x", compute.PerToken(1), 512)
		w := p.Declare(compute.Tensor{Name: "w", Role: compute.Weight, DType: c.format, Rows: compute.Rows(1 << 16), Cols: 512, Buffer: fakeBuffer{}})
		p.Add("mul", compute.MatMul{X: x, W: w, Out: p.Scratch("out", compute.PerToken(1), 1<<16)})
		groups, err := Plan(c.caps, p, compute.Options{Math: c.math, MaxTokens: 100})
		require.NoError(t, err)
		var many []string
		for _, d := range groups[0].Dispatches {
			if !strings.HasSuffix(d.Module, "_vec") {
				many = append(many, d.Module)
			}
		}
		assert.Equal(t, c.want, strings.Join(many, " "), c.name)
	}
	for _, tile := range []tile{halfTile32, halfTile64} {
		assert.LessOrEqual(t, halfShared(tile, true), 32<<10)
		assert.Zero(t, tile.bk%halfFold)
	}
	// Where subgroups with many registers leave their unit without others, invocations keep fewer sums; so does a gate's pair of bytes.
	for _, c := range []struct {
		vendor, min uint32
		half, gated tile
		bytes       tile // gated
	}{{0x1002, 64, halfTile64OfWaves, halfPair64OfWaves, int8Tile64OfFew}, {0x1002, 32, halfTile64, halfPair64, int8Tile64}, {0x10de, 64, halfTile64, halfPair64, int8Tile64}} {
		caps := both
		caps.Vendor, caps.SubgroupMin = c.vendor, c.min
		pl := &planner{caps: caps}
		_, half := pl.halfTiles(false)
		_, gated := pl.halfTiles(true)
		assert.Equal(t, []tile{c.half, c.gated}, []tile{half, gated})
		_, alone := pl.int8Tiles(false)
		_, bytes := pl.int8Tiles(true)
		assert.Equal(t, []tile{int8Tile64, c.bytes}, []tile{alone, bytes})
		shapes, _ := pl.plain("matmul_half")
		assert.Subset(t, shapes, []tile{c.half, c.gated}, "tuning tries what plans take")
	}
	assert.Subset(t, shaders.Formats, shaders.HalfFormats)
	assert.NotEmpty(t, halfLacks(&ample))
}
