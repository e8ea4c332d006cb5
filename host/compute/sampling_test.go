package compute

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A weight is within 1 part in 10⁷ of the exponential, and 1 of its units.
func TestWeightIsTheExponential(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	worst := 0.0
	for range 200000 {
		temp := float32(math.Exp(8 * (r.Float64() - 0.5)))
		behind := int64(r.Float64() * 25 * float64(temp) * 0x1p32)
		got, want := float64(DecayOf(temp).Weight(behind)), math.Exp(-float64(behind)/0x1p32/float64(temp))*0x1p39
		require.LessOrEqual(t, math.Abs(got-want), want*1e-7+1, "behind %d at %g", behind, temp)
		if want > 1e9 {
			worst = max(worst, math.Abs(got-want)/want)
		}
	}
	t.Logf("relative error up to %.2g where weights are above 1e9", worst)
	for _, temp := range []float32{1e-30, 1e-6, 1, 1e6, math.MaxFloat32} {
		d := DecayOf(temp)
		assert.True(t, d.valid(), temp)
		assert.Equal(t, uint64(1)<<39, d.Weight(0), temp)
		assert.LessOrEqual(t, d.Weight(1<<62), d.Weight(1<<40))
		assert.LessOrEqual(t, d.Weight(1<<40), d.Weight(1<<20))
	}
	assert.Zero(t, DecayOf(1).Weight(1<<62))
}

func TestFixedLogit(t *testing.T) {
	for l, want := range map[float32]int64{0: 0, 1: 1 << 32, -1.5: -3 << 31, 0x1p-32: 1, -0x1p-33: 0, 0x1.8p-31: 3, 1 << 20: 1 << 52, 1e30: 1 << 52, -1e30: -1 << 52,
		float32(math.Inf(1)): 1 << 52, float32(math.Inf(-1)): -1 << 52, 0x1.fffffep19: 0x1fffffe << 27} {
		assert.Equal(t, want, FixedLogit(l), l)
	}
	assert.Zero(t, FixedLogit(float32(math.NaN())))
}

// The largest numbers that the checks allow do not run over.
func TestPenaltiesStayWithin64Bits(t *testing.T) {
	s := Sampling{Penalties: true, Repeat: MaxRepeat << 24, Unrepeat: MaxRepeat << 24, Presence: MaxPenalty << 32, Frequency: MaxPenalty << 32}
	require.NoError(t, s.check(NewProgram("none")))
	low := s.Penalized(-2*maxLogit<<32, 1<<30)
	s.Presence, s.Frequency = -s.Presence, -s.Frequency
	high := s.Penalized(2*maxLogit<<32, 1<<30)
	assert.Negative(t, low)
	assert.Positive(t, high)
	assert.Positive(t, high-low)
	s.Presence--
	assert.ErrorContains(t, s.check(NewProgram("none")), "got penalties")
}

func TestStepsAreChecked(t *testing.T) {
	p := NewProgram("steps")
	p.VocabSize, p.MaxPos, p.PageSize, p.NumPages = 10, 20, 4, 5
	x := p.Declare(Tensor{Name: "x", Role: Output, DType: F32, Rows: PerOutput(1), Cols: 4})
	p.Add("token", Sample{X: x, Out: p.Declare(Tensor{Name: "token", Role: Output, DType: F32, Rows: PerOutput(1), Cols: 1})})
	o := Options{MaxSteps: 8, MaxPages: 5}
	call := func(steps int, change func(*Step)) error {
		c := Call{Steps: steps, Step: &Step{Tokens: []int32{1}, Pos: []int32{10}, Outputs: []int32{0}, Seqs: []Seq{{Count: 1, Len: 11, Pages: []int32{0, 1, 2, 3}}}}}
		if change != nil {
			change(c.Step)
		}
		return c.Check(p, o)
	}
	assert.NoError(t, call(6, nil)) // positions 10 to 15
	assert.ErrorContains(t, call(7, nil), "want 5 to 5")
	assert.ErrorContains(t, call(9, nil), "want at most 8")
	assert.ErrorContains(t, call(8, func(s *Step) { s.Pos[0], s.Seqs[0].Len, s.Seqs[0].Pages = 13, 13+1, []int32{0, 1, 2, 3, 4} }), "pages")
	assert.ErrorContains(t, call(2, func(s *Step) { s.Outputs = nil }), "0 outputs")
	assert.ErrorContains(t, call(1, func(s *Step) { s.Sampling.Window = []int32{10} }), "token 0 of the window")
	assert.ErrorContains(t, call(1, func(s *Step) { s.Sampling.Random = true }), "decay")
	p.PageSize, p.NumPages = 0, 0
	assert.ErrorContains(t, call(8, func(s *Step) { s.Pos[0], s.Seqs[0].Len = 15, 16 }), "position 22")
	p.NumStates = 4
	states := func(steps, spare int) error {
		return call(steps, func(s *Step) { s.Seqs[0].StateIn, s.Seqs[0].StateOut, s.Seqs[0].StateSpare = 1, 3, spare })
	}
	assert.NoError(t, states(1, 1))
	assert.NoError(t, states(2, 2))
	for _, spare := range []int{-1, 1, 3, 4} {
		assert.ErrorContains(t, states(2, spare), "third state")
	}
}

// Steps of a run read what the one before has written, and never write where the run began.
func TestStatesTakeTurns(t *testing.T) {
	q := Seq{Count: 1, Len: 5, StateIn: 3, StateOut: 4, StateSpare: 5}
	for i := range 6 {
		before := q
		q.Advance()
		assert.Equal(t, before.StateOut, q.StateIn)
		assert.NotEqual(t, q.StateIn, q.StateOut)
		assert.NotEqual(t, 3, q.StateOut)
		assert.Equal(t, 6+i, q.Len)
	}
}
