package gpu_test

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu"
	"tuff/host/compute"
	"tuff/host/sampler"
)

// candidates are the n largest of logits as compute.TopK leaves them.
func candidates(logits []float32, n int) []float32 {
	order := make([]int, len(logits))
	for i := range order {
		order[i] = i
	}
	key := func(i int) float64 {
		if l := float64(logits[i]); l == l {
			return min(l, math.MaxFloat64)
		}
		return math.Inf(1) // NaN comes first
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case key(a) > key(b):
			return -1
		case key(a) < key(b):
			return 1
		}
		return 0
	})
	row := make([]float32, 2*n)
	for i, id := range order[:n] {
		row[i], row[n+i] = logits[id], float32(id)
	}
	return row
}

// sampleRig runs Sample on rows of a table.
type sampleRig struct {
	d compute.Device
	x compute.Executable
	v compute.View
}

func newSampleRig(t *testing.T, d compute.Device, rows [][]float32) *sampleRig {
	cols := len(rows[0])
	data := make([]byte, 0, 4*cols*len(rows))
	for _, r := range rows {
		for _, v := range r {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
	}
	b, err := d.NewBuffer(compute.BufferSpec{Name: "rows", Usage: compute.UseWeights, Size: int64(len(data)), DType: compute.F32, Rows: len(rows), Cols: cols, Data: data})
	require.NoError(t, err)
	p := compute.NewProgram("sample")
	p.VocabSize = len(rows)
	table := p.Declare(compute.Tensor{Name: "rows", Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(len(rows)), Cols: cols, Buffer: b})
	x := p.Scratch("x", compute.PerToken(1), cols)
	out := p.Declare(compute.Tensor{Name: "out", Role: compute.Output, DType: compute.F32, Rows: compute.PerToken(1), Cols: 1})
	p.Add("embed", compute.Embed{Table: table, Out: x, Scale: 1})
	p.Add("sample", compute.Sample{X: x, Out: out})
	exe, err := d.Compile(t.Context(), p, compute.Options{})
	require.NoError(t, err)
	v, err := exe.Locate(out)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, errors.Join(exe.Close(), b.Close())) })
	return &sampleRig{d, exe, v}
}

func (r *sampleRig) choose(t *testing.T, row int, s *compute.Sampling) int32 {
	step := compute.Step{Tokens: []int32{int32(row)}, Pos: []int32{0}, Outputs: []int32{0}, Seqs: []compute.Seq{{Count: 1, Len: 1}}, Sampling: *s}
	require.NoError(t, r.x.Run(t.Context(), &compute.Call{Step: &step}))
	got := make([]byte, 4)
	require.NoError(t, r.d.Download(got, r.v.Buffer, r.v.Offset))
	return int32(math.Float32frombits(binary.LittleEndian.Uint32(got)))
}

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

// randomParams are settings of every kind, with those at the edges often.
func randomParams(r *rand.Rand, seed int) sampler.Params {
	return sampler.Params{Seed: int64(seed), Temp: pick[float32](r, 0, 0.01, 0.3, 0.8, 1, 1.7, 1e-6, 50), TopK: pick(r, 1, 2, 7, 40, 100, 256), TopP: pick[float32](r, 0, 0.1, 0.5, 0.95, 0.9999999, 1),
		MinP: pick[float32](r, 0, 0.05, 0.5, 1), RepeatLastN: pick(r, -1, 0, 5, 64), RepeatPenalty: pick[float32](r, 1, 1, 1.1, 3, 128),
		PresencePenalty: pick[float32](r, 0, 0, 0.5, 1024), FrequencyPenalty: pick[float32](r, 0, 0, 0.25, 1000)}
}

// randomLogits are smooth, of few values, tiny, huge, or with infinities and numbers that are none.
func randomLogits(r *rand.Rand, n int) []float32 {
	kind := r.IntN(8)
	l := make([]float32, n)
	for i := range l {
		switch v := float32(r.NormFloat64()); kind {
		case 0:
			l[i] = float32(math.Round(float64(v)))
		case 1:
			l[i] = v * 1e-12
		case 2:
			l[i] = v * 1e7
		case 3:
			l[i] = 1.5
		case 4:
			l[i] = pick(r, v, v, float32(math.Inf(-1)))
		default:
			l[i] = 4 * v
		}
	}
	if kind == 4 && r.IntN(2) == 0 {
		l[r.IntN(n)] = float32(math.Inf(1))
	}
	if r.IntN(25) == 0 {
		for range 1 + r.IntN(3) {
			l[r.IntN(n)] = float32(math.NaN())
		}
	}
	return l
}

// The token that a device chooses from the largest logits is the host's from all of them.
func TestSampleIsTheSamplers(t *testing.T) {
	for name, d := range map[string]compute.Device{"gpu": openGPU(t, gpu.Options{}), "cpu": openCPU(t)} {
		t.Run(name, func(t *testing.T) {
			for _, c := range []struct{ vocab, n, trials int }{{600, 256, 130}, {300, 100, 40}, {9, 9, 20}, {5, 1, 60}} {
				r := rand.New(rand.NewPCG(uint64(c.n), 77))
				const each = 12
				logits, rows := make([][]float32, each*c.trials), make([][]float32, max(each*c.trials, c.vocab))
				for i := range rows {
					if i < len(logits) {
						logits[i] = randomLogits(r, c.vocab)
						rows[i] = candidates(logits[i], c.n)
					} else {
						rows[i] = rows[0]
					}
				}
				rig := newSampleRig(t, d, rows)
				var set compute.Sampling
				met, nan, drawn := 0, 0, 0
				for trial := range c.trials {
					p := randomParams(r, trial)
					sm, err := sampler.New(p, c.vocab)
					require.NoError(t, err)
					for range r.IntN(20) {
						sm.Accept(int32(r.IntN(c.vocab)))
					}
					for i := each * trial; i < each*(trial+1); i++ {
						if !sm.Device(&set, c.n, 1) {
							break
						}
						met++
						got := rig.choose(t, i, &set)
						want, err := sm.Sample(logits[i])
						if notANumber := new(sampler.NaNError); errors.As(err, &notANumber) {
							nan++
							want = int32(-1 - notANumber.Index)
						} else {
							require.NoError(t, err)
							sm.Accept(want)
							if p.Temp > 0 {
								drawn++
							}
						}
						require.Equal(t, want, got, "case %d of %d: %+v", i, c.n, p)
					}
				}
				t.Logf("%d of %d: %d cases, %d drawn, %d not numbers", c.n, c.vocab, met, drawn, nan)
				assert.Greater(t, met, c.trials/4)
			}
		})
	}
}
