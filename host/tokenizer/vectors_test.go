package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"tuff/host/testkit"
	"tuff/host/weights"
)

// TestRealVectors compares real vocabularies with the libraries they come from. The Qwen file holds two plain tokens,
// </s> and <unk>, that its rank file does not have as special tokens: texts with those are left out.
func TestRealVectors(t *testing.T) {
	for _, c := range []struct {
		vectors string
		vocab   []string
		special bool
		skip    func(string) bool
	}{
		{"spm-llama2", []string{"real", "llamacpp-vocab", "ggml-vocab-llama-spm.gguf"}, false, nil},
		// The file does not say what its SentencePiece model did: fold wide forms and drop spaces that are too many.
		{"spm-tok512", []string{"real", "stories260K-gguf", "stories260K-F32.gguf"}, false, func(s string) bool {
			return norm.NFKC.String(s) != s || strings.Join(strings.Fields(s), " ") != s || strings.ContainsFunc(s, func(r rune) bool { return r != ' ' && !unicode.IsGraphic(r) })
		}},
		{"tiktoken-llama3", []string{"real", "vocab-gguf-rebuilt", "ggml-vocab-llama-bpe.gguf"}, true, nil},
		{"tiktoken-qwen", []string{"real", "vocab-gguf-rebuilt", "ggml-vocab-qwen2.gguf"}, true, func(s string) bool {
			return strings.Contains(s, "</s>") || strings.Contains(s, "<unk>")
		}},
	} {
		t.Run(c.vectors, func(t *testing.T) {
			f, err := weights.Open(testkit.Shared(t, c.vocab...))
			require.NoError(t, err)
			defer f.Close()
			tok, err := New(specOf(f))
			require.NoError(t, err)
			raw, err := os.ReadFile(testkit.Shared(t, "real", "tokenizer-vectors", "vectors", c.vectors+".json"))
			require.NoError(t, err)
			var v struct {
				Vectors []struct {
					Text string  `json:"text"`
					IDs  []int32 `json:"ids"`
				} `json:"vectors"`
			}
			require.NoError(t, json.Unmarshal(raw, &v))
			require.Len(t, v.Vectors, 85)
			for _, s := range v.Vectors {
				if c.skip != nil && c.skip(s.Text) {
					continue
				}
				got, err := tok.Encode(s.Text, Options{ParseSpecial: c.special})
				require.NoError(t, err)
				assert.Equal(t, append([]int32{}, s.IDs...), append([]int32{}, got...), "%q", s.Text)
			}
		})
	}
}

// load makes the tokenizers of testdata.
func load(t testing.TB, name string) *Tokenizer {
	t.Helper()
	data, err := os.ReadFile(testkit.Testdata(t, "tokenizer", name, "tokenizer.json"))
	require.NoError(t, err)
	tok, err := FromJSON(data)
	require.NoError(t, err)
	return tok
}

var names = []string{"llama2-spm-a", "llama3-a"}

func TestStreamsAreWhole(t *testing.T) {
	for _, name := range names {
		tok := load(t, name)
		for _, text := range []string{"héllo wörld", "日本語のテキスト", "a👩‍👩‍👧b", "नमस्ते", "\u00e9\u0301", "plain"} {
			ids, err := tok.Encode(text, Options{})
			require.NoError(t, err)
			s := tok.NewStream()
			var out strings.Builder
			for _, id := range ids {
				part := s.Push(id)
				assert.NotContains(t, part, "\uFFFD", "%s: %q", name, text)
				out.WriteString(part)
			}
			assert.Empty(t, s.End())
			assert.Equal(t, text, strings.TrimPrefix(out.String(), " "))
		}
	}
}

func TestACharacterCutShortComesOutAtTheEnd(t *testing.T) {
	tok := load(t, "llama2-spm-a")
	s := tok.NewStream()
	for _, b := range []byte("日")[:2] {
		id, ok := tok.ID(fmt.Sprintf("<0x%02X>", b))
		require.True(t, ok)
		assert.Empty(t, s.Push(id))
	}
	assert.Equal(t, "\uFFFD", s.End())
}

func TestSegmentsJoinAsOneText(t *testing.T) {
	tok := load(t, "llama3-a")
	whole, err := tok.Encode("Hello world, hello", Options{AddSpecial: true})
	require.NoError(t, err)
	parts, err := tok.EncodeSegments([]Segment{{"Hel", true}, {"lo wor", false}, {"ld, hello", true}}, true)
	require.NoError(t, err)
	assert.Equal(t, whole, parts)
	// A control token counts in a trusted segment only.
	ids, err := tok.EncodeSegments([]Segment{{"<|eot_id|>", true}, {"<|eot_id|>", false}}, false)
	require.NoError(t, err)
	eot, ok := tok.ID("<|eot_id|>")
	require.True(t, ok)
	assert.Equal(t, eot, ids[0])
	assert.NotContains(t, ids[1:], eot)
	assert.True(t, tok.IsEOG(eot))
}

// A megabyte of one thing: an algorithm of quadratic time would not come back from it.
func TestLongRunsComeBack(t *testing.T) {
	for _, name := range names {
		tok := load(t, name)
		for _, unit := range []string{"a", " ", "e\u0301", "\n ", "1", "'"} {
			text := strings.Repeat(unit, 1<<20/len(unit))
			ids, err := tok.Encode(text, Options{})
			require.NoError(t, err)
			require.Equal(t, text, tok.Decode(ids, false))
		}
	}
}

