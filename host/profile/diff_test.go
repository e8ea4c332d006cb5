package profile

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strings"
	"testing"

	pprof "github.com/google/pprof/profile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// runs are tokens per second, or times, around a middle with a spread of 2 %.
func runs(mid float64) []float64 {
	var v []float64
	for i := range 9 {
		v = append(v, mid*(1+0.005*float64(i-4)))
	}
	return v
}

func profileOf(rate float64, ops ...Op) *Report {
	return &Report{Regions: []Region{{Name: "decode", Steps: 1, Runs: runs(rate), Ops: ops}}}
}

func TestCompareJudges(t *testing.T) {
	a := profileOf(100, Op{Stem: "matmul", Shape: "x", Kernel: "k1", Runs: runs(50)}, Op{Stem: "add", Shape: "x", Kernel: "k", Runs: runs(10)}, Op{Stem: "gone", Runs: runs(1)})
	b := profileOf(80, Op{Stem: "add", Shape: "x", Kernel: "k", Runs: runs(10.02)}, Op{Stem: "matmul", Shape: "x", Kernel: "k2", Runs: runs(40)}, Op{Stem: "new", Runs: runs(1)})
	d, err := Compare(a, b)
	require.NoError(t, err)
	p := d.Phases[0]
	assert.Equal(t, Slower, p.Whole.Verdict)
	assert.InDelta(t, 1.25, p.Whole.Ratio, 0.001)
	verdicts := map[string]string{}
	for _, o := range p.Ops {
		verdicts[o.Stem] = o.Verdict
		if o.Stem == "matmul" {
			assert.Equal(t, "k1 k2", o.KernelA+" "+o.KernelB)
			assert.True(t, o.Low <= o.Ratio && o.Ratio <= o.High)
		}
	}
	assert.Equal(t, map[string]string{"matmul": Faster, "add": NoEvidence, "gone": OnlyA, "new": OnlyB}, verdicts)
	assert.Contains(t, d.Regress(0.02), "decode takes 25.0 % more time")
	assert.Empty(t, d.Regress(0.3))
	same, err := Compare(a, a)
	require.NoError(t, err)
	assert.Empty(t, same.Regress(0))
	assert.Equal(t, NoEvidence, same.Phases[0].Whole.Verdict)
}

func TestCompareRefuses(t *testing.T) {
	few := profileOf(100)
	few.Regions[0].Runs = few.Regions[0].Runs[:3]
	_, err := Compare(profileOf(100), few)
	assert.ErrorContains(t, err, "3")
	bad := profileOf(100)
	bad.Regions[0].Runs[2] = 0
	_, err = Compare(profileOf(100), bad)
	assert.ErrorContains(t, err, "0 tokens/s")
	_, err = Compare(&Report{}, profileOf(100))
	assert.ErrorContains(t, err, "no phase")
}

// With two values far apart and nothing else, chance alone gives every ratio between: the interval must say so.
func TestRatioIsWideWhereRunsDiffer(t *testing.T) {
	_, ci := ratio([]float64{1, 2, 1, 2, 1}, []float64{2, 1, 2, 1, 2}, 0.99)
	assert.LessOrEqual(t, ci.Low, 0.5)
	assert.GreaterOrEqual(t, ci.High, 2.0)
}

func TestGapsAreThoseOfBusyAndIdle(t *testing.T) {
	groups := []compute.Group{{}, {Barriers: 1}, {Barriers: 2}}
	spans := []compute.Span{{Group: 0, Begin: 0, End: 10}, {Group: 1, Begin: 14, End: 20}, {Group: 1, Begin: 23, End: 30}, {Group: 2, Begin: 31, End: 33}, {Group: 2, Begin: 38, End: 40}}
	g := gapsOf(spans, groups)
	assert.Equal(t, []gap{{0, false}, {4, true}, {3, false}, {1, true}, {5, true}}, g)
	_, idle := busyAndIdle(spans)
	assert.EqualValues(t, 13, idle)
}

