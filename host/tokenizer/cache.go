package tokenizer

import (
	"hash/maphash"
	"sync"
)

// A cache remembers the ids of short words: in English text more than nine of ten words occurred before. It is a table in
// which a word has two places, so that its memory is fixed (800 KB) and a text made to miss costs little more than none.
type cache [1 << 13][2]cached

// cached is a word of at most 23 bytes that has at most 5 ids.
type cached struct {
	word [23]byte
	size uint8 // of word; 0: this place is free
	n    int32 // of ids
	ids  [5]int32
}

var cacheSeed = maphash.MakeSeed()

// places are where a word belongs, or nil for one that is too long.
func (c *cache) places(word string) *[2]cached {
	if len(word) > len(cached{}.word) {
		return nil
	}
	return &c[maphash.String(cacheSeed, word)%uint64(len(c))]
}

// holds reports whether the ids here are those of word.
func (e *cached) holds(word string) bool {
	return int(e.size) == len(word) && string(e.word[:e.size]) == word
}

// put replaces what is here.
func (e *cached) put(word string, ids []int32) {
	e.size, e.n = uint8(copy(e.word[:], word)), int32(copy(e.ids[:], ids))
}

// merger is a model whose words are encoded each by itself.
type merger interface {
	merge(ids []int32, word string, w *scratch) []int32
}

// memory is what encoding reuses: room to work in, and words.
type memory struct {
	scratch
	cache *cache
}

func newMemories() *sync.Pool { return &sync.Pool{New: func() any { return new(memory) }} }

// encode appends the ids of a word, from the cache where they are in it.
func (w *memory) encode(m merger, ids []int32, word string) []int32 {
	if w.cache == nil {
		w.cache = new(cache)
	}
	set := w.cache.places(word)
	if set == nil {
		return m.merge(ids, word, &w.scratch)
	}
	for i := range set {
		if e := &set[i]; e.holds(word) {
			return append(ids, e.ids[:e.n]...)
		}
	}
	from := len(ids)
	ids = m.merge(ids, word, &w.scratch)
	if len(ids)-from <= len(set[0].ids) {
		set[1] = set[0] // the older one goes
		set[0].put(word, ids[from:])
	}
	return ids
}
