package kernel

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// rowsOf are numbers of rows of each class of tiles.
var rowsOf = map[string][]int{", to 32 rows": {9, 32}, ", to 128 rows": {33, 128}, ", many rows": {129, 600}}

// withEverything is a device that can run every kernel for many rows.
func withEverything() Caps {
	c := matrices()
	c.IntegerDot, c.FastDot = true, true
	return c
}

// ran lists what is launched for a shape, with its constants.
func ran(p *compute.Program, groups []Group, s Shape) string {
	var b strings.Builder
	for _, g := range groups {
		for _, d := range g.Dispatches {
			if grid := d.Grid(s); grid[0]*grid[1]*grid[2] > 0 {
				fmt.Fprintf(&b, "%s %s %v %v\n", p.NewGroup(g.Ops...).Label, d.Module, d.Spec, grid)
			}
		}
	}
	return b.String()
}

// A shape that is tried runs for the numbers of rows of its class and no others, of every kernel, and the group says that it does.
func TestTunedShapesAreForTheirRows(t *testing.T) {
	p := newLayer(t, compute.Q8_0).p
	for _, device := range []struct {
		caps   Caps
		math   compute.Math
		kernel string // for many rows
	}{{ample, compute.Exact, "matmul_tile"}, {withEverything(), compute.Fast, "matmul_tile"}, {withEverything(), compute.Fast, "matmul_half"},
		{withEverything(), compute.Fast, "matmul_int8"}, {withEverything(), compute.Fast, "matmul_coop"}, {withEverything(), compute.Fast, "matmul_coop_half"},
		{nvidia(), compute.Fast, "matmul_coop2"}, {nvidia(), compute.Fast, "matmul_coop2_half"}} {
		o := compute.Options{MaxTokens: 600, MaxOutputs: 1, MaxSeqs: 1, MaxPages: 16, Math: device.math}
		caps, found := device.caps, TunedMany{AnyProduct + kernelClass.Name: {Kernel: device.kernel}}
		caps.TunedMany = found
		plain, err := Plan(caps, p, o)
		require.NoError(t, err)
		for _, c := range slices.Concat([]Class{kernelClass}, tileClasses, []Class{prefillClass, decodeClass}) { // the others have tests of their own
			tried := 0
			for _, m := range Manys(caps, c, device.math, false) {
				if c == kernelClass || c.Op == "matmul" && m.Kernel != device.kernel && (m.Kernel != "matmul_skinny" || !strings.Contains(device.kernel, "coop")) {
					continue
				}
				tried++
				caps.TunedMany = TunedMany{AnyProduct + kernelClass.Name: {Kernel: device.kernel}, AnyProduct + c.Name: m}
				groups, err := Plan(caps, p, o)
				require.NoError(t, err, m)
				for class, rows := range rowsOf {
					for _, n := range rows {
						s := Shape{Tokens: n, Outputs: 1, Seqs: 1}
						was, is := ran(p, plain, s), ran(p, groups, s)
						if c.Op == "matmul" && class != c.Name || c == decodeClass {
							assert.Equal(t, was, is, "%v %d rows", m, n)
						}
						if c.Op == "matmul" && class == c.Name && (m.Kernel != "matmul_skinny" || n <= m.Cols) {
							down := is[strings.LastIndex(is, "down+residual2 "):] // behind what makes halves or bytes for it
							assert.Contains(t, down[:strings.Index(down, "]")], fmt.Sprintf("%s [%d %d %d ", strings.TrimPrefix(m.Kernel, "matmul"), m.Group, m.Rows, m.Cols), "%v %d rows", m, n)
						}
					}
				}
				if c.Op == "matmul" {
					i := slices.IndexFunc(groups, func(g Group) bool { return strings.HasSuffix(p.NewGroup(g.Ops...).Label, "down+residual2") })
					assert.Contains(t, groups[i].Why, "; tuned: "+device.kernel+", "+m.String())
					assert.Contains(t, groups[i].Taken, "Q8_0 64×96 add"+strings.Repeat(" fast", int(device.math))+c.Name)
				}
			}
			assert.True(t, tried > 0 || c == kernelClass, "%s%s", device.kernel, c.Name)
		}
	}
}

