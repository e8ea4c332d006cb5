// Package quantize converts model files to other weight types: it decides the type of every tensor, streams them through a codec,
// and writes GGUF as llama.cpp reads it. It must not know block formats, which the codec has, nor devices, nor how models compute.
package quantize

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"sync"

	"tuff/host/compute"
	"tuff/host/weights"
)

// Codec knows block formats. Both functions take whole rows and fail for formats they do not know.
type Codec struct {
	Decode func(t compute.DType, dst []float32, src []byte) error
	Fit    func(t compute.DType, dst []byte, src []float32) error
}

// Options of Run.
type Options struct {
	Pure    bool // no tensor stands out
	Force   bool // replace the file that is there
	Threads int  // 0: all cores
	// Progress, if set, is told the bytes written.
	Progress func(done, total int64)
}

// Tensor is what became of one.
type Tensor struct {
	Name     string
	Dims     []int
	From, To compute.DType
	Wanted   compute.DType // differs from To where rows are not whole blocks of it
	Elements int64
	Bytes    int64   // after
	Sum      float64 // of squared errors
	Square   float64 // sum of squared elements; 0 where the tensor was copied
}

// Report is what was written.
type Report struct {
	Before, After int64 // bytes of all tensors
	Tensors       []Tensor
	Notes         []string // what of the input could not be kept, for people
}

// Run writes f to path by the recipe. Memory is bounded by the largest tensor of a folder, and by a few rows for each thread where f is
// a GGUF file. After an error there is no file at path but what was there before.
func Run(ctx context.Context, f *weights.File, path string, r Recipe, codec Codec, o Options) (*Report, error) {
	if f.Holds(path) {
		return nil, fmt.Errorf("quantize: write %q: it is the input; want another name", path)
	}
	if _, err := os.Lstat(path); err == nil && !o.Force {
		return nil, fmt.Errorf("quantize: write %q: it exists; want another name, or --force", path)
	}
	out, err := outputOf(f, r)
	if err != nil {
		return nil, err
	}
	sources := out.sources
	arch, _ := f.String("general.architecture")
	count := func(key string) int {
		n, _ := f.Uint(arch + "." + key)
		return int(min(n, 1<<20))
	}
	var shapes []weights.Shape
	for _, s := range sources {
		shapes = append(shapes, weights.Shape{Name: s.Name, DType: s.DType, Dims: s.Dims})
	}
	got, wanted := r.Assign(arch, count("block_count"), count("expert_count"), shapes, o.Pure)
	j := &job{f: f, codec: codec, threads: o.Threads, progress: o.Progress}
	if j.threads < 1 {
		j.threads = runtime.GOMAXPROCS(0)
	}
	rep := &Report{Notes: out.notes}
	for i := range sources {
		s := &sources[i]
		rep.Tensors = append(rep.Tensors, Tensor{Name: s.Name, Dims: s.Dims, From: s.DType, To: got[i], Wanted: wanted[i], Elements: int64(s.Rows) * int64(s.Cols)})
		shapes[i].DType = got[i]
		n, err := shapes[i].Bytes()
		if err != nil {
			return nil, err
		}
		rep.Tensors[i].Bytes = n
		rep.Before, rep.After = rep.Before+s.Size, rep.After+n
		j.total += n
	}
	if j.w, err = weights.Create(path, out.keys, shapes, o.Force); err != nil {
		return nil, err
	}
	for i := range sources {
		if err := j.tensor(ctx, &sources[i], &rep.Tensors[i]); err != nil {
			return nil, errors.Join(err, j.w.Abort())
		}
	}
	return rep, j.w.Commit()
}

// job is one run.
type job struct {
	f           *weights.File
	codec       Codec
	w           *weights.Writer
	threads     int
	progress    func(done, total int64)
	done, total int64
}

// pieceElements is about how many elements a thread takes at once: enough to hide the hand-over, little enough to stay in its cache.
const pieceElements = 1 << 16

// piece is some rows on their way.
type piece struct {
	raw, out    []byte
	x, back     []float32
	n           int // rows
	sum, square float64
	err         error
}

