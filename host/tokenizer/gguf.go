package tokenizer

import (
	"fmt"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Spec is a vocabulary as GGUF metadata describes it, below tokenizer.ggml.
type Spec struct {
	Model    string // llama: SentencePiece BPE; gpt2: byte-level BPE; bert: WordPiece; t5: Unigram
	Pre      string // splitting rules of gpt2
	Tokens   []string
	Scores   []float32 // of llama and t5
	Types    []int32   // by token; none: all normal
	Merges   []string  // of gpt2: "left right", in order
	CharsMap []byte    // of t5: SentencePiece's table of replacements; none: text stays as it is
	// Ids of special tokens; −1 where there is none.
	BOS, EOS, Unk, EOT int32
	AddBOS, AddEOS     bool
	AddSpacePrefix     bool
}

// GGUF's token types.
const (
	typeNormal      = 1
	typeUnknown     = 2
	typeControl     = 3
	typeUserDefined = 4
	typeUnused      = 5
	typeByte        = 6
)

// New makes a tokenizer of a GGUF vocabulary.
func New(s Spec) (*Tokenizer, error) {
	n := len(s.Tokens)
	if n == 0 || n > 1<<24 {
		return nil, &FormatError{"tokens", fmt.Sprint(n), "1 to 2^24"}
	}
	if s.Types == nil {
		s.Types = make([]int32, n)
		for i := range s.Types {
			s.Types[i] = typeNormal
		}
	}
	if len(s.Types) != n {
		return nil, &FormatError{"token types", fmt.Sprint(len(s.Types)), fmt.Sprintf("%d, one a token", n)}
	}
	for name, id := range map[string]int32{"begin": s.BOS, "end": s.EOS, "unknown": s.Unk, "end of turn": s.EOT} {
		if id < -1 || int(id) >= n {
			return nil, &FormatError{name + " token", fmt.Sprint(id), fmt.Sprintf("an id below %d", n)}
		}
	}
	t := &Tokenizer{memories: newMemories(), pieces: s.Tokens, bytes: make([][]byte, n), special: make([]bool, n), present: make([]bool, n), bos: s.BOS, eos: s.EOS}
	var list []added
	for id, typ := range s.Types {
		t.present[id] = true
		switch typ {
		case typeControl, typeUnknown:
			t.special[id] = true
			list = append(list, added{text: s.Tokens[id], id: int32(id), special: true})
		case typeUserDefined:
			list = append(list, added{text: s.Tokens[id], id: int32(id)})
		}
	}
	t.added = newMatcher(list, false)
	t.finish()
	var err error
	switch s.Model {
	case "llama":
		err = t.sentencePiece(&s)
	case "gpt2":
		err = t.byteLevel(&s)
	case "bert":
		t.wordPieces(&s)
	case "t5":
		err = t.unigrams(&s)
	default:
		err = &UnsupportedError{fmt.Sprintf("tokenizer model %q, want llama, gpt2, bert or t5", s.Model)}
	}
	if err != nil {
		return nil, err
	}
	var prefix, suffix []int32
	if s.AddBOS && s.BOS >= 0 {
		prefix = []int32{s.BOS}
	}
	if s.AddEOS && s.EOS >= 0 {
		suffix = []int32{s.EOS}
	}
	t.single, t.pair = around(prefix, suffix)
	if s.EOT >= 0 {
		t.eog[s.EOT] = true
	}
	return t, nil
}

// scores checks that there is one for each token.
func (s *Spec) scores() error {
	if len(s.Scores) != len(s.Tokens) {
		return &FormatError{"token scores", fmt.Sprint(len(s.Scores)), fmt.Sprintf("%d, one a token", len(s.Tokens))}
	}
	for id, f := range s.Scores {
		if f != f {
			return &FormatError{fmt.Sprintf("score of token %d", id), "NaN", "a number"}
		}
	}
	return nil
}

// spaced says what pieces stand for that spell spaces as ▁, and which are bytes.
func (t *Tokenizer) spaced(s *Spec, bytes *[256]int32) error {
	for i := range bytes {
		bytes[i] = -1
	}
	for id, p := range s.Tokens {
		switch s.Types[id] {
		case typeByte:
			b, ok := byteToken(p)
			if !ok {
				return &FormatError{fmt.Sprintf("byte token %d", id), fmt.Sprintf("%q", p), "<0x00> to <0xFF>"}
			}
			bytes[b], t.bytes[id] = int32(id), []byte{b}
		case typeNormal, typeUserDefined, typeUnused:
			t.bytes[id] = []byte(strings.ReplaceAll(p, space, " "))
		default:
			t.bytes[id] = []byte(p)
		}
	}
	return nil
}

// sentencePiece sets up model llama.
func (t *Tokenizer) sentencePiece(s *Spec) error {
	if err := s.scores(); err != nil {
		return err
	}
	m := &sentencePiece{unk: s.Unk}
	if err := t.spaced(s, &m.bytes); err != nil {
		return err
	}
	ids := map[string]int32{}
	for id, p := range s.Tokens {
		if typ := s.Types[id]; typ == typeNormal || typ == typeUserDefined || typ == typeUnused {
			if old, ok := ids[p]; !ok || s.Scores[id] > s.Scores[old] {
				ids[p] = int32(id)
			}
		}
	}
	m.merges, m.spaced = &scoredMerges{ids, s.Scores}, cutsAtSpaces(ids)
	if s.AddSpacePrefix {
		t.normalizer = append(t.normalizer, prepended(space))
		t.stripSpace = true
	}
	t.normalizer = append(t.normalizer, replaced(" ", space))
	t.model = m
	return nil
}

// byteLevel sets up model gpt2.
func (t *Tokenizer) byteLevel(s *Spec) error {
	r, ok := rulesOf(s.Pre)
	if !ok {
		return &UnsupportedError{fmt.Sprintf("pre-tokenizer %q", s.Pre)}
	}
	m := newBPE(t.ids)
	m.unk = s.Unk
	for id, p := range s.Tokens {
		switch {
		case s.Types[id] != typeNormal && s.Types[id] != typeUnused:
			t.bytes[id] = []byte(p)
		case r.mark:
			t.bytes[id] = []byte(strings.ReplaceAll(p, space, " "))
		default:
			t.bytes[id] = spelled(p)
		}
	}
	for rank, pair := range s.Merges {
		// The left piece may itself start with a space in no vocabulary: spaces are spelled otherwise.
		left, right, ok := strings.Cut(pair, " ")
		if !ok || left == "" || right == "" {
			return &FormatError{fmt.Sprintf("merge %d", rank), fmt.Sprintf("%q", pair), "two pieces"}
		}
		m.merges.add(t.ids, left, right, "", rank)
	}
	if r.mark {
		m.useByteTokens()
		m.spaced = cutsAtSpaces(t.ids)
		t.normalizer = []normalizer{replaced(" ", space)}
	} else {
		m.useBytes()
	}
	if r.nfc {
		t.normalizer = append([]normalizer{canonical(norm.NFC)}, t.normalizer...)
	}
	if r.words {
		m.words = make(map[string]int32, len(t.bytes))
		for id, b := range t.bytes {
			if s.Types[id] == typeNormal {
				m.words[string(b)] = int32(id)
			}
		}
	}
	t.pre, t.model = r.pre, m
	return nil
}

// wordPieces sets up model bert, whose vocabulary marks the start of a word with ▁ and the rest not at all.
func (t *Tokenizer) wordPieces(s *Spec) {
	ids := make(map[string]int32, len(s.Tokens))
	for id, p := range s.Tokens {
		if _, dup := ids[p]; !dup {
			ids[p] = int32(id)
		}
		t.bytes[id] = []byte(strings.ReplaceAll(p, space, " "))
	}
	t.normalizer = []normalizer{bertNormalizer(bertOptions{clean: true, chinese: true, accents: true, lower: true})}
	t.pre = []preTokenizer{bertWords}
	t.model = newWordPiece(ids, space, "", s.Unk, unbounded)
	t.stripSpace = true
}

// unigrams sets up model t5.
func (t *Tokenizer) unigrams(s *Spec) error {
	if err := s.scores(); err != nil {
		return err
	}
	scores := make([]float64, len(s.Scores))
	for i, v := range s.Scores {
		scores[i] = float64(v)
	}
	m := newUnigram(s.Tokens, scores, func(id int) bool {
		return s.Types[id] == typeNormal || s.Types[id] == typeUserDefined || s.Types[id] == typeUnused
	}, s.Unk)
	if err := t.spaced(s, &m.bytes); err != nil {
		return err
	}
	if len(s.CharsMap) > 0 {
		c, err := newCharsMap(s.CharsMap)
		if err != nil {
			return err
		}
		t.normalizer = append(t.normalizer, c.normalizeLongest)
	}
	t.normalizer = append(t.normalizer, squeezed, prepended(space), replaced(" ", space))
	t.model, t.stripSpace = m, true
	return nil
}

// squeezed takes spaces off the ends and makes runs of them one.
func squeezed(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }), " ")
}

// AddsByDefault says whether texts of a GGUF vocabulary begin with the begin token and end with the end token where the file
// does not say.
func AddsByDefault(model, pre string) (bos, eos bool) {
	switch model {
	case "llama":
		return true, false
	case "bert":
		return true, true
	case "t5":
		return false, true
	}
	r, _ := rulesOf(pre)
	return r.begin || r.around, r.around
}
