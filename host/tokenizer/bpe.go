package tokenizer

// merges says which two neighbours may become one, and how early: lower ranks first, then the leftmost.
type merges interface {
	// rank is the merge of the symbols spelling text[a:c], with ids left and right.
	rank(text string, a, c int, left, right int32) (rank float64, id int32, ok bool)
}

// symbol is a run of text in a doubly linked list.
type symbol struct {
	start, end int
	prev, next int   // −1: none
	id         int32 // −1: unknown
}

// pair is a merge that was possible when it was pushed. It still is when both symbols have the ids of then.
type pair struct {
	rank            float64
	left, right     int32
	leftID, rightID int32
	id              int32 // of the result
}

// gone is the id of a symbol that became part of the one before it.
const gone = -2

func (p *pair) before(q *pair) bool { return p.rank < q.rank || p.rank == q.rank && p.left < q.left }

// queue is a binary heap of pairs. It is not container/heap's, which allocates for every pair.
type queue []pair

func (q *queue) push(p pair) {
	h := append(*q, p)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !p.before(&h[up]) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = p
	*q = h
}

func (q *queue) pop() pair {
	h := *q
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	*q = h
	if len(h) == 0 {
		return top
	}
	i := 0
	for {
		down := 2*i + 1
		if down >= len(h) {
			break
		}
		if down+1 < len(h) && h[down+1].before(&h[down]) {
			down++
		}
		if !h[down].before(&last) {
			break
		}
		h[i] = h[down]
		i = down
	}
	h[i] = last
	return top
}

// scratch is memory that encoding reuses.
type scratch struct {
	symbols []symbol
	queue   queue
}

// add appends a symbol behind the last.
func (w *scratch) add(start, end int, id int32) {
	n := len(w.symbols)
	if n > 0 {
		w.symbols[n-1].next = n
	}
	w.symbols = append(w.symbols, symbol{start: start, end: end, prev: n - 1, next: -1, id: id})
}

// merge applies merges to the symbols of a text in place until none is possible; what remains is linked from symbol 0.
// Time is O(n log n) in the number of symbols. Source: Sennrich et al., Neural Machine Translation of Rare Words with
// Subword Units, 2016, section 3.2.
func (w *scratch) merge(text string, m merges) {
	s := w.symbols
	q := w.queue[:0]
	try := func(left, right int) {
		if left < 0 || right < 0 {
			return
		}
		a, b := &s[left], &s[right]
		if rank, id, ok := m.rank(text, a.start, b.end, a.id, b.id); ok {
			q.push(pair{rank, int32(left), int32(right), a.id, b.id, id})
		}
	}
	for i := 1; i < len(s); i++ {
		try(i-1, i)
	}
	for len(q) > 0 {
		p := q.pop()
		a, b := &s[p.left], &s[p.right]
		if a.id != p.leftID || b.id != p.rightID || a.next != int(p.right) {
			continue // one of them has merged otherwise since
		}
		a.end, a.id, a.next = b.end, p.id, b.next
		b.id = gone
		if a.next >= 0 {
			s[a.next].prev = int(p.left)
		}
		try(a.prev, int(p.left))
		try(int(p.left), a.next)
	}
	w.queue = q[:0]
}

// rankedMerges are merges listed in order, by both ids: a table with open addressing, in which a miss, the usual case, costs one look
// at memory.
type rankedMerges struct {
	slots []merged // a power of two of them, or none
	used  int
}

type merged struct {
	pair     uint64
	rank, id int32 // one more than the id; 0: this place is free
}

func bothIDs(left, right int32) uint64 { return uint64(uint32(left))<<32 | uint64(uint32(right)) }

// place is where a pair is or belongs.
func (m *rankedMerges) place(pair uint64) *merged {
	mask := uint64(len(m.slots) - 1)
	h := pair * 0x9e3779b97f4a7c15 // 2⁶⁴ over the golden ratio
	for i := h ^ h>>32; ; i++ {
		if s := &m.slots[i&mask]; s.id == 0 || s.pair == pair {
			return s
		}
	}
}

func (m *rankedMerges) rank(_ string, _, _ int, left, right int32) (float64, int32, bool) {
	if m.used == 0 {
		return 0, 0, false
	}
	s := m.place(bothIDs(left, right))
	return float64(s.rank), s.id - 1, s.id != 0
}

// add resolves a merge of spelled pieces; right's continuing prefix is not repeated in the result. Of equal merges the
// first counts. A merge that names a piece outside the vocabulary can never apply and is left out.
func (m *rankedMerges) add(ids map[string]int32, left, right, prefix string, rank int) {
	tail := right
	if len(prefix) <= len(right) && right[:len(prefix)] == prefix {
		tail = right[len(prefix):]
	}
	a, okA := ids[left]
	b, okB := ids[right]
	id, ok := ids[left+tail]
	if !okA || !okB || !ok {
		return
	}
	if 3*len(m.slots) <= 4*m.used {
		m.grow()
	}
	if s := m.place(bothIDs(a, b)); s.id == 0 {
		*s = merged{bothIDs(a, b), int32(rank), id + 1}
		m.used++
	}
}

func (m *rankedMerges) grow() {
	old := m.slots
	m.slots = make([]merged, max(2*len(old), 16))
	for _, s := range old {
		if s.id != 0 {
			*m.place(s.pair) = s
		}
	}
}

// scoredMerges allow any merge whose result is in the vocabulary, the highest score first (SentencePiece).
type scoredMerges struct {
	ids    map[string]int32
	scores []float32
}

func (m *scoredMerges) rank(text string, a, c int, _, _ int32) (float64, int32, bool) {
	id, ok := m.ids[text[a:c]]
	if !ok {
		return 0, 0, false
	}
	return -float64(m.scores[id]), id, true
}
