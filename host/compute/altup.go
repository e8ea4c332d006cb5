package compute

import "fmt"

// AltUp mixes streams that run side by side, by numbers that the first of them chooses:
//
//	m[t,k]       = tanh(Σ_c Router[k,c] · S[t,0,c] / sqrt(mean_c(S[t,0,c]²) + Eps))
//	w[t,n,j]     = Bias[n·U+j] + Σ_k Coefs[n·U+j, k] · m[t,k]
//	Out[t,n·C+c] = Σ_j w[t,n,j] · S[t,j,c]
//	First[t,c]   = Out[t,c]          Scaled[t,c] = Out[t,c] · Scale[c]
//
// S[t,j,:] for j of U streams of C columns are those of X and behind them those of Y: X is [T, A·C] float32, Y [T, (U−A)·C] or none,
// Router [M, C], Coefs [N·U, M], Bias [1, N·U], Scale [1, C], Out [T, N·C], First and Scaled [T, C], all float32, row-major. First may be
// none, and so may Scaled with Scale. No result aliases anything. M, N and U are at most [MostStreams]. Accumulators as in [MatMul].
// Prediction and correction differ in what X, Y, Coefs and Bias are.
// Source: Baykal et al., Alternating Updates for Efficient Transformers, 2023, algorithm 1.
type AltUp struct {
	X, Y, Router, Coefs, Bias, Scale, Out, First, Scaled Ref
	Eps                                                  float32
}

// MostStreams bounds the streams of [AltUp], so that a workgroup has their weights at hand.
const MostStreams = 17

func (AltUp) Stem() string    { return "altup" }
func (o AltUp) Reads() []Ref  { return refs(o.X, o.Y, o.Router, o.Coefs, o.Bias, o.Scale) }
func (o AltUp) Writes() []Ref { return refs(o.Out, o.First, o.Scaled) }

func (o AltUp) Check(p *Program) error {
	if o.X == 0 || o.Router == 0 || o.Coefs == 0 || o.Out == 0 {
		return fmt.Errorf("got tensors X %d, Router %d, Coefs %d and Out %d, want all", o.X, o.Router, o.Coefs, o.Out)
	}
	if !(o.Eps >= 0) {
		return fmt.Errorf("got eps %g, want at least 0", o.Eps)
	}
	cols, routed := p.At(o.Router).Cols, p.At(o.Router).Rows.Fixed
	used, sums := o.Streams(p)
	if x, out := p.At(o.X).Cols, p.At(o.Out).Cols; x%cols != 0 || out%cols != 0 || o.Y != 0 && p.At(o.Y).Cols%cols != 0 {
		return fmt.Errorf("got %d columns of X and %d of Out, want multiples of the router's %d", x, out, cols)
	}
	if routed < 1 || max(routed, used, sums) > MostStreams {
		return fmt.Errorf("got %d numbers for %d sums of %d streams, want at most %d", routed, sums, used, MostStreams)
	}
	if (o.Scale == 0) != (o.Scaled == 0) {
		return fmt.Errorf("got tensors Scale %d and Scaled %d, want both or none", o.Scale, o.Scaled)
	}
	if err := checks(wantF32(p, "X", o.X, PerToken(1), p.At(o.X).Cols), wantF32(p, "Router", o.Router, Rows(routed), cols),
		wantF32(p, "Coefs", o.Coefs, Rows(sums*used), routed), wantF32(p, "Bias", o.Bias, Rows(1), sums*used),
		wantF32(p, "Out", o.Out, PerToken(1), sums*cols)); err != nil {
		return err
	}
	if o.Y != 0 {
		if err := wantF32(p, "Y", o.Y, PerToken(1), p.At(o.Y).Cols); err != nil {
			return err
		}
	}
	if o.Scale != 0 {
		if err := wantF32(p, "Scale", o.Scale, Rows(1), cols); err != nil {
			return err
		}
	}
	for _, out := range refs(o.First, o.Scaled) {
		if err := wantF32(p, "First", out, PerToken(1), cols); err != nil {
			return err
		}
	}
	for i, out := range o.Writes() {
		if err := wantDistinct(out, append(o.Reads(), o.Writes()[:i]...)...); err != nil {
			return err
		}
	}
	return nil
}

// Streams are U, the number of streams that are mixed, and N, that of sums made of them.
func (o AltUp) Streams(p *Program) (used, sums int) {
	cols := p.At(o.Router).Cols
	used = p.At(o.X).Cols / cols
	if o.Y != 0 {
		used += p.At(o.Y).Cols / cols
	}
	return used, p.At(o.Out).Cols / cols
}

func (o AltUp) Cost(p *Program, s *Step) Cost {
	used, sums := o.Streams(p)
	router := p.At(o.Router)
	each := 2*int64(router.Rows.Fixed+1)*int64(router.Cols) + 2*int64(used*sums)*int64(router.Cols+router.Rows.Fixed)
	return Cost{Bytes: moved(p, s.Sizes(), append(o.Reads(), o.Writes()...)...), FLOPs: each * int64(len(s.Tokens))}
}

func (o AltUp) Shape(p *Program) string {
	used, sums := o.Streams(p)
	return fmt.Sprintf("%d of %d × %s", sums, used, widthOf(p, o.Router))
}
