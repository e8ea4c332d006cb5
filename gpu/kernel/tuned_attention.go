package kernel

import (
	"fmt"

	"tuff/host/compute"
)

// prefillShapes are those that attention_prefill is tried in.
func prefillShapes() (list []Many) {
	for _, rows := range []int{16, 8, 32} {
		for _, keys := range []int{16, 32} {
			for _, group := range []int{128, 64} {
				list = append(list, Many{Kernel: "attention_prefill", Rows: rows, Cols: keys, Group: group})
			}
		}
	}
	return list
}

// decodeShapes are those that attention_decode is tried in; a workgroup's pairs are those of a KV head.
func decodeShapes() (list []Many) {
	for _, keys := range []int{32, 16, 64} {
		for _, group := range []int{128, 64, 256} {
			list = append(list, Many{Kernel: "attention_decode", Cols: keys, Group: group})
		}
	}
	return list
}

func (a coopAttention) many(caps *Caps, m CoopMatShape) Many {
	return Many{"attention_coop", a.pairs(m), a.bc, a.stages, a.invocations(caps)}
}

// coopAttentionShapes are those that attention_coop is tried in. Whether one fits depends on the heads.
func coopAttentionShapes(caps *Caps) (list []Many) {
	if attentionCoopLacks(caps) != "" {
		return nil
	}
	m, _ := caps.Matrix(CoopMatFloat)
	for _, a := range triedCoopAttentions(caps) {
		list = append(list, a.many(caps, m))
	}
	return list
}

// attentionKey names an attention in TunedMany.
func (pl *planner) attentionKey(op compute.Attention) string {
	key := fmt.Sprintf("attention %d/%d×%d/%d %v", op.NumHeads, op.NumKVHeads, op.HeadDim, op.HeadDimV, pl.p.At(op.K).DType)
	if pl.o.Math == compute.Fast {
		key += " fast"
	}
	return key
}

// tunedPlain changes the shape of an attention kernel that multiplies in float32 to the one that was found. ok: one was.
func (pl *planner) tunedPlain(g *Group, op compute.Attention, kernel string, a attentionShape) (b attentionShape, ok bool) {
	if pl.o.Variant["attention"] != "" {
		return a, false
	}
	key, c := pl.attentionKey(op), prefillClass
	if kernel == "attention_decode" {
		c = decodeClass
	}
	m, ok := pl.tunedMany(g, key, c)
	if !ok || m.Kernel != kernel {
		return a, false
	}
	b = attentionShape{wg: m.Group, br: m.Rows, bc: m.Cols}
	if b.br == 0 {
		b.br = a.br
	}
	if b.wg%b.br != 0 || b.sharedBytes(op.HeadDim, op.HeadDimV) > int(pl.caps.SharedBytes) {
		return a, false
	}
	g.take(key+c.Name, m)
	return b, true
}

// tunedCoop is the shape on matrix units that was found for an attention of a prompt.
func (pl *planner) tunedCoop(g *Group, op compute.Attention) (a coopAttention, ok bool) {
	if pl.o.Variant["attention"] != "" || pl.o.Math != compute.Fast || pl.coopAttentionLacks(op) != "" {
		return a, false
	}
	key := pl.attentionKey(op)
	m, ok := pl.tunedMany(g, key, prefillClass)
	if !ok {
		return a, false
	}
	shape, _ := pl.caps.Matrix(CoopMatFloat)
	a, ok = named(triedCoopAttentions(&pl.caps), m, func(a coopAttention) Many { return a.many(&pl.caps, shape) })
	if ok = ok && a.fits(&pl.caps, shape, op.HeadDim, op.HeadDimV, pl.valueCols(op)); ok {
		g.take(key+prefillClass.Name, m)
	}
	return a, ok
}
