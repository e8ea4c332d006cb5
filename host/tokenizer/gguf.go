package tokenizer

import (
	"fmt"
	"strings"
)

// Spec is a vocabulary as GGUF metadata describes it, below tokenizer.ggml.
type Spec struct {
	Model  string // llama: SentencePiece BPE; gpt2: byte-level BPE
	Pre    string // splitting rules of byte-level BPE
	Tokens []string
	Scores []float32 // of llama
	Types  []int32   // by token; none: all normal
	Merges []string  // of gpt2: "left right", in order
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
	t := &Tokenizer{pieces: s.Tokens, bytes: make([][]byte, n), special: make([]bool, n), isByte: make([]bool, n), bos: s.BOS, eos: s.EOS}
	var list []added
	for id, typ := range s.Types {
		switch typ {
		case typeControl, typeUnknown:
			t.special[id] = true
			list = append(list, added{text: s.Tokens[id], id: int32(id), special: true})
		case typeUserDefined:
			list = append(list, added{text: s.Tokens[id], id: int32(id)})
		}
	}
	t.added = newMatcher(list)
	t.finish()
	var err error
	switch s.Model {
	case "llama":
		err = t.sentencePiece(&s)
	case "gpt2":
		err = t.byteLevel(&s)
	default:
		err = &UnsupportedError{fmt.Sprintf("tokenizer model %q, want llama or gpt2", s.Model)}
	}
	if err != nil {
		return nil, err
	}
	if s.AddBOS && s.BOS >= 0 {
		t.prefix = []int32{s.BOS}
	}
	if s.AddEOS && s.EOS >= 0 {
		t.suffix = []int32{s.EOS}
	}
	if s.EOT >= 0 {
		t.eog[s.EOT] = true
	}
	return t, nil
}

// sentencePiece sets up model llama.
func (t *Tokenizer) sentencePiece(s *Spec) error {
	if len(s.Scores) != len(s.Tokens) {
		return &FormatError{"token scores", fmt.Sprint(len(s.Scores)), fmt.Sprintf("%d, one a token", len(s.Tokens))}
	}
	m := &sentencePiece{ids: map[string]int32{}, unk: s.Unk, spaces: true}
	if s.AddSpacePrefix {
		m.prepend = prependEach
		t.stripSpace = true
	}
	for i := range m.bytes {
		m.bytes[i] = -1
	}
	for id, p := range s.Tokens {
		switch s.Types[id] {
		case typeByte:
			b, ok := byteToken(p)
			if !ok {
				return &FormatError{fmt.Sprintf("byte token %d", id), fmt.Sprintf("%q", p), "<0x00> to <0xFF>"}
			}
			m.bytes[b], t.bytes[id], t.isByte[id] = int32(id), []byte{b}, true
		case typeNormal, typeUserDefined, typeUnused:
			if old, ok := m.ids[p]; !ok || s.Scores[id] > s.Scores[old] {
				m.ids[p] = int32(id)
			}
			t.bytes[id] = []byte(strings.ReplaceAll(p, space, " "))
		default:
			t.bytes[id] = []byte(p)
		}
	}
	for id, f := range s.Scores {
		if f != f {
			return &FormatError{fmt.Sprintf("score of token %d", id), "NaN", "a number"}
		}
	}
	m.merges = &scoredMerges{m.ids, s.Scores}
	t.model = m
	return nil
}

// byteLevel sets up model gpt2.
func (t *Tokenizer) byteLevel(s *Spec) error {
	split, ok := splitters[s.Pre]
	if !ok {
		return &UnsupportedError{fmt.Sprintf("pre-tokenizer %q", s.Pre)}
	}
	for id, p := range s.Tokens {
		if s.Types[id] == typeNormal || s.Types[id] == typeUnused {
			t.bytes[id] = spelled(p)
		} else {
			t.bytes[id] = []byte(p)
		}
	}
	m, err := newByteLevel(t.ids, s.Merges)
	if err != nil {
		return err
	}
	m.split, m.unk = split, s.Unk
	m.nfc = normalizesNFC[s.Pre]
	if usesWholeWords(s.Pre) {
		m.words = t.wholeWords(s.Types)
	}
	t.model = m
	return nil
}

// normalizesNFC are the pre-tokenizers whose models were trained on text in normalisation form C; the files do not say so.
var normalizesNFC = map[string]bool{"qwen2": true, "deepseek-r1-qwen": true}

// usesWholeWords reports whether words that are tokens are taken whole, whatever the merges say.
func usesWholeWords(pre string) bool {
	return pre == "llama-bpe" || pre == "llama3" || pre == "llama-v3" || pre == "falcon3" || pre == "pixtral"
}

// wholeWords are the normal tokens by their bytes.
func (t *Tokenizer) wholeWords(types []int32) map[string]int32 {
	words := make(map[string]int32, len(t.bytes))
	for id, b := range t.bytes {
		if types == nil || types[id] == typeNormal {
			words[string(b)] = int32(id)
		}
	}
	return words
}

// newByteLevel resolves merges of spelled pieces to ids. Merges that name an unknown piece can never apply and are left out.
func newByteLevel(ids map[string]int32, list []string) (*byteLevel, error) {
	m := &byteLevel{merges: make(rankedMerges, len(list)), unk: -1}
	for b := range m.first {
		m.first[b] = -1
		if id, ok := ids[string(byteRune[b])]; ok {
			m.first[b] = id
		}
	}
	for rank, s := range list {
		// The left piece may itself start with a space in no vocabulary: spaces are spelled otherwise.
		left, right, ok := strings.Cut(s, " ")
		if !ok || left == "" || right == "" {
			return nil, &FormatError{fmt.Sprintf("merge %d", rank), fmt.Sprintf("%q", s), "two pieces"}
		}
		m.add(ids, left, right, rank)
	}
	return m, nil
}

// add resolves one merge; the first of equals counts.
func (m *byteLevel) add(ids map[string]int32, left, right string, rank int) {
	a, okA := ids[left]
	b, okB := ids[right]
	id, ok := ids[left+right]
	if _, dup := m.merges[[2]int32{a, b}]; !okA || !okB || !ok || dup {
		return
	}
	m.merges[[2]int32{a, b}] = struct {
		rank int
		id   int32
	}{rank, id}
}
