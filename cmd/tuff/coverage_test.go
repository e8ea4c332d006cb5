package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// coverage is the table of docs/coverage.md: what the tests of the reference collection found, by case, format and device. It is
// written where TUFF_COVERAGE says, which make oracle sets, once every test has passed.
type coverageTable struct {
	mu   sync.Mutex
	rows map[coverageRow]map[string]string // by device
}

type coverageRow struct{ family, source, format string }

var covered = coverageTable{rows: map[coverageRow]map[string]string{}}

// note adds a result; a test that has failed notes nothing, so that its row is missing and the table is not written.
func (c *coverageTable) note(t *testing.T, row coverageRow, device, result string) {
	if t.Failed() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rows[row] == nil {
		c.rows[row] = map[string]string{}
	}
	c.rows[row][device] = result
}

// passed words the largest difference as a share of the tolerance.
func passed(worst float64) string { return fmt.Sprintf("pass, %.1f %%", 100*worst/tolerance) }

// refused words an error as the reason that it gives by name.
func refused(stderr string) string {
	_, why, _ := strings.Cut(lastLine(stderr), "not supported: ")
	if why == "" {
		why = strings.TrimPrefix(lastLine(stderr), "tuff: ")
	}
	why, _, _ = strings.Cut(why, ", want one of ")
	return "refused: " + why
}

func (c *coverageTable) write(path string) error {
	if len(c.rows) == 0 {
		return errors.New("no case of the reference collection ran: is it beside the checkout, or TUFF_SHARED set?")
	}
	rows := slices.SortedFunc(maps.Keys(c.rows), func(a, b coverageRow) int {
		return strings.Compare(a.family+"\x00"+a.source+a.format, b.family+"\x00"+b.source+b.format)
	})
	var b strings.Builder
	counts := map[string][2]int{}
	for _, r := range rows {
		for _, device := range []string{"cpu", "gpu"} {
			n := counts[device]
			if strings.HasPrefix(c.rows[r][device], "pass") {
				n[0]++
			} else {
				n[1]++
			}
			counts[device] = n
		}
	}
	fmt.Fprintf(&b, `# Coverage

Made by %[1]smake oracle%[1]s; do not edit. Every case of the reference collection, in exact arithmetic: small models of random weights whose
logits, likeliest ids and greedily generated ids (of encoders: pooled vectors) another implementation computed in float32. A case passes
when every logit of every prompt is within 3e-4 of the logits' spread, prefilled in pieces and decoded with the cache; the
percentage is the largest difference as a share of that. Whatever is not supported is refused by name before any weight is read.
There is no third state: a test fails on anything else.

gpu is %[2]s.

cpu: %[3]d pass, %[4]d refused. gpu: %[5]d pass, %[6]d refused.

| Model | From | Weights | cpu | gpu |
|---|---|---|---|---|
`, "`", gpuName(), counts["cpu"][0], counts["cpu"][1], counts["gpu"][0], counts["gpu"][1])
	for _, r := range rows {
		cpu, gpu := c.rows[r]["cpu"], c.rows[r]["gpu"]
		if cpu == "" || gpu == "" {
			return fmt.Errorf("%s from %s as %s: got cpu %q and gpu %q, want a result on both", r.family, r.source, r.format, cpu, gpu)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.family, r.source, r.format, cpu, gpu)
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// gpuName is the first Vulkan device with its driver.
func gpuName() string {
	var out strings.Builder
	root := newRoot()
	root.SetArgs([]string{"devices", "--json"})
	root.SetOut(&out)
	if err := root.Execute(); err != nil {
		return err.Error()
	}
	var list []struct{ Selector, Name, Driver string }
	if err := json.Unmarshal([]byte(out.String()), &list); err != nil {
		return err.Error()
	}
	for _, d := range list {
		if strings.HasPrefix(d.Selector, "gpu") {
			return fmt.Sprintf("%s, driver %s", d.Name, d.Driver)
		}
	}
	return "absent"
}
