package profile

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

const us = time.Microsecond

func TestBusyAndIdleCountOverlapOnce(t *testing.T) {
	busy, idle := busyAndIdle([]compute.Span{{Begin: 10 * us, End: 20 * us}, {Begin: 0, End: 5 * us}, {Begin: 15 * us, End: 30 * us}, {Begin: 16 * us, End: 18 * us}})
	assert.Equal(t, 25*us, busy)
	assert.Equal(t, 5*us, idle)
	busy, idle = busyAndIdle(nil)
	assert.Zero(t, busy+idle)
}

// sampleReport has one decode step: encode 1, submit 2, wait 40 of which kernels 25 and gaps 5, other host code 3, logits 4.
func sampleReport(wall time.Duration) *Report {
	return &Report{
		Model: "m", Device: "d", Limits: compute.Limits{Bandwidth: 1e9, FLOPs: 1e9},
		groups: map[string][]compute.Group{"decode": {{Label: "a", Stem: "matmul", Kernel: "k", Shape: "2×2"}, {Label: "b", Stem: "add", Kernel: "l", Barriers: 1}}},
		calls: []call{{region: "decode", wall: wall, read: 4 * us, tokens: 1, cost: []compute.Cost{{Bytes: 10000, FLOPs: 1}, {Bytes: 1, FLOPs: 9000}},
			timing: compute.Timing{Wall: 46 * us, Encode: us, Submit: 2 * us, Wait: 40 * us, HostOffset: 3 * us, Spans: []compute.Span{
				{Group: 0, Kernel: "k", Begin: 0, End: 20 * us}, {Group: 1, Kernel: "l", Begin: 25 * us, End: 30 * us}}}}},
	}
}

func TestPartsAddUp(t *testing.T) {
	r := sampleReport(50 * us)
	g := r.region("decode")
	assert.InDelta(t, 1, g.Accounted, 1e-9)
	require.Len(t, g.Ops, 2)
	assert.Equal(t, "matmul", g.Ops[0].Stem)
	assert.InDelta(t, 0.8, g.Ops[0].Share, 1e-9)
	assert.InDelta(t, 0.5, g.Ops[0].OfBandwidth, 1e-9)
	assert.Equal(t, "memory", g.Ops[0].Limit())
	assert.Equal(t, "compute", g.Ops[1].Limit())
	assert.Equal(t, 1.0, g.Barriers)
	r.Regions = []Region{g}
	assert.NoError(t, r.Check())
	r = sampleReport(50 * us)
	r.calls[0].timing.Wait, r.calls[0].timing.Wall = 20*us, 26*us // less than the device says that it worked
	r.calls[0].wall = 30 * us
	r.Regions = []Region{r.region("decode")}
	assert.ErrorContains(t, r.Check(), "latency of decode is -8µs")
	for _, c := range []struct{ offset, wait, submit, latency time.Duration }{
		{2 * us, 40 * us, us, 11 * us}, // the device begins 1 µs before the submit returns
		{3 * us, 29 * us, us, 0},       // clocks that are not calibrated: it cannot have begun later
		{0, 40 * us, 0, 12 * us},       // never earlier than the submit begins
	} {
		r = sampleReport(50 * us)
		tm := &r.calls[0].timing
		tm.HostOffset, tm.Wait, tm.Wall = c.offset, c.wait, tm.Wall-40*us+c.wait
		r.calls[0].wall = tm.Wall + 4*us
		g = r.region("decode")
		for _, p := range g.Parts {
			switch p.Name {
			case "submit":
				assert.Equal(t, c.submit, p.Time)
			case "latency":
				assert.Equal(t, c.latency, p.Time)
			}
		}
		assert.InDelta(t, 1, g.Accounted, 1e-9)
	}
	r = sampleReport(60 * us)
	r.Regions = []Region{r.region("decode")}
	assert.ErrorContains(t, r.Check(), "decode 83.3 %")
	assert.False(t, addsUp(r.calls))
	assert.True(t, addsUp(sampleReport(50*us).calls))
	prefill := sampleReport(500 * us).calls[0]
	prefill.region, prefill.timing.Wall = "prefill", 496*us
	assert.False(t, addsUp(append(r.calls, prefill)), "a phase whose time is small beside the other's")
}

func TestTraceIsJSONWithBothLanes(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, sampleReport(50*us).WriteTrace(&b))
	var got struct {
		TraceEvents []event `json:"traceEvents"`
	}
	require.NoError(t, json.Unmarshal(b.Bytes(), &got))
	lanes := map[int]int{}
	for _, e := range got.TraceEvents {
		if e.Ph == "X" {
			lanes[e.Tid]++
		}
	}
	assert.Equal(t, map[int]int{hostLane: 5, deviceLane: 2}, lanes)
}
