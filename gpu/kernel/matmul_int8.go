package kernel

import (
	"fmt"
	"slices"
	"strings"

	"tuff/host/compute"
	"tuff/shaders"
)

// int8Block is the number of activations that share a scale: shaders/include/blocks.glsl.
const int8Block = 32

// int8Tile are shapes of matmul_int8. One block of 32 elements a panel leaves room for two panels of each.
var (
	int8Tile32 = tile{32, 32, 32, 4, 4}
	int8Tile64 = tile{64, 64, 32, 4, 8}
	// Where invocations have few registers: 16 sums, with a gate's 16 in all.
	int8Tile64OfFew = tile{64, 64, 32, 4, 4}
	int8Pair32OfFew = tile{32, 32, 32, 2, 4}
	int8Pair64OfFew = tile{64, 64, 32, 2, 4}
)

// int8Shared are the bytes of a tile, as the shader's head has them, for the format that needs most: scales and minimums of groups
// of 16, and blocks of the result.
func int8Shared(t tile, pair bool) int {
	rows := t.bm
	if pair {
		rows *= 2
	}
	return (rows+t.bn)*(2*t.bk+32+t.bk) + t.bm*t.bn*11/8
}

func (pl *planner) int8Fits(t tile, pair bool) bool {
	return int8Shared(t, pair) <= int(pl.caps.SharedBytes) && t.invocations() <= int(pl.caps.MaxInvocations)
}

// int8Lacks is what a device lacks for packed dot products, or "".
func int8Lacks(caps *Caps) string {
	pl := planner{caps: *caps}
	switch {
	case !caps.IntegerDot:
		return "dot products of packed bytes"
	case !pl.int8Fits(int8Tile32, true):
		return fmt.Sprintf("%d bytes of shared memory", int8Shared(int8Tile32, true))
	}
	return ""
}

// asBytes reports whether the elements of a format are small integers times a scale, and kernels read them as signed bytes.
func asBytes(t compute.DType) bool {
	return slices.Contains(shaders.ByteFormats, strings.ToLower(t.String()))
}

// wantsInt8 decides on matmul_int8 for many rows: where it was asked for, or in fast arithmetic on devices whose dot products of packed
// bytes are faster than their parts and that have no matrix units.
func (m *matMulPlan) wantsInt8() bool {
	can := asBytes(m.p.At(m.f.ops[0].W).DType) && int8Lacks(&m.caps) == ""
	return can && (strings.Contains(m.wanted(), "int8") || m.wanted() == "" && m.o.Math == compute.Fast && m.caps.takes("matmul_int8") && m.caps.FastDot && !m.coop && !m.lane)
}

// leastFewInt8 is the shortest row for which one row of X is worth a dispatch to quantise it, and mostFewInt8 the bits of a weight up to
// which decoding it to float32 costs more than reading it.
const (
	leastFewInt8 = 2048
	mostFewInt8  = 6
)

// wantsFewInt8 decides on matmul_vec_int8 for few rows.
func (m *matMulPlan) wantsFewInt8() bool {
	w := m.p.At(m.f.ops[0].W)
	can := asBytes(w.DType) && int8Lacks(&m.caps) == "" && m.caps.SubgroupArith
	gains := m.o.Math == compute.Fast && m.caps.takes("matmul_vec_int8") && m.caps.FastDotFew && w.Cols >= leastFewInt8 && 8*w.DType.BlockBytes() < mostFewInt8*w.DType.BlockLen()
	return can && (m.forced == "matmul_vec_int8" || m.forced == "" && gains && !m.lane)
}

// matMulVecInt8 reads X as m.bytes has it.
func (m *matMulPlan) matMulVecInt8(module string, f product, cols int) (Dispatch, error) {
	k, height := m.p.At(f.ops[0].X).Cols, 4 // weight rows of a workgroup: as many streams of loads
	if cols > 2 {
		height = 2
	}
	if f.pair {
		height /= 2
	}
	return m.vecInt8As(module, f, cols, int(m.vecGroup(k/2)), height)
}

func (m *matMulPlan) vecInt8As(module string, f product, cols, group, height int) (Dispatch, error) {
	f.norm = nil // it is done
	i := slices.IndexFunc(m.g.blocks, func(b inBlocks) bool { return b.x == f.ops[0].X })
	d, err := m.vecAs(module, f, cols, group, height)
	if err != nil {
		return Dispatch{}, err
	}
	x := m.g.blocks[i].temp
	d.Args[0], d.Reads = temp(x), f.readsWith(Access{Temp: x})
	return m.goes(d, f, walk{bm: height, bn: cols, panel: 1, x: blocksRow}), nil
}

// int8s covers the rest by matmul_int8.
func (m *matMulPlan) int8s(all int) error {
	if m.next > m.most {
		return nil
	}
	x := m.bytes(m.norm, m.most)
	if b := m.f.blocks; b != nil {
		b.from, b.to = m.next, m.most
		m.g.blocks = append(m.g.blocks, *b)
	}
	small, large := m.int8Tiles(m.f.pair)
	as := func(t tile, to int) covering {
		return covering{to, func(to int) error {
			return m.addTiled("_int8", to, tiling{t.bm, t.bn, t.bk}, func(module string) (Dispatch, error) { return m.matMulInt8(module, x, t) })
		}}
	}
	return m.cover(all, smallAndLarge(small, large, all, as), m.plainAs("matmul_int8", as))
}

