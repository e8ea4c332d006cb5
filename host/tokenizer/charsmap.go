package tokenizer

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// charsMap is SentencePiece's precompiled table of replacements: a double-array trie over bytes (Aoe, 1989; the layout of
// the Darts-clone library) whose values are offsets into a list of strings that end in NUL.
type charsMap struct {
	trie []uint32
	text string
}

// newCharsMap reads the size of the trie in bytes (uint32, little endian), the trie and the strings.
func newCharsMap(data []byte) (*charsMap, error) {
	if len(data) < 4 {
		return nil, &FormatError{"precompiled charsmap", fmt.Sprintf("%d bytes", len(data)), "at least 4"}
	}
	size := binary.LittleEndian.Uint32(data)
	if uint64(size) > uint64(len(data)-4) || size%4 != 0 || size == 0 {
		return nil, &FormatError{"trie of precompiled charsmap", fmt.Sprintf("%d bytes", size), fmt.Sprintf("a multiple of 4 up to %d", len(data)-4)}
	}
	m := &charsMap{trie: make([]uint32, size/4), text: string(data[4+size:])}
	for i := range m.trie {
		m.trie[i] = binary.LittleEndian.Uint32(data[4+4*i:])
	}
	return m, nil
}

// Units of the trie: bits 0 to 7 and 31 are the label, bit 8 says that a value is reached by the next byte 0, bits 10 to
// 30 are the offset to the children, shifted by 8 when bit 9 is set. A unit with bit 31 is a value.
func unitOffset(u uint32) uint32 { return u >> 10 << (u & (1 << 9) >> 6) }
func unitLabel(u uint32) uint32  { return u & (1<<31 | 0xff) }
func unitLeaf(u uint32) bool     { return u>>8&1 == 1 }
func unitValue(u uint32) uint32  { return u & (1<<31 - 1) }

// each calls f with the length and the replacement of every entry that s starts with, the shortest first, until f says stop.
func (m *charsMap) each(s string, f func(n int, with string) (stop bool)) {
	at := unitOffset(m.trie[0])
	for i := range len(s) {
		if s[i] == 0 {
			return
		}
		at ^= uint32(s[i])
		if uint64(at) >= uint64(len(m.trie)) || unitLabel(m.trie[at]) != uint32(s[i]) {
			return
		}
		u := m.trie[at]
		at ^= unitOffset(u)
		if !unitLeaf(u) {
			continue
		}
		if uint64(at) >= uint64(len(m.trie)) {
			return
		}
		if f(i+1, m.replacement(unitValue(m.trie[at]))) {
			return
		}
	}
}

func (m *charsMap) replacement(at uint32) string {
	if uint64(at) >= uint64(len(m.text)) {
		return ""
	}
	s, _, _ := strings.Cut(m.text[at:], "\x00")
	return s
}

// normalizeClusters replaces a grapheme cluster of less than six bytes by the shortest entry it starts with, else each of
// its characters. This is how the library of tokenizer.json reads the table.
func (m *charsMap) normalizeClusters(s string) string {
	var b strings.Builder
	first := func(part string) bool {
		found := false
		m.each(part, func(_ int, with string) bool {
			b.WriteString(with)
			found = true
			return true
		})
		return found
	}
	for state := -1; s != ""; {
		var cluster string
		cluster, s, _, state = uniseg.FirstGraphemeClusterInString(s, state)
		if len(cluster) < 6 && first(cluster) {
			continue
		}
		for i, n := 0, 0; i < len(cluster); i += n {
			_, n = utf8.DecodeRuneInString(cluster[i:])
			if part := cluster[i : i+n]; !first(part) {
				b.WriteString(part)
			}
		}
	}
	return b.String()
}

// normalizeLongest replaces the longest entry at each place, as SentencePiece itself does.
func (m *charsMap) normalizeLongest(s string) string {
	var b strings.Builder
	for s != "" {
		n, with := 0, ""
		m.each(s, func(size int, w string) bool {
			n, with = size, w
			return false
		})
		if n == 0 {
			_, n = utf8.DecodeRuneInString(s)
			with = s[:n]
		}
		b.WriteString(with)
		s = s[n:]
	}
	return b.String()
}
