package tokenizer

import (
	"encoding/json"
	"fmt"
	"strings"
)

// The parts of a tokenizer.json that are read. Parts with rules not implemented here are refused by name.
type jsonFile struct {
	Added   []jsonAdded     `json:"added_tokens"`
	Norm    json.RawMessage `json:"normalizer"`
	Pre     json.RawMessage `json:"pre_tokenizer"`
	Post    json.RawMessage `json:"post_processor"`
	Decoder json.RawMessage `json:"decoder"`
	Model   struct {
		Type         string           `json:"type"`
		Vocab        map[string]int32 `json:"vocab"`
		Merges       json.RawMessage  `json:"merges"`
		Unk          *string          `json:"unk_token"`
		FuseUnk      bool             `json:"fuse_unk"`
		ByteFallback bool             `json:"byte_fallback"`
		IgnoreMerges bool             `json:"ignore_merges"`
		Prefix       string           `json:"continuing_subword_prefix"`
		Suffix       string           `json:"end_of_word_suffix"`
	} `json:"model"`
}

type jsonAdded struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Special    bool   `json:"special"`
}

// step is one normalizer, pre-tokenizer, post-processor or decoder.
type step struct {
	Type            string `json:"type"`
	Normalizers     []step `json:"normalizers"`
	Pretokenizers   []step `json:"pretokenizers"`
	Processors      []step `json:"processors"`
	Decoders        []step `json:"decoders"`
	Prepend         string `json:"prepend"`
	PrependScheme   string `json:"prepend_scheme"`
	Content         string `json:"content"`
	Start           int    `json:"start"`
	Split           *bool  `json:"split"`
	AddPrefixSpace  bool   `json:"add_prefix_space"`
	UseRegex        bool   `json:"use_regex"`
	IndividualDigit bool   `json:"individual_digits"`
	Pattern         struct {
		String *string `json:"String"`
		Regex  *string `json:"Regex"`
	} `json:"pattern"`
	Behavior string          `json:"behavior"`
	Single   []templatePiece `json:"single"`
	Special  map[string]struct {
		IDs []int32 `json:"ids"`
	} `json:"special_tokens"`
}

type templatePiece struct {
	SpecialToken *struct {
		ID string `json:"id"`
	} `json:"SpecialToken"`
	Sequence *struct{} `json:"Sequence"`
}

// steps reads a part as a list: a sequence's members, the part itself, or nothing.
func steps(what string, raw json.RawMessage) ([]step, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var s step
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, &FormatError{what, err.Error(), "an object"}
	}
	if s.Type != "Sequence" {
		return []step{s}, nil
	}
	return append(append(append(s.Normalizers, s.Pretokenizers...), s.Processors...), s.Decoders...), nil
}

// FromJSON makes a tokenizer of a tokenizer.json of BPE type.
func FromJSON(data []byte) (*Tokenizer, error) {
	var f jsonFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, &FormatError{"tokenizer.json", err.Error(), "JSON of a tokenizer"}
	}
	if f.Model.Type != "BPE" && f.Model.Type != "" {
		return nil, &UnsupportedError{fmt.Sprintf("model type %q, want BPE", f.Model.Type)}
	}
	if f.Model.Prefix != "" || f.Model.Suffix != "" {
		return nil, &UnsupportedError{"BPE with subword prefix or word suffix"}
	}
	t := &Tokenizer{bos: -1, eos: -1}
	if err := t.vocabulary(&f); err != nil {
		return nil, err
	}
	pre, err := steps("pre_tokenizer", f.Pre)
	if err != nil {
		return nil, err
	}
	norm, err := steps("normalizer", f.Norm)
	if err != nil {
		return nil, err
	}
	if hasByteLevel(pre) {
		err = t.byteLevelJSON(&f, norm, pre)
	} else {
		err = t.sentencePieceJSON(&f, norm, pre)
	}
	if err != nil {
		return nil, err
	}
	if err := t.decoderJSON(&f); err != nil {
		return nil, err
	}
	return t, t.postJSON(&f)
}

func hasByteLevel(pre []step) bool {
	for _, s := range pre {
		if s.Type == "ByteLevel" {
			return true
		}
	}
	return false
}

