package tokenizer

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tuff/host/testkit"
)

// runs are things that a megabyte may consist of. Each is hard on something: on merges, on lookahead over white space, on
// normalization, on runs that a pattern tries twice.
var runs = map[string]string{"letter": "a", "space": " ", "marks": "\u0301", "marks out of order": "\u0301\u0323", "breaks": "\n ", "digits": "1", "quotes": "'",
	"capitals": "A", "han": "日", "joiners": "👩\u200d", "bad bytes": "\x80", "less than": "<", "metaspace": "▁"}

// A megabyte takes a fraction of a second; an algorithm of quadratic time would take hours. The bound leaves room for a
// machine under load and the race detector.
const patience = 60 * time.Second

// raced says that the race detector is on, under which times say nothing.
var raced bool

func within(t *testing.T, what string, f func()) {
	t.Helper()
	start := time.Now()
	f()
	if d := time.Since(start); d > time.Second {
		t.Logf("%s: %v", what, d)
	}
	require.Less(t, time.Since(start), patience, what)
}

func TestMegabytesOfOneThing(t *testing.T) {
	if raced {
		t.Skip("the race detector makes times meaningless, and one goroutine has no races")
	}
	// One family of every model, normalizer and kind of splitting.
	for _, name := range []string{"bert-wordpiece-a", "t5-unigram-precompiled-a", "xlmr-unigram-a", "clip-bpe-a", "gemma-spm-a", "o200k-gptoss-a", "deepseek-v3-a", "added-spm-a"} {
		tok := load(t, name)
		for what, unit := range runs {
			size := 1 << 17
			if !testing.Short() && (what == "letter" || what == "space" || what == "marks") {
				size = 1 << 20
			}
			text := strings.Repeat(unit, size/len(unit)) + "x"
			within(t, name+": "+what, func() {
				ids, err := tok.Encode(text, Options{ParseSpecial: true})
				require.NoError(t, err)
				require.NotEmpty(t, ids)
				tok.Decode(ids, true)
			})
		}
	}
}

// TestMegabytesThroughEverySplitter checks the rules of all names in GGUF files, and that no byte is lost.
func TestMegabytesThroughEverySplitter(t *testing.T) {
	if raced {
		t.Skip("the race detector makes times meaningless, and one goroutine has no races")
	}
	for _, r := range table {
		for what, unit := range runs {
			text := strings.Repeat(unit, 1<<16/len(unit)) + "x"
			within(t, r.names+": "+what, func() {
				size := 0
				e := encoding{t: &Tokenizer{pre: r.pre, model: counter{&size}}}
				e.split(text, true, 0)
				require.Equal(t, len(text), size, "%s: %s", r.names, what)
			})
		}
	}
}

// counter is a model that counts bytes.
type counter struct{ size *int }

func (c counter) encode(ids []int32, word string, _ *memory) []int32 {
	*c.size += len(word)
	return ids
}

func TestUnknownPreTokenizerIsNamed(t *testing.T) {
	_, err := New(Spec{Model: "gpt2", Pre: "from-the-future", Tokens: []string{"a"}, BOS: -1, EOS: -1, Unk: -1, EOT: -1})
	var unsupported *UnsupportedError
	require.ErrorAs(t, err, &unsupported)
	require.ErrorContains(t, err, `"from-the-future"`)
}

// TestLongPiecesDoNotMakeItSlow has a vocabulary with a piece of 4 KB that the text keeps promising.
func TestLongPiecesDoNotMakeItSlow(t *testing.T) {
	if raced {
		t.Skip("the race detector makes times meaningless, and one goroutine has no races")
	}
	long := strings.Repeat("a", 1<<12)
	for _, model := range []string{"llama", "gpt2", "bert", "t5"} {
		s := Spec{Model: model, Tokens: []string{"a", "▁", "aa", "▁a", long + "b"}, Scores: []float32{-1, -2, -3, -4, -5}, BOS: -1, EOS: -1, Unk: -1, EOT: -1}
		if model == "gpt2" {
			s.Pre, s.Merges = "gpt-2", []string{"a a"}
		}
		tok, err := New(s)
		require.NoError(t, err)
		within(t, model, func() {
			ids, err := tok.Encode(strings.Repeat("a", 1<<14), Options{})
			require.NoError(t, err)
			require.NotEmpty(t, ids)
		})
	}
}

func TestEveryFamilyIsInTestdata(t *testing.T) {
	for _, name := range families {
		for _, file := range []string{"tokenizer.json", "vectors.json"} {
			info, err := os.Stat(testkit.Testdata(t, "tokenizer", name, file))
			require.NoError(t, err)
			require.Less(t, info.Size(), int64(60_000))
		}
	}
}
