package profile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tuff/host/compute"
)

// Advice is one thing to try, with the command that does or tests it.
type Advice struct {
	Phase   string `json:"phase"`
	What    string `json:"what"`
	Command string `json:"command"`
	// Gain is the share of the phase's time that would go if the prediction holds, and Because what it is predicted from.
	Gain    float64 `json:"gain"`
	Because string  `json:"because"`
}

// Below these there is no point in advice, and nobody reads more of it than that.
const (
	worthwhile = 0.03 // of the phase's time gained
	mostAdvice = 8
	reachable  = 0.60 // of a limit: what a kernel should reach where no other in the profile shows more
)

// advise predicts what would help from what was measured on this device: a slow op is held against the best share of a limit that another op of
// the same profile reaches, never against the limit itself.
func (r *Report) advise() {
	for i := range r.Regions {
		g := &r.Regions[i]
		if g.Steps == 0 || g.Wall <= 0 {
			continue
		}
		kernels := float64(g.part("kernels")) / float64(g.Wall)
		if r.Kind != compute.Host.String() { // whose kernels are chosen by the processor alone
			r.adviseOps(g, kernels)
			r.adviseIssued(g, kernels)
		}
		r.adviseBytes(g, kernels)
		r.adviseParts(g)
	}
	r.Advice = slices.DeleteFunc(r.Advice, func(a Advice) bool { return a.Gain < worthwhile })
	slices.SortStableFunc(r.Advice, func(a, b Advice) int { return cmp.Compare(b.Gain, a.Gain) })
	r.Advice = r.Advice[:min(len(r.Advice), mostAdvice)]
}

// adviseOps names the ops far from every limit.
func (r *Report) adviseOps(g *Region, kernels float64) {
	best, by := reachable, "taken as within reach:"
	for i := range g.Ops {
		if o := &g.Ops[i]; o.Share > 0.02 && o.OfLimit() > best && o.OfLimit() <= 1 {
			best, by = o.OfLimit(), o.Stem+" "+o.Shape+" reaches"
		}
	}
	for i := range g.Ops {
		o := &g.Ops[i]
		if share := o.OfLimit(); share > 0 && share < best {
			stem, _, _ := strings.Cut(o.Kernel, "+")
			r.Advice = append(r.Advice, Advice{Phase: g.Name,
				What:    fmt.Sprintf("%s %s (%s) reaches %.0f %% of what bounds it (%s)", o.Stem, o.Shape, o.Kernel, 100*share, o.Limit()),
				Command: fmt.Sprintf("tuff tune, or tuff kernels bench %s --variant all", benchOf(stem)),
				Gain:    kernels * o.Share * (1 - share/best),
				Because: fmt.Sprintf("%s %.0f %%", by, 100*best)})
		}
	}
}

// Below these, what is read again or padded is not worth a word.
const (
	muchAgain  = 1.3
	muchPadded = 1.1
)

// adviseIssued names the ops that are bound by what they read again, or compute beyond the edges of their operands.
func (r *Report) adviseIssued(g *Region, kernels float64) {
	for i := range g.Ops {
		o := &g.Ops[i]
		stem, _, _ := strings.Cut(o.Kernel, "+")
		command := fmt.Sprintf("tuff tune, or tuff kernels bench %s --variant all", benchOf(stem))
		if asked := o.OfBandwidth * o.Again(); o.Limit() == "memory" && o.Again() >= muchAgain && asked >= reachable {
			r.Advice = append(r.Advice, Advice{Phase: g.Name, Command: command,
				What:    fmt.Sprintf("%s %s (%s) asks the memory for %.1f × the bytes that must move", o.Stem, o.Shape, o.Kernel, o.Again()),
				Gain:    kernels * o.Share * (1 - o.OfBandwidth/min(asked, 1)),
				Because: fmt.Sprintf("it asks for %.0f %% of the bandwidth and must have %.0f %%", 100*asked, 100*o.OfBandwidth)})
		}
		if o.Limit() == "compute" && o.Padded() >= muchPadded {
			r.Advice = append(r.Advice, Advice{Phase: g.Name, Command: command,
				What:    fmt.Sprintf("%s %s (%s) computes %.2f × what it must: tiles reach beyond the edges", o.Stem, o.Shape, o.Kernel, o.Padded()),
				Gain:    kernels * o.Share * (1 - 1/o.Padded()),
				Because: "arithmetic bounds it, and tiles that end where the operands do would compute no more"})
		}
	}
}

