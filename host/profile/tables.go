package profile

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"tuff/host/compute"
	"tuff/host/report"
)

// WriteCSV writes a row for each op of each phase, times in microseconds.
func (r *Report) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	rows := [][]string{{"phase", "op", "shape", "kernel", "calls", "total_us", "share", "median_us", "min_us", "max_us", "bytes", "flops", "issued_bytes", "issued_flops", "bytes_per_s", "flops_per_s",
		"of_bandwidth", "tier", "of_peak", "of_flops", "of_matrix", "gap_barrier_us", "gap_launch_us", "registers", "spills", "subgroups", "why"}}
	f := func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
	issued := func(c *compute.Cost, flops bool) string {
		switch {
		case c == nil:
			return ""
		case flops:
			return strconv.FormatInt(c.FLOPs, 10)
		}
		return strconv.FormatInt(c.Bytes, 10)
	}
	us := func(d time.Duration) string { return f(float64(d) / 1e3) }
	for _, g := range r.Regions {
		for _, o := range g.Ops {
			rows = append(rows, []string{g.Name, o.Stem, o.Shape, o.Kernel, strconv.Itoa(o.Calls), us(o.Time), f(o.Share), us(o.Median), us(o.Min), us(o.Max),
				strconv.FormatInt(o.Cost.Bytes, 10), strconv.FormatInt(o.Cost.FLOPs, 10), issued(o.Issued, false), issued(o.Issued, true), f(o.BytesPerSec), f(o.FLOPsPerSec), f(o.OfBandwidth), o.Tier, f(o.OfPeak), f(o.OfFLOPs), f(o.OfMatrix),
				us(o.GapBarrier), us(o.GapLaunch), o.Registers(), o.Spills(), o.Occupancy(), o.Why})
		}
	}
	if err := c.WriteAll(rows); err != nil {
		return fmt.Errorf("profile: write CSV: %w", err)
	}
	return nil
}

// WriteMarkdown writes the report for pasting into an issue.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** on %s (%s), %s arithmetic", report.Cell(r.Model), report.Cell(r.Device), report.Cell(r.Driver), r.Math)
	if r.Limits.Bandwidth > 0 {
		fmt.Fprintf(&b, "; measured limits: %.3g GB/s, %.3g GFLOP/s float32", r.Limits.Bandwidth/1e9, r.Limits.FLOPs/1e9)
	}
	if !r.Told {
		b.WriteString("; " + NotTold)
	}
	b.WriteString("\n")
	for _, g := range r.Regions {
		asked := g.Asked()
		fmt.Fprintf(&b, "\n### %s: %.1f tokens/s%s (%d tokens in %d steps)\n\n| op | shape | kernel | calls | µs/call (min–max) | share | GB/s | of limit | bound by | gap µs |%s%s\n|---|---|---|---:|---:|---:|---:|---:|---|---:|%s%s\n",
			g.Name, g.TokensPerSec, g.Spread(), g.Tokens, g.Steps, onlyIf(asked, " bytes asked / must | FLOPs done / must |"), r.iftold(" registers | spills | subgroups |"), onlyIf(asked, "---:|---:|"), r.iftold("---:|---:|---|"))
		for _, o := range g.Ops {
			fmt.Fprintf(&b, "| %s | %s | %s | %d | %.1f (%.1f–%.1f) | %.1f %% | %.3g | %.0f %% | %s | %.1f |%s%s\n", report.Cell(o.Stem), report.Cell(o.Shape), report.Cell(o.Kernel), o.Calls, micro(o.Median), micro(o.Min),
				micro(o.Max), 100*o.Share, o.BytesPerSec/1e9, 100*o.OfLimit(), o.Limit(), micro(o.GapBarrier+o.GapLaunch)/float64(o.Calls), onlyIf(asked, fmt.Sprintf(" %s | %s |", Times(o.Again()), Times(o.Padded()))), r.iftold(fmt.Sprintf(" %s | %s | %s |", o.Registers(), o.Spills(), o.Occupancy())))
		}
		b.WriteString("\n| part | share |\n|---|---:|\n")
		for _, p := range g.Parts {
			fmt.Fprintf(&b, "| %s | %.1f %% |\n", p.Name, 100*p.Time.Seconds()/g.Wall.Seconds())
		}
	}
	for _, a := range r.Advice {
		fmt.Fprintf(&b, "\n- %s: %s; `%s` (up to %.0f %% of the time: %s)", a.Phase, report.Cell(a.What), a.Command, 100*a.Gain, report.Cell(a.Because))
	}
	if _, err := io.WriteString(w, b.String()+"\n"); err != nil {
		return fmt.Errorf("profile: write Markdown: %w", err)
	}
	return nil
}

func micro(d time.Duration) float64 { return float64(d) / 1e3 }
