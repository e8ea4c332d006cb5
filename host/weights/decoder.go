package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// Caps on what a header may claim, besides the bytes that are there. They lie far above published models.
const (
	maxTensors   = 1 << 16
	maxKeys      = 1 << 16
	maxString    = 16 << 20
	maxKey       = 65535 // by the specification
	maxName      = 1024  // of a tensor
	maxDims      = 4
	maxAlignment = 1 << 20
	maxElements  = min(1<<40, math.MaxInt) // of a tensor
)

// decoder walks one file's header. Every length is checked against the bytes remaining before anything is allocated.
type decoder struct {
	name string
	data []byte
	off  uint64
}

// fail is a FormatError at byte at.
func (d *decoder) fail(what string, at uint64, got, want any) error {
	return &FormatError{File: d.name, Offset: int64(at), What: what, Got: fmt.Sprint(got), Want: fmt.Sprint(want)}
}

func (d *decoder) remaining() uint64 { return uint64(len(d.data)) - d.off }

// take returns the next n bytes.
func (d *decoder) take(what string, n uint64) ([]byte, error) {
	if n > d.remaining() {
		return nil, d.fail(what, d.off, fmt.Sprintf("%d bytes left", d.remaining()), fmt.Sprintf("%d bytes", n))
	}
	b := d.data[d.off : d.off+n]
	d.off += n
	return b, nil
}

func (d *decoder) u32(what string) (uint32, error) {
	b, err := d.take(what, 4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (d *decoder) u64(what string) (uint64, error) {
	b, err := d.take(what, 8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// bytes returns a length and that many bytes, at most most.
func (d *decoder) bytes(what string, most uint64) ([]byte, error) {
	at := d.off
	n, err := d.u64(what)
	if err != nil {
		return nil, err
	}
	if limit := min(most, d.remaining()); n > limit {
		return nil, d.fail(what, at, fmt.Sprintf("a length of %d", n), fmt.Sprintf("at most %d", limit))
	}
	return d.take(what, n)
}

// label is the name of a key or tensor: not empty, UTF-8, and nothing that would garble a log or end a C string.
func (d *decoder) label(what string, most uint64) (string, error) {
	at := d.off
	b, err := d.bytes(what, most)
	if err != nil {
		return "", err
	}
	if len(b) == 0 {
		return "", d.fail(what, at, "no bytes", fmt.Sprintf("1 to %d", most))
	}
	if !utf8.Valid(b) {
		return "", d.fail(what, at, "broken UTF-8", "UTF-8")
	}
	for _, c := range b {
		if c < ' ' || c == 0x7f {
			return "", d.fail(what, at, fmt.Sprintf("control character %#02x", c), "none")
		}
	}
	return string(b), nil
}

// quote shows a label in an error, not all of a long one.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strconv.Quote(s)
}
