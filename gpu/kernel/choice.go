package kernel

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"tuff/host/compute"
	"tuff/shaders"
)

// Choice is what a plan runs a group of ops on in a step of a shape, and why not on anything else.
type Choice struct {
	Ops     []int
	Kernels []string // that are launched, in order
	Why     string   // of the group, for steps of any shape
	Others  []Other
}

// Other is a variant that could run one of the group's ops, and why it does not here.
type Other struct{ Op, Variant, Why string }

// Choices are those of a plan for a step of a shape.
func Choices(caps Caps, p *compute.Program, o compute.Options, s Shape) ([]Choice, error) {
	groups, err := Plan(caps, p, o)
	if err != nil {
		return nil, err
	}
	pl := newPlanner(caps, p, o)
	variants := Variants(caps)
	list := make([]Choice, len(groups))
	for i := range groups {
		g := &groups[i]
		c := Choice{Ops: g.Ops, Why: g.Why}
		runs := map[string]bool{}
		for j := range g.Dispatches {
			d := &g.Dispatches[j]
			if grid := d.Grid(s); grid[0] > 0 && grid[1] > 0 && grid[2] > 0 {
				c.Kernels = append(c.Kernels, d.Name)
				runs[variantOf(d.Name)] = true
			}
		}
		seen := map[string]bool{}
		for _, op := range g.Ops {
			stem := p.Instrs[op].Op.Stem()
			if seen[stem] {
				continue
			}
			seen[stem] = true
			var of []Variant
			for _, v := range variants {
				if v.Op == stem {
					of = append(of, v)
				}
			}
			for _, v := range of {
				if len(of) > 1 && !runs[v.Name] {
					c.Others = append(c.Others, Other{stem, v.Name, pl.whyNot(v, p.Instrs[op].Op, g, s, runs)})
				}
			}
		}
		list[i] = c
	}
	return list, nil
}

// variantOf is the variant that a dispatch is of, by its name: without the format, the shape and what is fused into it; "" of what only
// helps others, such as quantize.
func variantOf(name string) string {
	switch {
	case strings.HasPrefix(name, "attention_decode_split"):
		return "attention_split"
	case strings.HasPrefix(name, "attention_decode_joined"):
		return "attention_joined"
	case name == "attention_quantize":
		return "attention_prefill"
	}
	for _, f := range shaders.Formats { // matmul_q8_0_vec_4 is of matmul_vec
		if i := strings.Index(name, "_"+f+"_"); i > 0 {
			name = name[:i] + name[i+1+len(f):]
			break
		}
	}
	best := ""
	for _, v := range variantsOf(Caps{}) {
		if (name == v.Name || strings.HasPrefix(name, v.Name+"_")) && len(v.Name) > len(best) {
			best = v.Name
		}
	}
	if i := strings.LastIndex(name, "_k"); i < 0 || strings.Trim(name[i+2:], "0123456789") != "" {
		return best
	}
	switch { // K is in pieces
	case strings.HasPrefix(best, "matmul_tile"):
		return "matmul_tile_split"
	case strings.HasPrefix(best, "matmul_coop2"):
		return "matmul_coop2_split"
	case strings.HasPrefix(best, "matmul_coop"):
		return "matmul_coop_split"
	case best == "matmul_half" || best == "matmul_int8":
		return best + "_split"
	}
	return best
}

// whyNot is why a plan does not run an op on a variant in a step.
func (pl *planner) whyNot(v Variant, op compute.Op, g *Group, s Shape, runs map[string]bool) string {
	switch {
	case v.Lacks != "":
		return "the device lacks " + v.Lacks
	case v.Refused != "":
		return "left out here: " + v.Refused
	case v.Used == TestsOnly:
		return "for tests only"
	case pl.o.Variant[v.Op] != "":
		return "asked for " + pl.o.Variant[v.Op]
	case v.Math() == compute.Fast && pl.o.Math == compute.Exact:
		return "for fast arithmetic"
	}
	switch op := op.(type) {
	case compute.MatMul:
		return pl.whyNotMatMul(v, op, g, s, runs)
	case compute.Attention:
		return pl.whyNotAttention(v, op, g, s)
	case compute.MatMulExperts:
		return pl.whyNotExperts(v, op, s)
	}
	return "for " + v.Used
}