func TestBadVocabulariesAreRefused(t *testing.T) {
	good := Spec{Model: "gpt2", Pre: "gpt-2", Tokens: []string{"a", "b", "ab"}, Merges: []string{"a b"}, BOS: -1, EOS: -1, Unk: -1, EOT: -1}
	_, err := New(good)
	require.NoError(t, err)
	for name, change := range map[string]func(*Spec){
		"no tokens":      func(s *Spec) { s.Tokens = nil },
		"types short":    func(s *Spec) { s.Types = []int32{1} },
		"begin too big":  func(s *Spec) { s.BOS = 3 },
		"end below -1":   func(s *Spec) { s.EOS = -2 },
		"bad merge":      func(s *Spec) { s.Merges = []string{"ab"} },
		"unknown pre":    func(s *Spec) { s.Pre = "nonsense" },
		"unknown model":  func(s *Spec) { s.Model = "nonsense" },
		"scores missing": func(s *Spec) { s.Model = "llama" },
		"bad byte": func(s *Spec) {
			s.Model, s.Scores, s.Tokens, s.Types = "llama", []float32{0}, []string{"<0x-1>"}, []int32{typeByte}
		},
	} {
		bad := good
		change(&bad)
		_, err := New(bad)
		assert.Error(t, err, name)
	}
	for _, s := range []string{"", "{}", "[]", `{"model":{"type":"BPE","vocab":{"a":-1}}}`, `{"model":{"type":"BPE","vocab":{"a":99999999}}}`, `{"model":{"type":"Unigram"}}`} {
		_, err := FromJSON([]byte(s))
		assert.Error(t, err, s)
	}
}

// TestModelWithoutType: old files do not say what their model is; its fields do, or nothing does.
func TestModelWithoutType(t *testing.T) {
	read := func(model string) (*Tokenizer, error) { return FromJSON([]byte(`{"model":{` + model + `}}`)) }
	for name, c := range map[string]struct {
		model string
		want  []int32
	}{
		"BPE":       {`"vocab":{"a":0,"b":1,"ab":2},"merges":["a b"],"unk_token":"","continuing_subword_prefix":""`, []int32{2, 0}},
		"WordPiece": {`"vocab":{"[UNK]":0,"ab":1,"##a":2},"unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100`, []int32{1, 2}},
		"WordLevel": {`"vocab":{"[UNK]":0,"aba":1},"unk_token":"[UNK]"`, []int32{1}},
		"Unigram":   {`"unk_id":0,"vocab":[["<unk>",0],["ab",-1],["a",-2.5]]`, []int32{1, 2}},
	} {
		tok, err := read(c.model)
		require.NoError(t, err, name)
		ids, err := tok.Encode("aba", Options{})
		require.NoError(t, err, name)
		assert.Equal(t, c.want, ids, name)
		_, _, err = SpecOf([]byte(`{"model":{` + c.model + `}}`))
		if name != "WordLevel" {
			assert.NoError(t, err, name)
		}
	}
	for _, model := range []string{`"vocab":{"a":0}`, `"merges":[]`, `"vocab":{"a":0},"merges":null`, `"vocab":"a","merges":[]`, ``} {
		_, err := read(model)
		var format *FormatError
		require.ErrorAs(t, err, &format, model)
		assert.Equal(t, "model.type", format.What, model)
	}
}

// FuzzFromJSON: any input gives an error or a tokenizer that survives a text and its own ids.
func FuzzFromJSON(f *testing.F) {
	for _, seed := range []string{ // small ones: mutations of a real file would mostly hit its vocabulary
		`{"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}}`,
		`{"added_tokens":[{"id":3,"content":"<s>","special":true,"lstrip":true}],"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true},
			"decoder":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":0,"Ġ":1,"Ġa":2},"merges":[["Ġ","a"]],"ignore_merges":true}}`,
		`{"normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]},
			"decoder":{"type":"Sequence","decoders":[{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1}]},
			"model":{"type":"BPE","vocab":{"<unk>":0,"▁":1,"a":2,"<0x41>":3},"merges":[],"unk_token":"<unk>","byte_fallback":true,"fuse_unk":true}}`,
		`{"normalizer":{"type":"BertNormalizer","lowercase":true,"clean_text":true},"pre_tokenizer":{"type":"BertPreTokenizer"},
			"post_processor":{"type":"BertProcessing","sep":["[SEP]",2],"cls":["[CLS]",1]},"decoder":{"type":"WordPiece","prefix":"##","cleanup":true},
			"model":{"type":"WordPiece","vocab":{"[UNK]":0,"[CLS]":1,"[SEP]":2,"a":3,"##b":4},"unk_token":"[UNK]","continuing_subword_prefix":"##"}}`,
		`{"normalizer":{"type":"Precompiled","precompiled_charsmap":"BAAAAAAAAABhAA=="},"pre_tokenizer":{"type":"Metaspace","replacement":"▁"},
			"model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["▁",-1],["a",-2.5]]}}`,
		`{"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\\d|x+"},"behavior":"MergedWithNext"},
			{"type":"Punctuation","behavior":"Contiguous"},{"type":"Digits"}]},"model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"}}`,
	} {
		f.Add([]byte(seed), "Hello wörld\n 12 <s>ab")
	}
	f.Fuzz(func(t *testing.T, data []byte, text string) {
		tok, err := FromJSON(data)
		if err != nil {
			return
		}
		ids, err := tok.Encode(text, Options{AddSpecial: true, ParseSpecial: true})
		if grown := new(GrowthError); errors.As(err, &grown) {
			return
		}
		require.NoError(t, err)
		for _, id := range ids {
			require.True(t, id >= 0 && int(id) < tok.VocabSize())
		}
		tok.Decode(ids, true)
	})
}
