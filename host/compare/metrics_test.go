package compare

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var nan, inf = float32(math.NaN()), float32(math.Inf(1))

func TestMeasureOfEqualValuesIsPerfect(t *testing.T) {
	v := []float32{1, -2, 0, 1e-30, 3e30}
	m := Measure(v, v, make([]float64, len(v)))
	assert.Zero(t, m.NMSE)
	assert.Zero(t, m.Bound)
	assert.Zero(t, m.MaxULP)
	assert.InDelta(t, 1, m.Cosine, 1e-12)
	assert.Empty(t, m.Over(Limits{Bound: 1, NMSE: 1e-7}))
}

func TestMeasureCountsInUnits(t *testing.T) {
	m := Measure([]float32{1, math.Nextafter32(math.Nextafter32(4, 5), 5)}, []float32{1, 4}, []float64{1, 1e-7})
	assert.InDelta(t, 2, m.MaxULP, 1e-9)
	assert.InDelta(t, 2*0x1p-21/1e-7, m.Bound, 1e-9)
	assert.Equal(t, 1, m.Worst)
	assert.Equal(t, "over the bound", m.Over(Limits{Bound: 1, NMSE: 1}))
	assert.Equal(t, "NMSE", Measure([]float32{1}, []float32{2}, nil).Over(Limits{Bound: 1, NMSE: 0.1}))
}

func TestWhatIsNotANumberNeverPasses(t *testing.T) {
	lax := Limits{Bound: math.Inf(1), NMSE: math.Inf(1)}
	for name, c := range map[string]struct{ a, b []float32 }{
		"NaN in A":           {[]float32{1, nan}, []float32{1, 2}},
		"infinity in A":      {[]float32{1, inf}, []float32{1, 2}},
		"wrong sign":         {[]float32{1, -inf}, []float32{1, inf}},
		"reference overflew": {[]float32{1, 2}, []float32{1, nan}},
	} {
		assert.NotEmpty(t, Measure(c.a, c.b, []float64{1, 1}).Over(lax), name)
	}
	assert.Empty(t, Measure([]float32{1, inf}, []float32{1, inf}, nil).Over(lax))
	assert.Equal(t, "over the bound", Measure([]float32{1}, []float32{1.5}, []float64{0}).Over(Limits{Bound: 1, NMSE: 1}))
}

func TestKLIsThatOfTheFormula(t *testing.T) {
	p, q := []float32{0, float32(math.Log(3))}, []float32{0, 0}
	want := 0.25*math.Log(0.25/0.5) + 0.75*math.Log(0.75/0.5)
	assert.InDelta(t, want, KL(p, q), 1e-7)
	assert.Zero(t, KL(p, p))
	assert.InDelta(t, 0, KL([]float32{1000, 0}, []float32{1001, 1}), 1e-12)
}

func TestMetricsThatAreNotFiniteAreNullInJSON(t *testing.T) {
	b, err := json.Marshal(Measure([]float32{float32(math.NaN()), 1}, []float32{1, 2}, []float64{0, 0}))
	require.NoError(t, err)
	assert.Contains(t, string(b), `"bound":null`)
	assert.Contains(t, string(b), `"got":null`)
	assert.Contains(t, string(b), `"nan":1`)
	b, err = json.Marshal(Report{Ops: []Op{{Isolated: Measure([]float32{2}, []float32{2}, nil)}}, Logits: Logits{MeanKL: math.Inf(1)}})
	require.NoError(t, err)
	var back Report
	require.NoError(t, json.Unmarshal(b, &back))
	assert.Equal(t, 1.0, back.Ops[0].Isolated.Cosine)
}
