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

// eachWorkgroup calls f with every workgroup of a dispatch, its place along x and y folded into one.
func eachWorkgroup(d *Dispatch, s *compute.Step, f func(folded, y, z int)) {
	grid := d.Grid(Shape{Tokens: len(s.Tokens), Outputs: len(s.Outputs), Seqs: len(s.Seqs)})
	for z := range int(grid[2]) {
		for y := range int(grid[1]) {
			for x := range int(grid[0]) {
				f(x+y*int(grid[0]), y, z)
			}
		}
	}
}

// productOf is a program that multiplies by one matrix, or with pair by two joined by SwiGLU, of float32.
func productOf(n, k int, pair, biased bool) *compute.Program {
	p := compute.NewProgram("product")
	tensor := func(name string, rows, cols int) compute.Ref {
		return p.Declare(compute.Tensor{Name: name, Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(rows), Cols: cols, Buffer: fakeBuffer{}})
	}
	x := p.Declare(compute.Tensor{Name: "x", Role: compute.Weight, DType: compute.F32, Rows: compute.PerToken(1), Cols: k, Buffer: fakeBuffer{}})
	mul := func(name string) compute.Ref {
		op := compute.MatMul{X: x, W: tensor("w_"+name, n, k), Out: p.Scratch(name, compute.PerToken(1), n)}
		if biased {
			op.Bias = tensor("b_"+name, 1, n)
		}
		p.Add(name, op)
		return op.Out
	}
	a := mul("a")
	if pair {
		b := mul("b")
		p.Add("gated", compute.SwiGLU{Gate: a, Up: b, Out: p.Scratch("gated", compute.PerToken(1), n)})
	}
	return p
}

// countProduct goes through the loops of matmul_tile.comp, matmul_vec.comp or matmul_lane.comp as one workgroup after the other does, and
// counts what each loads, multiplies and stores. An address that a workgroup has loaded in this pass is not loaded again.
func countProduct(d *Dispatch, s *compute.Step, n, k, sets int, biased bool) (c compute.Cost) {
	rows := len(s.Tokens)
	bm, bn, bk, pieces, padded := 0, 0, k, 1, true
	switch spec := d.Spec; d.Module {
	case "matmul_f32_tile":
		bm, bn, bk, pieces = int(spec[1]), int(spec[2]), int(spec[3]), int(spec[10])
	case "matmul_f32_vec":
		bm, bn, padded = int(spec[1]), int(spec[2]), false
	case "matmul_f32_lane":
		bm, bn = int(spec[0]*spec[1]), int(spec[2])
	default:
		panic(d.Module)
	}
	eachWorkgroup(d, s, func(folded, _, z int) {
		first, firstR, piece := folded*bm, z/pieces*bn, z%pieces
		if first >= n {
			return
		}
		panels := ceilDiv(k, bk)
		for k0 := bk * (panels * piece / pieces); k0 < bk*(panels*(piece+1)/pieces); k0 += bk {
			for e := k0; e < k0+bk; e++ {
				for i := first; i < first+bm; i++ {
					if i < n && e < k {
						c.Bytes += 4 * int64(sets)
					}
				}
				for r := firstR; r < firstR+bn; r++ {
					if r < rows && e < k {
						c.Bytes += 4
					}
				}
				for r := firstR; r < firstR+bn; r++ {
					if padded || r < rows {
						c.FLOPs += 2 * int64(sets*bm)
					}
				}
			}
		}
		for i := first; i < min(first+bm, n); i++ {
			if biased && pieces == 1 {
				c.Bytes += 4 * int64(sets)
			}
			for r := firstR; r < min(firstR+bn, rows); r++ {
				c.Bytes += 4
				if pieces > 1 {
					c.Bytes += 4 * int64(sets-1) // the sums of both
				} else if sets == 2 {
					c.FLOPs += 5 // as SwiGLU counts
				}
			}
		}
	})
	return c
}

