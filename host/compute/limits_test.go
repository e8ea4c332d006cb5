package compute

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func someLimits() Limits {
	return Limits{Bandwidth: 1e9, FLOPs: 2e9, Half: 3e9, Dot8: 4e9, Dispatch: time.Microsecond, Independent: time.Microsecond, Submit: time.Millisecond,
		Upload: 5e9, Download: 6e9, MappedWrite: 7e9, MappedRead: 8e9, Measured: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Took: time.Second, Full: true,
		Matrix: []MatrixPeak{{"half×half→half", 16, 16, 16, 9e9}, {"half×half→float32", 16, 16, 16, 8e9}, {"int8×int8→int32", 16, 16, 32, 2e10}}}
}

func TestLimitsCheck(t *testing.T) {
	l := someLimits()
	require.NoError(t, l.Check())
	assert.Equal(t, 9e9, l.MatrixFLOPs(), "bytes are no FLOP")
	assert.Equal(t, l.Matrix[0].Rate, l.MatrixRate(l.Matrix[0].Types))
	assert.Zero(t, l.MatrixRate("half"))
	assert.Zero(t, new(Limits).MatrixFLOPs())
	assert.Equal(t, "half×half→half 16×16×16", l.Matrix[0].String())
	b, err := json.Marshal(l)
	require.NoError(t, err)
	var back Limits
	require.NoError(t, json.Unmarshal(b, &back))
	assert.Equal(t, l, back)
	for name, spoil := range map[string]func(*Limits){
		"nothing":       func(l *Limits) { *l = Limits{} },
		"no bandwidth":  func(l *Limits) { l.Bandwidth = 0 },
		"infinite":      func(l *Limits) { l.Half = math.Inf(1) },
		"not a number":  func(l *Limits) { l.Dot8 = math.NaN() },
		"negative":      func(l *Limits) { l.Upload = -1 },
		"negative time": func(l *Limits) { l.Dispatch = -1 },
		"no submission": func(l *Limits) { l.Submit = 0 },
		"no date":       func(l *Limits) { l.Measured = time.Time{} },
		"no shape":      func(l *Limits) { l.Matrix[0].K = 0 },
		"no rate":       func(l *Limits) { l.Matrix[2].Rate = 0 },
		"infinite rate": func(l *Limits) { l.Matrix[2].Rate = math.Inf(1) },
	} {
		l := someLimits()
		spoil(&l)
		assert.ErrorContains(t, l.Check(), "check limits", name)
	}
}
