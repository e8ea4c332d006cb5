package kernel

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

var oneRow = Shape{Tokens: 1, Outputs: 1, Seqs: 1}

func planned(t *testing.T, tuned Tuned, o compute.Options) (*compute.Program, []Group) {
	t.Helper()
	caps, p := ample, newLayer(t, compute.Q8_0).p
	caps.Tuned = tuned
	groups, err := Plan(caps, p, o)
	require.NoError(t, err)
	return p, groups
}

// Every shape that is tried gives each multiplication of one row its module and constants, and leaves all other numbers of rows alone.
func TestTunedShapesAreForOneRow(t *testing.T) {
	o := compute.Options{MaxTokens: 100, MaxOutputs: 1, MaxSeqs: 3, MaxPages: 8}
	p, plain := planned(t, nil, o)
	list := Fews(ample, compute.Exact)
	require.Len(t, list, 21)
	for _, few := range list {
		_, groups := planned(t, Tuned{AnyProduct: few}, o)
		require.Len(t, groups, len(plain))
		for i, g := range groups {
			if len(g.Products) == 0 {
				continue
			}
			assert.Contains(t, g.Why, few.Kernel)
			var ran []Dispatch
			for _, d := range g.Dispatches {
				if grid := d.Grid(oneRow); grid[0]*grid[1]*grid[2] > 0 {
					ran = append(ran, d)
				}
			}
			require.Len(t, ran, 1, "%v %s", few, g.Kernel)
			rows := few.Rows
			if strings.HasSuffix(ran[0].Name, "_rope") {
				rows = max(rows, 2)
			}
			assert.Equal(t, "matmul_q8_0_"+few.Kernel, ran[0].Module)
			assert.Equal(t, []uint32{uint32(few.Group), uint32(rows), 1}, ran[0].Spec[:3])
			results := map[string]int{"attn_norm": 128, "o": 64, "ffn_norm": 96, "down": 64, "logits": 70}[p.Instrs[plain[i].Ops[0]].Label]
			each := rows
			if few.Kernel == "lane" {
				each *= few.Group
			}
			want := ceilDiv(results, each)
			if results == 128 { // three matrices, each of whole workgroups
				want = ceilDiv(64, each) + 2*ceilDiv(32, each)
			}
			assert.Equal(t, [3]uint32{uint32(want), 1, 1}, ran[0].Grid(oneRow), "%v %s", few, ran[0].Name)
		}
		for _, s := range []Shape{{Tokens: 3, Seqs: 3}, {Tokens: 8, Seqs: 1}, {Tokens: 100, Seqs: 1}} {
			assert.Equal(t, outline(p, plain, s), outline(p, groups, s), few)
		}
	}
}

// A product is named by all that its time depends on, and only what is named changes.
func TestTunedProductsByName(t *testing.T) {
	o := compute.Options{MaxTokens: 1, MaxOutputs: 1, MaxSeqs: 1, MaxPages: 8}
	p, plain := planned(t, nil, o)
	var keys []string
	for _, g := range plain {
		keys = append(keys, g.Products...)
	}
	assert.Equal(t, []string{"Q8_0 64+32+32×64 rmsnorm rope_kvstore", "Q8_0 64×64 add", "Q8_0 96+96×64 rmsnorm swiglu", "Q8_0 64×96 add", "Q8_0 70×64"}, keys)
	listed, err := KeysOf(ample, p, o)
	require.NoError(t, err)
	assert.Equal(t, Keys{Products: []string{"Q8_0 64×96 add"}}, listed[5])

	_, groups := planned(t, Tuned{"Q8_0 64×96 add": {"vec", 8, 64}}, o)
	want := strings.Split(outline(p, plain, oneRow), "\n")
	want[5] = "down+residual2: matmul_q8_0_vec_1[8 1 1]"
	assert.Equal(t, []string{"Q8_0 64×96 add"}, groups[5].Taken)
	assert.Nil(t, groups[2].Taken)
	assert.Equal(t, strings.Join(want, "\n"), outline(p, groups, oneRow))
}

// What a file says is not taken for what a kernel can do.
func TestTunedNonsenseIsLeftOut(t *testing.T) {
	o := compute.Options{MaxTokens: 1, MaxOutputs: 1, MaxSeqs: 1, MaxPages: 8}
	p, plain := planned(t, nil, o)
	for _, few := range []Few{{}, {"tile", 2, 32}, {"vec", 0, 32}, {"vec", 3, 32}, {"vec", 16, 32}, {"lane", 8, 32}, {"vec", 2, 4}, {"vec", 2, 48}, {"vec", 2, 512}, {"lane", -1, 32}} {
		_, groups := planned(t, Tuned{AnyProduct: few}, o)
		assert.Equal(t, outline(p, plain, oneRow), outline(p, groups, oneRow), fmt.Sprint(few))
		assert.Error(t, few.check(&ample))
	}
	none := ample
	none.SubgroupArith = false
	for _, few := range Fews(none, compute.Exact) {
		assert.Equal(t, "lane", few.Kernel)
	}
}

// The table of vendors decides where nothing was tuned, within what the kernels are made for.
func TestVendors(t *testing.T) {
	for id, v := range vendors {
		caps := ample
		caps.Vendor = id
		assert.Equal(t, v, caps.vendor())
		assert.NoError(t, Few{"vec", v.rows, v.share}.check(&caps), v.name)
		groups, err := Plan(caps, newLayer(t, compute.Q8_0).p, compute.Options{MaxTokens: 1, MaxOutputs: 1, MaxSeqs: 1, MaxPages: 8})
		require.NoError(t, err)
		assert.Equal(t, uint32(v.rows), groups[5].Dispatches[0].Spec[1], v.name)
	}
	assert.Equal(t, others, ample.vendor())
	pl := &planner{caps: ample}
	assert.Equal(t, uint32(64), pl.vecGroup(1<<20))
	pl.caps.Vendor = 0x10de
	assert.Equal(t, uint32(128), pl.vecGroup(1<<20))
}
