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
	Model   jsonModel       `json:"model"`
}

type jsonModel struct {
	Type         string          `json:"type"`
	Vocab        json.RawMessage `json:"vocab"` // piece → id, or for Unigram a list of piece and score
	Merges       json.RawMessage `json:"merges"`
	Unk          *string         `json:"unk_token"`
	UnkID        *int32          `json:"unk_id"`
	FuseUnk      bool            `json:"fuse_unk"`
	ByteFallback bool            `json:"byte_fallback"`
	IgnoreMerges bool            `json:"ignore_merges"`
	Prefix       string          `json:"continuing_subword_prefix"`
	Suffix       string          `json:"end_of_word_suffix"`
	MaxChars     int             `json:"max_input_chars_per_word"`
}

type jsonAdded struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
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
	Replacement     string `json:"replacement"`
	Content         string `json:"content"`
	Start           int    `json:"start"`
	Stop            int    `json:"stop"`
	Split           *bool  `json:"split"`
	Invert          bool   `json:"invert"`
	AddPrefixSpace  bool   `json:"add_prefix_space"`
	UseRegex        *bool  `json:"use_regex"`
	IndividualDigit bool   `json:"individual_digits"`
	CleanText       bool   `json:"clean_text"`
	Chinese         bool   `json:"handle_chinese_chars"`
	StripAccents    *bool  `json:"strip_accents"`
	Lowercase       bool   `json:"lowercase"`
	StripLeft       bool   `json:"strip_left"`
	StripRight      bool   `json:"strip_right"`
	CharsMap        string `json:"precompiled_charsmap"` // base64
	Prefix          string `json:"prefix"`
	Suffix          string `json:"suffix"`
	Cleanup         bool   `json:"cleanup"`
	Delimiter       string `json:"delimiter"`
	Pattern         struct {
		String *string `json:"String"`
		Regex  *string `json:"Regex"`
	} `json:"pattern"`
	Behavior string      `json:"behavior"`
	Single   []jsonPiece `json:"single"`
	Pair     []jsonPiece `json:"pair"`
	Special  map[string]struct {
		IDs []int32 `json:"ids"`
	} `json:"special_tokens"`
	Sep json.RawMessage `json:"sep"` // [piece, id]
	Cls json.RawMessage `json:"cls"`
}

type jsonPiece struct {
	SpecialToken *struct {
		ID   string `json:"id"`
		Type int32  `json:"type_id"`
	} `json:"SpecialToken"`
	Sequence *struct {
		ID   string `json:"id"`
		Type int32  `json:"type_id"`
	} `json:"Sequence"`
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
	return s.flat(0), nil
}

// flat unfolds sequences, to a depth that no real file reaches.
func (s step) flat(depth int) (list []step) {
	if s.Type != "Sequence" || depth > 8 {
		return []step{s}
	}
	for _, members := range [][]step{s.Normalizers, s.Pretokenizers, s.Processors, s.Decoders} {
		for _, m := range members {
			list = append(list, m.flat(depth+1)...)
		}
	}
	return list
}

// readJSON takes a tokenizer.json apart. Files of before 2021 do not name their model's type; its fields tell.
func readJSON(data []byte) (f jsonFile, err error) {
	if err := json.Unmarshal(data, &f); err != nil {
		return f, &FormatError{"tokenizer.json", err.Error(), "JSON of a tokenizer"}
	}
	if f.Model.Type == "" {
		f.Model.Type, err = f.Model.guessed()
	}
	return f, err
}

// guessed is the type of a model by the fields that only it has, in the order in which the reference tries them.
func (m *jsonModel) guessed() (string, error) {
	has := func(raw json.RawMessage, first byte) bool { return len(raw) > 0 && raw[0] == first }
	switch {
	case has(m.Vocab, '{') && has(m.Merges, '['):
		return "BPE", nil
	case has(m.Vocab, '{') && m.Unk != nil && m.MaxChars > 0:
		return "WordPiece", nil
	case has(m.Vocab, '{') && m.Unk != nil && len(m.Merges) == 0:
		return "WordLevel", nil
	case has(m.Vocab, '['):
		return "Unigram", nil
	}
	return "", &FormatError{"model.type", "nothing, and fields of no model", "a type, or the vocab and merges of BPE, the vocab, unk_token and " +
		"max_input_chars_per_word of WordPiece, the vocab and unk_token of WordLevel, or the list of pieces and scores of Unigram"}
}

// FromJSON makes a tokenizer of a tokenizer.json.
func FromJSON(data []byte) (*Tokenizer, error) {
	f, err := readJSON(data)
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{memories: newMemories(), bos: -1, eos: -1, single: plainSingle, pair: plainPair}
	vocab, scores, err := t.vocabulary(&f)
	if err != nil {
		return nil, err
	}
	norm, err := steps("normalizer", f.Norm)
	if err != nil {
		return nil, err
	}
	if t.normalizer, err = normalizersOf(norm); err != nil {
		return nil, err
	}
	t.addedJSON(&f)
	pre, err := steps("pre_tokenizer", f.Pre)
	if err != nil {
		return nil, err
	}
	bytes := false
	if t.pre, bytes, err = preTokenizersOf(pre, f.Model.Prefix == "" && f.Model.Suffix == ""); err != nil {
		return nil, err
	}
	switch f.Model.Type {
	case "BPE":
		err = t.bpeJSON(&f.Model, vocab, bytes)
	case "WordPiece":
		err = t.wordPieceJSON(&f.Model, vocab)
	case "WordLevel":
		t.model = &wordLevel{ids: vocab, unk: idOr(vocab, f.Model.Unk)}
	case "Unigram":
		t.unigramJSON(&f.Model, vocab, scores)
	default:
		err = &UnsupportedError{fmt.Sprintf("model type %q", f.Model.Type)}
	}
	if err != nil {
		return nil, err
	}
	if err := t.decoderJSON(&f); err != nil {
		return nil, err
	}
	return t, t.postJSON(&f)
}