// vocabulary lays out the pieces by id, added tokens included.
func (t *Tokenizer) vocabulary(f *jsonFile) error {
	n := 0
	limit := 2 * (len(f.Model.Vocab) + len(f.Added) + 1024) // ids may have holes, but not be mostly holes
	put := func(piece string, id int32) error {
		if id < 0 || int(id) >= limit {
			return &FormatError{"id of " + fmt.Sprintf("%q", piece), fmt.Sprint(id), fmt.Sprintf("0 to %d", limit-1)}
		}
		n = max(n, int(id)+1)
		return nil
	}
	for p, id := range f.Model.Vocab {
		if err := put(p, id); err != nil {
			return err
		}
	}
	for _, a := range f.Added {
		if err := put(a.Content, a.ID); err != nil {
			return err
		}
	}
	if n == 0 {
		return &FormatError{"vocabulary", "no tokens", "at least one"}
	}
	t.pieces, t.bytes, t.special, t.isByte = make([]string, n), make([][]byte, n), make([]bool, n), make([]bool, n)
	for p, id := range f.Model.Vocab {
		t.pieces[id] = p
	}
	var list []added
	for _, a := range f.Added {
		t.pieces[a.ID], t.bytes[a.ID], t.special[a.ID] = a.Content, []byte(a.Content), a.Special
		list = append(list, added{a.Content, a.ID, a.Special, a.LStrip, a.RStrip, a.SingleWord})
	}
	t.added = newMatcher(list)
	t.finish()
	return nil
}

// mergesJSON reads both spellings of merges: "a b" and ["a", "b"].
func mergesJSON(raw json.RawMessage) ([][2]string, error) {
	var pairs [][2]string
	if json.Unmarshal(raw, &pairs) == nil {
		return pairs, nil
	}
	var lines []string
	if err := json.Unmarshal(raw, &lines); err != nil {
		return nil, &FormatError{"merges", err.Error(), "a list of pairs"}
	}
	for i, s := range lines {
		a, b, ok := strings.Cut(s, " ")
		if !ok {
			return nil, &FormatError{fmt.Sprintf("merge %d", i), fmt.Sprintf("%q", s), "two pieces"}
		}
		pairs = append(pairs, [2]string{a, b})
	}
	return pairs, nil
}

// patterns are the regular expressions of tokenizer.json files that have a splitter.
var patterns = map[string]splitter{
	`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`: splitLlama3,
	`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`:      splitQwen2,
	`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`:                                          splitGPT2,
}

func (t *Tokenizer) byteLevelJSON(f *jsonFile, norm, pre []step) error {
	pairs, err := mergesJSON(f.Model.Merges)
	if err != nil {
		return err
	}
	m, err := newByteLevel(f.Model.Vocab, nil)
	if err != nil {
		return err
	}
	for rank, p := range pairs {
		m.add(f.Model.Vocab, p[0], p[1], rank)
	}
	if f.Model.Unk != nil {
		if id, ok := f.Model.Vocab[*f.Model.Unk]; ok {
			m.unk = id
		}
	}
	for _, s := range norm {
		if s.Type != "NFC" {
			return &UnsupportedError{fmt.Sprintf("normalizer %q before byte-level BPE", s.Type)}
		}
		m.nfc = true
	}
	for _, s := range pre {
		switch {
		case s.Type == "ByteLevel":
			m.prefix = s.AddPrefixSpace
			if s.UseRegex {
				m.split = splitGPT2
			}
		case s.Type == "Split" && s.Pattern.Regex != nil && s.Behavior == "Isolated" && m.split == nil:
			if m.split = patterns[*s.Pattern.Regex]; m.split == nil {
				return &UnsupportedError{fmt.Sprintf("split pattern %q", *s.Pattern.Regex)}
			}
		default:
			return &UnsupportedError{fmt.Sprintf("pre-tokenizer %q", s.Type)}
		}
	}
	if m.split == nil {
		m.split = func(text string) int { return len(text) }
	}
	for p, id := range f.Model.Vocab {
		if t.bytes[id] == nil {
			t.bytes[id] = spelled(p)
		}
	}
	if f.Model.IgnoreMerges {
		m.words = make(map[string]int32, len(f.Model.Vocab))
		for p, id := range f.Model.Vocab {
			m.words[string(spelled(p))] = id
		}
	}
	t.model = m
	return nil
}

