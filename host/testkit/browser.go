package testkit

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Browser opens the HTML file in a headless Chromium, runs the script in it as a user's clicks would, and returns what the script gives to
// done(text). Errors of the page's own scripts fail the test. It skips where there is no Chromium, unless TUFF_REQUIRE_BROWSER is set, as in
// CI. With TUFF_SCREENSHOTS a folder, the page as the script left it is kept there as a picture.
func Browser(t *testing.T, page, script string) string {
	t.Helper()
	var chromium string
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium-headless-shell", "chromium", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			chromium = path
			break
		}
	}
	if chromium == "" {
		if os.Getenv("TUFF_REQUIRE_BROWSER") != "" {
			t.Fatal("no Chromium: install chromium-headless-shell, or set CHROMIUM to one")
		}
		t.Skip("no Chromium to look at the page with")
	}
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	const before = `<script>window.addEventListener("error", (e) => done("error: " + e.message + " at line " + e.lineno));
function done(text) { if (!document.getElementById("result")) document.documentElement.append(Object.assign(document.createElement("pre"), {id: "result", textContent: text, hidden: true})); }</script>`
	after := "<script>window.addEventListener(\"load\", () => setTimeout(async () => {\n" + script + "\n}, 50));</script>"
	// The page forbids everything but its own text, which scripts put in here are part of.
	text := strings.Replace(string(html), "<head>", "<head>"+before, 1)
	text = strings.Replace(text, "</body>", after+"</body>", 1)
	dir := t.TempDir()
	copied := filepath.Join(dir, "page.html")
	require.NoError(t, os.WriteFile(copied, []byte(text), 0o644))
	args := []string{"--no-sandbox", "--disable-gpu", "--window-size=1280,2400", "--user-data-dir=" + filepath.Join(dir, "profile"), "--virtual-time-budget=8000"}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if shots := os.Getenv("TUFF_SCREENSHOTS"); shots != "" {
		name := strings.NewReplacer("/", "-", " ", "_").Replace(t.Name()) + ".png"
		_ = exec.CommandContext(ctx, chromium, append(args, "--screenshot="+filepath.Join(shots, name), "file://"+copied)...).Run() // a picture for people, no result
	}
	out, err := exec.CommandContext(ctx, chromium, append(args, "--dump-dom", "file://"+copied)...).Output()
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(out), `<pre id="result" hidden="">`)
	require.True(t, ok, "the script said nothing within its time")
	result, _, _ := strings.Cut(rest, "</pre>")
	result = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(result)
	require.False(t, strings.HasPrefix(result, "error:"), result)
	return result
}
