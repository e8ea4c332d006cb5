package tokenizer

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"tuff/host/testkit"
	"tuff/host/weights"
)

// english is half a megabyte of prose.
func english(b *testing.B) string {
	data, err := os.ReadFile(testkit.Shared(b, "real", "corpora", "Isaac.Newton-Opticks.txt"))
	require.NoError(b, err)
	return string(data)
}

// BenchmarkLlama3Splitter cuts text at the Llama-3 pattern without encoding it.
func BenchmarkLlama3Splitter(b *testing.B) {
	text := english(b)
	cut := isolate(splitLlama3)
	b.SetBytes(int64(len(text)))
	words := 0
	for b.Loop() {
		cut(text, true, func(string, bool) { words++ })
	}
}

// BenchmarkLlama3 encodes English of several kinds with Llama 3's vocabulary of 128256 tokens.
func BenchmarkLlama3(b *testing.B) {
	f, err := weights.Open(testkit.Shared(b, "real", "vocab-gguf-rebuilt", "ggml-vocab-llama-bpe.gguf"))
	require.NoError(b, err)
	defer f.Close()
	tok, err := New(specOf(f))
	require.NoError(b, err)
	for _, name := range []string{"Isaac.Newton-Opticks.txt", "tinyshakespeare.txt", "wiki.test.raw"} {
		data, err := os.ReadFile(testkit.Shared(b, "real", "corpora", name))
		require.NoError(b, err)
		b.Run(name, func(b *testing.B) {
			text := string(data)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				_, err := tok.Encode(text, Options{})
				require.NoError(b, err)
			}
		})
	}
}

// BenchmarkLlama2 encodes with Llama 2's SentencePiece vocabulary of 32000 tokens, which has no words to remember.
func BenchmarkLlama2(b *testing.B) {
	f, err := weights.Open(testkit.Shared(b, "real", "llamacpp-vocab", "ggml-vocab-llama-spm.gguf"))
	require.NoError(b, err)
	defer f.Close()
	tok, err := New(specOf(f))
	require.NoError(b, err)
	text := english(b)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		_, err := tok.Encode(text, Options{})
		require.NoError(b, err)
	}
}
