package compare

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"tuff/host/report"
)

// Lines says in words what the ops' table cannot: the first divergence, logits, texts and what repeated runs gave, a line each.
func (r *Report) Lines() (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if r.First != nil {
		row, col := r.First.Element()
		m, given := r.First.Worst(), "given B's inputs"
		if r.Carried {
			given = "errors carried along"
		}
		add("first divergence: %s, kernel %s, %s: element (%d, %d) is %.8g, want %.8g", r.First.Tensor, r.First.Kernel, given, row, col, m.Got, m.Want)
	}
	if r.Bisection != nil {
		add("%s", r.Bisection)
	}
	l := &r.Logits
	switch {
	case r.Encoder:
		add("vectors of %d tokens: largest difference %.3g", l.Positions, l.MaxAbs)
	case l.Positions > 0:
		add("logits: mean KL %.3g, p99 %.3g, max %.3g, top-1 equal %.2f %% of %d positions, largest difference %.3g", l.MeanKL, l.P99KL, l.MaxKL, 100*l.Top1, l.Positions, l.MaxAbs)
		add("greedy text: %s", &r.Greedy)
	}
	for i, p := range r.Prompts {
		add("prompt %d, %d tokens: mean KL %.3g, p99 %.3g, top-1 equal %.2f %%, text: %s", i+1, p.Tokens, p.Logits.MeanKL, p.Logits.P99KL, 100*p.Logits.Top1, &p.Greedy)
	}
	for _, s := range r.Stability {
		times, bits := "once", "the same bits"
		if s.Runs > 1 {
			times = fmt.Sprintf("%d times", s.Runs)
		}
		if !s.Equal {
			bits = fmt.Sprintf("other bits, largest difference %.3g, KL %.3g", s.MaxAbs, s.KL)
		}
		add("the prompt's last logits on A, %s, %s: %s", s.Name, times, bits)
	}
	return lines
}

// String is the outcome in words.
func (g *Greedy) String() string {
	switch {
	case g.Tokens == 0:
		return "none"
	case g.First < 0:
		return fmt.Sprintf("%d tokens equal", g.Equal)
	}
	return fmt.Sprintf("equal for %d tokens, then different where B's best leads by %.3g", g.Equal, g.Margin)
}

// WriteCSV writes a row for each result of each phase.
func (r *Report) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	rows := [][]string{{"phase", "result", "op", "stem", "kernel", "rows", "cols", "bound", "no_bound", "nmse", "max_abs", "max_ulp", "cosine", "nan", "inf",
		"carried_nmse", "carried_max_abs", "carried_max_ulp", "carried_cosine", "carried_nan", "carried_inf", "worst_row", "worst_col", "got", "want", "verdict"}}
	f := func(v float64) string { return strconv.FormatFloat(v, 'g', 9, 64) }
	metrics := func(m *Metrics) []string {
		if m.Count == 0 { // nothing could be fed
			return make([]string, 6)
		}
		return []string{f(m.NMSE), f(m.MaxAbs), f(m.MaxULP), f(m.Cosine), strconv.Itoa(m.NaN), strconv.Itoa(m.Inf)}
	}
	for i := range r.Ops {
		op := &r.Ops[i]
		bound := ""
		if op.Isolated.Count > 0 && op.NoBound == "" {
			bound = f(op.Isolated.Bound)
		}
		row, col := op.Element()
		rows = append(rows, slices.Concat([]string{op.Phase, op.Tensor, op.Label, op.Stem, op.Kernel, strconv.Itoa(op.Rows), strconv.Itoa(op.Cols), bound, op.NoBound},
			metrics(&op.Isolated), metrics(&op.Carried), []string{strconv.Itoa(row), strconv.Itoa(col), f(op.Worst().Got), f(op.Worst().Want), op.Verdict}))
	}
	if err := c.WriteAll(rows); err != nil {
		return fmt.Errorf("compare: write CSV: %w", err)
	}
	return nil
}

// markdownRows are the results that Markdown has, so that an issue takes it.
const markdownRows = 24

// WriteMarkdown writes the report for pasting into an issue: all in words, and of the results those that are over a limit, in the program's order, or
// where none is those closest to one.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "**tuff compare**, %s: %s (%s) against %s", report.Cell(r.Model), report.Cell(r.A), join(r.DriverA, r.Math), report.Cell(r.B))
	if about := join(r.DriverB, r.MathB); about != "" {
		fmt.Fprintf(&b, " (%s)", about)
	}
	fmt.Fprintf(&b, "\n\n**%s**\n\n", report.Cell(r.Summary()))
	for _, l := range r.Lines() {
		fmt.Fprintf(&b, "- %s\n", report.Cell(strings.ReplaceAll(l, "\n", "; ")))
	}
	shown, what := r.worth()
	fmt.Fprintf(&b, "\n%s:\n\n| phase | result | kernel | shape | own: bound | NMSE | max ULP | cosine | NaN, inf | carried: NMSE | cosine | verdict |\n|---|---|---|---|---:|---:|---:|---:|---:|---:|---:|---|\n", what)
	for _, op := range shown {
		own := "– | – | – | –"
		if m := &op.Isolated; m.Count > 0 {
			bound := "–"
			if op.NoBound == "" {
				bound = fmt.Sprintf("%.2f %%", 100*m.Bound)
			}
			own = fmt.Sprintf("%s | %.2g | %.3g | %.7f", bound, m.NMSE, m.MaxULP, m.Cosine)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %d | %.2g | %.7f | %s |\n", op.Phase, report.Cell(op.Tensor), report.Cell(op.Kernel), op.Shape(), own, op.Worst().NaN+op.Worst().Inf,
			op.Carried.NMSE, op.Carried.Cosine, report.Cell(op.Verdict))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("compare: write Markdown: %w", err)
	}
	return nil
}

// worth are the results that an issue needs, and what they are.
func (r *Report) worth() (shown []*Op, what string) {
	var over, all []*Op
	for i := range r.Ops {
		all = append(all, &r.Ops[i])
		if r.Ops[i].Verdict != "ok" {
			over = append(over, &r.Ops[i])
		}
	}
	if n := len(over); n > 0 {
		return over[:min(n, markdownRows)], fmt.Sprintf("%d of %d results over a limit%s", n, len(all), firstOf(n))
	}
	slices.SortStableFunc(all, func(a, b *Op) int { return cmp.Compare(b.share(r.Limits), a.share(r.Limits)) })
	return all[:min(len(all), markdownRows)], fmt.Sprintf("%d results, those closest to a limit first%s", len(all), firstOf(len(all)))
}

func firstOf(n int) string {
	if n <= markdownRows {
		return ""
	}
	return fmt.Sprintf(", %d of them", markdownRows)
}

// join is what is known of a side, in brackets.
func join(parts ...string) string {
	return report.Cell(strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", "))
}
