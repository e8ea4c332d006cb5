// Package tokenizer turns text into token ids and back, exactly as the models were trained: BPE (byte-level, SentencePiece,
// CLIP), WordPiece and Unigram, with the normalisation and splitting rules of the model families. Tokenizers come from GGUF
// metadata (New) or from a tokenizer.json (FromJSON). The package must not know files, models or chat templates.
//
// Text passes these stations, each in a file of its own: added tokens (added.go), normalisation (normalize.go, canonical.go,
// charsmap.go), added tokens of normalised text, splitting (pretokenize.go, split*.go), the model (bpe*.go, sentencepiece.go,
// wordpiece.go, unigram.go) with the words it remembers (cache.go), special tokens around it (template.go). Decoding is
// decode.go.
//
// All work is linear in the text, or n log n where pieces merge; a rule that could make text grow without bound is refused.
// The exception is a tokenizer.json with a pattern of its own that split_table.go does not know: each of its matches is linear.
// A Tokenizer is safe for concurrent use.
package tokenizer

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Options of Encode.
type Options struct {
	AddSpecial   bool // begin and end tokens, as the model wants them
	ParseSpecial bool // special tokens written in the text are those tokens, not text
}

// Tokenizer is one vocabulary with its rules.
type Tokenizer struct {
	pieces  []string         // by id: as the vocabulary spells them
	bytes   [][]byte         // by id: the text they stand for
	special []bool           // by id: left out of text with SkipSpecial
	present []bool           // by id: false for holes of the vocabulary
	ids     map[string]int32 // by piece

	added      matcher // in the text as given
	normalizer []normalizer
	normalized matcher // in normalised text
	pre        []preTokenizer
	model      model
	memories   *sync.Pool // of *memory, which texts take turns with
	single     []part     // around one text
	pair       []part     // around two

	bos int32 // −1: none
	eos int32
	eog map[int32]bool

	decoders []decoder // nil: the bytes of the ids, one after another
	// stripSpace removes one space from the start of decoded text: encoding put one there.
	stripSpace bool
}

// model turns a word, which is not empty, into ids and appends them.
type model interface {
	encode(ids []int32, word string, w *memory) []int32
}

// Encode turns text into ids. Text of which normalisation makes more than 64 times as much gives a GrowthError.
func (t *Tokenizer) Encode(text string, o Options) ([]int32, error) {
	return t.EncodeSegments([]Segment{{Text: text, ParseSpecial: o.ParseSpecial}}, o.AddSpecial)
}

// Segment is a part of a text; special tokens written in it count only with ParseSpecial.
type Segment struct {
	Text         string
	ParseSpecial bool
}

// EncodeSegments turns a text of several segments into ids. Plain text runs on across segments, so that ids are those of
// the whole text; only what special tokens are found in depends on the segment.
func (t *Tokenizer) EncodeSegments(segments []Segment, addSpecial bool) ([]int32, error) {
	ids, err := t.sequence(segments)
	if err != nil || !addSpecial || len(t.single) == 1 {
		return ids, err
	}
	ids, _ = assemble(t.single, ids, nil, true)
	return ids, nil
}

// EncodePair turns two texts into the ids of one input, as models that compare texts take them, and says for each id
// which text it belongs to in the model's eyes (token type ids).
func (t *Tokenizer) EncodePair(a, b string, o Options) (ids, types []int32, err error) {
	first, err := t.sequence([]Segment{{a, o.ParseSpecial}})
	if err != nil {
		return nil, nil, err
	}
	second, err := t.sequence([]Segment{{b, o.ParseSpecial}})
	if err != nil {
		return nil, nil, err
	}
	ids, types = assemble(t.pair, first, second, o.AddSpecial)
	return ids, types, nil
}

// sequence is the ids of a text without special tokens around it.
func (t *Tokenizer) sequence(segments []Segment) ([]int32, error) {
	var plain strings.Builder // text since the last added token
	trusted := true           // all of plain may hold special tokens
	size := 0
	for _, s := range segments {
		size += len(s.Text)
	}
	w := t.memories.Get().(*memory)
	defer t.memories.Put(w)
	e := encoding{t: t, w: w, ids: make([]int32, 0, size/4+8), start: true}
	for _, s := range segments {
		for from := 0; from < len(s.Text); {
			at, end, id := t.added.find(s.Text, from, s.ParseSpecial)
			if id < 0 {
				at = len(s.Text)
			}
			if at > from {
				trusted = trusted && s.ParseSpecial
			}
			if id < 0 && len(segments) == 1 && plain.Len() == 0 {
				err := e.fragment(s.Text[from:], trusted) // the common case needs no copy
				return e.ids, err
			}
			plain.WriteString(s.Text[from:at])
			if id < 0 {
				break
			}
			if err := e.fragment(plain.String(), trusted); err != nil {
				return nil, err
			}
			plain.Reset()
			trusted = true
			e.ids, e.start = append(e.ids, id), false
			from = end
		}
	}
	err := e.fragment(plain.String(), trusted)
	return e.ids, err
}

// encoding is a text on its way.
type encoding struct {
	t     *Tokenizer
	w     *memory
	ids   []int32
	start bool // the next fragment starts the whole text
}

