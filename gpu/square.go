package gpu

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"tuff/gpu/memory"
	"tuff/host/compute"
)

// Square is one run of the lab's multiplication of square matrices.
type Square struct {
	Size, Tile int           // Tile 1 is the textbook's form without tiles
	Time       time.Duration // median
	Loads      uint64        // elements loaded from global memory, counted by the kernel itself
}

// maxSquare keeps the counters of loads from overflowing.
const maxSquare = 8192

// tileSides are the sides of the workgroup that multiplies a tile: as few invocations as fill a subgroup, since more only wait for each
// other, in as few rows as can be: then what a row of them reads of a is one element, which some drivers load once.
func tileSides(tile, subgroup int) (wide, high int) {
	wide = min(tile, pow2(subgroup))
	return wide, min(max(pow2(subgroup)/wide, 1), tile)
}

// pow2 is the largest power of two of at most n.
func pow2(n int) int { return 1 << (bits.Len(uint(max(n, 1))) - 1) }

// MultiplySquare multiplies a by b, both size × size row-major float32, in tiles of tile × tile elements in shared memory, or
// with tile 1 without any. It times runs runs of the kernel, and counts the loads in one more that is not timed. The result is
// written to out.
func (d *Device) MultiplySquare(ctx context.Context, out, a, b []float32, size, tile, runs int) (s Square, err error) {
	s = Square{Size: size, Tile: tile}
	switch {
	case size < 1 || size > maxSquare || len(a) != size*size || len(b) != size*size || len(out) != size*size:
		return s, fmt.Errorf("gpu: multiply squares: got size %d with %d, %d and %d elements, want 1 to %d and its square", size, len(a), len(b), len(out), maxSquare)
	case tile != 1 && tile != 8 && tile != 16 && tile != 32:
		return s, fmt.Errorf("gpu: multiply squares: got tile %d, want 1, 8, 16 or 32", tile)
	case runs < 1:
		return s, fmt.Errorf("gpu: multiply squares: got %d runs, want at least 1", runs)
	}
	pad := &scratchpad{d: d}
	defer func() { err = errors.Join(append([]error{err}, pad.close()...)...) }()
	const counters = 1024
	var at [3]*memory.Buffer
	for i, name := range []string{"a", "b", "product"} {
		if at[i], err = pad.alloc(memory.Weights, uint64(4*size*size), name); err != nil {
			return s, err
		}
	}
	counts, err := pad.alloc(memory.Scratch, 4*counters, "loads")
	if err != nil {
		return s, err
	}
	if err := errors.Join(d.mem.Upload(at[0], 0, compute.Bytes(a)), d.mem.Upload(at[1], 0, compute.Bytes(b)), d.mem.Fill(counts, 0, 4*counters, 0),
		d.mem.Fill(at[2], 0, at[2].Size(), 0x7fc00000)); err != nil {
		return s, err
	}
	push := pack(at[0].Address(), at[1].Address(), at[2].Address(), counts.Address(), uint32(size))
	wide, high := tileSides(tile, int(d.caps.SubgroupSize))
	module, side, spec := "matmul_square", tile, []uint32{uint32(wide), uint32(high), uint32(tile), uint32(tile / wide), uint32(tile / high), 0}
	if tile == 1 {
		module, side, spec = "matmul_naive", 8, []uint32{8, 8, 0}
	}
	groups := uint32((size + side - 1) / side)
	run := func(count uint32, n int) (times []time.Duration, err error) {
		spec[len(spec)-1] = count
		k, err := d.newBench(module, len(push), spec...)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(append([]error{err}, k.close()...)...) }()
		for range n {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			t, err := k.time(push, [3]uint32{groups, groups, 1}, 1)
			if err != nil {
				return nil, err
			}
			times = append(times, t)
		}
		return times, nil
	}
	if _, err := run(1, 1); err != nil {
		return s, err
	}
	raw := make([]byte, 4*counters)
	if err := d.mem.Download(raw, counts, 0); err != nil {
		return s, err
	}
	for i := range counters {
		s.Loads += uint64(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	// The counting run's result is not the one to check: what is timed is.
	if err := d.mem.Fill(at[2], 0, at[2].Size(), 0x7fc00000); err != nil {
		return s, err
	}
	times, err := run(0, runs+1)
	if err != nil {
		return s, err
	}
	times = times[1:] // the first also warms up
	slices.Sort(times)
	s.Time = times[len(times)/2]
	return s, d.mem.Download(compute.Bytes(out), at[2], 0)
}
