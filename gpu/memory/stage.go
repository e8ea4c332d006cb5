package memory

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"tuff/gpu/vk"
)

// stager moves bytes. Its ring is made at the first use, since devices whose memory the host reaches never need one.
//
// Three chunks: while the device copies one, the host fills the next, and a third hides the jitter of either.
type stager struct {
	m      *Manager
	mu     sync.Mutex
	ring   [3]chunk
	turn   int
	settle *vk.CommandBuffer // makes all the device wrote visible to the host
}

type chunk struct {
	up     *Buffer
	down   *Buffer
	cmds   *vk.Commands
	cb     *vk.CommandBuffer
	ticket vk.Ticket
}

// everything that may have used memory before, or may use it after, a copy.
const devices = vk.SyncCompute | vk.SyncTransfer

// check says whether n bytes at off lie within an open buffer of this manager.
func (m *Manager) check(what string, b *Buffer, off, n uint64) error {
	if b == nil || b.m != m {
		return fmt.Errorf("memory: %s: got a closed or foreign buffer: %w", what, vk.ErrInvalid)
	}
	if off > b.size || n > b.size-off {
		return fmt.Errorf("memory: %s %q: got bytes %d to %d, want within %d: %w", what, b.name, off, off+n, b.size, vk.ErrInvalid)
	}
	return nil
}

// Upload writes src at byte off of dst. It is ordered behind everything submitted before, and what is submitted after sees it;
// src may be reused on return.
func (m *Manager) Upload(dst *Buffer, off uint64, src []byte) error {
	return m.UploadFunc(dst, off, uint64(len(src)), func(p []byte, at uint64) error {
		copy(p, src[at:])
		return nil
	})
}

// UploadFunc is Upload of n bytes that fill makes, piece by piece and in order: fill writes bytes at to at+len(p) into p, and
// must not read p, which may be write-combined. So files can be read, or weights packed, straight into the device's memory.
// Pieces start at multiples of 256 and only the last has a length that is not one. An error of fill is returned as it is, and
// leaves dst partly written.
func (m *Manager) UploadFunc(dst *Buffer, off, n uint64, fill func(p []byte, at uint64) error) error {
	if err := m.check("upload", dst, off, n); err != nil {
		return err
	}
	if n == 0 {
		return nil
	}
	s := m.stage
	s.mu.Lock()
	defer s.mu.Unlock()
	if dst.b.direct {
		// Earlier work may still read what is there.
		if err := m.dev.WaitIdle(m.opts.Timeout); err != nil {
			return err
		}
		for at := uint64(0); at < n; at += m.opts.Chunk {
			if err := fill(dst.write[off+at:off+min(at+m.opts.Chunk, n)], at); err != nil {
				return err
			}
		}
		return nil
	}
	for at := uint64(0); at < n; at += m.opts.Chunk {
		c, err := s.chunk()
		if err != nil {
			return err
		}
		if c.up == nil {
			if c.up, err = m.Alloc(Upload, m.opts.Chunk, "staging"); err != nil {
				return err
			}
		}
		k := min(m.opts.Chunk, n-at)
		if err := fill(c.up.write[:k], at); err != nil {
			return err
		}
		err = c.submit(m, func(cmds *vk.Commands) { copyBuffer(cmds, dst, off+at, c.up, 0, k) })
		if err != nil {
			return err
		}
	}
	return nil
}

func copyBuffer(cmds *vk.Commands, dst *Buffer, dstOff uint64, src *Buffer, srcOff, n uint64) {
	d, do := dst.VK()
	s, so := src.VK()
	cmds.Copy(d, do+dstOff, s, so+srcOff, n)
}

// chunk is the next of the ring, ready to be used again.
func (s *stager) chunk() (*chunk, error) {
	c := &s.ring[s.turn]
	s.turn = (s.turn + 1) % len(s.ring)
	if c.cmds == nil {
		c.cmds = s.m.dev.NewCommands()
	}
	return c, s.m.dev.Wait(c.ticket, s.m.opts.Timeout)
}

// submit runs f's commands between barriers against all other work.
func (c *chunk) submit(m *Manager, f func(*vk.Commands)) (err error) {
	c.cmds.Reset()
	c.cmds.Barrier(devices|vk.SyncHost, devices)
	f(c.cmds)
	c.cmds.Barrier(devices, devices|vk.SyncIndirect|vk.SyncHost)
	if c.cb == nil {
		c.cb, err = m.dev.Record(c.cmds)
	} else {
		err = c.cb.Record(c.cmds)
	}
	if err != nil {
		return err
	}
	c.ticket, err = m.dev.Submit(c.cb)
	return err
}

