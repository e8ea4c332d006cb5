package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// decoder rewrites the pieces of a text on their way back.
type decoder func(pieces []string) []string

// Decode turns ids into text. Bytes that are not UTF-8 become U+FFFD, one for each longest part of a character that is
// cut short. Ids out of range are left out; with skipSpecial so are control tokens.
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) string {
	if t.decoders != nil {
		var pieces []string
		for _, id := range ids {
			if id >= 0 && int(id) < len(t.pieces) && t.present[id] && !(skipSpecial && t.special[id]) {
				pieces = append(pieces, t.pieces[id])
			}
		}
		for _, d := range t.decoders {
			pieces = d(pieces)
		}
		return strings.Join(pieces, "")
	}
	var b []byte
	for _, id := range ids {
		if id < 0 || int(id) >= len(t.bytes) || skipSpecial && t.special[id] {
			continue
		}
		b = append(b, t.bytes[id]...)
	}
	text := lossy(b)
	if t.stripSpace {
		text = strings.TrimPrefix(text, " ")
	}
	return text
}

// decoderJSON builds what a tokenizer.json names, and gives pieces the bytes that a stream writes for them.
func (t *Tokenizer) decoderJSON(f *jsonFile) error {
	list, err := steps("decoder", f.Decoder)
	if err != nil {
		return err
	}
	added := make(map[int32]bool, len(f.Added))
	for _, a := range f.Added {
		added[a.ID] = true
	}
	t.decoders = []decoder{}
	if list == nil {
		t.decoders = append(t.decoders, func(p []string) []string { return []string{strings.Join(p, " ")} })
	}
	each := func(change func(string) []byte) {
		for id, p := range t.pieces {
			if !added[int32(id)] {
				t.bytes[id] = change(p)
			}
		}
	}
	for _, s := range list {
		switch s.Type {
		case "ByteLevel":
			t.decoders = append(t.decoders, fromBytes)
			each(spelled)
		case "Fuse":
			t.decoders = append(t.decoders, func(p []string) []string { return []string{strings.Join(p, "")} })
		case "ByteFallback":
			t.decoders = append(t.decoders, byteRuns)
			for id, p := range t.pieces {
				if b, ok := byteToken(p); ok {
					t.bytes[id] = []byte{b}
				}
			}
		case "Replace":
			if s.Pattern.String == nil {
				return &UnsupportedError{"decoder that replaces a regular expression"}
			}
			old, with := *s.Pattern.String, s.Content
			t.decoders = append(t.decoders, eachPiece(func(_ int, p string) string { return strings.ReplaceAll(p, old, with) }))
			each(func(p string) []byte { return []byte(strings.ReplaceAll(p, old, with)) })
		case "Strip":
			t.decoders = append(t.decoders, stripEnds(s.Content, s.Start, s.Stop))
		case "Metaspace":
			mark := s.Replacement
			if mark == "" {
				mark = space
			}
			t.decoders = append(t.decoders, eachPiece(func(i int, p string) string {
				if i == 0 && s.PrependScheme != "never" {
					return strings.ReplaceAll(p, mark, "")
				}
				return strings.ReplaceAll(p, mark, " ")
			}))
			each(func(p string) []byte { return []byte(strings.ReplaceAll(p, mark, " ")) })
		case "WordPiece":
			t.decoders = append(t.decoders, fromWordPieces(s.Prefix, s.Cleanup))
			each(func(p string) []byte {
				if rest, ok := strings.CutPrefix(p, s.Prefix); ok {
					return []byte(rest)
				}
				return []byte(" " + p)
			})
		case "BPEDecoder":
			t.decoders = append(t.decoders, func(p []string) []string {
				return eachPiece(func(i int, piece string) string {
					if i == len(p)-1 {
						return strings.ReplaceAll(piece, s.Suffix, "")
					}
					return strings.ReplaceAll(piece, s.Suffix, " ")
				})(p)
			})
			each(func(p string) []byte { return []byte(strings.ReplaceAll(p, s.Suffix, " ")) })
		default:
			return &UnsupportedError{fmt.Sprintf("decoder %q", s.Type)}
		}
	}
	return nil
}

func eachPiece(f func(i int, piece string) string) decoder {
	return func(p []string) []string {
		for i := range p {
			p[i] = f(i, p[i])
		}
		return p
	}
}

// fromBytes reads the printable alphabet; a piece with another character is text.
func fromBytes(pieces []string) []string {
	var b []byte
	for _, p := range pieces {
		b = append(b, spelled(p)...)
	}
	return []string{lossy(b)}
}

// byteRuns joins neighbouring byte tokens; those that make no UTF-8 become U+FFFD each.
func byteRuns(pieces []string) (out []string) {
	var run []byte
	flush := func() {
		if utf8.Valid(run) {
			if len(run) > 0 {
				out = append(out, string(run))
			}
		} else {
			for range run {
				out = append(out, "\uFFFD")
			}
		}
		run = run[:0]
	}
	for _, p := range pieces {
		if b, ok := byteToken(p); ok {
			run = append(run, b)
			continue
		}
		flush()
		out = append(out, p)
	}
	flush()
	return out
}

// stripEnds takes up to start and stop times content off each piece.
func stripEnds(content string, start, stop int) decoder {
	return eachPiece(func(_ int, p string) string {
		for i := 0; i < start && content != "" && strings.HasPrefix(p, content); i++ {
			p = p[len(content):]
		}
		for i := 0; i < stop && content != "" && strings.HasSuffix(p, content); i++ {
			p = p[:len(p)-len(content)]
		}
		return p
	})
}

// cleanups undo the spaces that splitting at punctuation makes.
var cleanups = strings.NewReplacer(" .", ".", " ?", "?", " !", "!", " ,", ",")
var cleanupWords = []string{" ' ", "'", " n't", "n't", " 'm", "'m", " do not", " don't", " 's", "'s", " 've", "'ve", " 're", "'re"}

// fromWordPieces puts spaces before pieces that begin a word.
func fromWordPieces(prefix string, cleanup bool) decoder {
	return eachPiece(func(i int, p string) string {
		if i > 0 {
			if rest, ok := strings.CutPrefix(p, prefix); ok {
				p = rest
			} else {
				p = " " + p
			}
		}
		if cleanup {
			p = cleanups.Replace(p)
			for k := 0; k < len(cleanupWords); k += 2 {
				p = strings.ReplaceAll(p, cleanupWords[k], cleanupWords[k+1])
			}
		}
		return p
	})
}
