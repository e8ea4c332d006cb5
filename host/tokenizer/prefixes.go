package tokenizer

import (
	"slices"
	"sort"
	"strings"
)

// prefixes finds which of many strings start a text. It is a sorted list searched a byte at a time: no memory beyond the
// list, and O(length × log(number of strings)) a look-up.
type prefixes struct {
	keys  []string
	index []int32    // of keys, as the caller numbered them
	from  [257]int32 // keys that start with byte b are keys[from[b]:from[b+1]]
}

// newPrefixes takes keys and their numbers; of equal keys the first counts, and empty ones are left out.
func newPrefixes(keys []string, number func(int) int32) *prefixes {
	order := make([]int, 0, len(keys))
	for i, k := range keys {
		if k != "" {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(keys[a], keys[b]) })
	p := &prefixes{}
	for _, i := range order {
		if n := len(p.keys); n > 0 && p.keys[n-1] == keys[i] {
			continue
		}
		p.keys, p.index = append(p.keys, keys[i]), append(p.index, number(i))
	}
	at := 0
	for b := range 257 {
		for at < len(p.keys) && int(p.keys[at][0]) < b {
			at++
		}
		p.from[b] = int32(at)
	}
	return p
}

// each calls f with the length and number of every key that starts text, the shortest first.
func (p *prefixes) each(text string, f func(size int, index int32)) {
	if text == "" {
		return
	}
	lo, hi := int(p.from[text[0]]), int(p.from[int(text[0])+1])
	for d := 1; lo < hi; d++ {
		// keys[lo:hi] share text[:d]
		if len(p.keys[lo]) == d {
			f(d, p.index[lo])
			lo++
		}
		if d == len(text) || lo == hi {
			return
		}
		b, part := text[d], p.keys[lo:hi]
		i := sort.Search(len(part), func(i int) bool { return part[i][d] >= b })
		j := i + sort.Search(len(part)-i, func(j int) bool { return part[i+j][d] > b })
		lo, hi = lo+i, lo+j
	}
}
