package conformance

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"tuff/host/compute"
)

// Same runs the case on two devices and wants the same bits of every result, any NaN for a NaN.
func (c Case) Same(ctx context.Context, a, b compute.Device, o Options) error {
	build := newBuild(c.Seed)
	c.fill(build)
	pr := build.finish()
	var on [2]*loaded
	for i, dev := range []compute.Device{a, b} {
		l, err := pr.load(ctx, dev, o)
		if err != nil {
			return fmt.Errorf("conformance: %v: %w", c, err)
		}
		defer l.close()
		on[i] = l
	}
	for i, step := range pr.steps {
		for _, l := range on {
			if err := l.run(ctx, step); err != nil {
				return fmt.Errorf("conformance: %v: step %d: %w", c, i, err)
			}
		}
		for _, ref := range pr.checked {
			if err := sameBits(on[0], on[1], ref, step); err != nil {
				return fmt.Errorf("conformance: %v: step %d: %s: %w", c, i, pr.p.At(ref).Name, err)
			}
		}
	}
	return nil
}

func sameBits(a, b *loaded, ref compute.Ref, step *compute.Step) error {
	got, err := a.bytes(ref, step)
	if err != nil {
		return err
	}
	want, err := b.bytes(ref, step)
	if err != nil {
		return err
	}
	size := 1 // bytes that are compared together
	if a.p.At(ref).DType == compute.F32 {
		size = 4
	}
	for i := 0; i+size <= len(want); i += size {
		if string(got[i:i+size]) == string(want[i:i+size]) {
			continue
		}
		if size == 1 {
			return fmt.Errorf("byte %d: got %#x, want %#x", i, got[i], want[i])
		}
		g, w := binary.LittleEndian.Uint32(got[i:]), binary.LittleEndian.Uint32(want[i:])
		if f, e := math.Float32frombits(g), math.Float32frombits(w); f == f || e == e {
			return fmt.Errorf("element %d: got %v (%#x), want %v (%#x)", i/4, f, g, e, w)
		}
	}
	return nil
}
