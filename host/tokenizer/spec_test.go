package tokenizer

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/testkit"
)

func specOfJSON(t *testing.T, path string) (Spec, Fidelity) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	s, how, err := SpecOf(data)
	require.NoError(t, err)
	return s, how
}

func TestSpecOfTokenizerJSON(t *testing.T) {
	for _, c := range []struct {
		name, model, pre string
		how              Fidelity
		bos, eos         bool
		prefix           bool
	}{
		{"bert-wordpiece-a", "bert", "", Exact, true, true, false},
		{"bloom-a", "gpt2", "bloom", Exact, false, false, false},
		{"command-r-a", "gpt2", "starcoder", Exact, true, false, false},
		{"deepseek-v3-a", "gpt2", "deepseek-v3", Exact, true, false, false},
		{"gpt2-a", "gpt2", "gpt-2", Exact, false, false, false},
		{"llama2-spm-a", "llama", "", Exact, true, false, true},
		{"llama3-a", "gpt2", "llama-bpe", Exact, true, false, false},
		{"o200k-gptoss-a", "gpt2", "gpt-4o", Exact, false, false, false},
		{"qwen2-a", "gpt2", "qwen2", Exact, false, false, false},
		{"tekken-a", "gpt2", "tekken", Exact, true, false, false},
		// GGUF has no rules for these: tokens that take the space before them, normalisation of Unigram's text.
		{"roberta-a", "gpt2", "gpt-2", Plain, true, true, false},
		{"xlmr-unigram-a", "t5", "", Near, true, true, true},
		{"falcon-a", "gpt2", "falcon", Near, false, false, false},
		{"gemma-spm-a", "llama", "", Near, true, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, how := specOfJSON(t, testkit.Shared(t, "oracle", "tokenizers", c.name, "tokenizer.json"))
			assert.Equal(t, c.model, s.Model)
			assert.Equal(t, c.pre, s.Pre)
			assert.Equal(t, c.how, how)
			assert.Equal(t, []bool{c.bos, c.eos}, []bool{s.AddBOS, s.AddEOS}, "ends")
			if s.Model == "llama" {
				assert.Equal(t, c.prefix, s.AddSpacePrefix)
			}
			_, err := New(s)
			assert.NoError(t, err)
		})
	}
}

// What SpecOf calls exact is so on texts that it did not try.
func TestSpecsThatAreExactAgree(t *testing.T) {
	list, err := filepath.Glob(filepath.Join(testkit.Shared(t, "oracle", "tokenizers"), "*", "tokenizer.json"))
	require.NoError(t, err)
	n := 0
	for _, path := range list {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		s, how, err := SpecOf(data)
		if err != nil || how != Exact {
			continue
		}
		n++
		ref, err := FromJSON(data)
		require.NoError(t, err)
		own, err := New(s)
		require.NoError(t, err)
		for _, text := range []string{"def f(x):\n    return x**2  # it's 12345\n\n", "Ünïcödé — “quotes”…\t\t\n \n", "¿Qué? 2024年12月31日 №5", "\n\n\n   a\r\n"} {
			want, err := ref.Encode(text, Options{AddSpecial: true})
			require.NoError(t, err)
			got, err := own.Encode(text, Options{AddSpecial: true})
			require.NoError(t, err)
			assert.Equal(t, want, got, "%s: %q", path, text)
		}
	}
	assert.Greater(t, n, 8)
}

func TestSpecOfWhatGGUFDoesNotHave(t *testing.T) {
	_, _, err := SpecOf([]byte(`{"model":{"type":"BPE","vocab":{"a":0,"b</w>":1},"merges":[],"end_of_word_suffix":"</w>"}}`))
	var unsupported *UnsupportedError
	assert.ErrorAs(t, err, &unsupported)
	_, _, err = SpecOf([]byte(`{"model":{"type":"WordLevel","vocab":{"a":0}}}`))
	assert.ErrorAs(t, err, &unsupported)
	_, _, err = SpecOf([]byte(`{`))
	var format *FormatError
	assert.ErrorAs(t, err, &format)
}
