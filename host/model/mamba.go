package model

import (
	"tuff/host/compute"
	"tuff/host/weights"
)

// mamba is layers of selective state-space mixers and nothing else, of the first kind or the second.
// Sources: Gu and Dao, Mamba, 2023, section 3.4; Dao and Gu, Transformers are SSMs, 2024, section 7.
var mamba = Family{
	Archs: []string{"mamba", "mamba2"}, NoAttention: true,
	Config: readSSM,
	Build:  Decoder{NoFFN: true}.Build,
}

// jamba mixes layers of Mamba with layers of attention that does not rotate, and layers of experts with dense ones: the tensors
// of a layer say what it is. Source: Lieber et al., Jamba, 2024, section 2.
var jamba = Family{
	Archs: []string{"jamba"}, Hybrid: true,
	Config: readSSM,
	Build:  Decoder{Rotate: func(int) bool { return false }}.Build,
}

// graniteHybrid is Granite with layers of Mamba-2 in place of most of its attention, whose own does not rotate unless the file
// says so. Source: IBM, Granite 4.0, 2025.
var graniteHybrid = Family{
	Archs: []string{"granitehybrid"}, Hybrid: true,
	Config: func(c *Config, f *weights.File) error {
		if err := granite.Config(c, f); err != nil {
			return err
		}
		return readSSM(c, f)
	},
	Build: Decoder{Rotate: func(int) bool { return false }}.Build,
}

// falconH1 has a mixer of Mamba-2 beside the attention of every layer, both from one normalised input, their results added. Its
// multipliers are in the weights of a file. Source: TII, Falcon-H1, 2025, section 2.
var falconH1 = Family{
	Archs: []string{"falcon-h1"}, Hybrid: true,
	Config: readSSM,
	Build:  Decoder{Pairing: compute.Halves, Beside: true}.Build,
}

// lfm2 mixes short convolutions, gated on both sides, with layers of attention. Source: Liquid AI, LFM2 Technical Report, 2025,
// section 2.
var lfm2 = Family{
	Archs: []string{"lfm2"}, Hybrid: true,
	Config: func(c *Config, f *weights.File) error {
		r := reader{f: f, arch: c.Arch}
		c.SSM.Conv = r.count("shortconv.l_cache", 2, 64, 0)
		return r.err
	},
	Build: Decoder{Pairing: compute.Halves, QKNorm: HeadWise, LastNorm: "token_embd_norm"}.Build,
}

// SSM is a selective state-space mixer.
type SSM struct {
	Conv   int  // rows that its convolution over time sees
	Inner  int  // channels
	State  int  // elements of a channel's state
	DTRank int  // of Mamba: columns that a channel's step comes from; of Mamba-2 and the delta rule: heads
	Groups int  // of Mamba-2, that share what goes into states and comes out of them; of the delta rule: heads of keys
	Tiled  bool // of the delta rule: head h has the keys of head h mod Groups
}

func readSSM(c *Config, f *weights.File) error {
	r := reader{f: f, arch: c.Arch}
	s := &c.SSM
	s.Conv = r.count("ssm.conv_kernel", 2, 64, 0)
	s.Inner = r.count("ssm.inner_size", 1, maxDim, 0)
	s.State = r.count("ssm.state_size", 1, 1024, 0)
	s.DTRank = r.count("ssm.time_step_rank", 1, maxDim, 0)
	s.Groups = r.count("ssm.group_count", 0, maxHeads, 1)
	s.Groups = max(s.Groups, 1)
	if v, ok := f.Bool(c.Arch + ".ssm.dt_b_c_rms"); ok && v {
		return &UnsupportedError{f.Name, "steps and groups that are normalised without weights (ssm.dt_b_c_rms)"}
	}
	return r.err
}

// mixerInput is what a Mamba layer's mixer makes of the layer's input.
type mixerInput struct {
	gate, x compute.Ref
	steps   compute.Ref // of the second kind; else none
}

// mixer appends a Mamba layer's mixer without its residual: of the first kind where steps come from the convolution's result
// (tensor ssm_x), of the second where they come from the layer's input.
func (d Decoder) mixer(b *Builder, h compute.Ref) compute.Ref { return d.mixed(b, d.mixerInput(b, h)) }

func (d Decoder) mixerInput(b *Builder, h compute.Ref) mixerInput {
	s := &b.cfg.SSM
	if b.Has("ssm_x.weight") {
		total := 2 * s.Inner
		x, gate := b.LinearPart("ssm_in", h, total, 0, s.Inner), b.LinearPart("ssm_in", h, total, s.Inner, s.Inner)
		return mixerInput{gate: gate, x: x}
	}
	width := s.Inner + 2*s.Groups*s.State
	total := s.Inner + width + s.DTRank
	gate, x := b.LinearPart("ssm_in", h, total, 0, s.Inner), b.LinearPart("ssm_in", h, total, s.Inner, width)
	return mixerInput{gate: gate, x: x, steps: b.LinearPart("ssm_in", h, total, s.Inner+width, s.DTRank)}
}

