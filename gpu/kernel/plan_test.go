package kernel

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
	"tuff/shaders"
)

// ample is a device without tight limits, small one the least that tuff asks for.
var (
	ample = Caps{SubgroupSize: 32, SharedBytes: 48 << 10, MaxInvocations: 1024, MaxGrid: [3]uint32{1 << 31, 65535, 65535}, PushBytes: 256,
		Storage16: true, SubgroupArith: true, Units: 64}
	small = Caps{SubgroupSize: 4, SharedBytes: 16 << 10, MaxInvocations: 128, MaxGrid: [3]uint32{65535, 65535, 65535}, PushBytes: 128,
		Storage16: true, Units: 2}
)

// layer is one layer of a Llama with its ends: hidden 64, 4 heads of 16 over 2, FFN 96.
type layer struct {
	p     *compute.Program
	table compute.Ref
}

type fakeBuffer struct{}

func (fakeBuffer) Name() string { return "fake" }
func (fakeBuffer) Size() int64  { return 1 << 40 }
func (fakeBuffer) Close() error { return nil }

func newLayer(t testing.TB, format compute.DType) *layer {
	p := compute.NewProgram("layer")
	p.VocabSize, p.MaxPos, p.PageSize, p.NumPages = 70, 512, 64, 8
	tensor := func(name string, role compute.Role, f compute.DType, rows, cols int) compute.Ref {
		return p.Declare(compute.Tensor{Name: name, Role: role, DType: f, Rows: compute.Rows(rows), Cols: cols, Buffer: fakeBuffer{}})
	}
	w := func(name string, rows, cols int) compute.Ref { return tensor(name, compute.Weight, format, rows, cols) }
	vec := func(name string, n int) compute.Ref { return tensor(name, compute.Weight, compute.F32, 1, n) }
	s := func(name string, cols int) compute.Ref { return p.Scratch(name, compute.PerToken(1), cols) }
	mul := func(name string, x compute.Ref, rows int) compute.Ref {
		out := s(name, rows)
		p.Add(name, compute.MatMul{X: x, W: w("w_"+name, rows, p.At(x).Cols), Out: out})
		return out
	}
	x, table := s("x", 64), w("embd", 70, 64)
	p.Add("embed", compute.Embed{Table: table, Out: x, Scale: 1})
	n := s("n", 64)
	p.Add("attn_norm", compute.RMSNorm{X: x, Weight: vec("wn", 64), Out: n, Eps: 1e-5})
	q, k, v := mul("q", n, 64), mul("k", n, 32), mul("v", n, 32)
	rope := tensor("rope", compute.Weight, compute.F32, 512, 16)
	qr, kr := s("qr", 64), s("kr", 32)
	p.Add("q_rope", compute.RoPE{X: q, Table: rope, Out: qr, NumHeads: 4, HeadDim: 16, RotDim: 16})
	p.Add("k_rope", compute.RoPE{X: k, Table: rope, Out: kr, NumHeads: 2, HeadDim: 16, RotDim: 16})
	kc, vc := tensor("kc", compute.State, compute.F16, 512, 32), tensor("vc", compute.State, compute.F16, 512, 32)
	p.Add("kvstore", compute.KVStore{K: kr, V: v, KCache: kc, VCache: vc})
	a := s("a", 64)
	p.Add("attn", compute.Attention{Q: qr, K: kc, V: vc, Out: a, NumHeads: 4, NumKVHeads: 2, HeadDim: 16, HeadDimV: 16, Scale: 0.25, Causal: true, Paged: true})
	o, r := mul("o", a, 64), s("r", 64)
	p.Add("residual", compute.Add{A: x, B: o, Out: r})
	n2 := s("n2", 64)
	p.Add("ffn_norm", compute.RMSNorm{X: r, Weight: vec("wn2", 64), Out: n2, Eps: 1e-5})
	g, u, act := mul("gate", n2, 96), mul("up", n2, 96), s("act", 96)
	p.Add("swiglu", compute.SwiGLU{Gate: g, Up: u, Out: act})
	d, r2 := mul("down", act, 64), s("r2", 64)
	p.Add("residual2", compute.Add{A: r, B: d, Out: r2})
	taken := p.Scratch("taken", compute.PerOutput(1), 64)
	p.Add("take", compute.TakeRows{X: r2, Out: taken})
	out := p.Declare(compute.Tensor{Name: "logits", Role: compute.Output, DType: compute.F32, Rows: compute.PerOutput(1), Cols: 70})
	p.Add("logits", compute.MatMul{X: taken, W: table, Out: out})
	require.NoError(t, p.Check())
	return &layer{p, table}
}

