package template

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/testkit"
)

// deviations are the vectors that come out differently, with the reason. One that is not listed fails the test, and so does
// a listed one that comes out right.
var deviations = map[string]string{
	"hfjs-chat ai21labs/AI21-Jamba-Large-1.6": "add_generation_prompt is undefined there; here, as in transformers, it is always given",
	"hfjs-chat MadeAgents/Hammer2.1":          "the JavaScript library writes JSON without spaces there; Python, which is followed here, writes them",
}

// recorded is the time of the recordings.
var recorded = time.Date(2025, 7, 10, 12, 0, 0, 0, time.UTC)

// vector is one rendering that another engine made.
type vector struct {
	name    string
	source  string
	vars    map[string]json.RawMessage
	special map[string]string
	now     time.Time
	want    string
	failure string // "Kind: message" of the error instead
}

func readJSON(t testing.TB, path string, into any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, into), path)
}

// renderings are the templates of published models, as transformers rendered them.
func renderings(t testing.TB) (list []vector) {
	dir := testkit.Shared(t, "real", "chat-templates")
	var f struct {
		Special    map[string][2]string                  `json:"special_tokens"`
		Inline     map[string]string                     `json:"inline_templates"`
		Cases      map[string]map[string]json.RawMessage `json:"cases"`
		Renderings []struct {
			Template, Case, Error string
			Output                *string
		} `json:"renderings"`
	}
	readJSON(t, filepath.Join(dir, "vectors", "hf-renderings.json"), &f)
	sources := maps.Clone(f.Inline)
	for _, folder := range []string{"jinja", filepath.Join("ollama", "renderers")} {
		files, err := os.ReadDir(filepath.Join(dir, folder))
		require.NoError(t, err)
		for _, file := range files {
			raw, err := os.ReadFile(filepath.Join(dir, folder, file.Name()))
			require.NoError(t, err)
			sources[file.Name()] = string(raw)
		}
	}
	for _, r := range f.Renderings {
		source, ok := sources[r.Template]
		require.True(t, ok, r.Template)
		special := f.Special[r.Template]
		v := vector{name: "hf " + r.Template + " " + r.Case, source: source, vars: f.Cases[r.Case], failure: r.Error,
			special: map[string]string{"bos_token": special[0], "eos_token": special[1]}, now: recorded}
		if r.Output != nil {
			v.want = *r.Output
		}
		list = append(list, v)
	}
	return list
}

// hfjs are the templates and the small cases of the JavaScript library, the latter with what Python makes of them.
func hfjs(t testing.TB) (list []vector) {
	dir := testkit.Shared(t, "real", "chat-templates", "vectors")
	var chats []struct {
		Name, Target string
		Template     string `json:"chat_template"`
		Data         map[string]json.RawMessage
	}
	readJSON(t, filepath.Join(dir, "hfjs-chat-templates.json"), &chats)
	for _, c := range chats {
		list = append(list, vector{name: "hfjs-chat " + c.Name, source: c.Template, vars: c.Data, want: c.Target, now: recorded})
	}
	var cases []struct {
		Name, Template string
		Context        map[string]json.RawMessage
		Output         *string `json:"jinja2_output"`
	}
	readJSON(t, filepath.Join(dir, "hfjs-jinja-cases.json"), &cases)
	for _, c := range cases {
		if c.Output == nil { // it has functions in its data
			continue
		}
		v := vector{name: "hfjs-case " + c.Name, source: c.Template, vars: c.Context, want: *c.Output}
		if kind, ok := strings.CutPrefix(*c.Output, "EXC "); ok {
			v.failure = kind[:strings.IndexByte(kind, '(')]
		}
		list = append(list, v)
	}
	return list
}

// snippets are checks of one feature each.
func snippets(t testing.TB, path string) (list []vector) {
	var f struct {
		Now      string
		Context  map[string]json.RawMessage
		Snippets []struct {
			Template, Expected, Error string
			ErrorType                 string `json:"error_type"`
		}
	}
	readJSON(t, path, &f)
	now, err := time.Parse("2006-01-02T15:04:05", f.Now)
	require.NoError(t, err)
	for _, c := range f.Snippets {
		v := vector{name: "snippet " + c.Template, source: c.Template, vars: f.Context, want: c.Expected, now: now}
		if c.ErrorType != "" {
			v.failure = c.ErrorType + ": " + c.Error
		}
		list = append(list, v)
	}
	return list
}

// render is what comes of a vector.
func (v vector) render() (string, error) {
	tmpl, err := Parse(v.source)
	if err != nil {
		return "", err
	}
	return tmpl.Render(v.context(v.vars))
}

// context makes one of variables by name.
func (v vector) context(vars map[string]json.RawMessage) Context {
	c := Context{Messages: vars["messages"], Tools: vars["tools"], Documents: vars["documents"], Special: v.special, Extra: maps.Clone(vars), Now: v.now,
		AddGenerationPrompt: string(vars["add_generation_prompt"]) == "true"}
	for _, name := range []string{"messages", "tools", "documents", "add_generation_prompt"} {
		delete(c.Extra, name)
	}
	return c
}

// check says what is wrong with it; "" is nothing.
func (v vector) check() string {
	got, err := v.render()
	kind, message, _ := strings.Cut(v.failure, ": ")
	var failed *Error
	var syntax *SyntaxError
	switch {
	case v.failure == "" && err != nil:
		return err.Error()
	case v.failure == "" && got != v.want:
		return "got " + got + "\nwant " + v.want
	case v.failure == "":
		return ""
	case err == nil:
		return "got " + got + "\nwant the error " + v.failure
	case errors.As(err, &syntax) && (kind == "TemplateSyntaxError" || kind == "SyntaxError" || kind == "TemplateAssertionError"):
		return ""
	case !errors.As(err, &failed) || failed.Kind != kind:
		return "got error " + err.Error() + "\nwant " + v.failure
	case kind == "TemplateError" && !strings.HasPrefix(failed.What, message):
		return "got error " + failed.What + "\nwant " + message
	}
	return ""
}

// checkVectors holds a list against the deviations and returns the share that is right.
func checkVectors(t *testing.T, list []vector) float64 {
	wrong := 0
	for _, v := range list {
		problem := v.check()
		reason, listed := deviations[v.name]
		if problem != "" {
			wrong++
		}
		switch {
		case problem != "" && !listed:
			assert.Fail(t, v.name, problem)
		case problem == "" && listed:
			assert.Fail(t, v.name, "comes out right now, but is listed: "+reason)
		}
	}
	return 1 - float64(wrong)/float64(len(list))
}

func TestVectors(t *testing.T) {
	list := slices.Concat(renderings(t), hfjs(t))
	assert.Greater(t, len(list), 1600)
	share := checkVectors(t, list)
	assert.GreaterOrEqual(t, share, 0.98)
	names := map[string]bool{}
	for _, v := range list {
		names[v.name] = true
	}
	for name := range deviations {
		assert.True(t, names[name], "%s is listed, but there is no such vector", name)
	}
}

func TestSnippetsOfTheReferenceCollection(t *testing.T) {
	assert.InDelta(t, 1, checkVectors(t, snippets(t, testkit.Shared(t, "oracle", "chat", "_jinja_snippets.json"))), 0)
}

func TestSnippetsOfTestdata(t *testing.T) {
	assert.InDelta(t, 1, checkVectors(t, snippets(t, testkit.Testdata(t, "template", "snippets.json"))), 0)
}
