package model

import (
	"fmt"
	"math"
)

// Scaling is how RoPE's frequencies are stretched for contexts longer than the training's.
type Scaling string

const (
	ScalingNone    Scaling = "none"
	ScalingLinear  Scaling = "linear"   // Chen et al., Extending Context Window via Positional Interpolation, 2023
	ScalingYaRN    Scaling = "yarn"     // Peng et al., YaRN, 2023
	ScalingLongest Scaling = "longrope" // Ding et al., LongRoPE, 2024: one factor per frequency, short and long
	ScalingDynamic Scaling = "dynamic"  // NTK-aware base, grown with the sequence
	ScalingLlama3  Scaling = "llama3"   // Llama 3.1: low frequencies stretched, a smooth band between
)

// RoPE describes the angles of rotary position embedding.
type RoPE struct {
	Dim         int // rotated elements of a head, even
	Base        float64
	Scaling     Scaling
	Factor      float64 // stretch; at least 1
	OriginalLen int     // context length of training, for every scaling but linear
	AttnFactor  float64 // cos and sin are multiplied by it; 0: what the scaling's paper says
	BetaFast    float64 // YaRN: rotations above which a frequency is left alone
	BetaSlow    float64 // YaRN: rotations below which a frequency is stretched by Factor
	Fractional  bool    // YaRN: the ramp may begin and end between two pairs, as gpt-oss was trained
	// Temperature multiplies queries, and not keys, by 1 + Temperature·ln(1 + ⌊(pos+Ahead)/OriginalLen⌋); 0: it does not.
	Temperature float64
	Ahead       int
	Still       bool    // all angles are 0: only the temperature is left
	LowFreq     float64 // Llama 3: low_freq_factor
	HighFreq    float64 // Llama 3: high_freq_factor
	// Factors divide each frequency (rope_freqs.weight of Llama 3.1 files); FactorsShort and FactorsLong are LongRoPE's.
	Factors, FactorsShort, FactorsLong []float32
}

// rope reads the keys below rope.*.
func (r *reader) rope(c *Config) {
	p := &c.RoPE
	p.Dim = r.count("rope.dimension_count", 0, maxDim, c.HeadDim)
	p.Base = float64(r.float("rope.freq_base", 10000))
	c.localBase = float64(r.float("rope.freq_base_swa", 10000))
	p.Factor = float64(r.float("rope.scaling.factor", 1))
	p.OriginalLen = r.count("rope.scaling.original_context_length", 0, maxCtx, c.ContextLen)
	p.AttnFactor = float64(r.float("rope.scaling.attn_factor", 0))
	p.BetaFast = float64(r.float("rope.scaling.yarn_beta_fast", 32))
	p.BetaSlow = float64(r.float("rope.scaling.yarn_beta_slow", 1))
	if v, ok := r.f.Bool(r.arch + ".rope.scaling.yarn_truncate"); ok {
		p.Fractional = !v
	}
	p.Scaling = ScalingNone
	if s, ok := r.f.String(r.arch + ".rope.scaling.type"); ok {
		p.Scaling = Scaling(s)
	} else if old := r.float("rope.scale_linear", 1); old != 1 {
		p.Scaling, p.Factor = ScalingLinear, float64(old)
	}
	p.Factors = r.factors("rope_freqs.weight")
	p.FactorsShort, p.FactorsLong = r.factors("rope_factors_short.weight"), r.factors("rope_factors_long.weight")
	if p.FactorsLong != nil && p.Scaling == ScalingNone {
		p.Scaling = ScalingLongest
	}
	if r.err != nil {
		return
	}
	if p.Dim > c.HeadDim {
		r.fail("rope.dimension_count", "got %d rotated elements of a head of %d", p.Dim, c.HeadDim)
		return
	}
	if err := p.check(); err != nil {
		r.fail("rope", "%v", err)
	}
}

