package tokenizer

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Fidelity says how far a Spec agrees with the tokenizer.json that it was made of, tried on texts with everything in them that
// splitters differ in.
type Fidelity uint8

const (
	Near  Fidelity = iota // ids differ
	Plain                 // ids agree but around added tokens
	Exact                 // ids agree
)

// SpecOf describes the tokenizer of a tokenizer.json as GGUF metadata do, and says how well. Token types, scores and the name of
// the splitting rules are what GGUF has and tokenizer.json does not: scores follow from the order of merges, the name is found by
// trying. Ids of special tokens come from what the file puts around a text; −1 where it puts nothing.
func SpecOf(data []byte) (s Spec, how Fidelity, err error) {
	ref, err := FromJSON(data)
	if err != nil {
		return Spec{}, Near, err
	}
	f, err := readJSON(data)
	if err != nil {
		return Spec{}, Near, err
	}
	s = Spec{BOS: -1, EOS: -1, Unk: -1, EOT: -1}
	s.laidOut(ref, &f)
	if err := s.ends(ref); err != nil {
		return Spec{}, Near, err
	}
	probes := &probes{plain: append([]string{probe, " leading", "", "a"}, strings.SplitAfter(probe, "\n")...)}
	for i, a := range f.Added {
		if i == 16 {
			break
		}
		probes.added = append(probes.added, "x "+a.Content+" y"+a.Content+"z")
	}
	switch f.Model.Type {
	case "BPE":
		pairs, err := mergesJSON(f.Model.Merges)
		if err != nil {
			return Spec{}, Near, err
		}
		if f.Model.Prefix != "" || f.Model.Suffix != "" {
			return Spec{}, Near, &UnsupportedError{"in GGUF: merges that mark the ends of words"}
		}
		if byteLevelJSON(&f) {
			return s.named(ref, &f, pairs, probes)
		}
		return s.scored(ref, pairs, probes)
	case "WordPiece":
		s.Model = "bert"
		for id, p := range s.Tokens {
			rest, inside := strings.CutPrefix(p, f.Model.Prefix)
			switch {
			case s.Types[id] != typeNormal:
			case inside && f.Model.Prefix != "":
				s.Tokens[id] = rest
			default:
				s.Tokens[id] = space + p
			}
		}
		s.Unk = idOr(ref.ids, f.Model.Unk)
		return s, s.fidelity(ref, probes), nil
	case "Unigram":
		return s.unigramOf(ref, &f, probes)
	}
	return Spec{}, Near, &UnsupportedError{fmt.Sprintf("in GGUF: model type %q", f.Model.Type)}
}

// laidOut takes pieces and types over.
func (s *Spec) laidOut(ref *Tokenizer, f *jsonFile) {
	s.Tokens, s.Types = slices.Clone(ref.pieces), make([]int32, len(ref.pieces))
	for id := range s.Tokens {
		s.Types[id] = typeNormal
		if !ref.present[id] {
			s.Tokens[id], s.Types[id] = fmt.Sprintf("[PAD%d]", id), typeUnused
		}
	}
	for _, a := range f.Added {
		s.Tokens[a.ID], s.Types[a.ID] = a.Content, typeUserDefined
		if a.Special {
			s.Types[a.ID] = typeControl
		}
	}
}

// ends finds the tokens that the file puts around a text.
func (s *Spec) ends(ref *Tokenizer) error {
	bare, err := ref.Encode("a", Options{})
	if err != nil {
		return err
	}
	full, err := ref.Encode("a", Options{AddSpecial: true})
	if err != nil {
		return err
	}
	if extra := len(full) - len(bare); extra > 0 {
		if !slices.Equal(full[:len(bare)], bare) {
			s.BOS, s.AddBOS = full[0], true
			extra--
		}
		if extra > 0 {
			s.EOS, s.AddEOS = full[len(full)-1], true
		}
	}
	return nil
}

// byteLevelJSON reports whether a BPE spells bytes in the printable alphabet.
func byteLevelJSON(f *jsonFile) bool {
	for _, raw := range []json.RawMessage{f.Pre, f.Decoder} {
		list, err := steps("", raw)
		if err == nil && slices.ContainsFunc(list, func(s step) bool { return s.Type == "ByteLevel" }) {
			return true
		}
	}
	return false
}

// named completes a byte-level vocabulary: its merges, and the name of the rules that split as the file does.
func (s Spec) named(ref *Tokenizer, f *jsonFile, pairs [][2]string, probes *probes) (Spec, Fidelity, error) {
	s.Model = "gpt2"
	for _, p := range pairs {
		s.Merges = append(s.Merges, p[0]+" "+p[1])
	}
	want := wordsOf(ref, probes.plain)
	s.Pre = "gpt-2"
	own, err := New(s)
	if err != nil {
		return Spec{}, Near, err
	}
	best, how, most := s.Pre, Near, -1
	for _, strict := range []bool{true, false} {
		for _, r := range table {
			if r.mark || strict && r.words != f.Model.IgnoreMerges {
				continue
			}
			own.pre, own.normalizer = r.pre, ref.normalizer
			same := 0 // texts that are cut alike
			for i, words := range wordsOf(own, probes.plain) {
				if slices.Equal(words, want[i]) {
					same++
					continue
				}
				for j, w := range words {
					words[j] = spell(w) // the file's last step may be to spell
				}
				if slices.Equal(words, want[i]) {
					same++
				}
			}
			if same <= most && same < len(want) {
				continue
			}
			s.Pre, _, _ = strings.Cut(r.names, " ")
			h := Near
			if same == len(want) { // a small vocabulary may hide the difference
				h = s.fidelity(ref, probes)
			}
			if h > how || same > most {
				best, how, most = s.Pre, h, same
			}
			if how == Exact {
				return s, Exact, nil
			}
		}
	}
	s.Pre = best
	return s, how, nil
}

