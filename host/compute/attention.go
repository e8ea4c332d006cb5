package compute

import (
	"fmt"
	"slices"
)

// Attention is softmax attention, fused: no tokens × context matrix ever lies in memory.
//
//	s[j] = cap(Scale · Q[t,h,:]·K[j,h/G,:]) + Bias[clamp(j − Step.Pos[t], −D, D) + D, h]
//	cap(x) = SoftCap·tanh(x/SoftCap), or x when SoftCap is 0
//	Out[t,h,:] = Σ_j exp(s[j]−m) · V[j,h/G,:] / (Σ_j exp(s[j]−m) + exp(Sinks[h]−m))
//
// over the keys j of t's sequence that KeyRange(Step.Pos[t], Len, Causal, Window, Chunk) gives; G = NumHeads/NumKVHeads (grouped
// queries), m the running maximum (the sink included when there is one; without Sinks its term is absent).
//
// Q is [T, NumHeads·HeadDim] float32, Out [T, NumHeads·HeadDimV] float32. With Paged, K is a KV tensor
// [NumPages·PageSize, NumKVHeads·HeadDim] of any of KVTypes (in block types each head is a whole number of blocks) reached through the step's pages, V likewise with HeadDimV.
// V may be K itself: each value is then the first HeadDimV elements of its key, and no second cache is there (latent attention).
// Without Paged, K and V are [T, ..] float32 of this batch, key j of a sequence being row First+j (Len = Count).
// Sinks is [1, NumHeads] float32 or none. Bias is [2·D+1, NumHeads] float32 or none: what each head adds to a score by the key's
// distance from the query, as learned (T5) or falling with it (ALiBi); distances beyond D count as D. Out aliases no input; K, V and Q may be one tensor (self-attention on X).
// A query without a visible key and without a sink gives zeros. Accumulation is float64 on fallback, float32 on gpu.
// Sources: Vaswani et al., Attention Is All You Need, 2017, section 3.2; Milakov and Gimelshein, Online normalizer
// calculation for softmax, 2018, algorithm 3; Ainslie et al., GQA, 2023; DeepSeek-AI, DeepSeek-V2,
// 2024, section 2.1; Raffel et al., T5, 2020, section 2.1; Press et al., ALiBi, 2022, section 3; Meta, Llama 4, 2025, and its
// reference implementation (chunks).
type Attention struct {
	Q, K, V, Sinks, Bias, Out Ref
	NumHeads, NumKVHeads      int
	HeadDim, HeadDimV         int
	Scale                     float32
	SoftCap                   float32 // 0: none
	Causal                    bool
	Window                    int // keys visible on each side, self included; 0: all
	Chunk                     int // positions of a chunk, beyond which no key is visible; 0: all
	Paged                     bool
}

func (Attention) Stem() string    { return "attention" }
func (o Attention) Reads() []Ref  { return refs(o.Q, o.K, o.V, o.Sinks, o.Bias) }
func (o Attention) Writes() []Ref { return refs(o.Out) }

func (o Attention) Check(p *Program) error {
	if o.NumHeads < 1 || o.NumKVHeads < 1 || o.NumHeads%o.NumKVHeads != 0 {
		return fmt.Errorf("got %d heads over %d KV heads, want a multiple", o.NumHeads, o.NumKVHeads)
	}
	if o.HeadDim < 1 || o.HeadDimV < 1 || o.Window < 0 || o.Chunk < 0 || !(o.SoftCap >= 0) {
		return fmt.Errorf("got head sizes %d and %d, window %d, chunk %d, soft cap %g", o.HeadDim, o.HeadDimV, o.Window, o.Chunk, o.SoftCap)
	}
	if o.V == o.K && o.HeadDimV > o.HeadDim {
		return fmt.Errorf("got values of %d elements in keys of %d", o.HeadDimV, o.HeadDim)
	}
	rows := PerToken(1)
	types := []DType{F32}
	if o.Paged {
		if p.PageSize < 1 {
			return fmt.Errorf("got a program without pages")
		}
		rows, types = Rows(p.PageSize*p.NumPages), kvTypes
	}
	if err := checks(wantF32(p, "Q", o.Q, PerToken(1), o.NumHeads*o.HeadDim),
		wantShape(p, "K", o.K, rows, o.NumKVHeads*o.HeadDim), wantType(p, "K", o.K, types...), wantBlocks(p, "K", "heads", o.K, o.HeadDim),
		wantShape(p, "V", o.V, rows, o.NumKVHeads*o.ValueStride()), wantType(p, "V", o.V, types...), wantBlocks(p, "V", "heads", o.V, o.ValueStride()),
		wantF32(p, "Out", o.Out, PerToken(1), o.NumHeads*o.HeadDimV), wantDistinct(o.Out, o.Q, o.K, o.V, o.Sinks, o.Bias)); err != nil {
		return err
	}
	if o.Bias != 0 {
		n := p.At(o.Bias).Rows.Fixed
		if n%2 == 0 || p.At(o.Bias).Rows != Rows(n) {
			return fmt.Errorf("got Bias of %v rows, want an odd number", p.At(o.Bias).Rows)
		}
		if err := wantF32(p, "Bias", o.Bias, Rows(n), o.NumHeads); err != nil {
			return err
		}
	}
	if o.Sinks != 0 {
		return wantF32(p, "Sinks", o.Sinks, Rows(1), o.NumHeads)
	}
	return nil
}

// ValueStride is the number of elements from one KV head's value to the next one's in a row of V.
func (o Attention) ValueStride() int {
	if o.V == o.K {
		return o.HeadDim
	}
	return o.HeadDimV
}

func (o Attention) Cost(p *Program, s *Step) Cost {
	n := moved(p, s.Sizes(), o.Q, o.Out)
	for _, r := range slices.Compact([]Ref{o.K, o.V}) {
		row, _ := p.At(r).DType.RowBytes(p.At(r).Cols)
		for i := range s.Seqs {
			lo, _ := KeyRange(int(s.Pos[s.Seqs[i].First]), s.Seqs[i].Len, o.Causal, o.Window, o.Chunk)
			n += row * int64(s.Seqs[i].Len-lo)
		}
	}
	return Cost{Bytes: n, FLOPs: 2 * pairs(s, o.Causal, o.Window, o.Chunk) * int64(o.NumHeads) * int64(o.HeadDim+o.HeadDimV)}
}

func (o Attention) Shape(p *Program) string {
	return fmt.Sprintf("%s h%d/%d d%d", cacheTypes(p, o.K, o.V), o.NumHeads, o.NumKVHeads, o.HeadDim)
}
