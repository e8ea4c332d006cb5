package tokenizer

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"tuff/host/testkit"
	"tuff/host/weights"
)

// TestModelFilesOfLlamaCpp compares the vocabularies in whole models with llama.cpp's ids.
func TestModelFilesOfLlamaCpp(t *testing.T) {
	golden, err := filepath.Glob(filepath.Join(testkit.Shared(t, "oracle", "gguf"), "*", "golden.json"))
	require.NoError(t, err)
	files, texts := 0, 0
	for _, path := range golden {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		var g struct {
			Files map[string]struct {
				File     string `json:"file"`
				Tokenize []struct {
					Text string  `json:"text"`
					IDs  []int32 `json:"llama_cpp"`
					HF   []int32 `json:"hf"`
				} `json:"tokenize"`
			} `json:"files"`
		}
		require.NoError(t, json.Unmarshal(raw, &g))
		if len(g.Files["F32"].Tokenize) == 0 {
			continue
		}
		for _, variant := range g.Files { // all share the vocabulary; the F32 file may be left out
			f, err := weights.Open(filepath.Join(filepath.Dir(path), variant.File))
			if err != nil {
				continue
			}
			files++
			tok, err := New(specOf(f))
			require.NoError(t, err, path)
			for _, c := range g.Files["F32"].Tokenize {
				texts++
				got, err := tok.Encode(c.Text, Options{AddSpecial: true, ParseSpecial: true})
				require.NoError(t, err)
				assert.Equal(t, append([]int32{}, c.IDs...), append([]int32{}, got...), "%s: %q (reference library: %v)", variant.File, c.Text, c.HF)
			}
			f.Close()
			break
		}
	}
	assert.GreaterOrEqual(t, files, 20)
	assert.GreaterOrEqual(t, texts, 200)
}

// vocabularyJSON reads what a GGUF vocabulary holds too.
func vocabularyJSON(t *testing.T, name string) (f jsonFile, v vectors) {
	t.Helper()
	data, err := os.ReadFile(testkit.Testdata(t, "tokenizer", name, "tokenizer.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &f))
	data, err = os.ReadFile(testkit.Testdata(t, "tokenizer", name, "vectors.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &v))
	return f, v
}

// TestWordPieceOfGGUF gives a WordPiece vocabulary the spelling of GGUF, with ▁ before words, and expects the same ids. Only
// tokenizer.json makes words of more than 100 characters unknown; GGUF's readers cut them like any other.
func TestWordPieceOfGGUF(t *testing.T) {
	f, v := vocabularyJSON(t, "bert-wordpiece-a")
	var vocab map[string]int32
	require.NoError(t, json.Unmarshal(f.Model.Vocab, &vocab))
	s := Spec{Model: "bert", Tokens: make([]string, len(vocab)), Types: make([]int32, len(vocab)), BOS: vocab["[CLS]"], EOS: vocab["[SEP]"], Unk: vocab["[UNK]"], EOT: -1,
		AddBOS: true, AddEOS: true}
	for p, id := range vocab {
		rest, inside := strings.CutPrefix(p, "##")
		s.Tokens[id], s.Types[id] = space+p, typeNormal
		if inside {
			s.Tokens[id] = rest
		}
	}
	for _, a := range f.Added {
		s.Tokens[a.ID], s.Types[a.ID] = a.Content, typeControl
	}
	tok, err := New(s)
	require.NoError(t, err)
	for _, c := range v.Strings {
		if slices.ContainsFunc(strings.Fields(c.Text), func(word string) bool { return len([]rune(word)) > 100 }) {
			continue
		}
		got, err := tok.Encode(c.Text, Options{AddSpecial: true, ParseSpecial: true})
		require.NoError(t, err)
		assert.Equal(t, append([]int32{}, c.Special...), append([]int32{}, got...), "%q", c.Text)
	}
}

// TestUnigramOfGGUF does so for Unigram. Texts are left out where SentencePiece, which GGUF follows, and the library of
// tokenizer.json are known to differ: white space at the ends and in runs, special tokens inside, and which entry of the table of replacements
// counts.
func TestUnigramOfGGUF(t *testing.T) {
	for _, name := range []string{"t5-unigram-a", "t5-unigram-precompiled-a"} {
		f, v := vocabularyJSON(t, name)
		var vocab [][2]any
		require.NoError(t, json.Unmarshal(f.Model.Vocab, &vocab))
		s := Spec{Model: "t5", BOS: -1, EOS: -1, Unk: *f.Model.UnkID, EOT: -1, AddSpacePrefix: true}
		for _, p := range vocab {
			s.Tokens = append(s.Tokens, p[0].(string))
			s.Scores = append(s.Scores, float32(p[1].(float64)))
			s.Types = append(s.Types, typeNormal)
		}
		alike := norm.NFKC.IsNormalString // without a table GGUF cannot say how text is normalized
		list, err := steps("normalizer", f.Norm)
		require.NoError(t, err)
		for _, n := range list {
			if n.Type == "Precompiled" {
				s.CharsMap, err = base64.StdEncoding.DecodeString(n.CharsMap)
				require.NoError(t, err)
				m, err := newCharsMap(s.CharsMap)
				require.NoError(t, err)
				alike = func(text string) bool { return m.normalizeClusters(text) == m.normalizeLongest(text) }
			}
		}
		s.Types[s.Unk] = typeUnknown
		for _, a := range f.Added {
			if int(a.ID) < len(s.Types) && a.ID != s.Unk {
				s.Types[a.ID] = typeControl
			}
		}
		tok, err := New(s)
		require.NoError(t, err)
		compared := 0
		for _, c := range v.Strings {
			if strings.Join(strings.Fields(c.Text), " ") != c.Text || !alike(c.Text) || strings.Contains(c.Text, "<") {
				continue
			}
			got, err := tok.Encode(c.Text, Options{})
			require.NoError(t, err)
			compared++
			assert.Equal(t, append([]int32{}, c.IDs...), append([]int32{}, got...), "%s: %q", name, c.Text)
		}
		assert.GreaterOrEqual(t, compared, 20)
	}
}
