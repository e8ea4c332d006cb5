package profile

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// telling is a driver that tells of two kernels, of which one ran.
type telling struct {
	compute.Executable
	err error
}

func (d telling) Built(group int) ([]compute.Built, error) {
	none := 0
	return []compute.Built{{Kernel: "matmul_a", Registers: 96, Spills: &none, Subgroups: 12, Unit: "SIMD", Statistics: []compute.Statistic{{Name: "VGPRs", Value: 96}}},
		{Kernel: "join", Statistics: []compute.Statistic{{Name: "Code size", Value: 100}}},
		{Kernel: "matmul_b", Registers: 7, Statistics: []compute.Statistic{{Name: "VGPRs", Value: 7}}}}, d.err
}

func TestDriversTell(t *testing.T) {
	told := func(x compute.Executable) (*Report, error) {
		r := profileOf(100, Op{Stem: "matmul", Shape: "x", Kernel: "matmul_a+join", Calls: 1, Runs: runs(50)})
		r.execs = map[string]compute.Executable{"decode": x}
		return r, r.ask()
	}
	r, err := told(telling{})
	require.NoError(t, err)
	require.True(t, r.Told)
	o := &r.Regions[0].Ops[0]
	require.Len(t, o.Built, 2, "matmul_b did not run")
	assert.Equal(t, "96+–", o.Registers())
	assert.Equal(t, "0+–", o.Spills())
	assert.Equal(t, "12/SIMD+–", o.Occupancy())
	var md, csv, html bytes.Buffer
	require.NoError(t, errors.Join(r.WriteMarkdown(&md), r.WriteCSV(&csv)))
	assert.Contains(t, md.String(), "| 96+– | 0+– | 12/SIMD+– |")
	assert.NotContains(t, md.String(), NotTold)
	assert.Contains(t, csv.String(), ",96+–,0+–,12/SIMD+–,")
	require.NoError(t, r.WriteHTML(&html))
	assert.Contains(t, html.String(), `"VGPRs"`)

	r, err = told(nil)
	require.NoError(t, err)
	md.Reset()
	require.NoError(t, r.WriteMarkdown(&md))
	assert.False(t, r.Told)
	assert.Contains(t, md.String(), NotTold)
	_, err = told(telling{err: errors.New("lost")})
	assert.ErrorContains(t, err, "what became of matmul_a+join: lost")
}
