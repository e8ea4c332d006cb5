// Package report makes the HTML files that tuff compare and tuff profile write: one file each that needs no network, no server and no other
// file. The page holds its data as JSON, and a script draws it; the data are also there for other programs to take out.
//
// The plots are uPlot's (assets/uplot); what it does not have, such as timelines, treemaps and heat maps, is drawn by the scripts in assets. The
// package must not know what a report is about: assets/KIND.js does.
package report

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
)

//go:embed assets
var assets embed.FS

// Page is one report.
type Page struct {
	Kind     string // of assets/KIND.js
	Title    string
	Subtitle string
	Data     any // becomes JSON
}

var shell = template.Must(template.New("page.html").ParseFS(assets, "assets/page.html"))

// Write writes the page. Names out of model files and drivers may stand in Data and in the titles: they cannot end the script or the element
// that they are in.
func Write(w io.Writer, p Page) error {
	var scripts, styles []template.HTML
	for _, name := range []string{"uplot/uPlot.iife.min.js", "kit.js", "timeline.js", p.Kind + ".js"} {
		b, err := assets.ReadFile("assets/" + name)
		if err != nil {
			return fmt.Errorf("report: write %s: %w", p.Kind, err)
		}
		scripts = append(scripts, template.HTML("<script>\n"+string(b)+"</script>"))
	}
	for _, name := range []string{"uplot/uPlot.min.css", "style.css"} {
		b, err := assets.ReadFile("assets/" + name)
		if err != nil {
			return fmt.Errorf("report: write %s: %w", p.Kind, err)
		}
		styles = append(styles, template.HTML("<style>\n"+string(b)+"</style>"))
	}
	data, err := json.Marshal(p.Data) // escapes <, > and &, so that no name can end the element
	if err != nil {
		return fmt.Errorf("report: write %s: %w", p.Kind, err)
	}
	var b bytes.Buffer
	err = shell.Execute(&b, struct {
		Page
		Styles, Scripts []template.HTML
		JSON            template.HTML
	}{p, styles, scripts, template.HTML(`<script type="application/json" id="data">` + string(data) + `</script>`)})
	if err != nil {
		return fmt.Errorf("report: write %s: %w", p.Kind, err)
	}
	if _, err := b.WriteTo(w); err != nil {
		return fmt.Errorf("report: write %s: %w", p.Kind, err)
	}
	return nil
}