// What a plan says of a multiplication is what its workgroups do.
func TestIssuedByProducts(t *testing.T) {
	lanes := ample
	lanes.UniformLoads = true
	seen := map[string]bool{}
	for _, c := range []struct {
		caps    Caps
		variant string
		rows    []int
	}{
		{ample, "", []int{1, 2, 3, 7, 8}}, {lanes, "", []int{1, 3, 8, 9, 33}},
		{ample, "matmul_tile_32", []int{1, 31, 32, 33}}, {ample, "matmul_tile_64", []int{63, 64, 65, 200}}, {ample, "matmul_tile_split", []int{9, 33, 70}},
	} {
		for _, size := range [][2]int{{1, 8}, {33, 40}, {64, 64}, {70, 129}, {130, 96}} {
			for sets := 1; sets <= 2; sets++ {
				for _, biased := range []bool{false, true} {
					p, o := productOf(size[0], size[1], sets == 2, biased), compute.Options{MaxTokens: 256, MaxSeqs: 1}
					if c.variant != "" {
						o.Variant = map[string]string{"matmul": c.variant}
					}
					groups, err := Plan(c.caps, p, o)
					require.NoError(t, err)
					require.Len(t, groups, 1)
					for _, rows := range c.rows {
						s := stepOf([2]int{rows, rows})
						for i := range groups[0].Dispatches {
							d := &groups[0].Dispatches[i]
							if grid := d.Grid(Shape{Tokens: rows, Seqs: 1}); grid[0] > 0 && d.Module != "matmul_join" {
								seen[d.Module] = true
								assert.Equal(t, countProduct(d, s, size[0], size[1], sets, biased), d.Issued(s), "%s of %v, %d sets, %d rows", d.Name, size, sets, rows)
							}
						}
					}
				}
			}
		}
	}
	assert.Len(t, seen, 3)
}

// countAttention goes through the loops of attention_prefill.comp, attention_decode.comp or attention_lane.comp likewise.
func countAttention(d *Dispatch, s *compute.Step, p *compute.Program, op compute.Attention, splits int) (c compute.Cost) {
	br, bc, group := int(d.Spec[1]), int(d.Spec[2]), op.NumHeads/op.NumKVHeads
	if d.Module == "attention_lane" {
		bc *= int(d.Spec[0])
	}
	decode := d.Module == "attention_decode"
	type tile struct{ seq, first, count int }
	var tiles []tile
	for i, q := range s.Seqs {
		for at := 0; at < q.Count; at += 16 {
			tiles = append(tiles, tile{i, q.First + at, min(16, q.Count-at)})
		}
	}
	grid := d.Grid(Shape{Tokens: len(s.Tokens), Outputs: len(s.Outputs), Seqs: len(s.Seqs)})
	k, _ := p.At(op.K).DType.RowBytes(op.HeadDim)
	v, _ := p.At(op.V).DType.RowBytes(op.HeadDimV)
	for z := range int(grid[2]) {
		for range int(grid[1]) {
			for x := range int(grid[0]) {
				at, pair0, piece := tile{}, x*br, 0
				if decode {
					if z >= len(s.Seqs) {
						continue
					}
					blocks := ((len(s.Tokens)-len(s.Seqs)+1)*group + br - 1) / br
					at, pair0, piece = tile{z, s.Seqs[z].First, s.Seqs[z].Count}, x%blocks*br, x/blocks
				} else if z >= len(tiles) {
					continue
				} else {
					at = tiles[z]
				}
				if pair0 >= at.count*group {
					continue
				}
				rows := s.Pos[at.first+pair0/group : at.first+min((pair0+br-1)/group+1, at.count)]
				if decode {
					rows = s.Pos[at.first : at.first+at.count]
				}
				n := s.Seqs[at.seq].Len
				from, to := n, 0
				for _, pos := range rows {
					lo, hi := compute.KeyRange(int(pos), n, op.Causal, op.Window, op.Chunk)
					from, to = min(from, lo), max(to, hi)
				}
				pieces := 1
				if decode {
					length := pieceLength(to-from, splits)
					if pieces = pieceCount(to-from, splits); piece >= pieces {
						continue
					}
					from += piece * length
					to = min(to, from+length)
				}
				for pair := pair0; pair < min(pair0+br, at.count*group); pair++ {
					c.Bytes += 4 * int64(op.HeadDim+op.HeadDimV)
					if pieces > 1 {
						c.Bytes += 8
					}
					if pieces > 1 && piece == 0 && strings.Contains(d.Name, "_joined_") { // somebody joins all
						c.Bytes += 4 * int64(pieces*(op.HeadDimV+2)+op.HeadDimV)
						c.FLOPs += 2 * int64(pieces*op.HeadDimV)
					}
				}
				for j0 := from; j0 < to; j0 += bc {
					c.FLOPs += 2 * int64(br*bc*op.HeadDim)
					for j := j0; j < min(j0+bc, to); j++ {
						c.Bytes += k + v
						c.FLOPs += 2 * int64(br*op.HeadDimV)
					}
				}
			}
		}
	}
	return c
}

