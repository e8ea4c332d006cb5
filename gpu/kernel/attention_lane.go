package kernel

import (
	"fmt"

	"tuff/host/compute"
)

// whyLane is why attention goes by attention_lane.
const whyLane = "on this CPU attention_lane reads queries once for all invocations"

// Most of a workgroup of attention_lane: pairs of row and head, keys and scores of an invocation in a tile, and elements of values for all
// pairs. What it unrolls are the products of these, and the values are in registers or on the stack.
const (
	mostLanePairs  = 8
	mostLaneKeys   = 4
	mostLaneScores = 16
	mostLaneValues = 512
)

// attentionLaneLacks is what a device lacks for attention_lane, or "".
func attentionLaneLacks(caps *Caps) string {
	switch {
	case !caps.SubgroupArith:
		return "subgroup arithmetic in compute shaders"
	case !caps.UniformLoads:
		return "loads that all invocations of a subgroup share, as CPUs have"
	}
	return ""
}

// wantsLaneAttention says whether attention goes by attention_lane where nothing else was found to be faster.
func (pl *planner) wantsLaneAttention(forced string) bool {
	return forced == "attention_lane" || forced == "" && pl.caps.takes("attention_lane") && attentionLaneLacks(&pl.caps) == ""
}

// attentionLane is attention of tiles of rows by subgroups, without its grid, in workgroups of up to most pairs, and how many these have.
func (pl *planner) attentionLane(op compute.Attention, most int) (d Dispatch, pairs int) {
	pairs = max(min(pow2(most), mostLanePairs, mostLaneValues/op.HeadDimV), 1)
	wg, keys := int(pl.caps.SubgroupSize), min(mostLaneScores/pairs, mostLaneKeys)
	d = pl.attentionDispatch("attention_lane", op, attentionShape{wg: wg, br: pairs, bc: keys}, 1)
	d.Name = fmt.Sprintf("attention_lane_%d", pairs)
	d.Issued = attentionWork{pl: pl, op: op, br: pairs, bc: wg * keys, splits: 1, joined: 1}.tiles
	return d, pairs
}

// fewByLane is attention_lane for the rows of a decoding step: workgroups of the pairs that one row has, or of fewer, so that all cores
// have one.
func (pl *planner) fewByLane(op compute.Attention, isDecode func(Shape) bool) Dispatch {
	group := op.NumHeads / op.NumKVHeads
	pairs := group
	for pairs > 1 && op.NumKVHeads*ceilDiv(group, pairs) < int(pl.caps.Units) {
		pairs = ceilDiv(pairs, 2)
	}
	d, pairs := pl.attentionLane(op, pairs)
	d.Grid = func(s Shape) [3]uint32 {
		if !isDecode(s) {
			return [3]uint32{}
		}
		return [3]uint32{uint32(ceilDiv((s.Tokens-s.Seqs+1)*group, pairs)), uint32(op.NumKVHeads), uint32(maxTiles(s.Tokens, s.Seqs))}
	}
	return d
}
