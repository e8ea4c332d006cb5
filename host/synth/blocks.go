package synth

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"sync"

	"tuff/host/compute"
)

// source draws random words. Two of the same seed, name and piece are the same.
type source struct{ r *rand.PCG }

func newSource(seed uint64, name string, piece uint64) source {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	return source{rand.NewPCG(seed, h.Sum64()+piece*0x9e3779b97f4a7c15)}
}

func (s source) bytes(b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, s.r.Uint64())
	}
	if len(b) > 0 {
		var last [8]byte
		binary.LittleEndian.PutUint64(last[:], s.r.Uint64())
		copy(b, last[:])
	}
}

// made reports whether blocks of a format can be made up: all of it is random bits but the scales, which put writes.
func made(t compute.DType) bool {
	return t.BlockScales() != nil || t == compute.IQ1_M || t == compute.MXFP4 || t == compute.NVFP4
}

// maker fills tensors of one type with numbers of one distribution.
type maker struct {
	t               compute.DType
	mean, deviation float64
	scale           float64 // of a block
	scaleByte       byte    // of formats with scales of eight bits
	normal          *[1 << 16]float32
	law             func(i int, u float64) float64 // of plain numbers that are not normal ones, or nil
}

func newMaker(t compute.DType, mean, deviation float64, decode Decode) (*maker, error) {
	m := &maker{t: t, mean: mean, deviation: deviation}
	if !t.Quantized() {
		if t != compute.F32 && t != compute.F16 && t != compute.BF16 {
			return nil, fmt.Errorf("got type %v, want F32, F16, BF16 or a block format", t)
		}
		m.normal = normal()
		return m, nil
	}
	if !made(t) || mean != 0 {
		return nil, fmt.Errorf("got type %v, want one whose blocks can be made up", t)
	}
	// What the blocks come to with a scale of one, or with each byte that is a scale.
	rms := func() (float64, error) {
		const n = 64
		b, x := make([]byte, n*t.BlockBytes()), make([]float32, n*t.BlockLen())
		m.fill(b, 0, newSource(1, "scale", 0))
		if err := decode(t, x, b); err != nil {
			return 0, err
		}
		var sum float64
		for _, v := range x {
			sum += float64(float64(v) * float64(v)) // rounded before it is added, on machines that can do both at once too
		}
		return math.Sqrt(sum / float64(len(x))), nil
	}
	m.scale = 1
	if t == compute.MXFP4 || t == compute.NVFP4 {
		best, least := byte(0), math.Inf(1)
		for c := 1; c < 0x7f || t == compute.MXFP4 && c < 0xff; c++ {
			m.scaleByte = byte(c)
			v, err := rms()
			if err != nil {
				return nil, err
			}
			if d := math.Abs(math.Log(v / deviation)); d < least {
				best, least = m.scaleByte, d
			}
		}
		m.scaleByte = best
		return m, nil
	}
	one, err := rms()
	if err != nil {
		return nil, err
	}
	m.scale = deviation / one
	return m, nil
}

// fill makes blocks, or plain numbers, from element first of a tensor on.
func (m *maker) fill(b []byte, first int, s source) {
	le := binary.LittleEndian
	size := m.t.BlockBytes()
	if m.normal != nil {
		var word uint64
		for i := 0; i*size < len(b); i++ {
			if i%4 == 0 {
				word = s.r.Uint64()
			}
			draw := uint16(word >> (i % 4 * 16))
			v := float32(m.mean + float64(m.deviation*float64(m.normal[draw])))
			if m.law != nil {
				v = float32(m.law(first+i, float64(draw)/(1<<16)))
			}
			switch m.t {
			case compute.F32:
				le.PutUint32(b[4*i:], math.Float32bits(v))
			case compute.F16:
				le.PutUint16(b[2*i:], compute.F32ToF16(v))
			case compute.BF16:
				le.PutUint16(b[2*i:], compute.F32ToBF16(v))
			}
		}
		return
	}
	s.bytes(b)
	for ; len(b) > 0; b = b[size:] {
		m.put(b[:size])
	}
}

// put writes the scales of a block whose other bytes are there already; a byte that they replace says how far to be off.
func (m *maker) put(b []byte) {
	le := binary.LittleEndian
	switch m.t {
	case compute.MXFP4:
		b[0] = m.scaleByte
		return
	case compute.NVFP4:
		for i := range 4 {
			b[i] = m.scaleByte
		}
		return
	case compute.IQ1_M: // the scale's nibbles are the tops of the four last words
		d := compute.F32ToF16(float32(m.scale))
		for i := range 4 {
			at := b[48+2*i:]
			le.PutUint16(at, le.Uint16(at)&0x0fff|d>>(4*i)&0xf<<12)
		}
		return
	case compute.TQ2_0, compute.Q2_0: // three levels of the four that two bits have; the fourth becomes zero
		for i, v := range b {
			b[i] = v &^ (v & (v >> 1) & 0x55 << 1)
		}
	case compute.Q8_0: // −128 is a level that no writer uses
		for i := 2; i < 34; i++ {
			if b[i] == 0x80 {
				b[i] = 0
			}
		}
	}
	jitter := 0.75 + float64(b[m.t.BlockScales()[0].At])/512
	for _, f := range m.t.BlockScales() {
		le.PutUint16(b[f.At:], compute.F32ToF16(float32(m.scale*jitter*f.Factor)))
	}
}

// normal is the standard normal distribution's value at the middle of each of 2¹⁶ parts of equal weight.
var normal = sync.OnceValue(func() *[1 << 16]float32 {
	var t [1 << 16]float32
	for i := range t {
		t[i] = float32(math.Sqrt2 * math.Erfinv((2*float64(i)+1)/(1<<16)-1))
	}
	return &t
})