// So is what it says of attention, whatever the masks, for sequences of different lengths beside each other.
func TestIssuedByAttention(t *testing.T) {
	for _, op := range []compute.Attention{
		{NumHeads: 4, NumKVHeads: 2, HeadDim: 64, HeadDimV: 64}, {NumHeads: 8, NumKVHeads: 1, HeadDim: 32, HeadDimV: 64, Window: 20},
		{NumHeads: 3, NumKVHeads: 3, HeadDim: 32, HeadDimV: 32, Chunk: 24},
	} {
		for variant, steps := range map[string][]*compute.Step{
			"attention_prefill": {stepOf([2]int{40, 40}), stepOf([2]int{17, 60}, [2]int{1, 9}, [2]int{33, 33})},
			"attention_decode":  {stepOf([2]int{1, 200}), stepOf([2]int{3, 90}, [2]int{1, 9})},
			"attention_split":   {stepOf([2]int{1, 300}), stepOf([2]int{3, 290}, [2]int{1, 9})},
			"attention_joined":  {stepOf([2]int{1, 300}), stepOf([2]int{3, 290}, [2]int{1, 9})},
			"attention_lane":    {stepOf([2]int{1, 300}), stepOf([2]int{3, 290}, [2]int{1, 9}), stepOf([2]int{17, 60}, [2]int{1, 9}, [2]int{33, 33})},
		} {
			caps := ample
			if variant == "attention_lane" {
				caps.UniformLoads = true
			}
			p := attentionOf(op, compute.F16, compute.Q8_0)
			declared := p.Instrs[0].Op.(compute.Attention)
			groups, err := Plan(caps, p, compute.Options{MaxTokens: 64, MaxSeqs: 4, MaxPages: 8, Variant: map[string]string{"attention": variant}})
			require.NoError(t, err)
			for _, s := range steps {
				ran := 0
				for i := range groups[0].Dispatches {
					d := &groups[0].Dispatches[i]
					if grid := d.Grid(Shape{Tokens: len(s.Tokens), Seqs: len(s.Seqs)}); grid[0] == 0 || d.Module == "attention_combine" {
						continue
					}
					splits := 1
					if d.Indirect.Kind != 0 {
						splits = d.Indirect.Most
					}
					ran++
					assert.Equal(t, countAttention(d, s, p, declared, splits), d.Issued(s), "%s, %v", d.Name, declared)
				}
				assert.Equal(t, 1, ran)
			}
		}
	}
}

