// Package tokenizer turns text into token ids and back, exactly as the models were trained: SentencePiece BPE with byte
// fallback, and byte-level BPE with the splitting rules of several families. Tokenizers come from GGUF metadata (New) or
// from a tokenizer.json (FromJSON). The package must not know files, models or chat templates.
//
// A Tokenizer is safe for concurrent use.
package tokenizer

import (
	"fmt"
	"strings"
)

// Options of Encode.
type Options struct {
	AddSpecial   bool // begin and end tokens, as the model wants them
	ParseSpecial bool // special tokens written in the text are those tokens, not text
}

// Tokenizer is one vocabulary with its rules.
type Tokenizer struct {
	model   model
	pieces  []string         // by id: as the vocabulary spells them
	bytes   [][]byte         // by id: the text they stand for
	special []bool           // by id: left out of text with SkipSpecial
	ids     map[string]int32 // by piece
	added   matcher
	prefix  []int32 // of AddSpecial
	suffix  []int32
	bos     int32 // −1: none
	eos     int32
	eog     map[int32]bool
	// stripSpace removes one space from the start of decoded text: encoding put one there.
	stripSpace bool
	// byteRuns makes a run of byte tokens that is not UTF-8 as a whole one replacement character a byte.
	byteRuns bool
	isByte   []bool
}

// model turns a fragment of plain text, without special tokens, into ids.
type model interface {
	// encode appends the ids of text; first says that the fragment starts the whole text.
	encode(ids []int32, text string, first bool) []int32
}

// Encode turns text into ids.
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
	var ids []int32
	if addSpecial {
		ids = append(ids, t.prefix...)
	}
	var plain strings.Builder
	first := true
	flush := func() {
		if plain.Len() > 0 {
			ids = t.model.encode(ids, plain.String(), first)
			first = false
			plain.Reset()
		}
	}
	for _, s := range segments {
		text := s.Text
		for text != "" {
			at, end, id := t.added.find(text, s.ParseSpecial)
			if id < 0 {
				plain.WriteString(text)
				break
			}
			plain.WriteString(text[:at])
			flush()
			ids = append(ids, id)
			first = false
			text = text[end:]
		}
	}
	flush()
	if addSpecial {
		ids = append(ids, t.suffix...)
	}
	return ids, nil
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
func (t *Tokenizer) AddBOS() bool { return len(t.prefix) > 0 && t.prefix[0] == t.bos }

// IsEOG reports whether a token ends a generation.
func (t *Tokenizer) IsEOG(id int32) bool { return t.eog[id] }

// IsSpecial reports whether a token is one of control rather than text.
func (t *Tokenizer) IsSpecial(id int32) bool {
	return id >= 0 && int(id) < len(t.special) && t.special[id]
}

// endNames are tokens that end a turn or a text whatever the file's metadata says.
var endNames = []string{"<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>", "<|eom_id|>", "<|return|>", "<|call|>", "<EOT>", "</s>", "<|eot|>"}

// finish derives what all constructors need.
func (t *Tokenizer) finish() {
	t.ids = make(map[string]int32, len(t.pieces))
	for id, p := range t.pieces {
		if _, ok := t.ids[p]; !ok {
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
