package model

import (
	"fmt"

	"tuff/host/weights"
)

// Need is a tensor that a model's program reads: a matrix [Rows, Cols] in any type, or numbers read as float32.
type Need struct {
	Name       string
	Rows, Cols int
	Vector     bool
}

// Needs lists the tensors that a model of f's metadata reads, each once, in the order of the program. f is a Sketch: of what a family
// reads only where a file has it, those tensors are listed that f claims to have.
func Needs(f *weights.File) (*Config, []Need, error) {
	b, list, err := sketch(f)
	if err != nil {
		return nil, nil, err
	}
	return b.cfg, list, nil
}

// Rotates reports whether any layer of a model of f's metadata and tensors rotates queries and keys by their positions.
func Rotates(f *weights.File) (bool, error) {
	b, _, err := sketch(f)
	if err != nil {
		return false, err
	}
	for r := range b.ropes {
		if !r.Still {
			return true, nil
		}
	}
	return false, nil
}

// sketch builds the program of the shortest sequences without reading a tensor.
func sketch(f *weights.File) (*Builder, []Need, error) {
	cfg, fam, err := ReadConfig(f)
	if err != nil {
		return nil, nil, err
	}
	var list []Need
	b := newBuilder(f, cfg, Options{ContextLen: 1, NumSeqs: 1, PageSize: 1})
	b.needs = &list
	fam.Build(b)
	if b.err != nil {
		return nil, nil, fmt.Errorf("model: list tensors of %s %q: %w", cfg.Arch, f.Name, b.err)
	}
	return b, list, nil
}

func (b *Builder) need(name string, rows, cols int, vector bool) {
	for _, n := range *b.needs {
		if n.Name == name {
			return
		}
	}
	*b.needs = append(*b.needs, Need{name, rows, cols, vector})
}

// numbers reads a small tensor of plain floats while the program is built. rows 0 are as many as the file has, one to most.
func (b *Builder) numbers(full string, rows, cols, most int) []float32 {
	if b.needs != nil {
		rows = max(rows, min(2, most))
		b.need(full, rows, cols, true)
		return make([]float32, rows*cols)
	}
	t, ok := b.f.Tensor(full)
	n := rows
	if n == 0 {
		n = min(max(t.Rows, 1), most)
	}
	if !ok || t.Rows != n || t.Cols != cols {
		b.fail("tensor %q: got [%d, %d], want [%d, %d]", full, t.Rows, t.Cols, n, cols)
		return make([]float32, n*cols)
	}
	v, err := floats(b.f, t)
	if err != nil {
		b.fail("tensor %q: %w", full, err)
		return make([]float32, n*cols)
	}
	return v
}
