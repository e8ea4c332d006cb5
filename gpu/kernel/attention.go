package kernel

import (
	"fmt"

	"tuff/host/compute"
)

const (
	// tileRows is the number of query rows of a tile of the step buffer (STEP_TILE_ROWS).
	tileRows = 16
	// maxDecodeRows is the largest number of query rows of a sequence for which the context, not the queries, is what
	// there is to share out among workgroups.
	maxDecodeRows = 8
	maxSplits     = 32
)

// manyRows says whether a sequence may have more query rows than maxDecodeRows.
func manyRows(s Shape) bool { return s.Tokens-s.Seqs+1 > maxDecodeRows }

// mayHaveManyRows says whether any shape has: that with the most rows in one sequence.
func (pl *planner) mayHaveManyRows() bool { return pl.most.Tokens > maxDecodeRows }

// attentionShape is how an attention kernel divides its work: pairs of row and head by keys a workgroup.
type attentionShape struct{ wg, br, bc int }

// sharedBytes of include/attention.glsl.
func (a attentionShape) sharedBytes(d, dv int) int {
	return 4 * (a.br*(d+1) + a.bc*(max(d, dv)+1) + 2*a.br*(a.bc+1) + 2*a.bc)
}

// words are what an invocation keeps from tile to tile: its part of the values of a pair and of the next tile.
func (a attentionShape) words(d, dv int) int {
	return ceilDiv(dv*a.br, a.wg) + 4*ceilDiv(a.bc*ceilDiv(max(d, dv), 4), a.wg)
}

// crowded says whether those are so many that they do not fit few registers with what comes and goes.
func (a attentionShape) crowded(caps *Caps, d, dv int) bool {
	return caps.Registers > 0 && 8*a.words(d, dv) > 3*caps.Registers && (a.bc > 4 || a.br > 1)
}

// attentionShapeFor shrinks the wanted shape until it fits the device.
func (pl *planner) attentionShapeFor(op compute.Attention, br, bc int) (attentionShape, error) {
	a := attentionShape{wg: min(128, int(pl.caps.MaxInvocations)), br: br, bc: bc}
	for a.sharedBytes(op.HeadDim, op.HeadDimV) > int(pl.caps.SharedBytes) || a.crowded(&pl.caps, op.HeadDim, op.HeadDimV) {
		switch {
		case a.bc > 8 || a.bc > 1 && a.bc >= a.br:
			a.bc /= 2
		case a.br > 1:
			a.br /= 2
		default:
			return a, unsupported("got head sizes %d and %d, want what fits %d bytes of shared memory", op.HeadDim, op.HeadDimV, pl.caps.SharedBytes)
		}
	}
	return a, nil
}

