package template

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/testkit"
)

// chatCase is one conversation of the reference collection with what Python's Jinja made of it.
type chatCase struct {
	Inputs struct {
		Messages  json.RawMessage            `json:"messages"`
		Tools     json.RawMessage            `json:"tools"`
		Documents json.RawMessage            `json:"documents"`
		Add       bool                       `json:"add_generation_prompt"`
		Extra     map[string]json.RawMessage `json:"extra"`
		Special   map[string]string          `json:"special_tokens"`
	} `json:"inputs"`
	Expected  *string `json:"expected"`
	Error     string  `json:"error"`
	ErrorType string  `json:"error_type"`
}

type chatFile struct {
	Template string              `json:"template"`
	Now      string              `json:"now"`
	Cases    map[string]chatCase `json:"cases"`
}

func parseNow(t *testing.T, s string) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if now, err := time.Parse(layout, s); err == nil {
			return now
		}
	}
	require.Empty(t, s, "unknown form of time")
	return time.Time{}
}

// checkChat renders every case of a file and returns how many there were.
func checkChat(t *testing.T, path string) int {
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	var f chatFile
	require.NoError(t, json.Unmarshal(raw, &f))
	tmpl, parseErr := Parse(f.Template)
	for name, c := range f.Cases {
		t.Run(name, func(t *testing.T) {
			got, err := "", parseErr
			if err == nil {
				got, err = tmpl.Render(Context{Messages: c.Inputs.Messages, Tools: c.Inputs.Tools, Documents: c.Inputs.Documents, AddGenerationPrompt: c.Inputs.Add,
					Special: c.Inputs.Special, Extra: c.Inputs.Extra, Now: parseNow(t, f.Now)})
			}
			if c.Expected != nil {
				require.NoError(t, err)
				assert.Equal(t, *c.Expected, got)
				return
			}
			require.Error(t, err, "got %q", got)
			var raised *Error
			if c.ErrorType == "TemplateError" && errors.As(err, &raised) && raised.Raised {
				assert.Equal(t, c.Error, raised.What)
			}
		})
	}
	return len(f.Cases)
}

func TestChatTemplatesOfTestdata(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testkit.Testdata(t, "template"), "*.json"))
	require.NoError(t, err)
	n := 0
	for _, path := range files {
		if filepath.Base(path) == "snippets.json" { // another form
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) { n += checkChat(t, path) })
	}
	assert.Greater(t, n, 10)
}

func TestChatTemplatesOfTheReferenceCollection(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testkit.Shared(t, "oracle", "chat"), "*.json"))
	require.NoError(t, err)
	n := 0
	for _, path := range files {
		if strings.HasPrefix(filepath.Base(path), "_") { // another form
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) { n += checkChat(t, path) })
	}
	assert.Greater(t, n, 100)
}
