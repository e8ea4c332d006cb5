package sampler

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// plain are parameters with every stage off.
func plain() Params { return Params{Seed: 7, Temp: 1, TopP: 1, RepeatPenalty: 1} }

func make_(t *testing.T, p Params, n int) *Sampler {
	t.Helper()
	s, err := New(p, n)
	require.NoError(t, err)
	return s
}

func TestDefaultsAreLlamaCpps(t *testing.T) {
	assert.Equal(t, Params{Seed: -1, Temp: 0.8, TopK: 40, TopP: 0.95, MinP: 0.05, RepeatLastN: 64, RepeatPenalty: 1}, Default())
	assert.NoError(t, Default().Check())
}

func TestGreedyTakesTheLowestOfEquals(t *testing.T) {
	p := plain()
	p.Temp = 0
	id, err := make_(t, p, 4).Sample([]float32{1, 3, 3, 2})
	require.NoError(t, err)
	assert.Equal(t, int32(1), id)
}

func TestNaNIsAnError(t *testing.T) {
	_, err := make_(t, plain(), 2).Sample([]float32{0, float32(math.NaN())})
	var nan *NaNError
	require.ErrorAs(t, err, &nan)
	assert.Equal(t, 1, nan.Index)
	_, err = make_(t, plain(), 2).Sample([]float32{0})
	assert.ErrorContains(t, err, "got 1 logits, want 2")
}

// Draws follow the softmax: Pearson's statistic over 6 degrees of freedom stays below its 99.9 % quantile.
func TestDrawsFollowTheProbabilities(t *testing.T) {
	p := plain()
	p.Temp = 0.7
	logits := []float32{0, 1, 2, -1, 0.5, 1.5, -3}
	var want [7]float64
	var sum float64
	for i, l := range logits {
		want[i] = math.Exp(float64(l) / 0.7)
		sum += want[i]
	}
	s := make_(t, p, len(logits))
	const n = 50000
	var got [7]int
	for range n {
		id, err := s.Sample(logits)
		require.NoError(t, err)
		got[id]++
	}
	var chi2 float64
	for i := range want {
		e := want[i] / sum * n
		chi2 += (float64(got[i]) - e) * (float64(got[i]) - e) / e
	}
	assert.Less(t, chi2, 22.46)
}

func TestSeedRepeats(t *testing.T) {
	logits := make([]float32, 100)
	run := func(s *Sampler) (ids []int32) {
		for range 20 {
			id, err := s.Sample(logits)
			require.NoError(t, err)
			ids = append(ids, id)
		}
		return ids
	}
	s := make_(t, plain(), 100)
	first := run(s)
	s.Reset()
	assert.Equal(t, first, run(s))
	p := plain()
	p.Seed = 8
	assert.NotEqual(t, first, run(make_(t, p, 100)))
}

// kept is which ids a sampler's truncation leaves.
func kept(t *testing.T, p Params, logits []float32) []int32 {
	s := make_(t, p, len(logits))
	_, err := s.Sample(logits)
	require.NoError(t, err)
	var ids []int32
	for _, c := range s.cand {
		ids = append(ids, c.id)
	}
	return ids
}

func TestTruncation(t *testing.T) {
	// Probabilities 0.5, 0.25, 0.15, 0.1.
	logits := []float32{ln(0.15), ln(0.5), ln(0.1), ln(0.25)}
	p := plain()
	assert.Equal(t, []int32{1, 3, 0, 2}, kept(t, p, logits))
	p.TopK = 2
	assert.Equal(t, []int32{1, 3}, kept(t, p, logits))
	p = plain()
	p.TopP = 0.7
	assert.Equal(t, []int32{1, 3}, kept(t, p, logits))
	p.TopP = 0.76
	assert.Equal(t, []int32{1, 3, 0}, kept(t, p, logits))
	p.TopP = 0
	assert.Equal(t, []int32{1}, kept(t, p, logits))
	p = plain()
	p.MinP = 0.25
	assert.Equal(t, []int32{1, 3, 0}, kept(t, p, logits))
	p.MinP = 1
	assert.Equal(t, []int32{1}, kept(t, p, logits))
}

func ln(v float64) float32 { return float32(math.Log(v)) }

// Selecting by partition keeps what a full sort would.
func TestTopKEqualsSorting(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		n := 1 + r.IntN(200)
		logits := make([]float32, n)
		for i := range logits {
			logits[i] = float32(r.IntN(20)) // many equals
		}
		p := plain()
		p.TopK = 1 + r.IntN(n+3)
		all := make([]candidate, n)
		for i, l := range logits {
			all[i] = candidate{id: int32(i), raw: l, logit: compute.FixedLogit(l)}
		}
		slices.SortFunc(all, larger)
		var want []int32
		for _, c := range all[:min(p.TopK, n)] {
			want = append(want, c.id)
		}
		require.Equal(t, want, kept(t, p, logits))
	}
}

