package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tuff/host/compute"
	"tuff/host/engine"
)

// benchResult has llama-bench's field names where the meaning is the same.
type benchResult struct {
	Model        string    `json:"model_filename"`
	ModelType    string    `json:"model_type"`
	ModelSize    int64     `json:"model_size"`
	Backend      string    `json:"backends"`
	Device       string    `json:"gpu_info"`
	CPU          string    `json:"cpu_info"`
	Threads      int       `json:"n_threads"`
	Prompt       int       `json:"n_prompt"`
	Gen          int       `json:"n_gen"`
	Depth        int       `json:"n_depth"`
	TestTime     string    `json:"test_time"`
	AvgNs        int64     `json:"avg_ns"`
	StddevNs     int64     `json:"stddev_ns"`
	AvgTs        float64   `json:"avg_ts"`
	StddevTs     float64   `json:"stddev_ts"`
	SamplesNs    []int64   `json:"samples_ns"`
	SamplesTs    []float64 `json:"samples_ts"`
	MedianTs     float64   `json:"median_ts"`
	Math         string    `json:"math"`
	BytesPerTok  int64     `json:"bytes_per_token"`
	FLOPsPerTok  int64     `json:"flops_per_token"`
	OfBandwidth  float64   `json:"share_of_bandwidth"`
	OfFLOPs      float64   `json:"share_of_flops"`
	BandwidthGBs float64   `json:"measured_bandwidth_gb_s"`
	PeakGFLOPs   float64   `json:"measured_gflop_s"`
}

func newBench() *cobra.Command {
	var c common
	var prompts, gens, depths []int
	var reps int
	var format string
	cmd := &cobra.Command{
		Use:   "bench -m MODEL",
		Short: "Tokens per second of prefill and decode, as shares of the device's limits",
		Long: `Measures prefill of -p tokens and decode of -n tokens, each alone, -r times after one run that does not count;
-d evaluates so many tokens first, untimed. Flags and JSON fields mean what llama-bench's mean.`,
		Example: `  tuff bench -m llama.gguf -p 512 -n 128 -r 5
  tuff bench -m llama.gguf -p 128 -n 32 -d 0,1024 -o json`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if reps < 1 || !slices.Contains([]string{"md", "json", "jsonl", "csv"}, format) {
				return usageError{fmt.Errorf("got -r %d -o %s, want at least 1 and md, json, jsonl or csv", reps, format)}
			}
			need := 0
			for _, d := range depths {
				for _, n := range append(slices.Clone(prompts), gens...) {
					if n < 0 || d < 0 {
						return usageError{fmt.Errorf("got a test of %d tokens at depth %d, want numbers of at least 0", n, d)}
					}
					need = max(need, d+n)
				}
			}
			if c.ctx == 0 {
				c.ctx = need
			}
			l, err := c.load(cmd.Context(), engine.Options{Chunk: max(slices.Max(append(prompts, 1)), 1)})
			if err != nil {
				return err
			}
			return errors.Join(bench(cmd, &c, l, prompts, gens, depths, reps, format), l.Close())
		},
	}
	c.modelFlags(cmd)
	c.deviceFlags(cmd)
	cmd.Flags().IntSliceVarP(&prompts, "n-prompt", "p", []int{512}, "prompt tokens")
	cmd.Flags().IntSliceVarP(&gens, "n-gen", "n", []int{128}, "generated tokens")
	cmd.Flags().IntSliceVarP(&depths, "n-depth", "d", []int{0}, "tokens in the context before")
	cmd.Flags().IntVarP(&reps, "repetitions", "r", 5, "measured runs of each test")
	cmd.Flags().StringVarP(&format, "output", "o", "md", "md, json, jsonl or csv")
	return cmd
}

func bench(cmd *cobra.Command, c *common, l *loaded, prompts, gens, depths []int, reps int, format string) error {
	var limits compute.Limits
	if m, ok := l.dev.(compute.Measurer); ok {
		var err error
		if limits, err = m.Measure(cmd.Context()); err != nil {
			return fmt.Errorf("bench: measure limits: %w", err)
		}
	}
	var all []benchResult
	for _, d := range depths {
		for i, n := range append(slices.Clone(prompts), gens...) {
			if n == 0 {
				continue
			}
			r, err := benchOne(cmd, c, l, i < len(prompts), n, d, reps, limits)
			if err != nil {
				return err
			}
			all = append(all, r)
		}
	}
	if c.json {
		format = "json"
	}
	return printBench(c, all, format)
}