// Fill writes a 32-bit value over n bytes at byte off of dst: off is a multiple of 4, and n too unless it ends at dst's end.
// Ordered as Upload.
func (m *Manager) Fill(dst *Buffer, off, n uint64, value uint32) error {
	if err := m.check("fill", dst, off, n); err != nil {
		return err
	}
	if off%4 != 0 || n%4 != 0 && off+n != dst.size {
		return fmt.Errorf("memory: fill %q: got %d B at %d, want multiples of 4: %w", dst.name, n, off, vk.ErrInvalid)
	}
	if n == 0 {
		return nil
	}
	s := m.stage
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.chunk()
	if err != nil {
		return err
	}
	// A rest of less than 4 bytes ends in the room behind the buffer, which is ours.
	return c.submit(m, func(cmds *vk.Commands) { b, o := dst.VK(); cmds.Fill(b, o+off, (n+3)&^3, value) })
}

// Copy copies n bytes between buffers on the device; ranges of one buffer must not overlap. Ordered as Upload.
func (m *Manager) Copy(dst *Buffer, dstOff uint64, src *Buffer, srcOff, n uint64) error {
	if err := errors.Join(m.check("copy to", dst, dstOff, n), m.check("copy from", src, srcOff, n)); err != nil {
		return err
	}
	if n == 0 {
		return nil
	}
	s := m.stage
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.chunk()
	if err != nil {
		return err
	}
	return c.submit(m, func(cmds *vk.Commands) { copyBuffer(cmds, dst, dstOff, src, srcOff, n) })
}

// Download reads len(dst) bytes at byte off of src, after everything submitted before.
func (m *Manager) Download(dst []byte, src *Buffer, off uint64) error {
	n := uint64(len(dst))
	if err := m.check("download", src, off, n); err != nil {
		return err
	}
	if n == 0 {
		return nil
	}
	s := m.stage
	s.mu.Lock()
	defer s.mu.Unlock()
	if src.b.cached {
		if err := s.settled(); err != nil {
			return err
		}
		copy(dst, src.write[off:])
		return nil
	}
	// Pieces in flight, oldest first: the device copies one while the host empties another.
	type piece struct {
		c     *chunk
		at, n uint64
	}
	var flight []piece
	drain := func() error {
		p := flight[0]
		flight = flight[1:]
		if err := m.dev.Wait(p.c.ticket, m.opts.Timeout); err != nil {
			return err
		}
		copy(dst[p.at:p.at+p.n], p.c.down.write)
		return nil
	}
	for at := uint64(0); at < n; at += m.opts.Chunk {
		if len(flight) == len(s.ring) {
			if err := drain(); err != nil {
				return err
			}
		}
		c, err := s.chunk()
		if err != nil {
			return err
		}
		if c.down == nil {
			if c.down, err = m.Alloc(Readback, m.opts.Chunk, "staging"); err != nil {
				return err
			}
		}
		k := min(m.opts.Chunk, n-at)
		if err := c.submit(m, func(cmds *vk.Commands) { copyBuffer(cmds, c.down, 0, src, off+at, k) }); err != nil {
			return err
		}
		flight = append(flight, piece{c, at, k})
	}
	for len(flight) > 0 {
		if err := drain(); err != nil {
			return err
		}
	}
	return nil
}

// settled waits until all that the device wrote is visible to the host.
func (s *stager) settled() error {
	d := s.m.dev
	if s.settle == nil {
		c := d.NewCommands()
		c.Barrier(devices, vk.SyncHost)
		cb, err := d.Record(c)
		if err != nil {
			return err
		}
		s.settle = cb
	}
	t, err := d.Submit(s.settle)
	if err != nil {
		return err
	}
	return d.Wait(t, s.m.opts.Timeout)
}

// Flush waits until everything submitted to the device is complete.
func (m *Manager) Flush() error { return m.dev.WaitIdle(m.opts.Timeout) }

func (s *stager) close() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.ring {
		c := &s.ring[i]
		if c.cb != nil {
			err = errors.Join(err, c.cb.Close())
		}
		for _, b := range []*Buffer{c.up, c.down} {
			if b != nil {
				err = errors.Join(err, b.Close())
			}
		}
		*c = chunk{ticket: math.MaxUint64} // a use after Close waits for a ticket that never was, which is an error
	}
	if s.settle != nil {
		err = errors.Join(err, s.settle.Close())
		s.settle = nil
	}
	return err
}