func idOr(vocab map[string]int32, piece *string) int32 {
	if piece != nil {
		if id, ok := vocab[*piece]; ok {
			return id
		}
	}
	return -1
}

// vocabulary lays out the pieces by id, added tokens included.
func (t *Tokenizer) vocabulary(f *jsonFile) (vocab map[string]int32, scores []float64, err error) {
	if f.Model.Type == "Unigram" {
		var list [][2]any
		if err := json.Unmarshal(f.Model.Vocab, &list); err != nil {
			return nil, nil, &FormatError{"vocab", err.Error(), "a list of pieces and scores"}
		}
		vocab = make(map[string]int32, len(list))
		for id, p := range list {
			piece, okP := p[0].(string)
			score, okS := p[1].(float64)
			if !okP || !okS {
				return nil, nil, &FormatError{fmt.Sprintf("vocab[%d]", id), fmt.Sprint(p), "a piece and its score"}
			}
			if _, dup := vocab[piece]; !dup {
				vocab[piece] = int32(id)
			}
			scores = append(scores, score)
		}
	} else if err := json.Unmarshal(f.Model.Vocab, &vocab); err != nil {
		return nil, nil, &FormatError{"vocab", err.Error(), "pieces and their ids"}
	}
	n := len(scores)
	limit := 2 * (len(vocab) + len(f.Added) + 1024) // ids may have holes, but not be mostly holes
	put := func(piece string, id int32) error {
		if id < 0 || int(id) >= limit {
			return &FormatError{"id of " + fmt.Sprintf("%q", piece), fmt.Sprint(id), fmt.Sprintf("0 to %d", limit-1)}
		}
		n = max(n, int(id)+1)
		return nil
	}
	for p, id := range vocab {
		if err := put(p, id); err != nil {
			return nil, nil, err
		}
	}
	for _, a := range f.Added {
		if err := put(a.Content, a.ID); err != nil {
			return nil, nil, err
		}
	}
	if n == 0 {
		return nil, nil, &FormatError{"vocabulary", "no tokens", "at least one"}
	}
	t.pieces, t.bytes, t.special, t.present = make([]string, n), make([][]byte, n), make([]bool, n), make([]bool, n)
	for p, id := range vocab {
		t.pieces[id], t.bytes[id], t.present[id] = p, []byte(p), true
	}
	for _, a := range f.Added {
		t.pieces[a.ID], t.bytes[a.ID], t.special[a.ID], t.present[a.ID] = a.Content, []byte(a.Content), a.Special, true
	}
	t.finish()
	return vocab, scores, nil
}

// addedJSON makes the matchers of added tokens: those that are looked for in normalised text are normalised themselves.
func (t *Tokenizer) addedJSON(f *jsonFile) {
	var plain, normalized []added
	for _, a := range f.Added {
		entry := added{text: a.Content, id: a.ID, special: a.Special, lstrip: a.LStrip, rstrip: a.RStrip, word: a.SingleWord}
		if !a.Normalized {
			plain = append(plain, entry)
			continue
		}
		for _, n := range t.normalizer {
			entry.text = n(entry.text)
		}
		normalized = append(normalized, entry)
		t.pieces[a.ID], t.bytes[a.ID] = entry.text, []byte(entry.text) // which is how it is written back
	}
	t.added, t.normalized = newMatcher(plain, true), newMatcher(normalized, true)
}

func (t *Tokenizer) bpeJSON(f *jsonModel, vocab map[string]int32, bytes bool) error {
	pairs, err := mergesJSON(f.Merges)
	if err != nil {
		return err
	}
	m := newBPE(vocab)
	m.unk, m.fuseUnk, m.prefix, m.suffix = idOr(vocab, f.Unk), f.FuseUnk, f.Prefix, f.Suffix
	for rank, p := range pairs {
		m.merges.add(vocab, p[0], p[1], f.Prefix, rank)
	}
	if bytes {
		m.useBytes()
	} else if f.Prefix == "" && f.Suffix == "" {
		m.spaced = cutsAtSpaces(vocab)
	}
	if f.ByteFallback {
		m.useByteTokens()
	}
	if f.IgnoreMerges {
		m.words = make(map[string]int32, len(vocab))
		for p, id := range vocab {
			if bytes {
				p = string(spelled(p))
			}
			m.words[p] = id
		}
	}
	t.model = m
	return nil
}

func (t *Tokenizer) wordPieceJSON(f *jsonModel, vocab map[string]int32) error {
	maxChars := f.MaxChars
	if maxChars <= 0 {
		maxChars = 100
	}
	t.model = newWordPiece(vocab, "", f.Prefix, idOr(vocab, f.Unk), maxChars)
	return nil
}

func (t *Tokenizer) unigramJSON(f *jsonModel, vocab map[string]int32, scores []float64) {
	unk := int32(-1)
	if f.UnkID != nil {
		unk = *f.UnkID
	}
	pieces := t.pieces[:len(scores)]
	m := newUnigram(pieces, scores, func(int) bool { return true }, unk)
	if f.ByteFallback {
		m.spelled = true
		for b := range m.bytes {
			if id, ok := vocab[fmt.Sprintf("<0x%02X>", b)]; ok {
				m.bytes[b] = id
			}
		}
	}
	t.model = m
}

// mergesJSON reads both spellings of merges: "a b" and ["a", "b"].
func mergesJSON(raw json.RawMessage) ([][2]string, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var pairs [][2]string
	if json.Unmarshal(raw, &pairs) == nil {
		return pairs, nil
	}
	pairs = nil
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