// factors reads a small F32 tensor, or nil.
func (r *reader) factors(name string) []float32 {
	t, ok := r.f.Tensor(name)
	if !ok {
		// Older files repeat the tensor in every layer.
		if t, ok = r.f.Tensor("blk.0." + name); !ok {
			return nil
		}
	}
	if t.Rows != 1 || t.Cols > maxDim {
		r.fail("rope", "tensor %q: got [%d, %d], want one row", name, t.Rows, t.Cols)
		return nil
	}
	v, err := floats(r.f, t)
	if err != nil {
		r.fail("rope", "tensor %q: %v", name, err)
	}
	return v
}

func (p *RoPE) check() error {
	half := p.Dim / 2
	switch {
	case p.Dim < 2 || p.Dim%2 != 0:
		return fmt.Errorf("got %d rotated elements, want an even number", p.Dim)
	case !(p.Base > 0) || p.Scaling != ScalingNone && !(p.Factor > 0):
		return fmt.Errorf("got base %g and factor %g, want both above 0", p.Base, p.Factor)
	case p.Factors != nil && len(p.Factors) != half:
		return fmt.Errorf("got %d frequency factors, want %d", len(p.Factors), half)
	}
	for _, list := range [][]float32{p.Factors, p.FactorsShort, p.FactorsLong} {
		for i, f := range list {
			if !(f > 0) || math.IsInf(float64(f), 0) {
				return fmt.Errorf("frequency factor %d: got %g, want above 0", i, f)
			}
		}
	}
	switch p.Scaling {
	case ScalingNone, ScalingLinear:
	case ScalingYaRN, ScalingDynamic, ScalingLlama3:
		if p.OriginalLen < 1 {
			return fmt.Errorf("got no original context length, want one for scaling %q", p.Scaling)
		}
	case ScalingLongest:
		if len(p.FactorsShort) != half || len(p.FactorsLong) != half || p.OriginalLen < 1 {
			return fmt.Errorf("got %d short and %d long factors, want %d of each", len(p.FactorsShort), len(p.FactorsLong), half)
		}
	default:
		return fmt.Errorf("got scaling %q, want none, linear, yarn, longrope, dynamic or llama3", p.Scaling)
	}
	if p.Scaling == ScalingLlama3 && !(p.HighFreq > p.LowFreq && p.LowFreq > 0) {
		return fmt.Errorf("got frequency factors %g and %g, want 0 < low < high", p.LowFreq, p.HighFreq)
	}
	return nil
}

// Frequencies are the angles per position of each pair, and the factor of cos and sin, for sequences of up to n
// positions:
//
//	θ[i] = Base^(−2i/Dim)                                          unscaled
//	linear: θ/Factor      dynamic: Base·(Factor·n/Orig − Factor + 1)^(Dim/(Dim−2)) once n > Orig
//	yarn: θ·(1−r) + θ/Factor·r, with r a ramp over i between the pairs that turn BetaFast and BetaSlow times in Orig
//	llama3: θ above Orig/HighFreq wavelengths left, below Orig/LowFreq divided by Factor, linear between
//	longrope: θ/FactorsLong[i] when n > Orig, else θ/FactorsShort[i]
//
// The base power and its division are taken in float64; models are trained with float32 angles, whose rounding a table
// cannot reproduce for every framework and which lies far below the tolerance of the comparison.
func (p *RoPE) Frequencies(n int) (theta []float64, scale float64) {
	half := p.Dim / 2
	if p.Still {
		return make([]float64, half), 1
	}
	base, scale := p.Base, 1.0
	if p.Scaling == ScalingDynamic && n > p.OriginalLen && p.Dim > 2 {
		grow := p.Factor*float64(n)/float64(p.OriginalLen) - (p.Factor - 1)
		base *= math.Pow(grow, float64(p.Dim)/float64(p.Dim-2))
	}
	theta = make([]float64, half)
	for i := range theta {
		theta[i] = math.Pow(base, -2*float64(i)/float64(p.Dim))
	}
	switch p.Scaling {
	case ScalingLinear:
		for i := range theta {
			theta[i] /= p.Factor
		}
	case ScalingYaRN:
		scale = p.yarn(theta)
	case ScalingLlama3:
		p.llama3(theta)
	case ScalingLongest:
		scale = p.longRoPE(theta, n)
	}
	for i := range p.Factors {
		theta[i] /= float64(p.Factors[i])
	}
	if p.AttnFactor > 0 {
		switch p.Scaling {
		case ScalingYaRN:
			scale *= p.AttnFactor
		case ScalingLongest:
			scale = p.AttnFactor
		}
	}
	return theta, scale
}

