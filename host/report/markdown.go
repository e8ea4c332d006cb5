package report

import "strings"

// Cell is a name as it stands in a cell of a table in Markdown, which it must not end.
func Cell(s string) string { return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s) }
