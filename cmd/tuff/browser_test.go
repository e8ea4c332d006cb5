package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/testkit"
)

// looked is what a script saw of a page.
func looked[T any](t *testing.T, page, script string) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(testkit.Browser(t, page, script)), &v))
	return v
}

// network fails for a page that would ask a network for anything.
func network(t *testing.T, page string) {
	t.Helper()
	b, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, s := range []string{"src=\"http", "href=\"http", "url(http", "@import", "<link "} {
		assert.NotContains(t, string(b), s)
	}
}

func TestProfilePage(t *testing.T) {
	page := filepath.Join(t.TempDir(), "p.html")
	tuff(t, "profile", "--device", "cpu", "-p", "24", "-n", "4", "-r", "2", "--html", page, "--overhead=false").ok(t)
	network(t, page)
	got := looked[struct {
		Sections    []string
		Points      int
		Ops         int
		Sorted      bool
		Picked      string
		Tip         string
		Zoomed      bool
		Decode      int
		Treemap     int
		Histogram   bool
		Overflowing bool
	}](t, page, `
		const $ = (s) => document.querySelector(s), all = (s) => [...document.querySelectorAll(s)];
		const v = { sections: all("section").map((s) => s.id), points: +$("#roofline [data-points]").dataset.points, ops: all("#ops tbody tr").length, treemap: all("#shares .tree div").length };
		const column = (n) => all("#ops tbody tr").map((r) => r.children[n].textContent);
		all("#ops thead th")[0].click(); const up = column(0); v.sorted = up.join() === [...up].sort().join();
		all("#ops tbody tr")[1].click(); v.picked = $("#ops tr.picked td").textContent; v.histogram = !!$("#ops .uplot canvas");
		const canvas = $("#timeline canvas"), box = canvas.getBoundingClientRect();
		const at = (type, more) => canvas.dispatchEvent(new (type === "wheel" ? WheelEvent : PointerEvent)(type, Object.assign({ clientX: box.left + box.width / 2, clientY: box.top + 18 + 34 + 17, bubbles: true, cancelable: true }, more)));
		at("pointermove"); v.tip = $(".tip").textContent;
		const from = canvas.dataset.from; at("wheel", { deltaY: -100 }); v.zoomed = canvas.dataset.from !== from;
		all("#ops .tabs button").find((b) => b.textContent === "decode").click(); v.decode = all("#ops tbody tr").length;
		v.overflowing = document.documentElement.scrollWidth > window.innerWidth;
		done(JSON.stringify(v));`)
	assert.Equal(t, []string{"summary", "parts", "roofline", "shares", "ops", "timeline", "memory"}, without(got.Sections, "advice"))
	assert.Greater(t, got.Ops, 5)
	assert.Greater(t, got.Decode, got.Ops, "a table for each phase")
	assert.GreaterOrEqual(t, got.Points, 4)
	assert.Equal(t, got.Ops, got.Treemap)
	assert.True(t, got.Sorted)
	assert.NotEmpty(t, got.Picked)
	assert.True(t, got.Histogram)
	assert.Contains(t, got.Tip, "s") // a time, of whatever the pointer is over
	assert.True(t, got.Zoomed)
	assert.False(t, got.Overflowing, "the page is as wide as the window")
}

func without(list []string, s string) (out []string) {
	for _, x := range list {
		if x != s {
			out = append(out, x)
		}
	}
	return out
}

func TestComparePage(t *testing.T) {
	page := filepath.Join(t.TempDir(), "c.html")
	r := tuff(t, "compare", "--a", "cpu", "--math", "fast", "-n", "4", "--determinism", "--html", page)
	r.ok(t)
	network(t, page)
	got := looked[struct {
		Sections     []string
		Rows, Decode int
		Tip, Title   string
		Sorted       bool
		Overflowing  bool
	}](t, page, `
		const $ = (s) => document.querySelector(s), all = (s) => [...document.querySelectorAll(s)];
		const v = { sections: all("section").map((s) => s.id), rows: all("#ops tbody tr").length };
		const canvas = $("#map canvas"), box = canvas.getBoundingClientRect();
		canvas.dispatchEvent(new MouseEvent("mousemove", { clientX: box.left + 5, clientY: box.top + 5 })); v.tip = $(".tip").textContent;
		all("#ops tbody tr")[3].click(); v.title = $("#ops .u-title").textContent;
		all("#ops thead th")[5].click(); const shown = all("#ops tbody tr").map((r) => +r.children[5].textContent);
		v.sorted = shown.length > 3 && shown.every((x, i) => !i || shown[i - 1] >= x);
		all("#ops .tabs button").find((b) => b.textContent === "decode").click(); v.decode = all("#ops tbody tr").length - v.rows;
		v.overflowing = document.documentElement.scrollWidth > window.innerWidth;
		done(JSON.stringify(v));`)
	assert.Equal(t, []string{"summary", "layers", "bounds", "map", "ops", "kl", "determinism"}, got.Sections)
	assert.Greater(t, got.Rows, 40)
	assert.Greater(t, got.Decode, 40)
	assert.Contains(t, got.Tip, "rows from 0, columns from 0")
	assert.Contains(t, got.Title, "units of the last place")
	assert.True(t, got.Sorted, "largest first")
	assert.False(t, got.Overflowing)
}

// Pages of recordings: of two there are no errors of ops alone, and of a dump the names that have no partner.
func TestCompareOfRecordingsPage(t *testing.T) {
	page := filepath.Join(t.TempDir(), "c.html")
	run := record(t, "--a", "cpu", "--math", "exact", "--no-fuse")
	other := dumped(t, run, layersOf, func(name string, v []float32) {
		if name == "l_out-2" {
			v[300] += 9
		}
	})
	for _, c := range []struct {
		args     []string
		sections []string
		says     string
	}{
		{[]string{"--a", run, "--b", run}, []string{"summary", "layers", "bounds", "ops", "kl"}, "Both sides are recordings"},
		{[]string{"--a", "cpu", "--b", other, "-n", "0", "--save", ""}, []string{"summary", "layers", "bounds", "map", "ops", "kl"}, "not a kernel of A"},
	} {
		tuff(t, append([]string{"compare", "--html", page}, c.args...)...)
		network(t, page)
		got := looked[struct {
			Sections    []string
			Text, Title string
			Rows        int
		}](t, page, `
			const all = (s) => [...document.querySelectorAll(s)];
			const v = { sections: all("section").map((s) => s.id), text: all("section").map((s) => s.textContent).join(" "), rows: all("#ops tbody tr").length };
			all("#ops tbody tr")[2].click(); v.title = document.querySelector("#ops .u-title").textContent;
			done(JSON.stringify(v));`)
		assert.Equal(t, c.sections, got.Sections)
		assert.Contains(t, got.Text, c.says)
		assert.Greater(t, got.Rows, 4)
		assert.Contains(t, got.Title, "units of the last place")
	}
}