// benchOf is the op of the kernel lab that times a kernel.
func benchOf(kernel string) string {
	if strings.HasPrefix(kernel, "attention") {
		return "attention"
	}
	if strings.HasPrefix(kernel, "matmul_experts") {
		return "matmul_experts"
	}
	return "matmul"
}

// adviseBytes: an op that already moves its bytes as fast as the memory gives them is faster only with fewer bytes.
func (r *Report) adviseBytes(g *Region, kernels float64) {
	var weights, cache float64
	for i := range g.Ops {
		o := &g.Ops[i]
		switch {
		case o.Limit() != "memory" || o.OfBandwidth < reachable:
		case strings.Contains(o.Stem, "matmul") && (strings.Contains(o.Shape, "F16") || strings.Contains(o.Shape, "BF16") || strings.Contains(o.Shape, "Q8_0")):
			weights += o.Share
		case strings.Contains(o.Stem, "attention"):
			cache += o.Share
		}
	}
	const q8, q4k, f16 = 8.5, 4.85, 16.0 // bits a weight; Q4_K_M's mean over a Llama's matrices
	if weights > 0 {
		r.Advice = append(r.Advice, Advice{Phase: g.Name, What: "reading the weights bounds the step", Command: "tuff quantize IN OUT Q4_K_M, then tuff compare",
			Gain: kernels * weights * (1 - q4k/q8), Because: "4.85 bits a weight instead of 8.5 or more"})
	}
	if cache > 0 {
		r.Advice = append(r.Advice, Advice{Phase: g.Name, What: "reading the KV cache bounds attention", Command: "--cache-type-k q8_0 --cache-type-v q8_0",
			Gain: kernels * cache * (1 - q8/f16), Because: "8.5 bits an element instead of 16"})
	}
}

// adviseParts looks at what is not kernels.
func (r *Report) adviseParts(g *Region) {
	part := func(names ...string) (share float64) {
		for _, n := range names {
			share += float64(g.part(n)) / float64(g.Wall)
		}
		return share
	}
	if s := part("barriers"); s > 0 && r.Limits.Dispatch > 0 {
		// A hop cannot cost less than the device's dependent dispatch.
		least := g.Barriers * float64(g.Steps) * r.Limits.Dispatch.Seconds() / g.Wall.Seconds()
		r.Advice = append(r.Advice, Advice{Phase: g.Name, What: fmt.Sprintf("%.0f barriers a step leave the device idle", g.Barriers),
			Command: "tuff devices --measure, for what a hop costs here; tuff run -v, for which ops are not fused",
			Gain:    max(s-least, 0), Because: fmt.Sprintf("a dependent dispatch was measured at %v", r.Limits.Dispatch)})
	}
	if s := part("latency", "submit", "encode"); g.Name == "decode" && r.Kind != compute.Host.String() && s > 0 {
		r.Advice = append(r.Advice, Advice{Phase: g.Name, What: "every step is handed over and waited for alone while it is timed",
			Command: "tuff bench, which hands over up to 16 steps at once",
			Gain:    s * 15 / 16, Because: "16 steps a submission where the sampler runs on the device"})
	}
	if s := part("logits"); s > 0 {
		r.Advice = append(r.Advice, Advice{Phase: g.Name, What: "reading all logits back takes the host's time", Command: "tuff run --top-k 40: the device picks the candidates",
			Gain: s, Because: "the device's own sampler reads back one token"})
	}
}

func (g *Region) part(name string) float64 {
	for _, p := range g.Parts {
		if p.Name == name {
			return float64(p.Time)
		}
	}
	return 0
}