// int8Tiles are the shapes of plans, for few and for many rows.
func (pl *planner) int8Tiles(pair bool) (small, large tile) {
	small, large = int8Tile32, int8Tile64
	switch {
	case pl.caps.Registers > 0 && pair:
		small, large = int8Pair32OfFew, int8Pair64OfFew
	case pl.caps.Registers > 0, pl.caps.fewWaves() && pair:
		large = int8Tile64OfFew
	}
	if !pl.int8Fits(large, pair) || pl.caps.CPU && pair { // the compilers of CPUs take many seconds for what is unrolled there
		large = small
	}
	return small, large
}

// inBlocks is a temporary with X in blocks of signed bytes, for some numbers of rows.
type inBlocks struct {
	x        compute.Ref
	from, to int // rows
	temp     int
}

// bytes is the temporary with X in blocks of signed bytes, filled for rows not yet covered up to to: from X as it lies in memory, or
// by norm straight from what that reads. Multiplications of one X in a group share it.
func (m *matMulPlan) bytes(norm *compute.RMSNorm, to int) int {
	x, id := m.f.ops[0].X, len(m.g.Temps)
	for _, b := range m.g.blocks {
		if b.x != x {
			continue
		}
		if id = b.temp; b.from <= m.next && to <= b.to {
			return id
		}
	}
	blocks := scaled(m.rows, m.p.At(x).Cols/int8Block)
	if id == len(m.g.Temps) {
		m.g.Temps = append(m.g.Temps, blocksTemp("activations in blocks of bytes", m.rows, m.p.At(x).Cols))
	}
	m.g.blocks = append(m.g.blocks, inBlocks{x, m.next, to, id})
	d := m.quantize(x, id, blocks)
	if norm != nil {
		d = m.rmsNormQuantize(norm, id)
	}
	m.g.addFor(d, m.rows, m.next, to)
	return id
}

// blocksTemp is a temporary for rows of cols elements in blocks.
func blocksTemp(name string, rows compute.Extent, cols int) Temp {
	return Temp{Name: name, Bytes: func(s Shape) int64 { return int64(rows.At(s.Sizes())) * int64(blocksRow(cols)) }}
}

func (pl *planner) quantize(x compute.Ref, id int, blocks compute.Extent) Dispatch {
	wg := min(64, int(pl.caps.MaxInvocations))
	return Dispatch{Module: "quantize", Name: "quantize", Spec: []uint32{uint32(wg), flag(pl.alignedX(x))}, Args: []Arg{addr(x), temp(id), rowsArg(blocks)},
		Grid:  func(s Shape) [3]uint32 { return pl.fold(ceilDiv(blocks.At(s.Sizes()), wg)) },
		Reads: refs(x), Writes: []Access{{Temp: id}}, Issued: pl.staged(x, 1, blocksRow(pl.p.At(x).Cols), 2, 0)}
}

func (pl *planner) rmsNormQuantize(norm *compute.RMSNorm, id int) Dispatch {
	x := pl.p.At(norm.X)
	return Dispatch{Module: "rmsnorm_quantize", Name: "rmsnorm_quantize",
		Spec:  []uint32{pl.rowGroup(x.Cols), flag(pl.alignedX(norm.X) && pl.alignedX(norm.Weight))},
		Args:  []Arg{addr(norm.X), addr(norm.Weight), temp(id), rowsArg(x.Rows), u32(x.Cols), f32(norm.Eps)},
		Grid:  func(s Shape) [3]uint32 { return pl.fold(x.Rows.At(s.Sizes())) },
		Reads: refs(norm.X, norm.Weight), Writes: []Access{{Temp: id}}, Issued: pl.staged(norm.X, 2, blocksRow(x.Cols), 6, 1)}
}

func (m *matMulPlan) matMulInt8(module string, x int, t tile) (Dispatch, error) {
	d, err := m.tiled(module, m.f, x, blocksRow, t)
	d.Spec = append(d.Spec, flag(m.f.blocks != nil), 1)
	return m.f.leave(d), err
}

// tiled is a dispatch of tiles t that reads X as temporary x has it, in rows of so many bytes.
func (pl *planner) tiled(module string, f product, x int, row func(k int) int, t tile) (Dispatch, error) {
	args, err := pl.matMulArgs(f)
	if err != nil {
		return Dispatch{}, err
	}
	args[0] = temp(x)
	blocks, rows := pl.blocks(f, t.bm), pl.p.At(f.ops[0].X).Rows
	return pl.goes(Dispatch{Module: module, Name: fmt.Sprintf("%s_%d", module, t.bm), Spec: append(t.spec(), f.epilogue()...), Args: args,
		Reads: f.readsWith(Access{Temp: x}), Writes: f.writes(),
		Grid: func(s Shape) [3]uint32 {
			g := pl.fold(blocks)
			g[2] = uint32(ceilDiv(rows.At(s.Sizes()), t.bn))
			return g
		}}, f, walk{bm: t.bm, bn: t.bn, padded: true, panel: t.bk, x: row}), nil
}