// attention plans prefill and decode; the step's shape decides which of them runs.
func (pl *planner) attention(g *Group, op compute.Attention) error {
	group := op.NumHeads / op.NumKVHeads
	forced := pl.o.Variant["attention"]
	prefill, err := pl.attentionShapeFor(op, 16, 16)
	if err != nil {
		return err
	}
	decode, err := pl.attentionShapeFor(op, min(pow2(group), 16), 32)
	if err != nil {
		return err
	}
	prefill, plain := pl.tunedPlain(g, op, "attention_prefill", prefill)
	decode, plainDecode := pl.tunedPlain(g, op, "attention_decode", decode)
	coop, found := pl.tunedCoop(g, op)
	lane := pl.wantsLaneAttention(forced)
	splits := pl.splits(op, decode)
	if forced == "attention_split" || forced == "attention_joined" {
		splits = max(splits, 4)
	}
	joined := pl.joins(op, decode, splits)
	laneDecode := lane && !plainDecode
	if laneDecode || forced == "attention_decode" || forced == "" && !joined && !pl.caps.takes("attention_split") {
		splits, joined = 1, false
	}
	tilesOnly := forced == "attention_prefill" || forced == "attention_coop" || forced == "" && !laneDecode && !pl.caps.takes("attention_decode")
	isDecode := func(s Shape) bool { return !tilesOnly && !manyRows(s) }

	d, blocks, why := pl.attentionDispatch("attention_prefill", op, prefill, 1), ceilDiv(tileRows*group, prefill.br), ""
	if !found && !plain && pl.wantsCoopAttention(forced) {
		coop, why = pl.coopAttentionFor(op)
		found = why == ""
	}
	switch {
	case found:
		d, blocks = pl.attentionCoop(op, coop)
	case lane && !plain:
		var pairs int
		d, pairs = pl.attentionLane(op, tileRows*group)
		blocks = ceilDiv(tileRows*group, pairs)
	}
	d.Grid = func(s Shape) [3]uint32 {
		if isDecode(s) {
			return [3]uint32{}
		}
		return [3]uint32{uint32(blocks), uint32(op.NumKVHeads), uint32(maxTiles(s.Tokens, s.Seqs))}
	}
	if tilesOnly || pl.mayHaveManyRows() {
		g.Dispatches = append(g.Dispatches, d)
	}

	d = pl.attentionDispatch("attention_decode", op, decode, splits)
	d.Grid = func(s Shape) [3]uint32 {
		if !isDecode(s) {
			return [3]uint32{}
		}
		blocks := ceilDiv((s.Tokens-s.Seqs+1)*group, decode.br)
		return [3]uint32{uint32(splits * blocks), uint32(op.NumKVHeads), uint32(s.Seqs)}
	}
	if laneDecode {
		d = pl.fewByLane(op, isDecode)
	}
	if splits > 1 {
		width := op.NumHeads * splits * (op.HeadDimV + 2)
		g.Temps = []Temp{{Name: "partial results", Bytes: func(s Shape) int64 {
			return 4 * int64(min(s.Tokens, s.Seqs-1+maxDecodeRows)) * int64(width)
		}}}
		d.Args[7] = temp(0)
		d.Writes = append(d.Writes, Access{Temp: 0})
		d.Indirect = pl.indirect(IndirectPieces, op, decode, splits)
	}
	if joined {
		pl.join(g, &d, op, decode, splits)
	}
	if !tilesOnly {
		g.Dispatches = append(g.Dispatches, d)
	}
	if splits > 1 && !joined && !tilesOnly {
		c := pl.attentionCombine(op, splits, isDecode)
		c.Indirect = pl.indirect(IndirectCombine, op, decode, splits)
		g.Dispatches = append(g.Dispatches, c)
	}

	g.nameKernel()
	g.Why = fmt.Sprintf("to %d rows a sequence the context is shared out (to %d ways, as it grows), beyond, tiles of %d rows", maxDecodeRows, splits, tileRows)
	if lane {
		g.Why = whyLane
	}
	if forced != "" {
		g.Why = "asked for " + forced
	}
	if why != "" {
		g.Why += "; not on matrix units: " + why
	}
	g.Why += g.whyTuned() + pl.without["attention"]
	return nil
}

// maxJoin is the most bytes of partial results that one workgroup goes through while the others have nothing to do: at 50 GB/s it takes
// 4 µs, where a dispatch of its own costs a barrier and spreads them over the device.
const maxJoin = 192 << 10

// joins says whether the pieces of a context are joined by the workgroup that brings the last of them.
func (pl *planner) joins(op compute.Attention, a attentionShape, splits int) bool {
	if forced := pl.o.Variant["attention"]; splits == 1 || forced == "attention_split" || forced == "attention_joined" {
		return forced == "attention_joined"
	}
	return pl.caps.takes("attention_joined") && 4*a.br*splits*(op.HeadDimV+2) <= maxJoin
}

// join makes attention over pieces join them: a count for the pairs of each workgroup.
func (pl *planner) join(g *Group, d *Dispatch, op compute.Attention, a attentionShape, splits int) {
	rows, group := min(pl.most.Tokens, maxDecodeRows), op.NumHeads/op.NumKVHeads
	g.Counts = pl.most.Seqs * op.NumKVHeads * ceilDiv(rows*group, a.br)
	d.Args[attentionCountsArg] = Arg{Kind: ArgCounts}
	d.Args[attentionFlagsArg].Value |= attentionJoined
	d.Name = fmt.Sprintf("attention_decode_joined_%d", splits)
	pieces, join := d.Issued, attentionWork{pl: pl, op: op, splits: splits}.join
	d.Issued = func(s *compute.Step) compute.Cost { return pieces(s).Add(join(s)) }
}

// splits is the most pieces of a context: enough workgroups to fill the device, none too short to be worth it. How many a step has
// follows from the keys that its sequences see.
func (pl *planner) splits(op compute.Attention, a attentionShape) int {
	keys := pl.most.Tokens
	if op.Paged {
		keys = max(pl.o.MaxPages, 1) * pl.p.PageSize
	}
	if op.Window > 0 {
		keys = min(keys, op.Window+maxDecodeRows)
	}
	if op.Chunk > 0 {
		keys = min(keys, op.Chunk+maxDecodeRows)
	}
	want := ceilDiv(2*int(pl.caps.Units), op.NumKVHeads*ceilDiv(op.NumHeads/op.NumKVHeads, a.br))
	return max(min(want, keys/minPiece, maxSplits), 1)
}

