package gpu

import (
	"context"
	"time"

	"tuff/gpu/memory"
	"tuff/host/compute"
)

// copyBytes is several chunks of the staging ring.
const copyBytes = 64 << 20

// measureCopies moves bytes both ways as weights and results move, and by the host alone to and from memory that it has mapped.
func (d *Device) measureCopies(ctx context.Context, pad *scratchpad, l *compute.Limits) error {
	limit, used := d.mem.Budget(memory.Weights)
	size := max(min(uint64(copyBytes), (limit-min(used, limit))/8, d.mem.MaxSize())&^255, 1<<20)
	host := make([]byte, size)
	for i := range host {
		host[i] = byte(i) // touched, so that the pages exist
	}
	dev, err := pad.alloc(memory.Weights, size, "copies")
	if err != nil {
		return err
	}
	back, err := pad.alloc(memory.Readback, size, "copies back")
	if err != nil {
		return err
	}
	moves := []struct {
		rate *float64
		move func() error
	}{
		{&l.Upload, func() error {
			if err := d.mem.Upload(dev, 0, host); err != nil {
				return err
			}
			return d.mem.Flush() // staged bytes are still on their way
		}},
		{&l.Download, func() error { return d.mem.Download(host, dev, 0) }},
	}
	if m := dev.Bytes(); m != nil {
		moves = append(moves, struct {
			rate *float64
			move func() error
		}{&l.MappedWrite, func() error { copy(m, host); return nil }})
	}
	if m := back.Bytes(); m != nil {
		moves = append(moves, struct {
			rate *float64
			move func() error
		}{&l.MappedRead, func() error { copy(host, m); return nil }})
	}
	for _, m := range moves {
		for i := range measureRuns + 1 {
			if err := ctx.Err(); err != nil {
				return err
			}
			begun := time.Now()
			if err := m.move(); err != nil {
				return err
			}
			if t := time.Since(begun); i > 0 { // the first touches pages and makes the ring
				*m.rate = max(*m.rate, float64(size)/max(t, 1).Seconds())
			}
		}
	}
	return nil
}
