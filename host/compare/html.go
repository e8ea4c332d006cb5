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
		Limits   any    `json:"limits"`
		Summary  string `json:"summary"`
		Bisected string `json:"bisection_text,omitempty"`
	}{r, limits, r.Summary(), ""}
	if r.Bisection != nil {
		data.Bisected = r.Bisection.String()
	}
	subtitle := r.A + " (" + r.Math + " arithmetic) against " + r.B
	if r.MathB != "" {
		subtitle += " (" + r.MathB + ")"
	}
	return report.Write(w, report.Page{Kind: "compare", Title: "Comparison of " + r.Model, Subtitle: subtitle, Data: data})
}