// yarn blends interpolated and plain frequencies (section 3.2 of the paper) and returns the temperature 0.1·ln(s)+1 (3.4).
func (p *RoPE) yarn(theta []float64) float64 {
	// The pair that turns rot times over the original context: solve Orig·θ(i) = 2π·rot for i.
	pair := func(rot float64) float64 {
		return float64(p.Dim) * math.Log(float64(p.OriginalLen)/(rot*2*math.Pi)) / (2 * math.Log(p.Base))
	}
	low, high := pair(p.BetaFast), pair(p.BetaSlow)
	if !p.Fractional {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = max(low, 0), min(high, float64(p.Dim-1))
	if high == low {
		high += 0.001 // the ramp must have a width
	}
	for i := range theta {
		r := min(max((float64(i)-low)/(high-low), 0), 1)
		theta[i] = theta[i]*(1-r) + theta[i]/p.Factor*r
	}
	if p.Factor <= 1 {
		return 1
	}
	return 0.1*math.Log(p.Factor) + 1
}

// llama3 leaves short wavelengths, stretches long ones and blends between, as Llama 3.1's reference code does.
func (p *RoPE) llama3(theta []float64) {
	orig := float64(p.OriginalLen)
	for i, t := range theta {
		wave := 2 * math.Pi / t
		switch {
		case wave < orig/p.HighFreq:
		case wave > orig/p.LowFreq:
			theta[i] = t / p.Factor
		default:
			s := (orig/wave - p.LowFreq) / (p.HighFreq - p.LowFreq)
			theta[i] = (1-s)*t/p.Factor + s*t
		}
	}
}

// longRoPE divides by the searched factors; the temperature is sqrt(1 + ln(s)/ln(Orig)).
func (p *RoPE) longRoPE(theta []float64, n int) float64 {
	f := p.FactorsShort
	if n > p.OriginalLen {
		f = p.FactorsLong
	}
	for i := range theta {
		theta[i] /= float64(f[i])
	}
	if p.Factor <= 1 {
		return 1
	}
	return math.Sqrt(1 + math.Log(p.Factor)/math.Log(float64(p.OriginalLen)))
}

// localAngles are those of local layers in families that give them angles of their own: never scaled.
func localAngles(c *Config) *RoPE { return plainAngles(c, c.localBase) }

// plainAngles are angles of that base, never scaled.
func plainAngles(c *Config, base float64) *RoPE {
	return &RoPE{Dim: c.RoPE.Dim, Base: base, Scaling: ScalingNone, Factor: 1}
}

// Table is the [n, Dim] table of compute.RoPE for sequences of up to keys positions: cos and sin of pair i at columns 2i
// and 2i+1 of each position's row, multiplied by what the scaling and the temperature say.
func (p *RoPE) Table(n, keys int) []float32 {
	theta, scale := p.Frequencies(keys)
	table := make([]float32, 0, n*p.Dim)
	for pos := range n {
		scale := scale
		if p.Temperature != 0 {
			scale *= 1 + p.Temperature*math.Log(1+math.Floor(float64(pos+p.Ahead)/float64(p.OriginalLen)))
		}
		for _, t := range theta {
			sin, cos := math.Sincos(float64(pos) * t)
			table = append(table, float32(cos*scale), float32(sin*scale))
		}
	}
	return table
}

// cooled is r without its temperature: the angles of keys.
func (b *Builder) cooled(r *RoPE) *RoPE {
	if r.Temperature == 0 {
		return r
	}
	if b.keyRoPE == nil {
		b.keyRoPE = map[*RoPE]*RoPE{}
	}
	if b.keyRoPE[r] == nil {
		plain := *r
		plain.Temperature = 0
		b.keyRoPE[r] = &plain
	}
	return b.keyRoPE[r]
}
