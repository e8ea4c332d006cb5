package conformance

import (
	"fmt"
	"maps"
	"slices"

	"tuff/host/compute"
)

// sample has every stage alone and all together, over candidates that topk leaves: of all, of few and of equal logits.
func (l *list) sample() {
	usual := compute.Sampling{Random: true, TopP: 1 << 32, Behind: -1, Decay: compute.DecayOf(1)}
	stages := map[string]func(*build, *compute.Sampling){
		"greedy":    func(_ *build, s *compute.Sampling) { s.Random = false },
		"all":       func(*build, *compute.Sampling) {},
		"cold":      func(_ *build, s *compute.Sampling) { s.Decay = compute.DecayOf(0.01) },
		"hot":       func(_ *build, s *compute.Sampling) { s.Decay = compute.DecayOf(30) },
		"top_k":     func(_ *build, s *compute.Sampling) { s.TopK, s.Decay = 7, compute.DecayOf(3) },
		"top_p":     func(_ *build, s *compute.Sampling) { s.TopP, s.Decay = 3<<30, compute.DecayOf(3) },
		"top_p_0":   func(_ *build, s *compute.Sampling) { s.TopP = 0 },
		"min_p":     func(_ *build, s *compute.Sampling) { s.Behind, s.Decay = 3<<32, compute.DecayOf(5) },
		"penalties": func(b *build, s *compute.Sampling) { s.Random = false; penalties(b, s) },
		"together": func(b *build, s *compute.Sampling) {
			s.TopK, s.TopP, s.Behind, s.Decay = 40, 4080218931, 12866306611, compute.DecayOf(0.8)
			penalties(b, s)
		},
	}
	for n, name := range slices.Sorted(maps.Keys(stages)) {
		change := stages[name]
		for i, k := range []int{1, 8, 9, 40, 100, 256} {
			for j, spread := range []float64{6, 0.01, 1e-11} {
				if k > 9 && j != (i+n)%3 {
					continue
				}
				l.add("sample", fmt.Sprintf("%s_k%d_spread%g", name, k, spread), 0, (i+j)%3 == n%3, func(b *build) {
					const steps = 2
					cols := k + 30
					for range steps {
						s := b.rows(3)
						s.Sampling = usual
						s.Sampling.State = b.rng.Uint64()
						b.p.VocabSize = max(b.p.VocabSize, cols)
						change(b, &s.Sampling)
					}
					x := b.feedOf("x", cols, func(int, int) float32 { return float32(b.rng.NormFloat64() * spread) })
					top := b.scratch("top", 2*k)
					b.p.Add("topk", compute.TopK{X: x, Out: top, K: k})
					b.p.Add("sample", compute.Sample{X: top, Out: b.output("out", 1)})
				})
			}
		}
	}
}

// penalties of tokens that are there as candidates, some outside the last few that count.
func penalties(b *build, s *compute.Sampling) {
	s.Penalties, s.Repeat, s.Unrepeat, s.Presence, s.Frequency, s.LastN = true, 20132659, 13981013, 1<<30, 1<<28, 50
	for range 70 {
		s.Window = append(s.Window, int32(b.rng.IntN(30)))
	}
}