// mixed appends what follows.
func (d Decoder) mixed(b *Builder, m mixerInput) compute.Ref {
	s := &b.cfg.SSM
	x := b.Conv1D("ssm_conv1d", m.x, s.Conv, true)
	if m.steps == 0 {
		total := s.DTRank + 2*s.State
		dt, in, out := b.LinearPart("ssm_x", x, total, 0, s.DTRank), b.LinearPart("ssm_x", x, total, s.DTRank, s.State), b.LinearPart("ssm_x", x, total, s.DTRank+s.State, s.State)
		if b.Has("ssm_dt_norm.weight") { // Jamba's
			in, out = b.Norm("ssm_b_norm", in), b.Norm("ssm_c_norm", out)
			dt = b.Norm("ssm_dt_norm", dt)
		}
		dt = b.linear("ssm_dt", dt, b.Weight("ssm_dt", s.Inner, s.DTRank), 0)
		y := b.Scan(compute.SSMScan{X: x, DT: dt, A: b.flat("ssm_a", s.Inner, s.State), B: in, C: out, NumHeads: s.Inner, HeadDim: 1, NumGroups: 1, StateSize: s.State})
		return b.Linear("ssm_out", b.Gate("ssm_gated", compute.SiLU, m.gate, y), b.cfg.HiddenDim)
	}
	heads := s.DTRank
	if s.Inner%heads != 0 || heads%s.Groups != 0 {
		b.fail("got %d channels, %d heads and %d groups, want multiples", s.Inner, heads, s.Groups)
		return m.x
	}
	in := b.Columns("ssm_b", compute.Columns{A: x, Groups: 1, FromA: s.Inner, NumA: s.Groups * s.State})
	out := b.Columns("ssm_c", compute.Columns{A: x, Groups: 1, FromA: s.Inner + s.Groups*s.State, NumA: s.Groups * s.State})
	x = b.Columns("ssm_values", compute.Columns{A: x, Groups: 1, NumA: s.Inner})
	y := b.Scan(compute.SSMScan{X: x, DT: m.steps, A: b.flat("ssm_a", heads, 1), B: in, C: out, NumHeads: heads, HeadDim: s.Inner / heads, NumGroups: s.Groups, StateSize: s.State})
	y = b.Gate("ssm_gated", compute.SiLU, m.gate, y)
	if t, ok := b.f.Tensor(b.layer + "ssm_norm.weight"); ok {
		if s.Groups > 1 && (b.needs != nil || t.Rows == s.Groups) { // folders have one norm of all groups
			y = b.groupNorm("ssm_norm", y, s.Groups)
		} else {
			y = b.Norm("ssm_norm", y)
		}
	}
	return b.Linear("ssm_out", y, b.cfg.HiddenDim)
}

// shortConv appends LFM2's convolution: out·(C ∗ conv(B ∗ x)) with B, C and x from the layer's input.
func (d Decoder) shortConv(b *Builder, h compute.Ref) compute.Ref {
	n := b.cfg.HiddenDim
	in, out, x := b.LinearPart("shortconv.in_proj", h, 3*n, 0, n), b.LinearPart("shortconv.in_proj", h, 3*n, n, n), b.LinearPart("shortconv.in_proj", h, 3*n, 2*n, n)
	x = b.Conv1D("shortconv.conv", b.Gate("shortconv.in", compute.Identity, in, x), b.cfg.SSM.Conv, false)
	return b.Linear("shortconv.out_proj", b.Gate("shortconv.out", compute.Identity, out, x), n)
}

// Conv1D is a causal convolution of width rows over time, each column of x by itself.
func (b *Builder) Conv1D(name string, x compute.Ref, width int, silu bool) compute.Ref {
	cols := b.p.At(x).Cols
	out := b.p.Scratch(b.layer+name, compute.PerToken(1), cols)
	b.p.Add(b.layer+name, compute.Conv1D{X: x, W: b.flat(name+".weight", cols, width), Bias: b.Vector(name, "bias", cols, true),
		State: b.state(name+"_state", (width-1)*cols), Out: out, SiLU: silu})
	return out
}

// Scan appends a recurrence; op lacks its vectors, its state and its result.
func (b *Builder) Scan(op compute.SSMScan) compute.Ref {
	op.D = b.flat("ssm_d", 1, op.NumHeads)
	op.DTBias = b.Vector("ssm_dt", "bias", op.NumHeads, true)
	op.State = b.state("ssm_state", op.NumHeads*op.HeadDim*op.StateSize)
	op.Out = b.p.Scratch(b.layer+"ssm_scan", compute.PerToken(1), op.NumHeads*op.HeadDim)
	b.p.Add(b.layer+"ssm_scan", op)
	return op.Out
}

// flat is a small tensor of rows·cols elements, in whatever shape the file has them, as float32.
func (b *Builder) flat(name string, rows, cols int) compute.Ref {
	if b.needs != nil {
		return b.tensorOf(name, rows, cols, rows, cols)
	}
	t, ok := b.f.Tensor(b.layer + name)
	if !ok || t.Rows*t.Cols != rows*cols {
		b.fail("tensor %q: got [%d, %d], want %d elements", b.layer+name, t.Rows, t.Cols, rows*cols)
		return b.table(b.layer+name, rows, cols, nil)
	}
	return b.tensorOf(name, rows, cols, t.Rows, t.Cols)
}

// state is a tensor that holds what a sequence's next step begins with.
func (b *Builder) state(name string, cols int) compute.Ref {
	b.p.NumStates = b.o.StateRows * b.o.NumStates
	ref := b.p.Declare(compute.Tensor{Name: b.layer + name, Role: compute.State, DType: compute.F32, Rows: compute.Rows(b.p.NumStates), Cols: cols})
	b.wanted = append(b.wanted, wanted{ref: ref})
	if cols > maxStateCols {
		b.fail("%s: got a state of %d elements, want at most %d", b.layer+name, cols, maxStateCols)
	}
	return ref
}

// maxStateCols bounds a layer's state: a quarter of a gigabyte.
const maxStateCols = 1 << 26