// benchOne runs one test.
func benchOne(cmd *cobra.Command, c *common, l *loaded, prefill bool, n, depth, reps int, limits compute.Limits) (benchResult, error) {
	info := l.dev.Info()
	r := benchResult{Model: l.file.Name, ModelType: l.Model.Config.Name, ModelSize: l.Model.WeightBytes, Backend: info.Kind.String(),
		Device: info.Name, CPU: runtime.GOARCH, Threads: info.Threads, Depth: depth, Math: l.Math().String(),
		TestTime: time.Now().UTC().Format(time.RFC3339), BandwidthGBs: limits.Bandwidth / 1e9, PeakGFLOPs: limits.FLOPs / 1e9}
	name := fmt.Sprintf("tg%d", n)
	if prefill {
		r.Prompt, name = n, fmt.Sprintf("pp%d", n)
	} else {
		r.Gen = n
	}
	// Any ids do: the work does not depend on them.
	ids := make([]int32, max(n, depth))
	for i := range ids {
		ids[i] = int32((i*7919 + 13) % l.Model.Config.VocabSize)
	}
	bar := c.bar("bench " + name)
	defer bar.done()
	var cost compute.Cost
	for rep := range reps + 1 {
		s := l.NewSession()
		if err := s.Eval(cmd.Context(), ids[:depth], engine.WantNone, nil); err != nil {
			return r, err
		}
		start := time.Now()
		if prefill {
			if err := s.Eval(cmd.Context(), ids[:n], engine.WantLast, nil); err != nil {
				return r, err
			}
			cost = l.Model.Program.Cost(s.LastStep())
		} else {
			cost = compute.Cost{}
			for _, id := range ids[:n] {
				if _, err := s.Next(cmd.Context(), id); err != nil {
					return r, err
				}
				cost = cost.Add(l.Model.Program.Cost(s.LastStep()))
			}
		}
		ns := time.Since(start).Nanoseconds()
		s.Close()
		bar.count("run", rep, reps)
		if rep > 0 { // the first warms caches and compiles what is compiled late
			r.SamplesNs = append(r.SamplesNs, ns)
			r.SamplesTs = append(r.SamplesTs, float64(n)*1e9/float64(ns))
		}
	}
	r.BytesPerTok, r.FLOPsPerTok = cost.Bytes/int64(n), cost.FLOPs/int64(n)
	r.finish(limits)
	return r, nil
}

// finish derives the statistics.
func (r *benchResult) finish(l compute.Limits) {
	ns := make([]float64, len(r.SamplesNs))
	for i, v := range r.SamplesNs {
		ns[i] = float64(v)
	}
	avg, sd := meanStddev(ns)
	r.AvgNs, r.StddevNs = int64(avg), int64(sd)
	r.AvgTs, r.StddevTs = meanStddev(r.SamplesTs)
	sorted := slices.Sorted(slices.Values(r.SamplesTs))
	r.MedianTs = sorted[len(sorted)/2]
	if l.Bandwidth > 0 {
		r.OfBandwidth = r.MedianTs * float64(r.BytesPerTok) / l.Bandwidth
	}
	if l.FLOPs > 0 {
		r.OfFLOPs = r.MedianTs * float64(r.FLOPsPerTok) / l.FLOPs
	}
}

func meanStddev(v []float64) (mean, sd float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	if len(v) < 2 {
		return mean, 0
	}
	for _, x := range v {
		sd += (x - mean) * (x - mean) / float64(len(v)-1)
	}
	return mean, math.Sqrt(sd)
}

// test is llama-bench's name of a test.
func (r *benchResult) test() string {
	name := fmt.Sprintf("pp%d", r.Prompt)
	if r.Gen > 0 {
		name = fmt.Sprintf("tg%d", r.Gen)
	}
	if r.Depth > 0 {
		name += fmt.Sprintf(" @ d%d", r.Depth)
	}
	return name
}

func printBench(c *common, all []benchResult, format string) error {
	switch format {
	case "json":
		return c.printJSON(all)
	case "jsonl":
		enc := json.NewEncoder(c.out)
		for _, r := range all {
			if err := enc.Encode(r); err != nil {
				return err
			}
		}
		return nil
	case "csv":
		w := csv.NewWriter(c.out)
		_ = w.Write([]string{"model_filename", "gpu_info", "math", "n_prompt", "n_gen", "n_depth", "avg_ts", "stddev_ts", "median_ts", "bytes_per_token", "share_of_bandwidth", "share_of_flops"})
		for _, r := range all {
			f := func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
			_ = w.Write([]string{r.Model, r.Device, r.Math, strconv.Itoa(r.Prompt), strconv.Itoa(r.Gen), strconv.Itoa(r.Depth), f(r.AvgTs),
				f(r.StddevTs), f(r.MedianTs), strconv.FormatInt(r.BytesPerTok, 10), f(r.OfBandwidth), f(r.OfFLOPs)})
		}
		w.Flush()
		return w.Error()
	}
	var b strings.Builder
	b.WriteString("| model | size | device | math | test | t/s | median | of bandwidth | of FLOP/s |\n|---|---:|---|---|---:|---:|---:|---:|---:|\n")
	for _, r := range all {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %.2f ± %.2f | %.2f | %.1f %% | %.1f %% |\n", r.ModelType, size(r.ModelSize), r.Device, r.Math,
			r.test(), r.AvgTs, r.StddevTs, r.MedianTs, 100*r.OfBandwidth, 100*r.OfFLOPs)
	}
	_, err := fmt.Fprint(c.out, b.String())
	return err
}
