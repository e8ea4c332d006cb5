package conformance

import (
	"encoding/binary"
	"math"
	"slices"

	"tuff/host/compute"
)

// identity forgets the page tables.
func identity(_ *compute.Program, s *compute.Step) {
	for i := range s.Seqs {
		pages := make([]int32, len(s.Seqs[i].Pages))
		for j := range pages {
			pages[j] = int32(j)
		}
		s.Seqs[i].Pages = pages
	}
}

func firstPages(_ *compute.Program, s *compute.Step) {
	for i := range s.Seqs {
		if p := s.Seqs[0].Pages; len(p) >= len(s.Seqs[i].Pages) {
			s.Seqs[i].Pages = p[:len(s.Seqs[i].Pages)]
		}
	}
}

func ignoreOffsets(p *compute.Program) {
	for i := range p.Tensors {
		if p.Tensors[i].Role == compute.Weight {
			p.Tensors[i].Offset = 0
		}
	}
}

func drop(stem string) func(*compute.Program) {
	return func(p *compute.Program) {
		p.Instrs = slices.DeleteFunc(p.Instrs, func(in compute.Instr) bool { return in.Op.Stem() == stem })
	}
}

// flushScales zeroes subnormal binary16 scales.
func flushScales(s *compute.BufferSpec) {
	blocks(func(t compute.DType, b []byte, _, _ int) {
		for _, s := range t.BlockScales() {
			if h := binary.LittleEndian.Uint16(b[s.At:]); h&0x7c00 == 0 {
				binary.LittleEndian.PutUint16(b[s.At:], h&0x8000)
			}
		}
	})(s)
}

// replace gives a tensor new float32 contents in a buffer of its own.
func (d *faulty) replace(p *compute.Program, r compute.Ref, f func(i int, v float32) float32) compute.Buffer {
	t := p.At(r)
	v := make([]float32, t.Rows.Fixed*t.Cols)
	if err := d.Download(compute.Bytes(v), t.Buffer, t.Offset); err != nil {
		panic(err)
	}
	for i := range v {
		v[i] = f(i, v[i])
	}
	b, err := d.Device.NewBuffer(compute.BufferSpec{Name: t.Name, Usage: compute.UseWeights, Size: int64(4 * len(v)), Data: compute.Bytes(v)})
	if err != nil {
		panic(err)
	}
	t.Buffer, t.Offset = b, 0
	return b
}

// truncateFeeds rounds what goes into half caches toward zero, and leaves the others alone.
func truncateFeeds(d *faulty, p *compute.Program) func() {
	return feedsOf(d, p, compute.F16, truncated)
}

// cutFeeds does the same for bfloats.
func cutFeeds(d *faulty, p *compute.Program) func() {
	return feedsOf(d, p, compute.BF16, func(v float32) float32 { return bitsOf(math.Float32bits(v) &^ 0xffff) })
}

// feedsOf changes what goes into caches of a type.
func feedsOf(d *faulty, p *compute.Program, t compute.DType, f func(float32) float32) func() {
	var made []compute.Buffer
	into := make(map[compute.Ref]bool)
	for _, in := range p.Instrs {
		if o, ok := in.Op.(compute.KVStore); ok {
			into[o.K] = p.At(o.KCache).DType == t
			into[o.V] = o.V != 0 && p.At(o.VCache).DType == t
		}
	}
	for _, in := range p.Instrs {
		if o, ok := in.Op.(compute.Embed); ok && into[o.Out] {
			made = append(made, d.replace(p, o.Table, func(_ int, v float32) float32 { return f(v) }))
		}
	}
	return closer(made)
}

// exchangeNibbles turns the bytes of Q4_0 round.
func exchangeNibbles(t compute.DType, row []byte) {
	if t == compute.Q4_0 {
		for i := range row {
			if i%18 > 1 {
				row[i] = row[i]<<4 | row[i]>>4
			}
		}
	}
}

// firstExpert feeds zeros for ids.
func firstExpert(d *faulty, p *compute.Program) func() {
	var made []compute.Buffer
	ids := make(map[compute.Ref]bool)
	for _, in := range p.Instrs {
		if o, ok := in.Op.(compute.MatMulExperts); ok {
			ids[o.IDs] = true
		}
	}
	for _, in := range p.Instrs {
		if o, ok := in.Op.(compute.Embed); ok && ids[o.Out] {
			made = append(made, d.replace(p, o.Table, func(int, float32) float32 { return 0 }))
		}
	}
	return closer(made)
}

// firstHead copies the first KV head over the others where keys are fed.
func firstHead(d *faulty, p *compute.Program) func() {
	var made []compute.Buffer
	for _, in := range p.Instrs {
		o, ok := in.Op.(compute.Attention)
		if !ok || o.Paged {
			continue
		}
		for _, feed := range p.Instrs {
			if e, ok := feed.Op.(compute.Embed); ok && e.Out == o.K {
				cols := p.At(e.Table).Cols
				var row []float32
				made = append(made, d.replace(p, e.Table, func(i int, v float32) float32 {
					if i%cols == 0 {
						row = row[:0]
					}
					row = append(row, v)
					return row[i%cols%o.HeadDim]
				}))
			}
		}
	}
	return closer(made)
}

func closer(made []compute.Buffer) func() {
	return func() {
		for _, b := range made {
			b.Close()
		}
	}
}

// exchangeStates lets the first two sequences read each other's states.
func exchangeStates(_ *compute.Program, s *compute.Step) {
	s.Seqs[0].StateIn, s.Seqs[1].StateIn = s.Seqs[1].StateIn, s.Seqs[0].StateIn
}