// tensor converts one tensor.
func (j *job) tensor(ctx context.Context, s *source, t *Tensor) error {
	rows := max(1, min(s.Rows, pieceElements/s.Cols))
	pieces := make([]piece, min(j.threads, (s.Rows+rows-1)/rows))
	for first := 0; first < s.Rows; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var wg sync.WaitGroup
		used := 0
		for i := range pieces {
			p := &pieces[i]
			if p.n = min(rows, s.Rows-first); p.n == 0 {
				break
			}
			at := first
			first += p.n
			used++
			wg.Go(func() { p.err = j.convert(p, s, t, at) })
		}
		wg.Wait()
		for i := range pieces[:used] {
			p := &pieces[i]
			if p.err != nil {
				return fmt.Errorf("quantize: tensor %q: %w", t.Name, p.err)
			}
			if _, err := j.w.Write(p.out); err != nil {
				return err
			}
			t.Sum, t.Square = t.Sum+p.sum, t.Square+p.square
			j.done += int64(len(p.out))
		}
		if j.progress != nil {
			j.progress(j.done, j.total)
		}
	}
	return j.f.Release(s.Tensor)
}

// convert makes rows from first on.
func (j *job) convert(p *piece, s *source, t *Tensor, first int) error {
	row, err := s.DType.RowBytes(s.Cols)
	if err != nil {
		return err
	}
	p.raw = slices.Grow(p.raw[:0], p.n*int(row))[:p.n*int(row)]
	if err := s.read(j.f, p.raw, first, p.n, int(row)); err != nil {
		return err
	}
	if t.To == s.DType {
		p.out = p.raw
		return nil
	}
	n := p.n * s.Cols
	size, err := t.To.Bytes(p.n, s.Cols)
	if err != nil {
		return err
	}
	p.out = slices.Grow(p.out[:0], int(size))[:size]
	p.x, p.back = slices.Grow(p.x[:0], n)[:n], slices.Grow(p.back[:0], n)[:n]
	if err := j.codec.Decode(s.DType, p.x, p.raw); err != nil {
		return err
	}
	if err := holds(t.To, p.x, int64(first)*int64(s.Cols)); err != nil {
		return err
	}
	if err := j.codec.Fit(t.To, p.out, p.x); err != nil {
		return err
	}
	if err := j.codec.Decode(t.To, p.back, p.out); err != nil {
		return err
	}
	p.sum, p.square = 0, 0
	for i, v := range p.x {
		e := float64(v) - float64(p.back[i])
		p.sum += e * e
		p.square += float64(v) * float64(v)
	}
	return nil
}

// holds refuses numbers that t cannot stand for: what is not finite, and what lies beyond the range of binary16, in which block
// formats store their scales. at is the index of the first.
func holds(t compute.DType, x []float32, at int64) error {
	limit := float32(65504)
	if t == compute.F32 || t == compute.BF16 {
		limit = math.MaxFloat32
	}
	for i, v := range x {
		switch {
		case v != v || math.IsInf(float64(v), 0):
			return fmt.Errorf("element %d: got %v, want a finite number", at+int64(i), v)
		case v > limit || v < -limit:
			return fmt.Errorf("element %d: got %g, want at most %g in magnitude for %v", at+int64(i), v, limit, t)
		}
	}
	return nil
}

// source is a tensor with the rows that it is made of.
type source struct {
	weights.Tensor
	// row, if set, is the row of the file that row i is. Of a vector it is the element.
	row func(i int) int
	// col, if set, is the element of a row of the file that element i is. It is for plain floats, and without row.
	col func(i int) int
}

// read copies n rows from first on.
func (s *source) read(f *weights.File, dst []byte, first, n, row int) error {
	switch {
	case s.col != nil:
		all, size := make([]byte, row), row/s.Cols
		for r := range n {
			if err := f.ReadInto(all, s.Tensor, int64(first+r)*int64(row)); err != nil {
				return err
			}
			for i := range s.Cols {
				at := s.col(i) * size
				copy(dst[r*row+i*size:r*row+(i+1)*size], all[at:at+size])
			}
		}
		return nil
	case s.row == nil:
		return f.ReadInto(dst, s.Tensor, int64(first)*int64(row))
	case len(s.Dims) == 1:
		all := make([]byte, row)
		if err := f.ReadInto(all, s.Tensor, 0); err != nil {
			return err
		}
		size := row / s.Cols
		for i := range s.Cols {
			copy(dst[i*size:(i+1)*size], all[s.row(i)*size:])
		}
		return nil
	}
	for i := range n {
		if err := f.ReadInto(dst[i*row:(i+1)*row], s.Tensor, int64(s.row(first+i))*int64(row)); err != nil {
			return err
		}
	}
	return nil
}
