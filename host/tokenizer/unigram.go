package tokenizer

import (
	"math"
	"slices"
	"unicode/utf8"
)

// unigram chooses the cut of a word whose pieces have the highest sum of scores (log probabilities), by the Viterbi
// algorithm. A character that no piece starts with costs ten more than the worst piece. Sums are float64; of equal sums
// the one found first, with the longest last piece, counts. Source: Kudo, Subword Regularization, 2018.
type unigram struct {
	tree    *prefixes
	ids     map[string]int32
	scores  []float64
	unk     int32
	unkFor  float64    // score of an unknown character
	bytes   [256]int32 // −1: none
	spelled bool       // unknown characters are spelled by their bytes
}

// unknownPenalty is what an unknown character costs on top of the worst piece.
const unknownPenalty = 10

func newUnigram(pieces []string, scores []float64, usable func(id int) bool, unk int32) *unigram {
	m := &unigram{ids: make(map[string]int32, len(pieces)), scores: scores, unk: unk}
	worst := math.Inf(1)
	var keys []string
	var numbers []int32
	for id, p := range pieces {
		worst = min(worst, scores[id])
		if _, dup := m.ids[p]; dup || p == "" || !usable(id) {
			continue
		}
		m.ids[p] = int32(id)
		keys, numbers = append(keys, p), append(numbers, int32(id))
	}
	m.tree = newPrefixes(keys, func(i int) int32 { return numbers[i] })
	m.unkFor = worst - unknownPenalty
	for i := range m.bytes {
		m.bytes[i] = -1
	}
	return m
}

// best is the best way to an end.
type best struct {
	score float64
	start int32 // −1: no way yet
	id    int32
}

func (m *unigram) encode(ids []int32, word string, _ *memory) []int32 {
	to := make([]best, len(word)+1)
	for i := range to {
		to[i].start = -1
	}
	to[0].start = 0
	for i, n := 0, 0; i < len(word); i += n {
		_, n = utf8.DecodeRuneInString(word[i:])
		here, single := to[i].score, false
		reach := func(end int, score float64, id int32) {
			if t := &to[end]; t.start < 0 || score > t.score {
				*t = best{score, int32(i), id}
			}
		}
		m.tree.each(word[i:], func(size int, id int32) {
			if i+size < len(word) && !utf8.RuneStart(word[i+size]) {
				return // of text that is not UTF-8
			}
			reach(i+size, here+m.scores[id], id)
			single = single || size == n
		})
		if !single {
			reach(i+n, here+m.unkFor, m.unk)
		}
	}
	from := len(ids)
	for end := len(word); end > 0; {
		start, id := int(to[end].start), to[end].id
		if id != m.unk {
			ids = append(ids, id)
			end = start
			continue
		}
		stop := end
		for end = start; end > 0 && to[end].id == m.unk; {
			end = int(to[end].start)
		}
		ids = m.unknown(ids, word[end:stop])
	}
	slices.Reverse(ids[from:])
	return ids
}

// unknown appends the tokens of a run of unknown characters, last first.
func (m *unigram) unknown(ids []int32, run string) []int32 {
	if id, ok := m.ids[run]; ok {
		return append(ids, id)
	}
	if m.spelled {
		from := len(ids)
		for i := len(run) - 1; i >= 0; i-- {
			if m.bytes[run[i]] < 0 {
				ids = ids[:from]
				break
			}
			ids = append(ids, m.bytes[run[i]])
		}
		if len(ids) > from {
			return ids
		}
	}
	if m.unk >= 0 {
		ids = append(ids, m.unk)
	}
	return ids
}
