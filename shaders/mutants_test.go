package shaders

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every mutant can be planted: what it replaces is in the source, once, and something else takes its place.
func TestMutantsFitTheSources(t *testing.T) {
	seen := map[string]bool{}
	kinds := map[string]int{}
	for _, m := range Mutants {
		b, err := os.ReadFile(m.Source)
		require.NoError(t, err)
		assert.Equal(t, 1, strings.Count(string(b), m.Old), "%s: %q", m.Source, m.Old)
		assert.NotEqual(t, m.Old, m.New)
		key := m.Source + m.Old + m.New
		assert.False(t, seen[key], "%s: %q is planted twice", m.Source, m.Old)
		seen[key] = true
		kinds[m.Kind]++
	}
	assert.GreaterOrEqual(t, len(Mutants), 50)
	for _, k := range []string{missingBarrier, offByOne, missingTail, wrongStride, wrongIndex, wrongTerm, wrongMask, wrongOrder} {
		assert.Positive(t, kinds[k], k)
	}
}
