package template

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tuff/host/testkit"
)

// conversation is one of so many turns and bytes.
func conversation(turns, size int) [][2]string {
	var messages [][2]string
	for i := range turns {
		role := []string{"user", "assistant"}[i%2]
		messages = append(messages, [2]string{role, strings.Repeat(fmt.Sprintf("turn %d says so. ", i), size/turns/16)})
	}
	return messages
}

// BenchmarkRender lays out a conversation of 100 KB in 500 turns, and parses the template.
func BenchmarkRender(b *testing.B) {
	for _, name := range []string{"chatml", "llama3-tools", "mistral-v1"} {
		var f chatFile
		readJSON(b, testkit.Testdata(b, "template", name+".json"), &f)
		tmpl, err := Parse(f.Template)
		require.NoError(b, err)
		c := Context{Messages: Messages(conversation(500, 100<<10)), Special: map[string]string{"bos_token": "<s>", "eos_token": "</s>"}, Now: recorded}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(100 << 10)
			for b.Loop() {
				_, err := tmpl.RenderSegments(c)
				require.NoError(b, err)
			}
		})
		b.Run(name+"-parse", func(b *testing.B) {
			b.SetBytes(int64(len(f.Template)))
			for b.Loop() {
				_, err := Parse(f.Template)
				require.NoError(b, err)
			}
		})
	}
}

// Rendering is linear in the conversation, within its bounds.
func TestLongConversationsFit(t *testing.T) {
	for _, name := range []string{"chatml", "llama3-tools", "mistral-v1"} {
		var f chatFile
		readJSON(t, testkit.Testdata(t, "template", name+".json"), &f)
		tmpl, err := Parse(f.Template)
		require.NoError(t, err)
		_, err = tmpl.Render(Context{Messages: Messages(conversation(5000, 2<<20)), Special: map[string]string{"bos_token": "<s>", "eos_token": "</s>"}, Now: recorded})
		require.NoError(t, err, name)
	}
}