func (pl *planner) indirect(kind IndirectKind, op compute.Attention, a attentionShape, splits int) Indirect {
	return Indirect{Kind: kind, Most: splits, KVHeads: op.NumKVHeads, Group: op.NumHeads / op.NumKVHeads, Pairs: a.br, Fold: int(pl.caps.MaxGrid[1]),
		Causal: op.Causal, Window: op.Window, Chunk: op.Chunk}
}

func (pl *planner) attentionDispatch(module string, op compute.Attention, a attentionShape, splits int) Dispatch {
	name := module
	if splits > 1 {
		name = fmt.Sprintf("%s_split_%d", module, splits)
	}
	w := attentionWork{pl: pl, op: op, br: a.br, bc: a.bc, splits: splits, joined: 1}
	issued := w.tiles
	if module == "attention_decode" {
		issued = w.pieces
	}
	return Dispatch{Module: module, Name: name, Spec: pl.attentionSpec(op, a),
		Args: []Arg{addr(op.Q), addr(op.K), addr(op.V), addr(op.Sinks), addr(op.Out), stepArg(), addr(op.Bias), addr(0), addr(0), addr(0),
			u32(op.NumKVHeads), u32(op.Window), u32(pl.p.PageSize), f32(op.Scale), f32(op.SoftCap), u32(op.NumHeads / op.NumKVHeads), u32(splits),
			u32(attentionFlags(op) | int(flag(pl.alignedHeads(op)))<<6), u32(pl.p.At(op.Bias).Rows.Fixed / 2), u32(op.Chunk)},
		Reads: refs(op.Q, op.K, op.V, op.Sinks, op.Bias), Writes: refs(op.Out), Issued: issued}
}

func (pl *planner) attentionSpec(op compute.Attention, a attentionShape) []uint32 {
	types := pl.cacheSpec(op.K, op.V)
	return []uint32{uint32(a.wg), uint32(a.br), uint32(a.bc), uint32(op.HeadDim), uint32(op.HeadDimV), types[0], types[1]}
}

// alignedHeads says whether heads of both caches begin at multiples of 16 bytes in every row.
func (pl *planner) alignedHeads(op compute.Attention) bool {
	return op.HeadDim%8 == 0 && op.ValueStride()%8 == 0 && pl.p.At(op.K).Offset%16 == 0 && pl.p.At(op.V).Offset%16 == 0
}

// attentionFlags are the bits PAGED, CAUSAL, SINKS, CAP, LATENT and BIASED; bit 6 is ALIGNED.
func attentionFlags(op compute.Attention) int {
	return int(flag(op.Paged) | flag(op.Causal)<<1 | flag(op.Sinks != 0)<<2 | flag(op.SoftCap != 0)<<3 | flag(op.V == op.K)<<4 | flag(op.Bias != 0)<<5)
}

// attentionCombine joins the pieces: one workgroup per row and head.
func (pl *planner) attentionCombine(op compute.Attention, splits int, isDecode func(Shape) bool) Dispatch {
	// One pair and one key a workgroup: the kernel shares code, not shared memory, with the others.
	a := attentionShape{wg: min(max(pow2(op.HeadDimV), 8), 128, int(pl.caps.MaxInvocations)), br: 1, bc: 1}
	d := pl.attentionDispatch("attention_combine", op, a, splits)
	d.Name, d.Issued = "attention_combine", attentionWork{pl: pl, op: op, splits: splits}.combine
	d.Args[0], d.Reads = temp(0), append(refs(op.Sinks), Access{Temp: 0})
	d.Args[1], d.Args[2], d.Args[6] = addr(0), addr(0), addr(0)
	d.Grid = func(s Shape) [3]uint32 {
		if !isDecode(s) {
			return [3]uint32{}
		}
		y := min(s.Tokens, int(pl.caps.MaxGrid[1]))
		return [3]uint32{uint32(op.NumHeads), uint32(y), uint32(ceilDiv(s.Tokens, y))}
	}
	return d
}

// maxTiles is the most tiles that tokens rows of seqs sequences make.
func maxTiles(tokens, seqs int) int { return (tokens + (tileRows-1)*seqs) / tileRows }