// outline writes a plan for one shape: ops of each group, then what is launched.
func outline(p *compute.Program, groups []Group, s Shape) string {
	var b strings.Builder
	for _, g := range groups {
		fmt.Fprintf(&b, "%s:", p.NewGroup(g.Ops...).Label)
		for _, d := range g.Dispatches {
			if grid := d.Grid(s); grid[0]*grid[1]*grid[2] > 0 {
				fmt.Fprintf(&b, " %s%v", d.Name, grid)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestPlanOfALayer(t *testing.T) {
	p := newLayer(t, compute.Q8_0).p
	o := compute.Options{MaxTokens: 100, MaxOutputs: 1, MaxSeqs: 3, MaxPages: 8}
	groups, err := Plan(ample, p, o)
	require.NoError(t, err)
	assert.Equal(t, `embed: embed_q8_0[1 1 1]
attn_norm+q+k+v+q_rope+k_rope+kvstore: matmul_q8_0_vec_1_norm_rope[32 1 1]
attn: attention_decode_joined_8[8 2 1]
o+residual: matmul_q8_0_vec_1[16 1 1]
ffn_norm+gate+up+swiglu: matmul_q8_0_vec_1_norm[48 1 1]
down+residual2: matmul_q8_0_vec_1[16 1 1]
take: takerows[1 1 1]
logits: matmul_q8_0_vec_1[18 1 1]
`, outline(p, groups, Shape{Tokens: 1, Outputs: 1, Seqs: 1}))
	assert.Equal(t, `embed: embed_q8_0[7 1 1]
attn_norm+q+k+v+q_rope+k_rope+kvstore: rmsnorm[100 1 1] matmul_q8_0_tile_64[3 1 2] rope_kvstore[100 1 1]
attn: attention_prefill[2 2 7]
o+residual: matmul_q8_0_tile_64[1 1 2]
ffn_norm+gate+up+swiglu: rmsnorm[100 1 1] matmul_q8_0_tile_64[2 1 2]
down+residual2: matmul_q8_0_tile_64[1 1 2]
take: takerows[1 1 1]
logits: matmul_q8_0_vec_1[18 1 1]
`, outline(p, groups, Shape{Tokens: 100, Outputs: 1, Seqs: 1}))
	// Three sequences decode at once; no logits are wanted.
	assert.Equal(t, `embed: embed_q8_0[1 1 1]
attn_norm+q+k+v+q_rope+k_rope+kvstore: matmul_q8_0_vec_4_norm_rope[64 1 1]
attn: attention_decode_joined_8[8 2 3]
o+residual: matmul_q8_0_vec_4[32 1 1]
ffn_norm+gate+up+swiglu: matmul_q8_0_vec_4_norm[96 1 1]
down+residual2: matmul_q8_0_vec_4[32 1 1]
take:
logits:
`, outline(p, groups, Shape{Tokens: 3, Seqs: 3}))
}

// As many rows as sequences at most may still be one sequence's.
func TestPlanOfManySequences(t *testing.T) {
	p := newLayer(t, compute.Q8_0).p
	groups, err := Plan(ample, p, compute.Options{MaxTokens: 16, MaxOutputs: 1, MaxSeqs: 16, MaxPages: 8})
	require.NoError(t, err)
	assert.Contains(t, outline(p, groups, Shape{Tokens: 16, Outputs: 1, Seqs: 16}), "attn: attention_decode")
	assert.Contains(t, outline(p, groups, Shape{Tokens: 16, Outputs: 1, Seqs: 1}), "attn: attention_prefill")
}

// Blocks of the cache and normalised heads are finished by the multiplication that makes them, as long as they are whole.
func TestPlanOfUnits(t *testing.T) {
	planOf := func(k, v compute.DType, heads bool) string {
		l := newLayer(t, compute.Q8_0)
		for i := range l.p.Tensors {
			switch l.p.Tensors[i].Name {
			case "kc":
				l.p.Tensors[i].DType = k
			case "vc":
				l.p.Tensors[i].DType = v
			}
		}
		if heads {
			l.normHeads()
		}
		groups, err := Plan(ample, l.p, compute.Options{MaxTokens: 20, MaxOutputs: 1, MaxSeqs: 1, MaxPages: 8})
		require.NoError(t, err)
		return outline(l.p, groups, Shape{Tokens: 2, Outputs: 1, Seqs: 1}) + outline(l.p, groups, Shape{Tokens: 20, Outputs: 1, Seqs: 1})
	}
	for _, types := range [][2]compute.DType{{compute.F16, compute.Q4_0}, {compute.Q8_0, compute.Q8_0}, {compute.Q4_0, compute.BF16}, {compute.F16, compute.F16}} {
		assert.Contains(t, planOf(types[0], types[1], false), "\nattn_norm+q+k+v+q_rope+k_rope+kvstore: matmul_q8_0_vec_2_norm_rope[32 1 1]\n")
		got := planOf(types[0], types[1], true)
		assert.Contains(t, got, "\nattn_norm+q+k+v+q_norm+k_norm+q_rope+k_rope+kvstore: matmul_q8_0_vec_2_norm_heads_rope[32 1 1]\n")
		assert.Contains(t, got, "kvstore: rmsnorm[20 1 1] matmul_q8_0_tile_32[4 1 1] rmsnorm[80 1 1] rmsnorm[40 1 1] rope_kvstore[")
	}
}

// normHeads normalises the heads of queries and keys before they are rotated.
func (l *layer) normHeads() {
	w := l.p.Declare(compute.Tensor{Name: "wh", Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(1), Cols: 16, Buffer: fakeBuffer{}})
	var norms, ropes []compute.Instr
	at := slices.IndexFunc(l.p.Instrs, func(in compute.Instr) bool { return in.Label == "q_rope" })
	for i, name := range []string{"q_norm", "k_norm"} {
		rope := l.p.Instrs[at+i]
		op := rope.Op.(compute.RoPE)
		out := l.p.Scratch(name, compute.PerToken(1), l.p.At(op.X).Cols)
		norms = append(norms, compute.Instr{Label: name, Op: compute.RMSNorm{X: op.X, Weight: w, Out: out, Group: 16, Eps: 1e-5}})
		op.X = out
		rope.Op = op
		ropes = append(ropes, rope)
	}
	l.p.Instrs = slices.Concat(l.p.Instrs[:at], norms, ropes, l.p.Instrs[at+2:])
}

// Without fusion, and with subgroups that cannot add, every op runs alone and multiplications are tiled.
func TestPlanOfTheLeastDevice(t *testing.T) {
	p := newLayer(t, compute.F32).p
	groups, err := Plan(small, p, compute.Options{MaxTokens: 40, MaxOutputs: 1, MaxSeqs: 1, MaxPages: 8, NoFuse: true})
	require.NoError(t, err)
	require.Len(t, groups, len(p.Instrs))
	text := outline(p, groups, Shape{Tokens: 1, Outputs: 1, Seqs: 1})
	assert.Contains(t, text, "q: matmul_f32_tile_32[2 1 1]")
	assert.Contains(t, text, "attn: attention_decode_joined_2[2 2 1]")
	assert.NotContains(t, text, "vec")
}

// Every pair of dispatch and module must agree on push constants and specialization, and no address may be missing that the
// kernel reads.
func TestArgumentsMatchTheModules(t *testing.T) {
	seen := map[string]bool{}
	for _, format := range []compute.DType{compute.F32, compute.Q8_0} {
		for _, noFuse := range []bool{false, true} {
			for _, forced := range []map[string]string{nil, {"matmul": "matmul_tile_32", "attention": "attention_split"}, {"attention": "attention_joined"}} {
				p := newLayer(t, format).p
				if format == compute.F32 && forced == nil {
					p = newStreams(t)
				}
				groups, err := Plan(ample, p, compute.Options{MaxTokens: 100, MaxOutputs: 1, MaxSeqs: 2, MaxPages: 8, NoFuse: noFuse, Variant: forced})
				require.NoError(t, err)
				for _, g := range groups {
					for _, d := range g.Dispatches {
						seen[d.Module] = true
						code, err := shaders.Module(d.Module)
						require.NoError(t, err)
						r, err := shaders.Reflect(code)
						require.NoError(t, err)
						require.Len(t, r.Push, len(d.Args), d.Module)
						for i, m := range r.Push {
							want := uint32(4)
							switch d.Args[i].Kind {
							case ArgAddr, ArgTemp, ArgCounts, ArgStep, ArgRing, ArgCodebook, ArgBlock:
								want = 8
							}
							assert.Equal(t, want, m.Size, "%s: argument %d", d.Module, i)
						}
						addresses := map[compute.Ref]bool{}
						for _, a := range slices.Concat(d.Args, d.Block) {
							addresses[a.Ref] = true
						}
						for _, a := range append(d.Reads, d.Writes...) {
							assert.True(t, a.Ref == 0 || addresses[a.Ref], "%s touches %s, which it has no address of", d.Module, p.At(a.Ref).Name)
						}
					}
				}
			}
		}
	}
	for _, m := range []string{"embed_q8_0", "matmul_f32_tile", "matmul_q8_0_vec", "attention_combine", "rope_kvstore", "rope", "kvstore", "swiglu", "add", "takerows", "rmsnorm",
		"altup", "sparse_gate"} {
		assert.True(t, seen[m], m)
	}
}

func TestPlanRefuses(t *testing.T) {
	p := newLayer(t, compute.F32).p
	o := compute.Options{MaxTokens: 4, MaxPages: 8}
	for says, variant := range map[string]map[string]string{
		`variant "x": got op "nosuch"`:           {"nosuch": "x"},
		`variant of matmul: got "nosuch"`:        {"matmul": "nosuch"},
		"the device lacks 12480 bytes of shared": {"matmul": "matmul_tile_64"},
		"the device lacks subgroup arithme":      {"matmul": "matmul_vec"},
	} {
		o.Variant = variant
		caps := small
		caps.SharedBytes = 12 << 10
		_, err := Plan(caps, p, o)
		assert.ErrorContains(t, err, says)
	}
	o.Variant = nil
	unsupported := func(caps Caps, p *compute.Program, o compute.Options) *compute.UnsupportedError {
		_, err := Plan(caps, p, o)
		var u *compute.UnsupportedError
		require.ErrorAs(t, err, &u)
		return u
	}
	l := newLayer(t, compute.F32)
	l.p.At(l.table).DType = compute.Q8_K
	u := unsupported(ample, l.p, o)
	assert.Equal(t, "embed", u.Stem)
	assert.Contains(t, u.Error(), "got weights of Q8_K, want one of BF16, F16")
	narrow := ample
	narrow.MaxGrid[2] = 1
	assert.Contains(t, unsupported(narrow, p, compute.Options{MaxTokens: 100, MaxPages: 8}).Error(), "want at most")
	tiny := ample
	tiny.SharedBytes = 64
	assert.Equal(t, "attention", unsupported(tiny, p, o).Stem)
	_, err := Plan(ample, p, compute.Options{MaxTokens: 1 << 25, MaxPages: 8})
	assert.ErrorContains(t, err, "compile with fewer tokens")
}

// Kernels for large head sizes shrink until they fit; the sizes that models have must all fit the least device.
func TestAttentionFitsTheLeastDevice(t *testing.T) {
	for _, d := range []int{16, 64, 80, 96, 128, 192, 256, 512, 576} {
		pl := &planner{caps: small}
		a, err := pl.attentionShapeFor(compute.Attention{HeadDim: d, HeadDimV: d}, 16, 32)
		require.NoError(t, err, d)
		assert.LessOrEqual(t, a.sharedBytes(d, d), 16<<10)
		assert.Zero(t, a.wg%a.br)
		assert.LessOrEqual(t, a.bc, a.wg)
	}
}

// Few tiles of long sums are cut into pieces, as many as fill the device; many tiles, and short sums, are not.
func TestPiecesOfFewTiles(t *testing.T) {
	for _, c := range []struct {
		n, k, rows int
		want       string
	}{
		{64, 4096, 64, "matmul_q8_0_tile_64_k8[1 1 8] matmul_join[32 1 1]"},
		{64, 1024, 64, "matmul_q8_0_tile_64_k2[1 1 2] matmul_join[32 1 1]"},
		{64, 512, 64, "matmul_q8_0_tile_64[1 1 1]"},
		{512, 4096, 64, "matmul_q8_0_tile_64_k8[8 1 8] matmul_join[256 1 1]"},
		{512, 4096, 65, "matmul_q8_0_tile_64_k4[8 1 8] matmul_join[260 1 1]"},
		{512, 4096, 200, "matmul_q8_0_tile_64_k2[8 1 8] matmul_join[800 1 1]"},
		{512, 4096, 300, "matmul_q8_0_tile_64[8 1 5]"},
		{512, 4096, 20, "matmul_q8_0_tile_32_k4[16 1 4] matmul_join[80 1 1]"},
	} {
		p := product1(compute.Q8_0, c.n, c.k)
		groups, err := Plan(ample, p, compute.Options{MaxTokens: 500, MaxOutputs: 1, MaxSeqs: 1})
		require.NoError(t, err)
		shape := Shape{Tokens: c.rows, Outputs: 1, Seqs: 1}
		assert.Equal(t, "y: "+c.want+"\n", outline(p, groups, shape), "%+v", c)
		assert.Contains(t, groups[0].Why, "tiles in shared memory")
		for _, d := range groups[0].Dispatches {
			if grid := d.Grid(shape); d.Module == "matmul_join" && grid[0] > 0 {
				assert.LessOrEqual(t, int64(4*c.n*c.rows)*int64(d.Spec[1]), groups[0].Temps[d.Args[0].Value].Bytes(shape), "room for the sums: %+v", c)
			}
		}
	}
}

// So are those of packed bytes and of packed halves, but for what is left in blocks of bytes.
func TestPiecesOfOtherTiers(t *testing.T) {
	bytes, halves := ample, ample
	bytes.IntegerDot, bytes.FastDot, bytes.Float16, halves.Float16 = true, true, true, true
	shape := Shape{Tokens: 64, Outputs: 1, Seqs: 1}
	for name, c := range map[string]struct {
		caps    Caps
		refused string
		want    string
	}{
		"bytes":         {bytes, "", "quantize[128 1 1] matmul_q8_0_int8_64_k8[8 1 8] matmul_join[256 1 1]"},
		"whole, bytes":  {bytes, "matmul_int8_split", "quantize[128 1 1] matmul_q8_0_int8_64[8 1 1]"},
		"halves":        {halves, "", "matmul_halves[64 1 1] matmul_q8_0_half_64_k8[8 1 8] matmul_join[256 1 1]"},
		"whole, halves": {halves, "matmul_half_split", "matmul_halves[64 1 1] matmul_q8_0_half_64[8 1 1]"},
	} {
		c.caps.Refused = map[string]string{c.refused: "it computes wrongly"}
		p := product1(compute.Q8_0, 512, 4096)
		groups, err := Plan(c.caps, p, compute.Options{MaxTokens: 64, MaxOutputs: 1, MaxSeqs: 1, Math: compute.Fast})
		require.NoError(t, err)
		assert.Equal(t, "y: "+c.want+"\n", outline(p, groups, shape), name)
	}
	// Between gate and down lie blocks of bytes, which are made of whole sums.
	groups, err := Plan(bytes, newLayer(t, compute.Q8_0).p, compute.Options{MaxTokens: 64, MaxOutputs: 1, MaxSeqs: 1, MaxPages: 8, Math: compute.Fast,
		Variant: map[string]string{"matmul": "matmul_int8_split"}})
	require.NoError(t, err)
	for _, g := range groups {
		if strings.Contains(g.Why, "goes on in bytes") {
			var names []string
			for _, d := range g.Dispatches {
				if grid := d.Grid(shape); grid[0] > 0 && strings.Contains(d.Name, "int8") {
					names = append(names, d.Name)
				}
			}
			assert.Equal(t, []string{"matmul_q8_0_int8_64", "matmul_q8_0_int8_64_k3"}, names)
			return
		}
	}
	t.Error("no group goes on in bytes")
}
