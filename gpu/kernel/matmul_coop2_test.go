package kernel

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// nvidia is a profile of a card with VK_NV_cooperative_matrix2, whose variants have passed the self-check. The sizes are those that its
// makers' samples rely on; no such card was at hand.
func nvidia() Caps {
	c := matrices()
	c.Vendor, c.SharedBytes, c.Storage16 = 0x10de, 48<<10, true
	c.CoopPerElement, c.CoopTensors, c.CoopBlocks = true, true, true
	for _, kind := range []CoopMatKind{CoopMatFloat, CoopMatHalf} {
		c.FlexMat = append(c.FlexMat, FlexMatShape{kind, 16, 16, 16, 1024, 0}, FlexMatShape{kind, 32, 32, 16, 1024, 128}, FlexMatShape{kind, 32, 32, 16, 1024, 256})
	}
	return c
}

// multiplied names what multiplies rows rows of a program of one product.
func multiplied(t *testing.T, caps Caps, p *compute.Program, o compute.Options, rows int) string {
	t.Helper()
	groups, err := Plan(caps, p, o)
	require.NoError(t, err)
	var names []string
	for _, d := range groups[0].Dispatches {
		if d.Grid(Shape{Tokens: rows, Outputs: 1, Seqs: 1})[0] > 0 && d.Module != "matmul_halves" {
			names = append(names, d.Name)
		}
	}
	return strings.Join(names, " ")
}

// Matrices of workgroups come before those of subgroups, where all that they need is there, and nothing was refused.
func TestMatricesOfWorkgroups(t *testing.T) {
	fast := compute.Options{MaxTokens: 600, MaxOutputs: 1, MaxSeqs: 1, Math: compute.Fast}
	cards := nvidia()
	cards.HalfSums = true
	without := func(change func(*Caps)) Caps {
		c := nvidia()
		change(&c)
		return c
	}
	for _, c := range []struct {
		what   string
		caps   Caps
		format compute.DType
		rows   int
		want   string
	}{
		{"few rows", nvidia(), compute.Q4_K, 8, "matmul_q4_k_vec_8"},
		{"some rows", nvidia(), compute.Q4_K, 64, "matmul_q4_k_skinny_32x64"},
		{"many rows", nvidia(), compute.Q4_K, 600, "matmul_q4_k_coop2_128x128"},
		{"a rare format", nvidia(), compute.IQ2_XS, 600, "matmul_iq2_xs_coop2_128x128"},
		{"few tiles", nvidia(), compute.Q4_K, 65, "matmul_q4_k_coop2_128x128_k2 matmul_join"},
		{"half sums", cards, compute.Q4_K, 600, "matmul_q4_k_coop2_half_128x128"},
		{"half sums of a rare format", cards, compute.IQ2_XS, 600, "matmul_iq2_xs_coop2_128x128"},
		{"no skinny", without(func(c *Caps) { c.Refused = map[string]string{"matmul_skinny": "x"} }), compute.Q4_K, 64, "matmul_q4_k_coop2_64x64"},
		{"not checked", without(func(c *Caps) { c.Refused = map[string]string{"matmul_coop2": "x", "matmul_coop2_half": "x"} }), compute.Q4_K, 600, "matmul_q4_k_coop_128x128"},
		{"no decoders", without(func(c *Caps) { c.CoopBlocks = false }), compute.Q4_K, 600, "matmul_q4_k_coop_128x128"},
		{"no tensors", without(func(c *Caps) { c.CoopTensors = false }), compute.Q4_K, 600, "matmul_q4_k_coop_128x128"},
		{"no functions", without(func(c *Caps) { c.CoopPerElement = false }), compute.Q4_K, 600, "matmul_q4_k_coop_128x128"},
		{"subgroups only", without(func(c *Caps) { c.FlexMat = c.FlexMat[:1] }), compute.Q4_K, 600, "matmul_q4_k_coop_128x128"},
		{"small sizes", without(func(c *Caps) {
			for i := range c.FlexMat {
				c.FlexMat[i].Most = 64
			}
		}), compute.Q4_K, 600, "matmul_q4_k_coop2_64x64"},
	} {
		assert.Equal(t, c.want, multiplied(t, c.caps, product1(c.format, 4096, 4096), fast, c.rows), c.what)
	}
	exact := fast
	exact.Math = compute.Exact
	assert.Equal(t, "matmul_q4_k_tile_64", multiplied(t, nvidia(), product1(compute.Q4_K, 4096, 4096), exact, 600))
	for variant, want := range map[string]string{"matmul_coop2": "matmul_q8_0_coop2_64x64", "matmul_coop2_split": "matmul_q8_0_coop2_64x64_k3 matmul_join",
		"matmul_coop2_half": "matmul_q8_0_coop2_half_64x64", "matmul_coop": "matmul_q8_0_coop_64x64"} {
		fast.Variant = map[string]string{"matmul": variant}
		assert.Equal(t, want, multiplied(t, nvidia(), product1(compute.Q8_0, 4096, 4096), fast, 20), variant)
	}
}