// collector is a model that only remembers the words.
type collector struct{ words []string }

func (c *collector) encode(ids []int32, word string, _ *memory) []int32 {
	c.words = append(c.words, word)
	return ids
}

// wordsOf is what a tokenizer's model is given for each of texts.
func wordsOf(t *Tokenizer, texts []string) [][]string {
	out := make([][]string, len(texts))
	own := *t
	for i, text := range texts {
		c := &collector{}
		own.model = c
		if _, err := own.Encode(text, Options{}); err == nil {
			out[i] = c.words
		}
	}
	return out
}

// scored completes a vocabulary that spells spaces as ▁. The score of a piece is how early it may be merged.
func (s Spec) scored(ref *Tokenizer, pairs [][2]string, probes *probes) (Spec, Fidelity, error) {
	s.Model = "llama"
	s.Scores = make([]float32, len(s.Tokens))
	for id, p := range s.Tokens {
		s.Scores[id] = -1e9 // is not made by merging
		if _, ok := byteToken(p); ok && s.Types[id] == typeNormal {
			s.Types[id] = typeByte
		}
		if p == "<unk>" {
			s.Unk, s.Types[id] = int32(id), typeUnknown
		}
	}
	for rank, p := range pairs {
		if id, ok := ref.ids[p[0]+p[1]]; ok && s.Scores[id] == -1e9 {
			s.Scores[id] = -float32(rank)
		}
	}
	first := wordsOf(ref, []string{"a"})[0]
	s.AddSpacePrefix = len(first) > 0 && strings.HasPrefix(first[0], space)
	return s, s.fidelity(ref, probes), nil
}

// unigramOf completes a vocabulary with scores of its own.
func (s Spec) unigramOf(ref *Tokenizer, f *jsonFile, probes *probes) (Spec, Fidelity, error) {
	s.Model, s.AddSpacePrefix = "t5", true
	var list [][2]any
	if err := json.Unmarshal(f.Model.Vocab, &list); err != nil {
		return Spec{}, Near, &FormatError{"vocab", err.Error(), "a list of pieces and scores"}
	}
	s.Scores = make([]float32, len(s.Tokens))
	for id, p := range list {
		v, _ := p[1].(float64) // FromJSON has checked
		s.Scores[id] = float32(v)
		if _, ok := byteToken(s.Tokens[id]); ok && f.Model.ByteFallback && s.Types[id] == typeNormal {
			s.Types[id] = typeByte
		}
	}
	if f.Model.UnkID != nil && int(*f.Model.UnkID) < len(s.Tokens) && *f.Model.UnkID >= 0 {
		s.Unk = *f.Model.UnkID
		s.Types[s.Unk] = typeUnknown
	}
	norm, err := steps("normalizer", f.Norm)
	if err != nil {
		return Spec{}, Near, err
	}
	for _, n := range norm {
		if n.Type == "Precompiled" {
			if s.CharsMap, err = base64.StdEncoding.DecodeString(n.CharsMap); err != nil {
				return Spec{}, Near, &FormatError{"precompiled charsmap", err.Error(), "base64"}
			}
		}
	}
	return s, s.fidelity(ref, probes), nil
}

// fidelity compares the spec's tokenizer with ref.
func (s *Spec) fidelity(ref *Tokenizer, p *probes) Fidelity {
	switch {
	case !s.agrees(ref, p.plain):
		return Near
	case !s.agrees(ref, p.added):
		return Plain
	}
	return Exact
}

// agrees reports whether the spec's tokenizer gives ref's ids for texts.
func (s *Spec) agrees(ref *Tokenizer, texts []string) bool {
	t, err := New(*s)
	if err != nil {
		return false
	}
	for _, text := range texts {
		for _, special := range []bool{false, true} {
			o := Options{AddSpecial: special, ParseSpecial: special}
			want, err := ref.Encode(text, o)
			if err != nil {
				return false
			}
			if got, err := t.Encode(text, o); err != nil || !slices.Equal(got, want) {
				return false
			}
		}
	}
	return true
}

// probe has everything that splitters in use treat differently: contractions in both cases, numbers of one to seven digits, of several
// scripts and with signs between, letters with and without marks, scripts without spaces, symbols, runs of blanks of every kind, ends of
// lines, and words in the spellings of programs.
const probe = `Hello, world! I'm here; you'll see that THEY'RE not what we've DON'T he'd SHE'S it's.
1 22 333 4444 55555 666666 7777777 3.14159 1,000,000 -42 50% 2x x2 ½ Ⅷ ² ٣٤٥ 一二三 १२३
naïve café Ångström é ﬁnd ＡＢＣ 日本語のテキスト、漢字かな交じり。 中文字符，没有空格！ 한국어 русский текст العربية हिन्दी ภาษาไทย ελληνικά
if (x==y) { return a[i]->b; } // foo_bar __init__ http://example.com/?q=1&r=2#x camelCase HTTPServer snake_case2 <tag/> /path/to/file
...!!!???---===~~~ $$$ ^^^ "quoted" 'single' ‘curly’ «guillemets» © ™ → ∑ 😀 👩‍👩‍👧 🇩🇪
	tab	tabs		  two   three    four     five
  indented


after blank lines
` + "zero\u200bwidth no\u00a0break em\u2003space line\u2028end\n" + "carriage\r\nreturn\r\n\r\n  mixed \t \n end   "

// probes are texts to compare on: the probe as a whole and by line, and the file's first added tokens within text.
type probes struct{ plain, added []string }