// The kernel for many rows is one that format and arithmetic allow; else it is as planned.
func TestTunedKernels(t *testing.T) {
	for _, c := range []struct {
		format compute.DType
		math   compute.Math
		kernel string
		want   string // "": as planned
	}{
		{compute.Q8_0, compute.Fast, "matmul_int8", "quantize matmul_q8_0_int8"},
		{compute.Q8_0, compute.Fast, "matmul_tile", "matmul_q8_0_tile"},
		{compute.Q8_0, compute.Fast, "matmul_half", "matmul_halves matmul_q8_0_half"},
		{compute.Q8_0, compute.Fast, "matmul_coop_half", "matmul_halves matmul_q8_0_coop_half"},
		{compute.Q8_0, compute.Exact, "matmul_int8", ""},
		{compute.F16, compute.Fast, "matmul_int8", ""},
		{compute.IQ4_NL, compute.Fast, "matmul_coop_half", ""},
		{compute.Q8_0, compute.Fast, "matmul_naive", ""},
		{compute.Q8_0, compute.Fast, "matmul_skinny", ""},
	} {
		p, o := product1(c.format, 4096, 4096), compute.Options{MaxTokens: 600, MaxOutputs: 1, MaxSeqs: 1, Math: c.math}
		modules := func(caps Caps) string {
			groups, err := Plan(caps, p, o)
			require.NoError(t, err)
			var names []string
			for _, d := range groups[0].Dispatches {
				if d.Grid(Shape{Tokens: 600, Outputs: 1, Seqs: 1})[0] > 0 {
					names = append(names, d.Module)
				}
			}
			return strings.Join(names, " ")
		}
		caps := withEverything()
		planned := modules(caps)
		caps.TunedMany = TunedMany{AnyProduct + kernelClass.Name: {Kernel: c.kernel}}
		if c.want == "" {
			c.want = planned
		}
		assert.Equal(t, c.want, modules(caps), "%v %s", c.format, c.kernel)
	}
	cpu := withEverything()
	cpu.UniformLoads, cpu.CPU = true, true
	cpu.TunedMany = TunedMany{AnyProduct + kernelClass.Name: {Kernel: "matmul_int8"}}
	groups, err := Plan(cpu, product1(compute.Q8_0, 64, 64), compute.Options{MaxTokens: 20, MaxOutputs: 1, MaxSeqs: 1, Math: compute.Fast})
	require.NoError(t, err)
	assert.Equal(t, "matmul_q8_0_lane_1 to matmul_q8_0_int8_32", groups[0].Kernel, "few rows stay as planned")
}

// On matrix units and without them, a prompt's attention is divided as was found.
func TestTunedAttention(t *testing.T) {
	p := newLayer(t, compute.Q8_0).p
	o := compute.Options{MaxTokens: 64, MaxOutputs: 1, MaxSeqs: 1, MaxPages: 16, Math: compute.Fast}
	for _, m := range []Many{{"attention_prefill", 8, 32, 0, 64}, {"attention_coop", 32, 32, 1, 64}, {"attention_coop", 128, 64, 2, 256}} {
		caps := withEverything()
		caps.SharedBytes = 64 << 10
		caps.TunedMany = TunedMany{"attention 4/2×16/16 F16 fast, prefill": m}
		groups, err := Plan(caps, p, o)
		require.NoError(t, err)
		i := slices.IndexFunc(groups, func(g Group) bool { return strings.HasPrefix(g.Dispatches[0].Module, "attention") })
		assert.Contains(t, groups[i].Why, "; tuned: "+m.String())
		d := groups[i].Dispatches[0]
		assert.Equal(t, m.Kernel, d.Module)
		assert.Equal(t, uint32(m.Group), d.Spec[0])
		if m.Kernel == "attention_coop" {
			assert.Equal(t, []uint32{uint32(m.Rows / 16), 16, 16, 16, uint32(m.Cols)}, d.Spec[1:6])
			assert.Equal(t, uint32(m.Depth), d.Spec[10])
			o.Math = compute.Exact // where halves are none of it
			groups, err = Plan(caps, p, o)
			require.NoError(t, err)
			assert.Equal(t, "attention_prefill", groups[i].Dispatches[0].Module)
			o.Math = compute.Fast
		}
	}
}

// No two shapes of a kernel have one name, and nonsense in a file changes nothing.
func TestTunedManyNonsenseIsLeftOut(t *testing.T) {
	caps := withEverything()
	caps.SharedBytes = 1 << 20
	for _, c := range Classes {
		list := Manys(caps, c, compute.Fast, false)
		require.NotEmpty(t, list)
		for i, m := range list {
			assert.NotContains(t, list[:i], m)
			assert.NoError(t, m.check(&caps), m)
		}
		for _, k := range []string{"matmul_tile", "matmul_int8", "attention_decode"} {
			n := 0
			for _, m := range Manys(caps, c, compute.Fast, true) {
				n += int(flag(m.Kernel == k))
			}
			assert.LessOrEqual(t, n, mostOfSoftware)
		}
	}
	o := compute.Options{MaxTokens: 600, MaxOutputs: 1, MaxSeqs: 1, MaxPages: 16}
	p, plain := planned(t, nil, o)
	for _, m := range []Many{{}, {"matmul_tile", 32, 32, 0, 65}, {"matmul_tile", 7, 32, 0, 64}, {"matmul_tile", 32, 32, 1, 64}, {"matmul_coop", 64, 64, 32, 128}, {"attention_prefill", 64, 16, 0, 64},
		{"attention_prefill", 16, 16, 0, 48}, {"attention_decode", 0, 128, 0, 64}, {"attention_coop", 32, 32, 1, 64}} {
		assert.Error(t, m.check(&ample), fmt.Sprint(m))
		caps := ample
		caps.TunedMany = TunedMany{}
		for _, c := range Classes {
			caps.TunedMany[AnyProduct+c.Name] = m
		}
		groups, err := Plan(caps, p, o)
		require.NoError(t, err)
		for _, n := range []int{1, 20, 600} {
			s := Shape{Tokens: n, Outputs: 1, Seqs: 1}
			assert.Equal(t, ran(p, plain, s), ran(p, groups, s))
		}
	}
	keys, err := KeysOf(ample, p, o)
	require.NoError(t, err)
	var all []string
	for _, k := range keys {
		all = append(all, k.Many...)
	}
	for _, want := range []string{"Q8_0 64×96 add, to 128 rows", "Q8_0 64×96 add, kernel", "attention 4/2×16/16 F16, decode"} {
		assert.Contains(t, all, want)
	}
}
