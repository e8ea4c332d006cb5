package tokenizer

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWordsComeOutAsWithoutCache encodes words again and again, and whole texts as well as word by word.
func TestWordsComeOutAsWithoutCache(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, name := range []string{"llama2-spm-a", "gemma-spm-a", "llama3-a", "clip-bpe-a"} {
		cached, plain := load(t, name), load(t, name)
		m := plain.model.(*bpe)
		for range 300 {
			var b strings.Builder
			for range 1 + random.IntN(12) {
				b.WriteString([]string{" ", "▁", "the", "in", "on", "e", "日", "  ", "ü", "1", "\n", "a longer word than fits", "\x80"}[random.IntN(13)])
			}
			got, err := cached.Encode(b.String(), Options{})
			require.NoError(t, err)
			plain.memories = newMemories()
			m.spaced = false
			want, err := plain.Encode(b.String(), Options{})
			require.NoError(t, err)
			require.Equal(t, want, got, "%s: %q", name, b.String())
		}
	}
}

func TestCutsAtSpacesKnowsPiecesThatCross(t *testing.T) {
	require.True(t, cutsAtSpaces(map[string]int32{"▁": 0, "▁▁a": 1}))
	require.False(t, cutsAtSpaces(map[string]int32{"▁": 0, "a▁b": 1}))
	require.False(t, cutsAtSpaces(map[string]int32{"a": 0}))
}
