package tokenizer

import "container/heap"

// merges says which two neighbours may become one, and how early: lower ranks first, then the leftmost.
type merges interface {
	// rank is the merge of the symbols spelling text[a:b] and text[b:c], with ids left and right.
	rank(text string, a, b, c int, left, right int32) (rank float64, id int32, ok bool)
}

// symbol is a run of text in a doubly linked list.
type symbol struct {
	start, end int
	prev, next int // −1: none
	id         int32
}

// pair is a merge that was possible when it was pushed.
type pair struct {
	rank        float64
	left, right int
	size        int // bytes of both: an older pair of a grown symbol is recognised by it
	id          int32
}

type queue []pair

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].rank < q[j].rank || q[i].rank == q[j].rank && q[i].left < q[j].left
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(pair)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// merge applies merges to symbols in place until none is possible; what remains is linked from symbols[0]. Time is
// O(n log n) in the number of symbols. Source: Sennrich et al., Neural Machine Translation of Rare Words with Subword
// Units, 2016, section 3.2.
func merge(text string, s []symbol, m merges) {
	q := make(queue, 0, len(s))
	try := func(left, right int) {
		if left < 0 || right < 0 {
			return
		}
		a, b := &s[left], &s[right]
		if rank, id, ok := m.rank(text, a.start, b.start, b.end, a.id, b.id); ok {
			heap.Push(&q, pair{rank, left, right, b.end - a.start, id})
		}
	}
	for i := 1; i < len(s); i++ {
		try(i-1, i)
	}
	for len(q) > 0 {
		p := heap.Pop(&q).(pair)
		a, b := &s[p.left], &s[p.right]
		if a.end == a.start || b.end == b.start || a.next != p.right || b.end-a.start != p.size {
			continue // one of them has merged otherwise since
		}
		a.end, a.id, a.next = b.end, p.id, b.next
		b.end = b.start
		if a.next >= 0 {
			s[a.next].prev = p.left
		}
		try(a.prev, p.left)
		try(p.left, a.next)
	}
}

// link makes neighbours of consecutive symbols.
func link(s []symbol) {
	for i := range s {
		s[i].prev, s[i].next = i-1, i+1
	}
	if len(s) > 0 {
		s[len(s)-1].next = -1
	}
}

// rankedMerges are merges listed in order.
type rankedMerges map[[2]int32]struct {
	rank int
	id   int32
}

func (m rankedMerges) rank(_ string, _, _, _ int, left, right int32) (float64, int32, bool) {
	r, ok := m[[2]int32{left, right}]
	return float64(r.rank), r.id, ok
}

// scoredMerges allow any merge whose result is in the vocabulary, the highest score first (SentencePiece).
type scoredMerges struct {
	ids    map[string]int32
	scores []float32
}

func (m *scoredMerges) rank(text string, a, _, c int, _, _ int32) (float64, int32, bool) {
	id, ok := m.ids[text[a:c]]
	if !ok {
		return 0, 0, false
	}
	return -float64(m.scores[id]), id, true
}