// newRecurrences has a delta rule and a scan with all that they take along, a convolution between gates, and gated attention.
func newRecurrences(t testing.TB) *compute.Program {
	p := compute.NewProgram("recurrences")
	p.VocabSize, p.MaxPos, p.PageSize, p.NumPages, p.NumStates = 70, 512, 64, 8, 9
	w := func(name string, rows, cols int) compute.Ref {
		return p.Declare(compute.Tensor{Name: name, Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(rows), Cols: cols, Buffer: fakeBuffer{}})
	}
	state := func(name string, rows, cols int) compute.Ref {
		return p.Declare(compute.Tensor{Name: name, Role: compute.State, DType: compute.F32, Rows: compute.Rows(rows), Cols: cols, Buffer: fakeBuffer{}})
	}
	s := func(name string, cols int) compute.Ref { return p.Scratch(name, compute.PerToken(1), cols) }
	feed := func(name string, cols int) compute.Ref {
		p.Add("feed_"+name, compute.Embed{Table: w(name+"_table", 70, cols), Out: s(name, cols), Scale: 1})
		return compute.Ref(len(p.Tensors) - 1)
	}
	part := func(name string, x compute.Ref, from, n int) compute.Ref {
		p.Add(name, compute.Columns{A: x, Groups: 1, FromA: from, NumA: n, Out: s(name, n)})
		return compute.Ref(len(p.Tensors) - 1)
	}
	conv := func(name string, x compute.Ref) compute.Ref {
		cols := p.At(x).Cols
		op := compute.Conv1D{X: x, W: w(name+"_w", cols, 4), State: state(name+"_rows", 9, 3*cols), Out: s(name, cols), SiLU: true}
		p.Add(name, op)
		return op.Out
	}
	x, both, z, q := feed("x", 3*64), feed("both", 4), feed("z", 64), feed("q", 64)
	delta := compute.DeltaRule{NumHeads: 2, NumKeyHeads: 2, KeyDim: 32, ValueDim: 32, Eps: 1e-6, DTBias: w("dt_bias", 1, 2), A: w("a", 1, 2), State: state("s", 9, 2*32*32)}
	delta.X = conv("conv", x)
	delta.Beta, delta.DT, delta.Out = part("beta", both, 0, 2), part("dt", both, 2, 2), s("delta", 64)
	p.Add("delta", delta)
	p.Add("norm", compute.RMSNorm{X: delta.Out, Weight: w("weight", 1, 32), Out: s("normed", 64), Group: 32, Eps: 1e-5})
	normed := compute.Ref(len(p.Tensors) - 1)
	p.Add("gate", compute.SwiGLU{Gate: z, Up: normed, Out: s("gated", 64)})
	dt := feed("steps", 2)
	all := conv("conv2", x)
	scan := compute.SSMScan{NumHeads: 2, HeadDim: 32, NumGroups: 2, StateSize: 32, A: w("a2", 2, 1), DT: dt, State: state("s2", 9, 64*32)}
	scan.B, scan.C, scan.X, scan.Out = part("b", all, 64, 64), part("c", all, 128, 64), part("v", all, 0, 64), s("scan", 64)
	p.Add("scan", scan)
	p.Add("gate2", compute.SwiGLU{Gate: z, Up: scan.Out, Out: s("gated2", 64)})
	in, out := s("in", 64), s("between", 64)
	p.Add("in", compute.Activation{X: q, Up: z, Out: in, Fn: compute.Identity})
	p.Add("out", compute.Activation{X: q, Up: conv("conv3", in), Out: out, Fn: compute.Identity})
	a := compute.Attention{Q: q, K: state("k", 512, 32), V: state("v_cache", 512, 32), Out: s("attn", 64), NumHeads: 2, NumKVHeads: 1, HeadDim: 32, HeadDimV: 32, Scale: 1, Causal: true, Paged: true}
	p.Add("attn", a)
	p.Add("attn_gate", compute.Activation{X: q, Up: a.Out, Out: s("opened", 64), Fn: compute.Sigmoid})
	for i := range p.Tensors { // what nobody reads is a result
		if ref := compute.Ref(i); p.At(ref).Role == compute.Scratch && !slices.ContainsFunc(p.Instrs, func(in compute.Instr) bool { return slices.Contains(in.Op.Reads(), ref) }) {
			p.At(ref).Role = compute.Output
		}
	}
	require.NoError(t, p.Check())
	return p
}

// No plan does less than it must, and ops of elements do just that.
func TestIssuedIsAtLeastTheCost(t *testing.T) {
	lanes, least := withEverything(), small
	lanes.UniformLoads, lanes.CoopMat = true, nil
	programs := map[string]*compute.Program{"experts": newMoE(t, moe{shared: true, opened: true, biased: true, wide: true, scale: 2}), "gates": newMoE(t, moe{fn: compute.GELUTanh})}
	programs["recurrences"], programs["streams"] = newRecurrences(t), newStreams(t)
	for _, f := range []compute.DType{compute.F32, compute.Q8_0, compute.Q4_0} {
		programs["layer of "+f.String()] = newLayer(t, f).p
	}
	for name, p := range programs {
		for at, caps := range []Caps{ample, least, lanes, withEverything(), nvidia()} {
			for _, o := range []compute.Options{{}, {NoFuse: true}, {Math: compute.Fast}} {
				o.MaxTokens, o.MaxOutputs, o.MaxSeqs, o.MaxPages = 200, 1, 4, 8
				groups, err := Plan(caps, p, o)
				require.NoError(t, err)
				for _, s := range []*compute.Step{stepOf([2]int{1, 90}), stepOf([2]int{2, 2}), stepOf([2]int{30, 30}, [2]int{1, 200}, [2]int{1, 7}), stepOf([2]int{200, 200})} {
					s.Outputs = []int32{0}
					for i := range groups {
						must, got := p.CostOf(groups[i].Ops, s), groups[i].Issued(s)
						what := fmt.Sprintf("%s, device %d, %+v: %s of %d tokens by %s: issued %+v, must %+v", name, at, o, p.NewGroup(groups[i].Ops...).Label, len(s.Tokens), groups[i].Kernel, got, must)
						assert.True(t, got.Bytes >= must.Bytes && got.FLOPs >= must.FLOPs, what)
						if k := groups[i].Kernel; k == "add" || k == "swiglu" || k == "rope" || k == "kvstore" || k == "mix" {
							assert.Equal(t, must, got, what)
						}
					}
				}
			}
		}
	}
}