// Every tile keeps to a size of the list and to an invocation's registers, and its constants are in the shader's order.
func TestTilesOfWorkgroupsFit(t *testing.T) {
	caps := nvidia()
	fitted := 0
	for _, pair := range []bool{false, true} {
		for _, tile := range coop2Tiles {
			if !tile.fits(&caps, CoopMatFloat, pair, false) {
				continue
			}
			fitted++
			assert.LessOrEqual(t, tile.bm*tile.bn*(1+int(flag(pair)))/tile.wg, maxCoop2Sums)
			assert.True(t, tile.wg == 128 || tile.wg == 256)
		}
	}
	assert.Equal(t, 5, fitted, "all but the largest of a pair")
	groups, err := Plan(caps, product1(compute.Q8_0, 4096, 4096), compute.Options{MaxTokens: 600, MaxOutputs: 1, MaxSeqs: 1, Math: compute.Fast})
	require.NoError(t, err)
	last := groups[0].Dispatches[len(groups[0].Dispatches)-1]
	assert.Equal(t, []uint32{256, 128, 128, 64, 1, 0, 0, 0, superRow, 1}, last.Spec)
	assert.Zero(t, last.Subgroup, "the driver divides the workgroup")
	assert.Equal(t, [3]uint32{32, 1, 5}, last.Grid(Shape{Tokens: 600, Outputs: 1, Seqs: 1}))
}

// Tensors begin at multiples of 16 bytes: a matrix in the middle of others may not.
func TestTensorsAreAligned(t *testing.T) {
	fast := compute.Options{MaxTokens: 600, MaxOutputs: 1, MaxSeqs: 1, Math: compute.Fast}
	for at, want := range map[int64]string{0: "matmul_f32_coop2_128x128", 16: "matmul_f32_coop2_128x128", 4: "matmul_f32_coop_128x128"} {
		p := product1(compute.F32, 4096, 4096)
		p.Tensors[1].Offset = at
		assert.Equal(t, want, multiplied(t, nvidia(), p, fast, 600), "offset %d", at)
	}
}

// Nothing that no hardware has run is chosen unless a self-check passed: devices begin with these left out.
func TestUnprovenVariantsAreKnown(t *testing.T) {
	caps := nvidia()
	known := map[string]Variant{}
	for _, v := range Variants(caps) {
		known[v.Name] = v
	}
	for _, name := range Unproven {
		assert.Empty(t, known[name].Lacks, name)
		assert.Equal(t, compute.Fast, known[name].Math(), name)
	}
	for name := range known {
		if strings.HasPrefix(name, "matmul_coop2") && known[name].Used != TestsOnly {
			assert.Contains(t, Unproven, name)
		}
	}
	bare := matrices()
	assert.Contains(t, coop2Lacks(&bare, "matmul_coop2"), "functions of a matrix's elements")
	assert.Contains(t, coop2Lacks(&ample, "matmul_coop2"), "matrices of half precision")
}