func (pl *planner) whyNotMatMul(v Variant, op compute.MatMul, g *Group, s Shape, runs map[string]bool) string {
	rows := pl.p.At(op.X).Rows.At(s.Sizes())
	format := pl.p.At(op.W).DType
	m := pl.newMatMulPlan(new(Group), product{ops: []compute.MatMul{op}, out: op.Out})
	few := v.Name == "matmul_vec" || v.Name == "matmul_vec_int8"
	base := strings.TrimSuffix(strings.TrimSuffix(v.Name, "_split"), "_half")
	switch {
	case rows == 0:
		return "the step has no rows for it"
	case few && rows > maxVecRows:
		return fmt.Sprintf("for up to %d rows, this has %d", maxVecRows, rows)
	case !few && v.Name != "matmul_lane" && rows <= maxVecRows:
		return fmt.Sprintf("for more than %d rows, this has %d", maxVecRows, rows)
	case v.Name == "matmul_vec_int8" && !asBytes(format), base == "matmul_int8" && !asBytes(format):
		return fmt.Sprintf("%v is no format of scaled integers", format)
	case len(g.found) > 0:
		return "tuned: " + strings.Join(g.found, ", ") + " was faster"
	case m.lane:
		return "on this CPU matmul_lane reads activations once for all invocations"
	case v.Name == "matmul_lane":
		return "for CPUs whose drivers read what all invocations read alike once"
	case v.Name == "matmul_vec_int8":
		return fmt.Sprintf("for rows of at least %d elements of less than %d bits, on devices that gain by it", leastFewInt8, mostFewInt8)
	case v.Name == "matmul_vec":
		return "packed dot products are faster here"
	case v.Name == "matmul_skinny":
		if rows > maxSkinnyRows {
			return fmt.Sprintf("for up to %d rows, this has %d", maxSkinnyRows, rows)
		}
		return "no shape of it fits the device"
	case strings.HasSuffix(v.Name, "_split") && (base != "matmul_tile" && runs[base] || runs["matmul_skinny"] || base == "matmul_tile" && (runs["matmul_tile_32"] || runs["matmul_tile_64"])):
		return "there are tiles for all compute units, or sums are short"
	case m.coop && !onMatrixUnits(v.Name):
		return "matrix units are faster"
	case m.coop && runs["matmul_skinny"]:
		return fmt.Sprintf("matmul_skinny streams the weights of up to %d rows", maxSkinnyRows)
	case m.coop && strings.HasSuffix(v.Name, "_half") && !m.caps.HalfSums:
		if m.caps.SumsWhy != "" {
			return "sums stay in float32: " + m.caps.SumsWhy
		}
		return "not known to be faster on this vendor's devices"
	case m.coop:
		return "plans prefer " + m.units
	case base == "matmul_int8" && !m.caps.FastDot:
		return "packed dot products are no faster than their parts here"
	case m.int8:
		return "packed dot products are faster"
	case base == "matmul_half" && m.caps.CPU:
		return "CPUs widen halves"
	case base == "matmul_half":
		return fmt.Sprintf("not made for %v", format)
	case m.half:
		return "packed half precision is faster"
	case runs["matmul_tile_split"]:
		return "fewer tiles than compute units: K is cut"
	}
	return "for " + v.Used + "; this has " + fmt.Sprint(rows)
}

