package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tuff/host/compute"
	"tuff/host/conformance"
)

// caseRecord is one case of kernels test or bench, a line of JSON each: fields and units as llama.cpp's test-backend-ops has them, and more.
type caseRecord struct {
	Device      string  `json:"device_description"`
	Driver      string  `json:"driver"`
	Op          string  `json:"op_name"`
	Params      string  `json:"op_params"`
	Mode        string  `json:"test_mode"` // test or perf
	Math        string  `json:"math"`
	Variant     string  `json:"variant,omitempty"` // forced; none: as planned
	Kernel      string  `json:"kernel,omitempty"`
	Supported   bool    `json:"supported"`
	Passed      bool    `json:"passed"`
	Error       string  `json:"error_message,omitempty"`
	NMSE        float64 `json:"nmse"`           // of a test
	Worst       float64 `json:"worst_of_bound"` // of a test: the largest error as a share of its proven bound
	Time        float64 `json:"time_us"`        // of a test: with making, checking and the reference
	FLOPs       float64 `json:"flops"`          // a second
	Bandwidth   float64 `json:"bandwidth_gb_s"`
	ShareOfBest float64 `json:"share_of_limit,omitempty"`
	Runs        int     `json:"n_runs"`
	Copies      int     `json:"copies,omitempty"` // of what is read, taking turns: 1 is warm caches
}

// labFormats are the outputs of kernels test and bench.
var labFormats = []string{"table", "json", "jsonl"}

// labFormat settles what -o and --json say.
func (c *common) labFormat(format *string) error {
	if c.json && *format == "table" {
		*format = "json"
	}
	if !slices.Contains(labFormats, *format) {
		return usageError{fmt.Errorf("-o: got %q, want one of %s", *format, strings.Join(labFormats, ", "))}
	}
	c.json = *format == "json"
	return nil
}

// recordOf is the record of a case of the suite. Numbers that JSON has no words for are left out: the message has them.
func recordOf(info compute.Info, r conformance.Result, o conformance.Options, variant string, seconds float64) caseRecord {
	var lacks *compute.UnsupportedError
	rec := caseRecord{Device: info.Name, Driver: info.Driver, Op: r.Case.Op, Params: r.Case.Name, Mode: "test", Math: o.Math.String(), Variant: variant, Kernel: strings.Join(r.Kernels, " "),
		Supported: !errors.As(r.Err, &lacks), Passed: r.Status == conformance.Passed, NMSE: finite(r.NMSE), Worst: finite(r.Worst), Time: 1e6 * seconds, Runs: 1}
	if r.Err != nil {
		rec.Error = oneLine(r.Err)
	}
	return rec
}

// finite is v, or 0 where JSON has no word for it.
func finite(v float64) float64 {
	if v-v != 0 {
		return 0
	}
	return v
}

// record is the record of a timed shape.
func (r *kernelRow) record(info compute.Info, runs int) caseRecord {
	params := fmt.Sprintf("%s rows=%d", r.Shape, r.Rows)
	if r.Keys > 0 {
		params += fmt.Sprintf(" keys=%d", r.Keys)
	}
	return caseRecord{Device: info.Name, Driver: info.Driver, Op: r.Op, Params: params, Mode: "perf", Math: r.Math, Variant: r.Variant, Kernel: r.Kernel, Supported: r.Error == "",
		Passed: r.Error == "", Error: r.Error, Time: 1e6 * r.Seconds, FLOPs: r.FLOPsPerSec, Bandwidth: r.BytesPerSec / 1e9, ShareOfBest: r.OfLimit, Runs: runs, Copies: r.Copies}
}
