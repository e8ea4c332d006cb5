package compute

import "fmt"

// Gate is how a router's scores come from its logits.
type Gate uint8

const (
	// SoftmaxGate is the softmax over all experts.
	SoftmaxGate Gate = iota
	// SigmoidGate is the sigmoid of each logit alone.
	SigmoidGate
	// TopSoftmaxGate picks by the logits themselves and takes the softmax over the picked ones.
	TopSoftmaxGate
	// SparseMixerGate picks by the logits and takes for each the softmax over itself and what nearly came in its place.
	SparseMixerGate
	// TopSigmoidGate picks by the logits themselves and takes the sigmoid of each: where those are one, the pick is still the best.
	TopSigmoidGate
)

func (g Gate) String() string {
	return [...]string{"softmax", "sigmoid", "top_softmax", "sparse_mixer", "top_sigmoid"}[min(int(g), 4)]
}

// maxExperts and maxUsed bound a router: far above every published model.
const (
	maxExperts = 1024
	maxUsed    = 64
)

// Route picks the experts of each token. With s the scores of Gate over Logits[t,:]:
//
//	IDs[t,:]     = the Used experts with the largest s[e] + Bias[e], descending, the lower of equals first
//	Weights[t,j] = Factor · s[IDs[t,j]] / max(Σ_i s[IDs[t,i]], 2⁻¹⁴)      the division with Normalize only
//
// each times Scale[IDs[t,j]] where there is Scale, [1, E] float32, and where the gates called Top pick by the logits in place of s.
//
// With SparseMixerGate experts are picked by their logits l, and no weight depends on the others picked: over every e not picked
// before j, IDs[t,j] itself among them, with l_j − l[e] ≤ 2·Jitter·max(|l[e]|, l_j),
//
//	Weights[t,j] = Factor / Σ_e exp(l[e] − l_j)
//
// It has neither Bias nor groups, and Normalize means nothing to it. With Groups > 1 the experts lie in Groups groups of equal size, of which only UsedGroups compete: those with the largest
// maximum of s + Bias, or with GroupTop2 the largest sum of their two best. Logits is [T, E] float32, Bias [1, E] or none,
// Weights [T, Used] float32; IDs [T, Used] holds whole numbers as float32, so that instruments read it like any tensor.
// Sources: Shazeer et al., Outrageously Large Neural Networks, 2017; Fedus et al., Switch Transformers, 2021, eq. 1 and 2;
// DeepSeek-AI, DeepSeek-V3, 2024, eq. 12 to 16; Liu et al., GRIN: GRadient-INformed MoE, 2024, section 2.
type Route struct {
	Logits, Bias, Scale, IDs, Weights Ref
	Used                              int
	Gate                              Gate
	Normalize                         bool
	Factor                            float32
	Groups, UsedGroups                int // 0 or 1: none
	GroupTop2                         bool
	Jitter                            float32 // of SparseMixerGate: half of how far behind, relatively, an expert still counts
}

func (Route) Stem() string    { return "route" }
func (o Route) Reads() []Ref  { return refs(o.Logits, o.Bias, o.Scale) }
func (o Route) Writes() []Ref { return refs(o.IDs, o.Weights) }

func (o Route) Check(p *Program) error {
	if o.Logits == 0 {
		return wantType(p, "Logits", 0)
	}
	e := p.At(o.Logits).Cols
	groups := max(o.Groups, 1)
	switch {
	case e > maxExperts || o.Used < 1 || o.Used > min(e, maxUsed):
		return fmt.Errorf("got %d of %d experts, want 1 to %d of at most %d", o.Used, e, maxUsed, maxExperts)
	case o.Gate > TopSigmoidGate || o.Factor != o.Factor:
		return fmt.Errorf("got gate %d with factor %g", o.Gate, o.Factor)
	case o.Gate == SparseMixerGate && (!(o.Jitter >= 0 && o.Jitter <= 1) || o.Bias != 0 || groups > 1):
		return fmt.Errorf("got %v with jitter %g, bias %t and %d groups, want jitter from 0 to 1 alone", o.Gate, o.Jitter, o.Bias != 0, groups)
	case o.Groups < 0 || e%groups != 0 || groups > 1 && (o.UsedGroups < 1 || o.UsedGroups > groups || o.UsedGroups*(e/groups) < o.Used):
		return fmt.Errorf("got %d of %d groups of %d experts, want room for %d", o.UsedGroups, o.Groups, e, o.Used)
	case o.GroupTop2 && e/groups < 2:
		return fmt.Errorf("got groups of %d, want two best of each", e/groups)
	}
	if err := checks(wantF32(p, "Logits", o.Logits, PerToken(1), e), wantF32(p, "IDs", o.IDs, PerToken(1), o.Used),
		wantF32(p, "Weights", o.Weights, PerToken(1), o.Used), wantDistinct(o.IDs, o.Logits, o.Weights), wantDistinct(o.Weights, o.Logits)); err != nil {
		return err
	}
	if o.Bias != 0 {
		if err := wantF32(p, "Bias", o.Bias, Rows(1), e); err != nil {
			return err
		}
	}
	if o.Scale != 0 {
		return wantF32(p, "Scale", o.Scale, Rows(1), e)
	}
	return nil
}

func (o Route) Cost(p *Program, s *Step) Cost {
	return Cost{Bytes: moved(p, s.Sizes(), o.Logits, o.Bias, o.Scale, o.IDs, o.Weights), FLOPs: 5 * int64(len(s.Tokens)) * int64(p.At(o.Logits).Cols)}
}

func (o Route) Shape(p *Program) string {
	return fmt.Sprintf("%d of %d %v", o.Used, p.At(o.Logits).Cols, o.Gate)
}