func (pl *planner) whyNotAttention(v Variant, op compute.Attention, g *Group, s Shape) string {
	fewRows := s.Tokens-s.Seqs+1 <= maxDecodeRows
	tiles := v.Name == "attention_prefill" || v.Name == "attention_coop"
	switch {
	case v.Name != "attention_lane" && slices.ContainsFunc(g.Dispatches, func(d Dispatch) bool { return d.Module == "attention_lane" }) && len(g.found) == 0:
		return whyLane
	case tiles && fewRows:
		return fmt.Sprintf("for more than %d rows a sequence", maxDecodeRows)
	case !tiles && v.Name != "attention_lane" && !fewRows:
		return fmt.Sprintf("for up to %d rows a sequence", maxDecodeRows)
	case len(g.found) > 0:
		return "tuned: " + strings.Join(g.found, ", ") + " was faster"
	case v.Name == "attention_split" && slices.ContainsFunc(g.Dispatches, func(d Dispatch) bool { return variantOf(d.Name) == "attention_joined" }):
		return "whoever brings the last piece joins them sooner"
	case v.Name == "attention_joined" && slices.ContainsFunc(g.Dispatches, func(d Dispatch) bool { return variantOf(d.Name) == "attention_split" }):
		return "there is more to join than one workgroup should"
	case v.Name == "attention_split" || v.Name == "attention_joined":
		return "contexts are short, or KV heads fill the device"
	case v.Name == "attention_decode":
		return "the context is cut into pieces; one piece is the same"
	case v.Name == "attention_prefill":
		return "matrix units are faster"
	case pl.caps.UniformLoads:
		return "CPUs only imitate matrix units"
	}
	if _, why := pl.coopAttentionFor(op); why != "" {
		return why
	}
	return "for " + v.Used
}

func (pl *planner) whyNotExperts(v Variant, op compute.MatMulExperts, s Shape) string {
	uses, limit, form, format := s.Tokens*pl.p.At(op.IDs).Cols, pl.expertLimit(op), pl.expertsForm(op.W), pl.p.At(op.W).DType
	one := v.Name == "matmul_experts_vec" || v.Name == "matmul_experts_lane"
	switch {
	case one && uses > limit:
		return fmt.Sprintf("for up to %d uses, this has %d", limit, uses)
	case !one && limit == math.MaxInt:
		return "for any number of uses each reads its expert's weights"
	case !one && uses <= limit:
		return fmt.Sprintf("for more than %d uses, this has %d", limit, uses)
	case v.Name == "matmul_experts_vec":
		return "a CPU: invocations have weight rows of their own"
	case v.Name == "matmul_experts_lane":
		return "for CPUs"
	case v.Name == "matmul_experts_int8" && !asBytes(format):
		return fmt.Sprintf("%v is no format of scaled integers", format)
	case v.Name == "matmul_experts_half" && pl.caps.CPU:
		return "CPUs widen halves"
	case form == formHalf && v.Name == "matmul_experts_tile":
		return "packed half precision is faster"
	case form == formInt8:
		return "packed dot products are faster"
	case form == formCoop:
		return "matrix units are faster"
	case v.Name == "matmul_experts_half":
		return fmt.Sprintf("not made for %v", format)
	case v.Name == "matmul_experts_int8":
		return "packed dot products are no faster than their parts here"
	case pl.caps.UniformLoads:
		return "CPUs only imitate matrix units"
	}
	return "for " + v.Used
}

// Needs are the features that a variant's module cannot run without, beyond 64-bit integers, which all of them do.
func (v Variant) Needs() (list []string) {
	of := map[string]string{"matmul_tile_32": "matmul_tile", "matmul_tile_64": "matmul_tile", "attention_split": "attention_decode", "attention_joined": "attention_decode",
		"matmul_experts_lane": "matmul_experts_vec", "matmul_heads": "matmul_experts_vec"}
	want := cmp.Or(of[v.Name], strings.TrimSuffix(v.Name, "_split"))
	for _, m := range shaders.Manifest {
		name := m.Name
		for _, f := range shaders.Formats {
			if i := strings.Index(name, "_"+f); i > 0 {
				name = name[:i] + name[i+1+len(f):]
				break
			}
		}
		if name != want {
			continue
		}
		for _, n := range m.Needs {
			if n != shaders.NeedInt64 {
				list = append(list, string(n))
			}
		}
		return list
	}
	return nil
}
