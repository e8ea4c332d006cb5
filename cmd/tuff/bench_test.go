package main

import (
	"encoding/csv"
	"encoding/json"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
	"tuff/host/testkit"
)

// smallBench is a model of which a token takes no time.
func smallBench(t *testing.T, args ...string) result {
	t.Helper()
	return tuff(t, append([]string{"bench", "--device", "cpu", "-m", testkit.Testdata(t, "oracle", "llama3-Q8_0.gguf")}, args...)...)
}

// The fields of llama-bench that its readers use, by name.
var llamaBenchFields = []string{"cpu_info", "gpu_info", "backends", "model_filename", "model_type", "model_size", "model_n_params", "n_batch", "n_threads",
	"type_k", "type_v", "n_prompt", "n_gen", "n_depth", "test_time", "avg_ns", "stddev_ns", "avg_ts", "stddev_ts", "samples_ns", "samples_ts"}

func checkBenchRow(t *testing.T, row map[string]any, prompt, gen, depth, reps int) {
	t.Helper()
	for _, f := range append(slices.Clone(llamaBenchFields), "device", "math", "bytes_per_token", "share_of_bandwidth", "share_of_flops", "median_ts") {
		if f != "device" { // gpu_info has it
			assert.Contains(t, row, f)
		}
	}
	assert.EqualValues(t, prompt, row["n_prompt"])
	assert.EqualValues(t, gen, row["n_gen"])
	assert.EqualValues(t, depth, row["n_depth"])
	ns, ts := row["samples_ns"].([]any), row["samples_ts"].([]any)
	require.Len(t, ns, reps)
	require.Len(t, ts, reps)
	var sum, sumNs float64
	for i := range ts {
		assert.InEpsilon(t, float64(prompt+gen)*1e9/ns[i].(float64), ts[i], 1e-6, "tokens per second")
		sum, sumNs = sum+ts[i].(float64), sumNs+ns[i].(float64)
	}
	assert.InEpsilon(t, sum/float64(reps), row["avg_ts"], 1e-6)
	assert.InEpsilon(t, sumNs/float64(reps), row["avg_ns"], 1e-3)
	assert.Positive(t, row["bytes_per_token"])
	assert.Positive(t, row["share_of_bandwidth"])
	assert.Positive(t, row["share_of_flops"])
	assert.Positive(t, row["load_ns"])
	if runtime.GOOS == "linux" {
		assert.Greater(t, row["peak_memory"], row["model_size"], "the weights are in memory")
		assert.Greater(t, row["state_size"], 0.0)
	}
	_, err := time.Parse(time.RFC3339, row["test_time"].(string))
	assert.NoError(t, err)
}

func TestBenchJSON(t *testing.T) {
	tests := [][3]int{{9, 0, 0}, {0, 2, 0}, {9, 0, 5}, {0, 2, 5}}
	args := []string{"-p", "9", "-n", "2", "-d", "0,5", "-r", "3"}
	var rows []map[string]any
	r := smallBench(t, append(args, "-o", "json")...).ok(t)
	require.NoError(t, json.Unmarshal([]byte(r.out), &rows))
	require.Len(t, rows, len(tests))
	for i, w := range tests {
		checkBenchRow(t, rows[i], w[0], w[1], w[2], 3)
		assert.Equal(t, "CPU", rows[i]["backends"])
		assert.Equal(t, "llama3-Q8_0.gguf", rows[i]["model_filename"])
	}
	assert.Less(t, rows[0]["bytes_per_token"], rows[1]["bytes_per_token"], "tokens of a prompt share the weights")
	assert.Contains(t, r.err, "device: CPU")
	lines := strings.Split(strings.TrimSpace(smallBench(t, append(args, "-o", "jsonl")...).ok(t).out), "\n")
	require.Len(t, lines, len(tests))
	for i, w := range tests {
		var row map[string]any
		require.NoError(t, json.Unmarshal([]byte(lines[i]), &row))
		checkBenchRow(t, row, w[0], w[1], w[2], 3)
	}
	require.NoError(t, json.Unmarshal([]byte(smallBench(t, "-p", "3", "-n", "0", "-r", "1", "--json").ok(t).out), &rows), "--json is -o json")
	require.Len(t, rows, 1)
	checkBenchRow(t, rows[0], 3, 0, 0, 1)
	assert.Zero(t, rows[0]["stddev_ts"])
}

