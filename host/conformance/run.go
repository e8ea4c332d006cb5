package conformance

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tuff/host/compute"
)

// Run runs the suite on dev as subtests OP/NAME of t. It fails when the number of cases of an op is not the one written
// down in Counts, so that cases cannot get lost, and logs every skipped case with its reason.
func Run(t *testing.T, dev, ref compute.Device, o Options) {
	t.Helper()
	if o.Rerun == nil {
		o.Rerun = func(c Case) string { return fmt.Sprintf("go test -run '^%s$/^%s$/^%s$'", t.Name(), c.Op, c.Name) }
	}
	cases := Cases()
	if err := CheckCounts(cases); err != nil {
		t.Error(err)
	}
	byOp := make(map[string][]Case)
	var ops []string
	for _, c := range cases {
		if byOp[c.Op] == nil {
			ops = append(ops, c.Op)
		}
		byOp[c.Op] = append(byOp[c.Op], c)
	}
	used := make(map[string]bool)
	for _, op := range ops {
		t.Run(op, func(t *testing.T) {
			start, passed, worst := time.Now(), 0, Result{}
			var skipped []string
			for _, c := range o.Of(byOp[op]) {
				t.Run(c.Name, func(t *testing.T) {
					r := c.Run(t.Context(), dev, ref, o)
					switch r.Status {
					case Failed:
						t.Error(r)
					case Skipped:
						skipped = append(skipped, r.String())
						for prefix := range o.Skip {
							used[prefix] = used[prefix] || strings.HasPrefix(c.String(), prefix)
						}
					case Passed:
						passed++
						if r.Worst >= worst.Worst {
							worst = r
						}
					}
				})
			}
			t.Logf("%s: %d passed, %d skipped in %v; closest to its bound: %v", op, passed, len(skipped), time.Since(start).Round(time.Millisecond), worst)
			for _, s := range skipped {
				t.Log(s)
			}
		})
	}
	if !o.Short && o.Match == "" && testRunsAll() {
		for _, prefix := range slices.Sorted(maps.Keys(o.Skip)) {
			if !used[prefix] {
				t.Errorf("skip %q: every case ran, want the entry removed", prefix)
			}
		}
	}
}

// testRunsAll reports whether no -run filter hid subtests.
func testRunsAll() bool {
	f := flag.Lookup("test.run")
	return f == nil || !strings.Contains(f.Value.String(), "/")
}
