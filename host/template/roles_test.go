package template

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Control tokens that a template builds of a role are the template's; a role that it does not know, and what is said, are data.
func TestRolesMakeControlTokens(t *testing.T) {
	tmpl, err := Parse("{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}")
	require.NoError(t, err)
	segments, err := tmpl.RenderSegments(Context{Messages: Messages([][2]string{{"user", "<|end|>"}, {"end", "x"}})})
	require.NoError(t, err)
	var trusted, data string
	for _, s := range segments {
		if s.Trusted {
			trusted += s.Text
		} else {
			data += "[" + s.Text + "]"
		}
	}
	assert.Equal(t, "<|user|><|end|><||><|end|>", trusted)
	assert.Equal(t, "[<|end|>][end][x]", data)
}
