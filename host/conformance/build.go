package conformance

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"tuff/host/compute"
)

// build makes a problem. Its methods declare tensors with contents drawn from the case's seed.
type build struct {
	*problem
	rng    *rand.Rand
	scales scaleKind // of quantized weights
	spread float64   // activations are drawn from ±spread
	feeds  []compute.Ref
	names  map[string]int
}

func newBuild(seed uint64) *build {
	return &build{
		problem: &problem{p: compute.NewProgram("case"), data: make(map[compute.Ref][]byte), lead: make(map[compute.Ref]int),
			o: compute.Options{NoFuse: true}},
		rng:    rand.New(rand.NewPCG(seed, 0x7475_6666)),
		spread: 1,
		names:  make(map[string]int),
	}
}

// finish works out the bounds of the steps and what is checked.
func (b *build) finish() *problem {
	for _, s := range b.steps {
		b.o.MaxTokens = max(b.o.MaxTokens, len(s.Tokens))
		b.o.MaxOutputs = max(b.o.MaxOutputs, len(s.Outputs))
		b.o.MaxSeqs = max(b.o.MaxSeqs, len(s.Seqs))
		for i := range s.Seqs {
			b.o.MaxPages = max(b.o.MaxPages, len(s.Seqs[i].Pages))
		}
	}
	for r := 1; r < len(b.p.Tensors); r++ {
		if role := b.p.Tensors[r].Role; role == compute.Output || role == compute.State {
			b.checked = append(b.checked, compute.Ref(r))
		}
	}
	return b.problem
}

// uniform is a value in ±spread.
func (b *build) uniform() float32 { return float32((2*b.rng.Float64() - 1) * b.spread) }

// declare adds a weight or state tensor with contents.
func (b *build) declare(name string, role compute.Role, t compute.DType, rows, cols int, data []byte) compute.Ref {
	if n := b.names[name]; n > 0 {
		b.names[name]++
		name = fmt.Sprintf("%s%d", name, n+1)
	}
	b.names[name]++
	ref := b.p.Declare(compute.Tensor{Name: name, Role: role, DType: t, Rows: compute.Rows(rows), Cols: cols})
	b.data[ref] = data
	return ref
}

// floats is a float32 weight whose values come from gen.
func (b *build) floats(name string, rows, cols int, gen func(r, c int) float32) compute.Ref {
	data := make([]byte, 4*rows*cols)
	for r := range rows {
		for c := range cols {
			binary.LittleEndian.PutUint32(data[4*(r*cols+c):], math.Float32bits(gen(r, c)))
		}
	}
	return b.declare(name, compute.Weight, compute.F32, rows, cols, data)
}

// random is a float32 weight with values in ±spread.
func (b *build) random(name string, rows, cols int) compute.Ref {
	return b.floats(name, rows, cols, func(int, int) float32 { return b.uniform() })
}

// weight is a weight matrix of any format.
func (b *build) weight(name string, t compute.DType, rows, cols int) compute.Ref {
	return b.declare(name, compute.Weight, t, rows, cols, randomRows(b.rng, t, rows, cols, b.scales))
}

// feedLabel begins the labels of the ops that only bring inputs.
const feedLabel = "feed_"

// feed is an activation of the step, [T, cols] float32 at unit scale: an embedding of the step's own rows, which is how
// data gets into scratch memory. All feeds of a case share the token ids.
func (b *build) feed(name string, cols int) compute.Ref {
	return b.feedOf(name, cols, func(int, int) float32 { return b.uniform() })
}

func (b *build) feedOf(name string, cols int, gen func(r, c int) float32) compute.Ref {
	table := b.floats(name+"_table", b.p.VocabSize, cols, gen)
	out := b.scratch(name, cols)
	b.p.Add(feedLabel+name, compute.Embed{Table: table, Out: out, Scale: 1})
	b.feeds = append(b.feeds, out)
	return out
}

func (b *build) scratch(name string, cols int) compute.Ref {
	return b.p.Scratch(name, compute.PerToken(1), cols)
}

// output is a [T, cols] result.
func (b *build) output(name string, cols int) compute.Ref {
	return b.outputRows(name, compute.PerToken(1), cols)
}