func (t *Tokenizer) sentencePieceJSON(f *jsonFile, norm, pre []step) error {
	pairs, err := mergesJSON(f.Model.Merges)
	if err != nil {
		return err
	}
	ranked := make(rankedMerges, len(pairs))
	b := &byteLevel{merges: ranked}
	for rank, p := range pairs {
		b.add(f.Model.Vocab, p[0], p[1], rank)
	}
	m := &sentencePiece{merges: ranked, ids: f.Model.Vocab, unk: -1, fuseUnk: f.Model.FuseUnk}
	if f.Model.Unk != nil {
		if id, ok := f.Model.Vocab[*f.Model.Unk]; ok {
			m.unk = id
		}
	}
	for i := range m.bytes {
		m.bytes[i] = -1
		if id, ok := f.Model.Vocab[fmt.Sprintf("<0x%02X>", i)]; ok && f.Model.ByteFallback {
			m.bytes[i], t.bytes[id], t.isByte[id] = id, []byte{byte(i)}, true
		}
	}
	for _, s := range append(norm, pre...) {
		switch {
		case s.Type == "Prepend" && s.Prepend == space:
			m.prepend = prependEach
		case s.Type == "Replace" && s.Pattern.String != nil && *s.Pattern.String == " " && s.Content == space:
			m.spaces = true
		case s.Type == "Metaspace" && (s.Split == nil || !*s.Split):
			m.spaces = true
			switch s.PrependScheme {
			case "first":
				m.prepend = prependFirst
			case "always", "":
				m.prepend = prependAbsent
			}
		default:
			return &UnsupportedError{fmt.Sprintf("normalizer or pre-tokenizer %q", s.Type)}
		}
	}
	for p, id := range f.Model.Vocab {
		if t.bytes[id] == nil {
			t.bytes[id] = []byte(p)
		}
	}
	t.model = m
	return nil
}

// decoderJSON applies to the bytes of pieces what the decoder would do to the text.
func (t *Tokenizer) decoderJSON(f *jsonFile) error {
	list, err := steps("decoder", f.Decoder)
	if err != nil {
		return err
	}
	for _, s := range list {
		switch {
		case s.Type == "ByteLevel" || s.Type == "Fuse":
		case s.Type == "ByteFallback":
			t.byteRuns = true
		case s.Type == "Replace" && s.Pattern.String != nil:
			for id, b := range t.bytes {
				if !t.isByte[id] {
					t.bytes[id] = []byte(strings.ReplaceAll(string(b), *s.Pattern.String, s.Content))
				}
			}
		case s.Type == "Strip" && s.Content == " " && s.Start == 1:
			t.stripSpace = true
		default:
			return &UnsupportedError{fmt.Sprintf("decoder %q", s.Type)}
		}
	}
	return nil
}

// postJSON finds the begin and end tokens in the post-processor's template.
func (t *Tokenizer) postJSON(f *jsonFile) error {
	list, err := steps("post_processor", f.Post)
	if err != nil {
		return err
	}
	for _, s := range list {
		switch s.Type {
		case "ByteLevel":
		case "TemplateProcessing":
			into := &t.prefix
			for _, p := range s.Single {
				if p.Sequence != nil {
					into = &t.suffix
				} else if p.SpecialToken != nil {
					for _, id := range s.Special[p.SpecialToken.ID].IDs {
						if id < 0 || int(id) >= len(t.pieces) {
							return &FormatError{"post_processor", fmt.Sprintf("id %d", id), fmt.Sprintf("below %d", len(t.pieces))}
						}
						*into = append(*into, id)
					}
				}
			}
		default:
			return &UnsupportedError{fmt.Sprintf("post-processor %q", s.Type)}
		}
	}
	if len(t.prefix) > 0 {
		t.bos = t.prefix[0]
	}
	if len(t.suffix) > 0 {
		t.eos = t.suffix[0]
		t.eog[t.eos] = true
	}
	return nil
}