func TestBenchCSVAndMarkdown(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(smallBench(t, "-p", "4,6", "-n", "2", "-r", "1", "-o", "csv").ok(t).out)).ReadAll()
	require.NoError(t, err, "every row has the header's fields")
	require.Len(t, rows, 4)
	at := func(row int, name string) float64 {
		i := slices.Index(rows[0], name)
		require.GreaterOrEqual(t, i, 0, name)
		v, err := strconv.ParseFloat(rows[row][i], 64)
		require.NoError(t, err)
		return v
	}
	for _, f := range llamaBenchFields {
		assert.Equal(t, !strings.HasPrefix(f, "samples"), slices.Contains(rows[0], f), f)
	}
	for i, w := range [][2]float64{{4, 0}, {6, 0}, {0, 2}} {
		assert.Equal(t, w[0], at(i+1, "n_prompt"))
		assert.Equal(t, w[1], at(i+1, "n_gen"))
		assert.Positive(t, at(i+1, "avg_ts"))
		assert.InEpsilon(t, at(i+1, "avg_ts"), (w[0]+w[1])*1e9/at(i+1, "avg_ns"), 1e-3, "tokens a second")
	}
	md := strings.Split(strings.TrimSpace(smallBench(t, "-p", "4", "-n", "2", "-d", "3", "-r", "1").ok(t).out), "\n")
	require.Len(t, md, 4)
	for _, line := range md {
		assert.Equal(t, strings.Count(md[0], "|"), strings.Count(line, "|"), line)
	}
	assert.Contains(t, md[2], "| pp4 @ d3 |")
	assert.Contains(t, md[3], "| tg2 @ d3 |")
}

// A prompt longer than a step is evaluated in several, and all of them count.
func TestBenchOfALongPrompt(t *testing.T) {
	var rows []benchResult
	require.NoError(t, json.Unmarshal([]byte(smallBench(t, "-p", "20,600", "-n", "0", "-r", "1", "-o", "json").ok(t).out), &rows))
	require.Len(t, rows, 2)
	assert.Equal(t, maxChunk, rows[1].Batch)
	assert.Greater(t, rows[1].FLOPsPerTok, rows[0].FLOPsPerTok, "attention reads more")
}

func TestBenchOnGPU(t *testing.T) {
	needGPU(t)
	var rows []map[string]any
	r := tuff(t, "bench", "--device", "gpu", "-m", testkit.Testdata(t, "oracle", "llama3-Q8_0.gguf"), "-p", "8", "-n", "2", "-r", "1", "-o", "json").ok(t)
	require.NoError(t, json.Unmarshal([]byte(r.out), &rows))
	require.Len(t, rows, 2)
	checkBenchRow(t, rows[0], 8, 0, 0, 1)
	checkBenchRow(t, rows[1], 0, 2, 0, 1)
	assert.Equal(t, "Vulkan", rows[0]["backends"])
}

func TestBenchStatistics(t *testing.T) {
	r := benchResult{SamplesNs: []int64{1e9, 2e9, 3e9, 6e9}, SamplesTs: []float64{12, 6, 4, 2}, BytesPerTok: 100, FLOPsPerTok: 40}
	r.finish(compute.Limits{Bandwidth: 1000, FLOPs: 800})
	assert.EqualValues(t, 3e9, r.AvgNs)
	assert.InDelta(t, 2.1602469e9, float64(r.StddevNs), 1e3, "of a sample: n-1")
	assert.InDelta(t, 6, r.AvgTs, 1e-12)
	assert.InDelta(t, 5, r.MedianTs, 1e-12, "between the middle two")
	assert.InDelta(t, 0.5, r.OfBandwidth, 1e-12)
	assert.InDelta(t, 0.25, r.OfFLOPs, 1e-12)
}

func TestBenchUsage(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"-p 0 -n 0", "got no test"},
		{"-p -1", "-p: got -1, want 0 to"},
		{"-n -7", "-n: got -7, want 0 to"},
		{"-d -7", "-d: got -7, want 0 to"},
		{"-n 9223372036854775807", "-n: got 9223372036854775807, want"},
		{"-r 0", "-r: got 0, want at least 1"},
		{"-o yaml", `-o: got "yaml", want md, json, jsonl or csv`},
		{"-p 16 -n 1 -d 4 -c 19", "-c: got 19, want at least the 20"},
		{"-p x", `"x"`},
	} {
		r := smallBench(t, strings.Fields(c.args)...)
		assert.Equal(t, exitUsage, r.code, c.args)
		assert.Contains(t, lastLine(r.err), c.says)
		assert.Empty(t, r.out)
	}
}

// A share of the limit is of what the kernels compute with.
func TestBenchShareOfLimit(t *testing.T) {
	l := compute.Limits{Bandwidth: 1000, FLOPs: 100, Matrix: []compute.MatrixPeak{{Types: "half×half→float32", Rate: 400}}}
	for tier, want := range map[string]float64{"float32": 0.4, "matrix units": 0.1, "half": 0.4} { // half was not measured
		r := benchResult{SamplesNs: []int64{1e9}, SamplesTs: []float64{1}, BytesPerTok: 50, FLOPsPerTok: 40, Tier: tier}
		r.finish(l)
		assert.InDelta(t, want, r.OfLimit, 1e-12, tier)
	}
	r := benchResult{SamplesNs: []int64{1e9}, SamplesTs: []float64{1}, BytesPerTok: 500, FLOPsPerTok: 40}
	r.finish(l)
	assert.InDelta(t, 0.5, r.OfLimit, 1e-12, "memory")
}