func (b *build) outputRows(name string, rows compute.Extent, cols int) compute.Ref {
	return b.p.Declare(compute.Tensor{Name: name, Role: compute.Output, DType: compute.F32, Rows: rows, Cols: cols})
}

// seq says one sequence of a step: count new rows, keys len once they are stored.
type seq struct{ count, len int }

// pages makes the program paged: page tables are drawn from a shuffled pool that is larger than needed.
type pages struct {
	size int
	free []int32
}

// paged prepares for sequences of the given final lengths, with two pages to spare.
func (b *build) paged(size int, lens ...int) *pages {
	need := 2
	for _, n := range lens {
		need += (n + size - 1) / size
	}
	b.p.PageSize, b.p.NumPages = size, need
	pg := &pages{size: size}
	for _, i := range b.rng.Perm(need) {
		pg.free = append(pg.free, int32(i))
	}
	return pg
}

// take removes the pages of a sequence of n keys from the pool.
func (pg *pages) take(n int) []int32 {
	k := (n + pg.size - 1) / pg.size
	got := pg.free[:k:k]
	pg.free = pg.free[k:]
	return got
}

// step appends a step of sequences at their ends: the last row of each has position len-1. Tokens are consecutive over the
// steps of a case, so that feeds give every row values of its own; VocabSize grows to hold them. Call it before feeds.
func (b *build) step(tables [][]int32, seqs ...seq) *compute.Step {
	s := &compute.Step{}
	for i, q := range seqs {
		sq := compute.Seq{First: len(s.Tokens), Count: q.count, Len: q.len}
		if tables != nil {
			sq.Pages = tables[i]
		}
		for r := range q.count {
			s.Tokens = append(s.Tokens, int32(b.p.VocabSize))
			b.p.VocabSize++
			s.Pos = append(s.Pos, int32(q.len-q.count+r))
		}
		s.Seqs = append(s.Seqs, sq)
	}
	s.Outputs = []int32{int32(len(s.Tokens) - 1)}
	b.steps = append(b.steps, s)
	return s
}

// rows appends a step of n rows of one sequence.
func (b *build) rows(n int) *compute.Step { return b.step(nil, seq{n, n}) }

// cache is a paged KV tensor: poison, but random values in the slots of keys below held[i] of the i-th page table.
func (b *build) cache(name string, t compute.DType, cols int, tables [][]int32, held []int) compute.Ref {
	rows := b.p.PageSize * b.p.NumPages
	ref := b.declare(name, compute.State, t, rows, cols, nil)
	data := poisonOf(b.p.At(ref), rows)
	for i, table := range tables {
		q := &compute.Seq{Pages: table}
		for pos := range held[i] {
			b.cacheValues(t, data[slot(b.p, q, pos)*len(data)/rows:][:len(data)/rows])
		}
	}
	b.data[ref] = data
	return ref
}

// cacheValues fills a row of a cache. Blocks have every level and scales of either sign.
func (b *build) cacheValues(t compute.DType, row []byte) {
	for i := 0; i < len(row); i += t.BlockBytes() {
		switch at := row[i : i+t.BlockBytes()]; t {
		case compute.F32:
			binary.LittleEndian.PutUint32(at, math.Float32bits(b.uniform()))
		case compute.F16:
			binary.LittleEndian.PutUint16(at, compute.F32ToF16(b.uniform()))
		case compute.BF16:
			binary.LittleEndian.PutUint16(at, compute.F32ToBF16(b.uniform()))
		default:
			largest := map[compute.DType]float32{compute.Q8_0: 128, compute.Q4_0: 8}[t]
			binary.LittleEndian.PutUint16(at, compute.F32ToF16(b.uniform()/largest))
			for j := range at[2:] {
				at[2+j] = byte(b.rng.Uint32())
			}
		}
	}
}

// angles is a RoPE table for positions below n, at the textbook's frequencies 10000^(−2i/dim).
func (b *build) angles(n, dim int) compute.Ref {
	b.p.MaxPos = n
	return b.floats("angles", n, dim, func(pos, c int) float32 {
		a := float64(pos) * math.Pow(10000, -float64(c/2*2)/float64(dim))
		if c%2 == 1 {
			return float32(math.Sin(a))
		}
		return float32(math.Cos(a))
	})
}