// fragment encodes text in which no added token was found.
func (e *encoding) fragment(text string, special bool) error {
	if text == "" {
		return nil
	}
	t, size := e.t, len(text)
	for _, n := range t.normalizer {
		text = n(text)
		if len(text) > 64*size+4096 {
			return &GrowthError{Size: size}
		}
	}
	for from := 0; from < len(text); {
		at, end, id := t.normalized.find(text, from, special)
		if id < 0 {
			at = len(text)
		}
		if at > from {
			e.split(text[from:at], e.start, 0)
			e.start = false
		}
		if id < 0 {
			break
		}
		e.ids, e.start = append(e.ids, id), false
		from = end
	}
	e.start = false
	return nil
}

// split passes text through the pre-tokenizers from number i on, and what is left to the model.
func (e *encoding) split(text string, start bool, i int) {
	if i == len(e.t.pre) {
		e.ids = e.t.model.encode(e.ids, text, e.w)
		return
	}
	e.t.pre[i](text, start, func(word string, start bool) {
		if word != "" {
			e.split(word, start, i+1)
		}
	})
}

// VocabSize is one more than the largest id.
func (t *Tokenizer) VocabSize() int { return len(t.pieces) }

// Piece is the vocabulary's spelling of a token, or "" for an id out of range.
func (t *Tokenizer) Piece(id int32) string {
	if id < 0 || int(id) >= len(t.pieces) {
		return ""
	}
	return t.pieces[id]
}

// Bytes is the text that a token stands for, which may be a part of a character. The caller must not change it.
func (t *Tokenizer) Bytes(id int32) []byte {
	if id < 0 || int(id) >= len(t.bytes) {
		return nil
	}
	return t.bytes[id]
}

// ID finds a token by its spelling.
func (t *Tokenizer) ID(piece string) (int32, bool) {
	id, ok := t.ids[piece]
	return id, ok
}

// BOS is the begin token, or −1.
func (t *Tokenizer) BOS() int32 { return t.bos }

// EOS is the end token, or −1.
func (t *Tokenizer) EOS() int32 { return t.eos }

// AddBOS reports whether AddSpecial puts the begin token first.
func (t *Tokenizer) AddBOS() bool { return t.single[0].sequence == 0 && t.single[0].id == t.bos }

// EOG are the tokens that end a generation, ascending.
func (t *Tokenizer) EOG() []int32 { return slices.Sorted(maps.Keys(t.eog)) }

// IsEOG reports whether a token ends a generation.
func (t *Tokenizer) IsEOG(id int32) bool { return t.eog[id] }

// IsSpecial reports whether a token is one of control rather than text.
func (t *Tokenizer) IsSpecial(id int32) bool {
	return id >= 0 && int(id) < len(t.special) && t.special[id]
}

// SetEnds names the begin and end tokens, which a tokenizer.json does not say but the files beside it do. Pieces that are
// empty or unknown change nothing. Call it before the tokenizer is shared.
func (t *Tokenizer) SetEnds(bos, eos string) {
	if id, ok := t.ids[bos]; ok {
		t.bos = id
	}
	if id, ok := t.ids[eos]; ok {
		t.eos = id
		t.eog[id] = true
	}
}

// AddEOG makes a token end a generation, as files beside a tokenizer.json say by id. Call it before the tokenizer is shared.
func (t *Tokenizer) AddEOG(id int32) { t.eog[id] = true }

// endNames are tokens that end a turn or a text whatever the file's metadata says.
var endNames = []string{
	"<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "<turn|>", "<|endoftext|>", "<|end_of_text|>", "<|eom_id|>", "<|return|>", "<|call|>",
	"<EOT>", "_<EOT>", "</s>", "<eos>", "<|eot|>", "<|eom|>", "<|END_OF_TURN_TOKEN|>", "<EOS_TOKEN>", "<｜end▁of▁sentence｜>", "<end_of_utterance>",
}

// finish derives what all constructors need.
func (t *Tokenizer) finish() {
	t.ids = make(map[string]int32, len(t.pieces))
	for id, p := range t.pieces {
		if _, ok := t.ids[p]; !ok && t.present[id] {
			t.ids[p] = int32(id)
		}
	}
	t.eog = map[int32]bool{}
	if t.eos >= 0 {
		t.eog[t.eos] = true
	}
	for _, name := range endNames {
		if id, ok := t.ids[name]; ok && t.special[id] {
			t.eog[id] = true
		}
	}
}

// FormatError says what is wrong with a vocabulary.
type FormatError struct{ What, Got, Want string }

func (e *FormatError) Error() string {
	return fmt.Sprintf("tokenizer: read vocabulary: %s: got %s, want %s", e.What, e.Got, e.Want)
}

// UnsupportedError says that a vocabulary is of a kind not implemented.
type UnsupportedError struct{ What string }

func (e *UnsupportedError) Error() string {
	return "tokenizer: read vocabulary: not supported: " + e.What
}

// GrowthError says that a vocabulary's rules blow a text up.
type GrowthError struct{ Size int }

func (e *GrowthError) Error() string {
	return fmt.Sprintf("tokenizer: encode text of %d bytes: got more than 64 times that from normalisation, want less", e.Size)
}
