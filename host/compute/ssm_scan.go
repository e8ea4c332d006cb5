package compute

import "fmt"

// maxStateSize bounds the state of a channel: published models have 16 to 256.
const maxStateSize = 1024

// SSMScan is the recurrence of a selective state-space model, for channel p of head h of group g, over n of the state:
//
//	δ[t,h] = softplus(DT[t,h] + DTBias[h])                       softplus(x) = ln(1 + exp(x))
//	s[t,h,p,n] = exp(δ[t,h]·A[h,n]) · s[t−1,h,p,n] + δ[t,h]·B[t,g,n]·X[t,h,p]
//	Out[t,h,p] = Σ_n C[t,g,n]·s[t,h,p,n] + D[h]·X[t,h,p]
//
// over the rows t of each sequence, s[−1] being zero where the sequence begins with this step and State otherwise; the last s goes
// to State. Head h is of group h·NumGroups/NumHeads. Mamba-1 has heads of one channel and an A for each element of the state;
// Mamba-2 has one A a head, A being [NumHeads, 1].
//
// X and Out are [T, NumHeads·HeadDim] float32, DT [T, NumHeads], B and C [T, NumGroups·StateSize], A [NumHeads, StateSize] or
// [NumHeads, 1] (negative numbers), D and DTBias [1, NumHeads] or none, all float32; State is [NumStates, NumHeads·HeadDim·StateSize]
// float32 (Seq.StateIn is read, Seq.StateOut written). Out aliases nothing. Accumulation is float64 on fallback within a step,
// float32 on gpu. Sources: Gu and Dao, Mamba, 2023, algorithm 2; Dao and Gu, Transformers are SSMs, 2024, section 2.
type SSMScan struct {
	X, DT, DTBias, A, B, C, D, State, Out Ref
	NumHeads, HeadDim                     int
	NumGroups, StateSize                  int
}

func (SSMScan) Stem() string    { return "ssm_scan" }
func (o SSMScan) Reads() []Ref  { return refs(o.X, o.DT, o.DTBias, o.A, o.B, o.C, o.D, o.State) }
func (o SSMScan) Writes() []Ref { return refs(o.State, o.Out) }

// Carries implements [Stateful].
func (o SSMScan) Carries() Ref { return o.State }

func (o SSMScan) Check(p *Program) error {
	switch {
	case o.NumHeads < 1 || o.HeadDim < 1 || o.NumGroups < 1 || o.NumHeads%o.NumGroups != 0:
		return fmt.Errorf("got %d heads of %d in %d groups, want a multiple", o.NumHeads, o.HeadDim, o.NumGroups)
	case o.StateSize < 1 || o.StateSize > maxStateSize || p.NumStates < 2:
		return fmt.Errorf("got a state of %d in %d rows, want 1 to %d in at least 2", o.StateSize, p.NumStates, maxStateSize)
	case o.A == 0:
		return wantType(p, "A", 0)
	}
	h, c := o.NumHeads, o.NumHeads*o.HeadDim
	cols := p.At(o.A).Cols
	if cols != 1 {
		cols = o.StateSize
	}
	errs := []error{wantF32(p, "X", o.X, PerToken(1), c), wantF32(p, "DT", o.DT, PerToken(1), h), wantF32(p, "A", o.A, Rows(h), cols),
		wantF32(p, "B", o.B, PerToken(1), o.NumGroups*o.StateSize), wantF32(p, "C", o.C, PerToken(1), o.NumGroups*o.StateSize),
		wantF32(p, "State", o.State, Rows(p.NumStates), c*o.StateSize), wantF32(p, "Out", o.Out, PerToken(1), c),
		wantDistinct(o.Out, o.X, o.DT, o.DTBias, o.A, o.B, o.C, o.D, o.State)}
	if o.D != 0 {
		errs = append(errs, wantF32(p, "D", o.D, Rows(1), h))
	}
	if o.DTBias != 0 {
		errs = append(errs, wantF32(p, "DTBias", o.DTBias, Rows(1), h))
	}
	return checks(errs...)
}

func (o SSMScan) Cost(p *Program, s *Step) Cost {
	state := int64(o.NumHeads*o.HeadDim) * int64(o.StateSize)
	return Cost{Bytes: moved(p, s.Sizes(), o.X, o.DT, o.A, o.B, o.C, o.Out) + 8*int64(len(s.Seqs))*state, FLOPs: 6 * int64(len(s.Tokens)) * state}
}

func (o SSMScan) Shape(p *Program) string {
	return fmt.Sprintf("%d heads of %d, state %d", o.NumHeads, o.HeadDim, o.StateSize)
}
