package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tuff/host/compute"
)

// goal is a figure that tuff is made to reach on hardware, and what was measured.
type goal struct {
	what      string
	got, want float64
	times     bool // as a multiple of llama.cpp's; else a share of a measured limit
}

// What is wanted of hardware: shares of the measured limits, and multiples of llama.cpp's Vulkan backend on the same card.
const (
	wantMatMul, wantPrompt, wantDecode = 0.60, 0.50, 0.80
	wantModel, wantModelFast           = 0.85, 0.80 // of bandwidth by bytes that must be read, and above fastMemory
	fastMemory                         = 1e12       // bytes/s
	timesPrompt, timesDecode           = 1.3, 1.15
	timesMixture                       = 1.3
)

// limits are those of the report's device; zero where they were not measured.
func (r *gpuReport) limits() (l compute.Limits) {
	for i := range r.Steps {
		each(&r.Steps[i], func(d *struct {
			Name     string         `json:"name"`
			Measured compute.Limits `json:"measured"`
		}) {
			if r.Steps[i].Name == "limits" && d.Name == r.Device {
				l = d.Measured
			}
		})
	}
	return l
}

// kernels are all rows that have a time.
func (r *gpuReport) kernels() (rows []kernelRow) {
	for i := range r.Steps {
		if r.Steps[i].Name == "kernels" {
			each(&r.Steps[i], func(k *kernelRow) {
				if k.Error == "" && k.Seconds > 0 {
					rows = append(rows, *k)
				}
			})
		}
	}
	return rows
}

// goals are those for which something was measured.
func (r *gpuReport) goals() (list []goal) {
	for _, k := range r.kernels() {
		if !strings.Contains(k.Chosen, "fast") {
			continue
		}
		switch {
		case k.Op == "matmul" && k.Rows == 4096 && k.OfMatrix > 0 && strings.HasPrefix(k.Shape, "F16 4096×4096"):
			list = append(list, goal{what: "multiplication " + k.Shape + " by 4096 rows, of the matrix peak", got: k.OfMatrix, want: wantMatMul})
		case k.Op == "attention" && k.Rows >= 512 && k.OfMatrix > 0:
			list = append(list, goal{what: fmt.Sprintf("attention of %d rows, %d keys, of the matrix peak", k.Rows, k.Keys), got: k.OfMatrix, want: wantPrompt})
		case k.Op == "attention" && k.Rows == 1 && k.Keys == 4096:
			list = append(list, goal{what: "attention of one row, 4096 keys, of bandwidth", got: k.OfBandwidth, want: wantDecode})
		}
	}
	peer, bandwidth := r.peers(), r.limits().Bandwidth
	for i := range r.Steps {
		s := &r.Steps[i]
		if !strings.HasPrefix(s.Command, "tuff bench ") {
			continue
		}
		each(s, func(row *benchRow) {
			decode, mixture := row.Gen > 0, strings.Contains(s.Name, "A3B")
			if decode && row.Depth == 0 && (s.Name == "8B Q8_0" || s.Name == "8B Q4_K_M") {
				g := goal{what: s.Name + " " + row.test() + ", of bandwidth", got: row.Bandwidth, want: wantModel}
				if bandwidth > fastMemory {
					g.want = wantModelFast
				}
				list = append(list, g)
			}
			if p := peer[[2]string{s.Name, row.test()}]; p.Rate > 0 {
				g := goal{what: s.Name + " " + row.test() + ", against llama.cpp", got: row.Median / p.Rate, want: timesPrompt, times: true}
				switch {
				case decode && mixture:
					g.want = timesMixture
				case decode:
					g.want = timesDecode
				}
				list = append(list, g)
			}
		})
	}
	return list
}

func (r *gpuReport) printGoals(b *strings.Builder) {
	list := r.goals()
	if len(list) == 0 {
		return
	}
	b.WriteString("\n## Goals\n\n| goal | wanted | measured | |\n|---|---:|---:|---|\n")
	for _, g := range list {
		format, by, met := "%.0f %%", 100.0, "met"
		if g.times {
			format, by = "%.2f ×", 1
		}
		if !(g.got >= g.want) {
			met = "**not met**"
		}
		fmt.Fprintf(b, "| %s | "+format+" | "+format+" | %s |\n", g.what, by*g.want, by*g.got, met)
	}
}

// mostListed bounds the tables of what to look at first, and lost is how much slower than another kernel a choice must be to be listed.
const (
	mostListed = 20
	lost       = 1.1
)

// printChoices says where plans of fast arithmetic take a kernel though another one was faster, and where what they take is furthest from
// its limit: what to work on next.
func (r *gpuReport) printChoices(b *strings.Builder) {
	type place struct {
		op, shape  string
		rows, keys int
	}
	chosen, fastest := map[place]kernelRow{}, map[place]kernelRow{}
	var order []place
	for _, k := range r.kernels() {
		at := place{k.Op, k.Shape, k.Rows, k.Keys}
		f, ok := fastest[at]
		if !ok {
			order = append(order, at)
		}
		if !ok || k.Seconds < f.Seconds {
			fastest[at] = k
		}
		if strings.Contains(k.Chosen, "fast") {
			chosen[at] = k
		}
	}
	order = slices.DeleteFunc(order, func(at place) bool { return chosen[at].Seconds == 0 })
	cell := func(at place) string { return fmt.Sprintf("| %s | %s | %d | %d |", at.op, at.shape, at.rows, at.keys) }
	by := func(figure func(place) float64) {
		slices.SortStableFunc(order, func(a, b place) int { return cmp.Compare(figure(a), figure(b)) })
	}
	by(func(at place) float64 { return fastest[at].Seconds / chosen[at].Seconds })
	for i, at := range order[:min(len(order), mostListed)] {
		c, f := chosen[at], fastest[at]
		if c.Seconds < lost*f.Seconds {
			break
		}
		if i == 0 {
			b.WriteString("\n## Where plans of fast arithmetic lose\n\n| op | shape | rows | keys | chosen | µs | fastest | µs | ratio |\n|---|---|---:|---:|---|---:|---|---:|---:|\n")
		}
		fmt.Fprintf(b, "%s %s | %.1f | %s | %.1f | %.2f |\n", cell(at), c.Kernel, 1e6*c.Seconds, f.Kernel, 1e6*f.Seconds, c.Seconds/f.Seconds)
	}
	by(func(at place) float64 { return chosen[at].OfLimit })
	for i, at := range order[:min(len(order), mostListed)] {
		if i == 0 {
			b.WriteString("\n## Furthest from their limits\n\n| op | shape | rows | keys | chosen | µs | of limit |\n|---|---|---:|---:|---|---:|---:|\n")
		}
		fmt.Fprintf(b, "%s %s | %.1f | %.1f %% |\n", cell(at), chosen[at].Kernel, 1e6*chosen[at].Seconds, 100*chosen[at].OfLimit)
	}
}
