package compute

import "fmt"

// maxKeyDim bounds the rows of a head's state, of which a device keeps a column in registers: published models have 128.
const maxKeyDim = 256

// DeltaRule is the recurrence of linear attention by the gated delta rule. A head's state S is a matrix [KeyDim, ValueDim] that
// forgets by a gate and learns by the error of what it already answers for a key:
//
//	q̂ = q/√(Σq² + Eps) / √KeyDim      k̂ = k/√(Σk² + Eps)
//	γ[t,h] = exp(A[h] · softplus(DT[t,h] + DTBias[h]))      β[t,h] = 1/(1 + exp(−Beta[t,h]))
//	S'[t] = γ[t]·S[t−1]      u[t] = β[t]·(v[t] − S'[t]ᵀ·k̂[t])      S[t] = S'[t] + k̂[t]·u[t]ᵀ      Out[t] = S[t]ᵀ·q̂[t]
//
// over the rows t of each sequence, S[−1] being zero where the sequence begins with this step and State otherwise; the last S goes
// to State. A row of X is the queries of NumKeyHeads heads, their keys, and the values of NumHeads heads, each head's together. Head
// h has the queries and keys of head h·NumKeyHeads/NumHeads, or with Tiled of head h mod NumKeyHeads.
//
// X is [T, 2·NumKeyHeads·KeyDim + NumHeads·ValueDim] float32, Beta and DT [T, NumHeads], A (negative numbers) and DTBias
// [1, NumHeads], Out [T, NumHeads·ValueDim], all float32; State is [NumStates, NumHeads·KeyDim·ValueDim] float32, a head's matrix
// row-major (Seq.StateIn is read, Seq.StateOut written). Out aliases nothing. Accumulation is float64 on fallback within a step,
// float32 on gpu. Sources: Yang, Kautz and Hatamizadeh, Gated Delta Networks, 2024, eq. 10; Yang et al., Parallelizing Linear
// Transformers with the Delta Rule, 2024, section 3.
type DeltaRule struct {
	X, Beta, DT, DTBias, A, State, Out Ref
	NumHeads, NumKeyHeads              int
	KeyDim, ValueDim                   int
	Tiled                              bool
	Eps                                float32
}

func (DeltaRule) Stem() string    { return "delta_rule" }
func (o DeltaRule) Reads() []Ref  { return refs(o.X, o.Beta, o.DT, o.DTBias, o.A, o.State) }
func (o DeltaRule) Writes() []Ref { return refs(o.State, o.Out) }

// KeyHead is the head whose queries and keys head h has.
func (o DeltaRule) KeyHead(h int) int {
	if o.Tiled {
		return h % o.NumKeyHeads
	}
	return h / (o.NumHeads / o.NumKeyHeads)
}

// Carries implements [Stateful].
func (o DeltaRule) Carries() Ref { return o.State }

func (o DeltaRule) Check(p *Program) error {
	switch {
	case o.NumHeads < 1 || o.NumKeyHeads < 1 || o.NumHeads%o.NumKeyHeads != 0:
		return fmt.Errorf("got %d heads over %d of keys, want a multiple", o.NumHeads, o.NumKeyHeads)
	case o.KeyDim < 1 || o.KeyDim > maxKeyDim || o.ValueDim < 1 || p.NumStates < 2:
		return fmt.Errorf("got keys of %d, values of %d and %d states, want 1 to %d, at least 1 and at least 2", o.KeyDim, o.ValueDim, p.NumStates, maxKeyDim)
	case !(o.Eps > 0):
		return fmt.Errorf("got eps %g, want more than 0", o.Eps)
	}
	h, v := o.NumHeads, o.NumHeads*o.ValueDim
	return checks(wantF32(p, "X", o.X, PerToken(1), 2*o.NumKeyHeads*o.KeyDim+v), wantF32(p, "Beta", o.Beta, PerToken(1), h), wantF32(p, "DT", o.DT, PerToken(1), h),
		wantF32(p, "DTBias", o.DTBias, Rows(1), h), wantF32(p, "A", o.A, Rows(1), h), wantF32(p, "State", o.State, Rows(p.NumStates), o.KeyDim*v),
		wantF32(p, "Out", o.Out, PerToken(1), v), wantDistinct(o.Out, o.X, o.Beta, o.DT, o.DTBias, o.A, o.State))
}

func (o DeltaRule) Cost(p *Program, s *Step) Cost {
	state := int64(o.NumHeads*o.KeyDim) * int64(o.ValueDim)
	return Cost{Bytes: moved(p, s.Sizes(), o.X, o.Beta, o.DT, o.Out) + 8*int64(len(s.Seqs))*state, FLOPs: 7 * int64(len(s.Tokens)) * state}
}

func (o DeltaRule) Shape(p *Program) string {
	return fmt.Sprintf("%d heads of %d × %d", o.NumHeads, o.KeyDim, o.ValueDim)
}