func TestFormats(t *testing.T) {
	r := sampleReport(50 * us)
	r.Regions = []Region{r.region("decode")}
	r.advise()
	var b bytes.Buffer
	require.NoError(t, r.WriteCSV(&b))
	rows, err := csv.NewReader(&b).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 3)
	assert.Equal(t, []string{"decode", "matmul", "2×2", "k", "1", "20"}, rows[1][:6])
	b.Reset()
	require.NoError(t, r.WriteMarkdown(&b))
	assert.Contains(t, b.String(), "| matmul | 2×2 | k | 1 |")
	for _, line := range strings.Split(b.String(), "\n") {
		if strings.HasPrefix(line, "| matmul") || strings.HasPrefix(line, "| add") {
			assert.Equal(t, 11, strings.Count(line, "|"))
		}
	}
	b.Reset()
	require.NoError(t, r.WritePprof(&b))
	p, err := pprof.Parse(&b)
	require.NoError(t, err)
	var total int64
	for _, s := range p.Sample {
		total += s.Value[1]
	}
	assert.EqualValues(t, 50*us, total, "kernels, and all else as the host's")
	b.Reset()
	r.Model = "</script><script>alert(1)</script>" // a name out of a file
	require.NoError(t, r.WriteHTML(&b))
	assert.NotContains(t, b.String(), "<script>alert")
	assert.Contains(t, b.String(), `id="data"`)
}

// An op far from its limit is advised about, with a gain that is what remains of its share; one at its limit is not.
func TestAdvice(t *testing.T) {
	r := &Report{Limits: compute.Limits{Bandwidth: 1e9, FLOPs: 1e12}, Regions: []Region{{Name: "decode", Steps: 1, Wall: 100 * us, Parts: []Part{{Name: "kernels", Time: 100 * us}},
		Ops: []Op{{Stem: "matmul", Shape: "good", Share: 0.5, OfBandwidth: 0.9}, {Stem: "matmul", Shape: "bad", Kernel: "matmul_x", Share: 0.5, OfBandwidth: 0.45}}}}}
	r.advise()
	require.NotEmpty(t, r.Advice)
	assert.Contains(t, r.Advice[0].What, "bad")
	assert.InDelta(t, 0.25, r.Advice[0].Gain, 1e-9)
	assert.Contains(t, r.Advice[0].Because, "matmul good reaches 90 %")
	for _, a := range r.Advice {
		assert.NotContains(t, a.What, "good")
		assert.NotEmpty(t, a.Command)
	}
}

// An op that is bound by what it reads again, or by what lies beyond the edges of its tiles, is advised about with what of that must not be.
func TestAdviceOnWhatIsIssued(t *testing.T) {
	must := compute.Cost{Bytes: 100, FLOPs: 1000}
	of := func(shape string, memory, peak float64, bytes, flops int64) Op {
		return Op{Stem: "matmul", Shape: shape, Kernel: "matmul_x", Share: 0.25, OfBandwidth: memory, OfPeak: peak, Cost: must, Issued: &compute.Cost{Bytes: bytes, FLOPs: flops}}
	}
	r := &Report{Limits: compute.Limits{Bandwidth: 1e9, FLOPs: 1e12}, Regions: []Region{{Name: "prefill", Steps: 1, Wall: 100 * us, Parts: []Part{{Name: "kernels", Time: 100 * us}},
		Ops: []Op{of("again", 0.4, 0.1, 200, 1000), of("cached", 0.1, 0.05, 200, 1000), of("padded", 0.1, 0.5, 100, 1250), of("exact", 0.1, 0.5, 200, 1000)}}}}
	r.adviseIssued(&r.Regions[0], 1)
	require.Len(t, r.Advice, 2)
	assert.Contains(t, r.Advice[0].What, "matmul again (matmul_x) asks the memory for 2.0 ×")
	assert.InDelta(t, 0.25*(1-0.4/0.8), r.Advice[0].Gain, 1e-9)
	assert.Contains(t, r.Advice[0].Because, "80 % of the bandwidth and must have 40 %")
	assert.Contains(t, r.Advice[1].What, "matmul padded (matmul_x) computes 1.25 × what it must")
	assert.InDelta(t, 0.25*0.2, r.Advice[1].Gain, 1e-9)

	var table, text bytes.Buffer
	require.NoError(t, errors.Join(r.WriteCSV(&table), r.WriteMarkdown(&text)))
	assert.Contains(t, table.String(), ",100,1000,200,1000,")
	assert.Contains(t, text.String(), "| 1.00 × | 1.25 × |")
}
