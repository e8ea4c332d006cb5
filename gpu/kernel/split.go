package kernel

import (
	"fmt"
	"slices"
	"strings"
)

// Where the tiles of a multiplication are too few for the device, its long sums are cut into pieces: each piece is a workgroup's own,
// leaves its sums in a temporary, and matmul_join adds them up in order. It costs a small dispatch more, and the sums once out
// and in again.
const (
	maxPieces  = 8
	leastPiece = 512 // elements: shorter sums are not worth a second dispatch
	testPieces = 3   // of the variants that are asked for by name: an odd number, so that pieces differ
)

// inPieces is what a group's Why says of it.
const inPieces = "; where tiles are few, sums over pieces of K"

// pieces says into how many pieces K is cut for so many tiles of panels of bk: a power of two, so that few pipelines are made.
func (m *matMulPlan) pieces(tiles, k, bk int) int {
	if m.f.blocks != nil || m.f.halves != nil {
		return 1 // blocks are made of whole sums
	}
	if m.forced != "" {
		if strings.HasSuffix(m.forced, "_split") {
			return min(testPieces, ceilDiv(k, bk))
		}
		return 1
	}
	split := "matmul_tile_split"
	switch {
	case m.coop:
		split = strings.TrimSuffix(m.units, "_half") + "_split"
	case m.int8:
		split = "matmul_int8_split"
	case m.half:
		split = "matmul_half_split"
	}
	if !m.caps.takes(split) {
		return 1
	}
	n := 1
	for n < maxPieces && 2*n*tiles <= int(m.caps.Units) && k/(2*n) >= leastPiece {
		n *= 2
	}
	return n
}

// tiling is the shape of a kernel whose workgroups make bm by bn results from panels of bk elements.
type tiling struct{ bm, bn, bk int }

// addTiled is add for kernels whose last constant is PIECES: for ranges of rows that have few tiles, K is cut.
func (m *matMulPlan) addTiled(suffix string, to int, t tiling, plan func(module string) (Dispatch, error)) error {
	k, blocks := m.p.At(m.f.ops[0].X).Cols, m.blocks(m.f, t.bm)
	of := func(rows int) int { return m.pieces(blocks*ceilDiv(rows, t.bn), k, t.bk) }
	for m.next <= min(m.most, to) {
		from, n := m.next, of(m.next)
		end := min(ceilDiv(from, t.bn)*t.bn, to)
		for end < min(m.most, to) && of(end+1) == n {
			end = min(end+t.bn, to)
		}
		if n == 1 {
			if err := m.add(suffix, end, plan); err != nil {
				return err
			}
			continue
		}
		sums := m.sums(n, end)
		if err := m.add(suffix, end, func(module string) (Dispatch, error) {
			d, err := plan(module)
			return m.cut(d, n, sums), err
		}); err != nil {
			return err
		}
		m.g.addFor(m.join(n, sums), m.rows, from, end)
		m.cuts = true
	}
	return nil
}

// width is the number of columns of all results, before SwiGLU joins a pair.
func (m *matMulPlan) width() int {
	n := 0
	for _, op := range m.f.ops {
		n += m.p.At(op.W).Rows.Fixed
	}
	return n
}

// sums is the temporary of n pieces for up to most rows.
func (m *matMulPlan) sums(n, most int) int {
	rows, width := m.rows, m.width()
	m.g.Temps = append(m.g.Temps, Temp{Name: "sums over pieces", Bytes: func(s Shape) int64 {
		return 4 * int64(n) * int64(min(rows.At(s.Sizes()), most)) * int64(width)
	}})
	return len(m.g.Temps) - 1
}

// cut makes a dispatch leave the sums of n pieces in a temporary.
func (m *matMulPlan) cut(d Dispatch, n, sums int) Dispatch {
	if len(d.Spec) == 0 {
		return d
	}
	at := int64(0)
	for i, op := range m.f.ops {
		if i == 0 || !m.f.pair {
			d.Args[firstOut+i] = Arg{Kind: ArgTemp, Value: uint32(sums), Offset: at}
		}
		at += 4 * int64(m.p.At(op.W).Rows.Fixed)
	}
	d.Spec[len(d.Spec)-1] = uint32(n)
	d.Writes = []Access{{Temp: sums}}
	d.Issued = m.cutIssued(d, n)
	d.Name += fmt.Sprintf("_k%d", n)
	grid := d.Grid
	d.Grid = func(s Shape) [3]uint32 {
		g := grid(s)
		g[2] *= uint32(n)
		return g
	}
	return d
}

// join adds up n pieces and finishes the results.
func (m *matMulPlan) join(n, sums int) Dispatch {
	f := m.f
	e := f.epilogue() // MATS, PAIR, BIAS, RESIDUAL
	args := []Arg{temp(sums)}
	bias, out, cols := make([]Arg, maxMats), make([]Arg, maxMats), make([]Arg, maxMats)
	reads, total := append(refs(f.residual), Access{Temp: sums}), 0
	for i := range maxMats {
		bias[i], out[i], cols[i] = addr(0), addr(0), u32(0)
		if i >= len(f.ops) {
			continue
		}
		bias[i] = addr(f.ops[i].Bias)
		reads = append(reads, refs(f.ops[i].Bias)...)
		if i > 0 && f.pair {
			continue
		}
		out[i], cols[i] = addr(f.ops[i].Out), u32(m.p.At(f.ops[i].W).Rows.Fixed)
		total += m.p.At(f.ops[i].W).Rows.Fixed
	}
	out[0] = addr(f.out)
	args = slices.Concat(args, bias, out, []Arg{addr(f.residual), rowsArg(m.rows)}, cols)
	return m.elementwise("matmul_join", m.rows, total, append([]uint32{uint32(n)}, e[1:]...), args, reads, f.writes()).issuing(m.joinIssued(n))
}
