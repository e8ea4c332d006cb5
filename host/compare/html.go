package compare

import (
	"io"

	"tuff/host/report"
)

// WriteHTML writes the report as one file that needs nothing else: errors by layer, histograms of units in the last place, a map of the worst tensor, the
// divergence by position.
func (r *Report) WriteHTML(w io.Writer) error {
	limits := struct {
		Bound number `json:"bound"`
		NMSE  number `json:"nmse"`
	}{number(r.Limits.Bound), number(r.Limits.NMSE)}
	data := struct {
		*Report
		Limits  any    `json:"limits"`
		Summary string `json:"summary"`
	}{r, limits, r.Summary()}
	return report.Write(w, report.Page{Kind: "compare", Title: "Comparison of " + r.Model, Subtitle: r.A + " (" + r.Math + " arithmetic) against " + r.B + " (exact)", Data: data})
}
