package dump

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Caps of a header; NumPy's own has some 100 bytes.
const (
	maxNumPyHeader = 1 << 16
	maxDims        = 8
	maxElements    = 1 << 40
)

// numPyTypes are the types of elements by their descriptions: little-endian ones. Two bytes of no type are bfloat16, as the package
// ml_dtypes saves them.
var numPyTypes = map[string]string{"<f2": "F16", "<V2": "BF16", "|V2": "BF16", "<f4": "F32", "<f8": "F64", "<i4": "I32", "<i8": "I64"}

// openNumPy reads the header of an array.
func openNumPy(path string) (*Tensor, error) {
	info, err := os.Stat(path) // before opening: a named pipe would wait for its writer
	if err != nil {
		return nil, fmt.Errorf("dump: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{path, "not a regular file"}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dump: %w", err)
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, fmt.Errorf("dump: %w", err)
	}
	t, why := readNumPy(f, info.Size())
	if why != "" {
		return nil, &Error{path, why}
	}
	t.Name, t.path = strings.TrimSuffix(filepath.Base(path), ".npy"), path
	return t, nil
}

// readNumPy reads the header of an array of size bytes in all: "\x93NUMPY", a version, a length, then a dict of Python with the type of the
// elements, their order and the shape; the elements follow. It gives the tensor without a name, or what is wrong.
// Source: NumPy, "numpy.lib.format", versions 1.0 to 3.0.
func readNumPy(r io.ReaderAt, size int64) (*Tensor, string) {
	var fixed [12]byte
	n, _ := r.ReadAt(fixed[:], 0)
	if n < 10 || !bytes.HasPrefix(fixed[:], []byte("\x93NUMPY")) {
		return nil, "got no header of NumPy, want a file of numpy.save"
	}
	at, length := int64(10), int64(binary.LittleEndian.Uint16(fixed[8:]))
	switch major := fixed[6]; {
	case major == 2 || major == 3:
		if n < 12 {
			return nil, "got a file that ends in its header"
		}
		at, length = 12, int64(binary.LittleEndian.Uint32(fixed[8:]))
	case major != 1:
		return nil, fmt.Sprintf("got version %d of the format, want 1 to 3", major)
	}
	if length > maxNumPyHeader || length > size-at {
		return nil, fmt.Sprintf("got a header of %d bytes, want at most %d", length, min(maxNumPyHeader, size-at))
	}
	text := make([]byte, length)
	if _, err := r.ReadAt(text, at); err != nil && err != io.EOF {
		return nil, "got a file that ends in its header"
	}
	p := literal{text: string(text)}
	t, fortran := p.header()
	switch {
	case p.bad != "":
		return nil, "header: " + p.bad
	case fortran && dimensions(t.Shape) > 1:
		return nil, "got columns in a row (fortran_order), want rows; save numpy.ascontiguousarray of it"
	}
	elements := int64(1)
	for _, d := range t.Shape {
		if d > 0 && elements > maxElements/int64(d) || d > maxElements {
			return nil, fmt.Sprintf("got shape %v, want at most %d elements", t.Shape, int64(maxElements))
		}
		elements *= int64(d)
	}
	t.from = at + length
	if have, want := size-t.from, elements*int64(widths[t.Type]); have != want {
		return nil, fmt.Sprintf("got %d bytes of elements, want %d for %v of %s", have, want, t.Shape, t.Type)
	}
	return t, ""
}

// dimensions counts those that are not 1: with one at most both orders are the same.
func dimensions(shape []int) (n int) {
	for _, d := range shape {
		if d != 1 {
			n++
		}
	}
	return n
}

// literal reads the few kinds of Python literals that a header may have.
type literal struct {
	text string
	bad  string // what is wrong
}

func (p *literal) fail(format string, args ...any) {
	if p.bad == "" {
		p.bad = fmt.Sprintf(format, args...)
	}
}

// take drops spaces and then prefix, if it is there.
func (p *literal) take(prefix string) bool {
	p.text = strings.TrimLeft(p.text, " \t\r\n")
	rest, ok := strings.CutPrefix(p.text, prefix)
	if ok {
		p.text = rest
	}
	return ok
}

func (p *literal) want(s string) {
	if p.bad == "" && !p.take(s) {
		p.fail("got %.12q, want %q", p.text, s)
	}
}

// header is {'descr': TYPE, 'fortran_order': BOOL, 'shape': TUPLE} in any order.
func (p *literal) header() (t *Tensor, fortran bool) {
	t = &Tensor{}
	seen := map[string]bool{}
	p.want("{")
	for p.bad == "" && !p.take("}") {
		key := p.quoted()
		if seen[key] {
			p.fail("got %q twice", key)
		}
		seen[key] = true
		p.want(":")
		switch key {
		case "descr":
			t.Type = p.dtype()
		case "fortran_order":
			if fortran = p.take("True"); !fortran {
				p.want("False")
			}
		case "shape":
			t.Shape = p.tuple()
		default:
			p.fail("got key %.20q, want descr, fortran_order and shape", key)
		}
		if !p.take(",") {
			p.want("}")
			break
		}
	}
	if p.take(""); p.bad == "" && p.text != "" {
		p.fail("got %.12q behind the dict, want nothing", p.text)
	}
	if p.bad == "" && len(seen) != 3 {
		p.fail("got %d keys, want descr, fortran_order and shape", len(seen))
	}
	return t, fortran
}

func (p *literal) quoted() string {
	for _, q := range []string{"'", `"`} {
		if p.take(q) {
			s, rest, ok := strings.Cut(p.text, q)
			if !ok || strings.Contains(s, `\`) {
				p.fail("got a text without end")
			}
			p.text = rest
			return s
		}
	}
	p.fail("got %.12q, want a text", p.text)
	return ""
}

func (p *literal) dtype() string {
	if p.take("[") {
		p.fail("got an array of records, want one of numbers")
		return ""
	}
	s := p.quoted()
	t := numPyTypes[s]
	switch {
	case t != "":
	case strings.HasPrefix(s, ">"):
		p.fail("got type %.20q, most significant byte first, want little-endian", s)
	default:
		p.fail("got type %.20q, want <f2, <f4, <f8, <V2 (bfloat16), <i4 or <i8", s)
	}
	return t
}

// tuple is (), (3,), (3, 4) and so on.
func (p *literal) tuple() []int {
	p.want("(")
	shape := []int{}
	for p.bad == "" && !p.take(")") {
		end := strings.IndexFunc(p.text, func(r rune) bool { return r < '0' || r > '9' })
		if end <= 0 {
			p.fail("got %.12q, want a whole number", p.text)
			break
		}
		n, err := strconv.Atoi(p.text[:end])
		if err != nil || len(shape) == maxDims {
			p.fail("got a shape of more dimensions than %d, or larger than a number", maxDims)
			break
		}
		shape, p.text = append(shape, n), p.text[end:]
		if !p.take(",") {
			p.want(")")
			break
		}
	}
	return shape
}
