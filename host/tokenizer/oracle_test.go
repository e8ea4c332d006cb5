package tokenizer

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/testkit"
	"tuff/host/weights"
)

// families of the reference collection that must be exact.
var families = []string{"added-bytelevel-a", "added-gemma-a", "added-spm-a", "added-wordpiece-a", "bert-wordpiece-a", "bloom-a", "clip-bpe-a", "command-r-a",
	"deepseek-v3-a", "falcon-a", "gemma-spm-a", "gpt-neox-a", "gpt2-a", "llama2-metaspace-a", "llama2-spm-a", "llama3-a", "o200k-gptoss-a", "phi-codegen-a",
	"qwen2-a", "roberta-a", "starcoder-a", "t5-unigram-a", "t5-unigram-precompiled-a", "tekken-a", "xlmr-unigram-a"}

type vectors struct {
	Strings []struct {
		Text        string  `json:"text"`
		IDs         []int32 `json:"ids"`
		Special     []int32 `json:"ids_with_special"`
		AsText      []int32 `json:"ids_specials_as_text"`
		Decode      *string `json:"decode"`
		DecodeSkip  *string `json:"decode_skip_special"`
		DecodePlain *string `json:"decode_plain"`
	} `json:"strings"`
	DecodeOnly []struct {
		IDs        []int32 `json:"ids"`
		Decode     string  `json:"decode"`
		DecodeSkip string  `json:"decode_skip_special"`
	} `json:"decode_only"`
	Pairs []struct {
		A     string  `json:"a"`
		B     string  `json:"b"`
		IDs   []int32 `json:"ids"`
		Types []int32 `json:"type_ids"`
	} `json:"pairs"`
}

func checkFamily(t *testing.T, dir string) {
	data, err := os.ReadFile(filepath.Join(dir, "tokenizer.json"))
	require.NoError(t, err)
	tok, err := FromJSON(data)
	require.NoError(t, err)
	raw, err := os.ReadFile(filepath.Join(dir, "vectors.json"))
	require.NoError(t, err)
	var v vectors
	require.NoError(t, json.Unmarshal(raw, &v))
	require.NotEmpty(t, v.Strings)
	encode := func(text string, o Options) []int32 {
		ids, err := tok.Encode(text, o)
		require.NoError(t, err)
		return ids
	}
	same := func(want, got []int32, what, text string) {
		assert.Equal(t, append([]int32{}, want...), append([]int32{}, got...), "%s of %q", what, text)
	}
	for _, s := range v.Strings {
		same(s.IDs, encode(s.Text, Options{ParseSpecial: true}), "ids", s.Text)
		same(s.Special, encode(s.Text, Options{AddSpecial: true, ParseSpecial: true}), "ids with special tokens", s.Text)
		if s.AsText != nil {
			same(s.AsText, encode(s.Text, Options{}), "ids with special tokens as text", s.Text)
		}
		if s.Decode != nil {
			assert.Equal(t, *s.Decode, tok.Decode(s.Special, false), "text of %v", s.Special)
		}
		if s.DecodeSkip != nil {
			assert.Equal(t, *s.DecodeSkip, tok.Decode(s.Special, true), "text without specials of %v", s.Special)
		}
		if s.DecodePlain != nil {
			assert.Equal(t, *s.DecodePlain, tok.Decode(s.IDs, false), "plain text of %v", s.IDs)
		}
	}
	for _, d := range v.DecodeOnly {
		assert.Equal(t, d.Decode, tok.Decode(d.IDs, false), "text of %v", d.IDs)
		assert.Equal(t, d.DecodeSkip, tok.Decode(d.IDs, true), "text without specials of %v", d.IDs)
	}
	for _, p := range v.Pairs {
		ids, types, err := tok.EncodePair(p.A, p.B, Options{AddSpecial: true, ParseSpecial: true})
		require.NoError(t, err)
		same(p.IDs, ids, "ids of pair", p.A+" | "+p.B)
		same(p.Types, types, "types of pair", p.A+" | "+p.B)
	}
}

func TestFamiliesAreExact(t *testing.T) {
	for _, name := range families {
		t.Run(name, func(t *testing.T) { checkFamily(t, testkit.Shared(t, "oracle", "tokenizers", name)) })
	}
}

func TestFamiliesOfTestdata(t *testing.T) {
	for _, name := range families {
		t.Run(name, func(t *testing.T) { checkFamily(t, testkit.Testdata(t, "tokenizer", name)) })
	}
}

// specOf is what host/engine makes of a file; here for vocabularies alone.
func specOf(f *weights.File) Spec {
	id := func(key string) int32 {
		if v, ok := f.Uint("tokenizer.ggml." + key); ok {
			return int32(v)
		}
		return -1
	}
	flag := func(key string, def bool) bool {
		if v, ok := f.Bool("tokenizer.ggml." + key); ok {
			return v
		}
		return def
	}
	s := Spec{BOS: id("bos_token_id"), EOS: id("eos_token_id"), Unk: id("unknown_token_id"), EOT: id("eot_token_id"), AddBOS: flag("add_bos_token", false),
		AddEOS: flag("add_eos_token", false), AddSpacePrefix: flag("add_space_prefix", true)}
	s.Model, _ = f.String("tokenizer.ggml.model")
	s.Pre, _ = f.String("tokenizer.ggml.pre")
	s.Tokens, _ = f.Strings("tokenizer.ggml.tokens")
	s.Merges, _ = f.Strings("tokenizer.ggml.merges")
	s.Scores, _ = f.Floats("tokenizer.ggml.scores")
	types, _ := f.Ints("tokenizer.ggml.token_type")
	for _, v := range types {
		s.Types = append(s.Types, int32(v))
	}
	return s
}

// TestVocabulariesOfLlamaCpp compares with the ids that llama.cpp's own tests expect.
func TestVocabulariesOfLlamaCpp(t *testing.T) {
	dir := testkit.Shared(t, "real", "llamacpp-vocab")
	inputs, err := filepath.Glob(filepath.Join(dir, "*.gguf.inp"))
	require.NoError(t, err)
	compared := 0
	for _, in := range inputs {
		path := strings.TrimSuffix(in, ".inp")
		t.Run(filepath.Base(path), func(t *testing.T) {
			vocab := path
			if _, err := os.Stat(vocab); err != nil {
				vocab = filepath.Join(dir, "..", "vocab-gguf-rebuilt", filepath.Base(path))
			}
			f, err := weights.Open(vocab)
			if errors.Is(err, fs.ErrNotExist) {
				t.Skip("the collection has no vocabulary for these texts")
			}
			compared++
			require.NoError(t, err)
			defer f.Close()
			tok, err := New(specOf(f))
			require.NoError(t, err)
			in, err := os.ReadFile(path + ".inp")
			require.NoError(t, err)
			out, err := os.ReadFile(path + ".out")
			require.NoError(t, err)
			texts := strings.Split(string(in), "\n__ggml_vocab_test__\n")
			lines := strings.Split(string(out), "\n")
			require.GreaterOrEqual(t, len(lines), len(texts)-1)
			n := 0
			for i, text := range texts {
				if i >= len(lines) {
					break
				}
				want := []int32{}
				for _, w := range strings.Fields(lines[i]) {
					var id int32
					require.NoError(t, json.Unmarshal([]byte(w), &id))
					want = append(want, id)
				}
				got, err := tok.Encode(text, Options{})
				require.NoError(t, err)
				assert.Equal(t, want, append([]int32{}, got...), "%q", text)
				n++
			}
			assert.Greater(t, n, 40)
		})
	}
	assert.GreaterOrEqual(t, compared, 12)
}