func TestPenalties(t *testing.T) {
	p := plain()
	p.Temp, p.RepeatPenalty, p.PresencePenalty, p.FrequencyPenalty, p.RepeatLastN = 0, 2, 0.5, 0.25, 3
	s := make_(t, p, 4)
	for _, id := range []int32{3, 0, 1, 1} { // 3 has left the window
		s.Accept(id)
	}
	_, err := s.Sample([]float32{4, -4, 1, 1})
	require.NoError(t, err)
	var got []float64
	for _, c := range s.cand {
		got = append(got, float64(c.logit)/(1<<32))
	}
	assert.Equal(t, []float64{4/2 - 0.25 - 0.5, -4*2 - 2*0.25 - 0.5, 1, 1}, got)
}

func TestLogitBiasForbids(t *testing.T) {
	p := plain()
	p.LogitBias = map[int32]float32{1: float32(math.Inf(-1))}
	s := make_(t, p, 2)
	for range 100 {
		id, err := s.Sample([]float32{0, 50})
		require.NoError(t, err)
		require.Equal(t, int32(0), id)
	}
}

func TestBadParamsAreRefused(t *testing.T) {
	for _, change := range []func(*Params){
		func(p *Params) { p.TopP = 1.5 }, func(p *Params) { p.MinP = -1 }, func(p *Params) { p.RepeatPenalty = 0 },
		func(p *Params) { p.Temp = float32(math.NaN()) }, func(p *Params) { p.Seed = -2 }, func(p *Params) { p.RepeatLastN = -2 },
		func(p *Params) { p.LogitBias = map[int32]float32{9: 1} },
	} {
		p := plain()
		change(&p)
		_, err := New(p, 4)
		assert.Error(t, err)
	}
}

func TestNoAllocationPerToken(t *testing.T) {
	p := Default()
	p.Seed = 1
	s := make_(t, p, 1000)
	logits := make([]float32, 1000)
	for i := range logits {
		logits[i] = float32(i % 17)
	}
	assert.Zero(t, testing.AllocsPerRun(50, func() {
		if _, err := s.Sample(logits); err != nil {
			t.Fatal(err)
		}
	}))
}

// Where Enough says so, the largest logits give the tokens that all of them give, with the same random numbers.
func TestSampleTopIsSample(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 5))
	const vocab, n = 300, 64
	enough, short := 0, 0
	for trial := range 400 {
		p := Params{Seed: int64(trial), Temp: float32(rng.IntN(3)) / 2, TopK: []int{0, 1, 20, 40, 64, 65}[rng.IntN(6)], TopP: []float32{0.5, 0.95, 1}[rng.IntN(3)],
			MinP: []float32{0, 0.05}[rng.IntN(2)], RepeatLastN: []int{-1, 0, 16}[rng.IntN(3)], RepeatPenalty: []float32{0.9, 1, 1.3}[rng.IntN(3)],
			PresencePenalty: float32(rng.IntN(2)), FrequencyPenalty: []float32{-0.5, 0, 0, 0.5}[rng.IntN(4)]}
		all, top := make_(t, p, vocab), make_(t, p, vocab)
		logits := make([]float32, vocab)
		for range 30 {
			for i := range logits {
				logits[i] = float32(rng.IntN(40)-20) / 4 // with many equals
			}
			want, err := all.Sample(logits)
			require.NoError(t, err)
			got := want
			if top.Enough(n, 1) {
				enough++
				ids := make([]int32, vocab)
				for i := range ids {
					ids[i] = int32(i)
				}
				slices.SortStableFunc(ids, func(a, b int32) int { return int(4*logits[b]) - int(4*logits[a]) })
				ids = ids[:n]
				rng.Shuffle(n, func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
				values := make([]float32, n)
				for i, id := range ids {
					values[i] = logits[id]
				}
				got, err = top.SampleTop(ids, values)
				require.NoError(t, err)
			} else {
				short++
				_, err = top.Sample(logits)
				require.NoError(t, err)
			}
			require.Equal(t, want, got, "%+v", p)
			all.Accept(want)
			top.Accept(want)
		}
	}
	assert.Greater(t, enough, 1000)
	assert.Greater(t, short, 1000)
	_, err := make_(t, plain(), 4).SampleTop([]int32{2, 1}, []float32{1})
	assert.ErrorContains(t, err, "got 2 tokens and 1 logits")
	_, err = make_(t, plain(), 4).SampleTop([]int32{2}, []float32{float32(math.NaN())})
	assert.ErrorContains(t, err, "logit 2 is not a number")
}
