package kernel

import "tuff/host/compute"

// IndirectKind says what a record counts. The zero value is no record: the dispatch's grid is that of its shape.
type IndirectKind uint32

// Twin: the INDIRECT_ constants of shaders/include/indirect.glsl.
const (
	IndirectPieces  IndirectKind = 1 + iota // attention_decode: pieces of the longest context × blocks of pairs, KV heads, sequences
	IndirectCombine                         // attention_combine: heads, rows; none when every sequence is one piece
)

const (
	recordWords   = 3 // of a record: what an indirect dispatch reads
	indirectWords = 9 // of its table of parameters
	// minPiece and pieceStep are the least keys of a piece, and what its length is a multiple of.
	minPiece, pieceStep = 64, 32
)

// Indirect is the number of workgroups of a dispatch that follows the step: the device reads three counts from a record in the step
// buffer. Its contents depend on the step's sequences and on these parameters, which lie behind the records, so that a kernel that
// changes the step can make them anew. Twin: shaders/include/indirect.glsl; a test runs both on the same steps.
type Indirect struct {
	Kind           IndirectKind
	Most           int // pieces
	KVHeads, Group int // group: heads of a KV head
	Pairs          int // of row and head, of a workgroup
	Fold           int // rows along y
	Causal         bool
	Window, Chunk  int
}

// Indirects are the different records of groups, in the order of their first use. Layers that are alike share theirs.
func Indirects(groups []Group) (list []Indirect) {
	seen := map[Indirect]bool{{}: true}
	for g := range groups {
		for i := range groups[g].Dispatches {
			if r := groups[g].Dispatches[i].Indirect; !seen[r] {
				seen[r] = true
				list = append(list, r)
			}
		}
	}
	return list
}

// RecordOffset is the byte of the step buffer at which record i begins.
func RecordOffset(i int) uint64 { return 4 * uint64(stepHeader+recordWords*i) }

func (r Indirect) table() [indirectWords]int {
	return [...]int{int(r.Kind), r.Most, r.KVHeads, r.Group, r.Pairs, r.Fold, int(flag(r.Causal)), r.Window, r.Chunk}
}

// Counts are the workgroups for a step. Twin: indirectCounts.
func (r Indirect) Counts(s *compute.Step) [recordWords]int {
	tokens, seqs := len(s.Tokens), len(s.Seqs)
	rows := tokens - seqs + 1
	if rows > maxDecodeRows {
		return [recordWords]int{}
	}
	pieces := 1
	for i := range s.Seqs {
		q := &s.Seqs[i]
		lo, hi := rowsRange(s.Pos[q.First:q.First+q.Count], q.Len, r)
		if lo < hi {
			pieces = max(pieces, pieceCount(hi-lo, r.Most))
		}
	}
	if r.Kind == IndirectPieces {
		return [...]int{pieces * ceilDiv(rows*r.Group, r.Pairs), r.KVHeads, seqs}
	}
	if pieces == 1 {
		return [recordWords]int{}
	}
	y := min(tokens, r.Fold)
	return [...]int{r.KVHeads * r.Group, y, ceilDiv(tokens, y)}
}

// rowsRange covers the keys that rows at these positions see; lo ≥ hi when none sees one.
func rowsRange(pos []int32, n int, r Indirect) (lo, hi int) {
	lo = n
	for _, p := range pos {
		if a, b := compute.KeyRange(int(p), n, r.Causal, r.Window, r.Chunk); a < b {
			lo, hi = min(lo, a), max(hi, b)
		}
	}
	return lo, hi
}

// pieceLength is the number of keys of each of the pieces of n keys, at most most of them.
func pieceLength(n, most int) int {
	pieces := max(min(n/minPiece, most), 1)
	return max(ceilDiv(n, pieces*pieceStep)*pieceStep, minPiece)
}

// pieceCount is how many there are.
func pieceCount(n, most int) int { return max(ceilDiv(n, pieceLength(n, most)), 1) }
