package sampler

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a scan leaves out changes no token: of logits in any order, with equals and infinities among them, under penalties.
func TestLargestOfAll(t *testing.T) {
	const vocab = 3001
	rng := rand.New(rand.NewPCG(7, 1))
	for i, p := range []Params{
		{Temp: 0.8, TopK: 40, TopP: 0.95, MinP: 0.05, RepeatPenalty: 1}, {Temp: 0, RepeatPenalty: 1, TopP: 1}, {Temp: 2, TopK: 300, TopP: 1, RepeatPenalty: 1},
		{Temp: 1, TopK: 5, TopP: 1, RepeatPenalty: 1.5, RepeatLastN: 64, PresencePenalty: 0.5}, {Temp: 0, TopP: 1, RepeatPenalty: 2, RepeatLastN: -1, FrequencyPenalty: 1},
	} {
		for kind := range 4 {
			a, err := New(p, vocab)
			require.NoError(t, err)
			b, err := New(p, vocab)
			require.NoError(t, err)
			for range 40 {
				logits := make([]float32, vocab)
				for j := range logits {
					switch x := 20*rng.Float32() - 10; kind {
					case 0:
						logits[j] = x
					case 1: // many equals
						logits[j] = float32(math.Round(float64(x)))
					case 2: // most cannot be chosen
						if logits[j] = x; rng.IntN(50) > 0 {
							logits[j] = float32(math.Inf(-1))
						}
					default:
						logits[j] = x
					}
				}
				if kind == 3 {
					slices.Sort(logits)
				}
				n, ok := a.keeps(1)
				require.True(t, ok)
				require.LessOrEqual(t, scanFrom*n, vocab)
				want, err := a.sampleAll(logits)
				require.NoError(t, err)
				got, err := b.Sample(logits)
				require.NoError(t, err)
				require.Equal(t, want, got, "settings %d, logits %d", i, kind)
				a.Accept(got)
				b.Accept(got)
				at := rng.IntN(vocab)
				logits[at] = float32(math.NaN())
				_, err = b.Sample(logits)
				nan := new(NaNError)
				require.ErrorAs(t, err, &nan)
				assert.Equal(t, at, nan.Index)
			}
		}
	}
}

// BenchmarkSampleAll is the choice from all logits of a large vocabulary.
func BenchmarkSampleAll(b *testing.B) {
	s, err := New(Default(), 128256)
	require.NoError(b, err)
	logits := make([]float32, 128256)
	rng := rand.New(rand.NewPCG(7, 1))
	for i := range logits {
		logits[i] = float32(rng.NormFloat64())
	}
	for _, all := range []bool{true, false} {
		b.Run(map[bool]string{true: "all", false: "largest"}[all], func(b *testing.B) {
			for b.Loop() {
				if all {
					_, err = s.sampleAll(logits)
				} else {
					_, err = s.Sample(logits)
				}
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkSampleTop(b *testing.B) {
	s, err := New(Default(), 128256)
	if err != nil {
		b.Fatal(err)
	}
	ids, logits := make([]int32, 256), make([]float32, 256)
	for i := range ids {
		ids[i], logits[i] = int32(3*i), 20-float32(i)/16 // sorted, as a device leaves them
	}
	for b.Loop() {
		if _, err := s.SampleTop(ids, logits); err != nil {
			b.Fatal(err)
		}
	}
}
