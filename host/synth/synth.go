// Package synth makes model files of made-up weights: any architecture that host/model builds, any size, any weight type, a vocabulary
// included, the same bytes for the same seed. They answer nonsense at the right speed. Which tensors a model has is asked of
// host/model; what else llama.cpp wants of an architecture's file is in one table here. The package must not know devices, nor how
// blocks are decoded, which the codec does.
package synth

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"

	"tuff/host/compute"
	"tuff/host/model"
	"tuff/host/quantize"
	"tuff/host/weights"
)

// Size is the shape of a model, in elements.
type Size struct {
	Layers, Hidden, FFN, Heads, KVHeads, HeadDim, Vocab, Context int
	Experts, Used                                                int // of architectures with experts; 0: 8, and 2 of them
}

// Spec is what is to be made.
type Spec struct {
	Arch   string
	Size   Size
	Recipe quantize.Recipe
	Pure   bool // all matrices of the recipe's type
	Seed   uint64
	Name   string // general.name
}

// Decode widens blocks of a format, as quantize.Codec's does.
type Decode = func(t compute.DType, dst []float32, src []byte) error

// Report is what was written.
type Report struct {
	Tensors    int
	Parameters int64
	Bytes      int64 // of all tensors
}

// Run writes the model to path. Memory is bounded by a few rows for each thread.
func Run(ctx context.Context, path string, s Spec, decode Decode, force bool, progress func(done, total int64)) (*Report, error) {
	keys, shapes, err := plan(&s)
	if err != nil {
		return nil, err
	}
	rep := &Report{Tensors: len(shapes)}
	for i := range shapes {
		n, err := shapes[i].Bytes()
		if err != nil {
			return nil, err
		}
		rep.Bytes += n
		rep.Parameters += int64(elements(&shapes[i]))
	}
	w, err := weights.Create(path, keys, shapes, force)
	if err != nil {
		return nil, err
	}
	var done int64
	for i := range shapes {
		err := write(ctx, w, &s, &shapes[i], decode, func(n int64) {
			if done += n; progress != nil {
				progress(done, rep.Bytes)
			}
		})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("synth: tensor %q: %w", shapes[i].Name, err), w.Abort())
		}
	}
	return rep, w.Commit()
}

func elements(s *weights.Shape) int {
	n := 1
	for _, d := range s.Dims {
		n *= d
	}
	return n
}

// plan is the file's metadata and tensors.
func plan(s *Spec) ([]weights.Key, []weights.Shape, error) {
	a := archOf(s.Arch)
	if a == nil {
		return nil, nil, fmt.Errorf("synth: architecture: got %q, want one of %s", s.Arch, strings.Join(Archs(), ", "))
	}
	if a.moe == always && s.Size.Experts == 0 {
		s.Size.Experts = 8
	}
	if s.Size.Used == 0 {
		s.Size.Used = min(2, max(s.Size.Experts, 0))
	}
	if a.equalHeads {
		s.Size.KVHeads = s.Size.Heads
	}
	if err := s.Size.check(); err != nil {
		return nil, nil, err
	}
	if s.Size.Experts > 0 && a.moe == never {
		return nil, nil, fmt.Errorf("synth: experts: got %d, want none in %s", s.Size.Experts, s.Arch)
	}
	keys := metadata(s, a)
	sketch := weights.Sketch(s.Name, keys, func(name string) bool { return a.reads(s, name) })
	_, needs, err := model.Needs(sketch)
	if err != nil {
		return nil, nil, fmt.Errorf("synth: %w", err)
	}
	var shapes []weights.Shape
	for _, n := range needs {
		shape := weights.Shape{Name: n.Name, DType: compute.F32, Dims: []int{n.Cols, n.Rows}}
		switch {
		case s.Size.Experts > 0 && strings.Contains(n.Name, "_exps.weight"):
			shape.Dims = []int{n.Cols, n.Rows / s.Size.Experts, s.Size.Experts}
		case strings.HasPrefix(n.Name, "altup_"): // a matrix for each stream but the first
			shape.Dims = []int{n.Cols, n.Cols, n.Rows / n.Cols}
		case strings.HasSuffix(n.Name, "attn_k_b.weight"), strings.HasSuffix(n.Name, "attn_v_b.weight"): // a matrix for each head
			shape.Dims = []int{n.Cols, n.Rows / s.Size.Heads, s.Size.Heads}
		case strings.HasSuffix(n.Name, ".ssm_d") && !slices.Contains(a.optional, "ssm_x.weight"): // Mamba-2's, a column of heads
			shape.Dims = []int{1, n.Cols}
		case n.Rows == 1:
			shape.Dims = shape.Dims[:1]
		}
		shapes = append(shapes, shape)
	}
	got, _ := s.Recipe.Assign(s.Arch, s.Size.Layers, s.Size.Experts, shapes, s.Pure)
	for i := range shapes {
		shapes[i].DType = got[i]
	}
	return keys, shapes, nil
}

// check bounds the shape: host/model's limits, before anything is multiplied.
func (z *Size) check() error {
	for _, f := range []struct {
		name    string
		v, most int
	}{
		{"layers", z.Layers, 1024}, {"hidden", z.Hidden, 1 << 20}, {"FFN", z.FFN, 1 << 20}, {"heads", z.Heads, 1 << 14}, {"KV heads", z.KVHeads, 1 << 14},
		{"head size", z.HeadDim, 1 << 16}, {"vocabulary", z.Vocab, 1 << 24}, {"context", z.Context, 1 << 28},
	} {
		if f.v < 1 || f.v > f.most {
			return fmt.Errorf("synth: %s: got %d, want 1 to %d", f.name, f.v, f.most)
		}
	}
	switch {
	case z.Vocab < minVocab:
		return fmt.Errorf("synth: vocabulary: got %d, want at least %d, one token for each byte and a few more", z.Vocab, minVocab)
	case z.Heads%z.KVHeads != 0:
		return fmt.Errorf("synth: KV heads: got %d for %d heads, want a divisor", z.KVHeads, z.Heads)
	case z.HeadDim%2 != 0:
		return fmt.Errorf("synth: head size: got %d, want an even number", z.HeadDim)
	case z.Experts < 0 || z.Experts > 1024 || z.Used < 0 || z.Used > z.Experts:
		return fmt.Errorf("synth: experts: got %d used of %d, want at most 1024", z.Used, z.Experts)
	}
	return nil
}

// spread is the standard deviation of a tensor's numbers, around its mean. Matrices keep the mean square of what they multiply, those
// that end a branch divide it by the branches; norms multiply by one.
func spread(s *Spec, shape *weights.Shape) (mean, deviation float64) {
	name := shape.Name
	cols := float64(shape.Dims[0])
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(name, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("norm") && !strings.HasSuffix(name, ".bias"):
		return 1, 0.05
	case strings.HasSuffix(name, ".bias"):
		return 0, 0.02
	case len(shape.Dims) == 1:
		return 0, 0.5
	case has("position_embd", "token_types"):
		return 0, 0.1
	case name == "token_embd.weight" && !slices.Contains(archOf(s.Arch).optional, "output.weight"):
		// An output matrix as well: little of a token's own row, or it would say itself again and again.
		return 0, 0.3 / math.Sqrt(cols)
	case name == "token_embd.weight", name == "output.weight":
		return 0, 2 / math.Sqrt(cols)
	case has("attn_output", "attn_o.", "ffn_down", "ssm_out", "shortconv.out_proj"):
		return 0, 1 / math.Sqrt(2*float64(s.Size.Layers)*cols)
	}
	return 0, 1 / math.Sqrt(cols)
}

// pieceBytes is about how much one thread makes at a time.
const pieceBytes = 1 << 20

// write makes one tensor's data, on all cores. Pieces have seeds of their own, so that their number of threads does not matter.
func write(ctx context.Context, w *weights.Writer, s *Spec, shape *weights.Shape, decode Decode, tell func(int64)) error {
	mean, deviation := spread(s, shape)
	m, err := newMaker(shape.DType, mean, deviation, decode)
	if err != nil {
		return err
	}
	m.law = law(shape)
	blocks := elements(shape) / shape.DType.BlockLen()
	size := shape.DType.BlockBytes()
	per := max(1, pieceBytes/size)
	pieces := make([][]byte, runtime.GOMAXPROCS(0))
	for first := 0; first < blocks; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var wg sync.WaitGroup
		for i := range pieces {
			n := min(per, blocks-first)
			if cap(pieces[i]) < n*size {
				pieces[i] = make([]byte, n*size)
			}
			p := pieces[i][:n*size]
			pieces[i] = p
			from := uint64(first / per)
			first += n
			if n > 0 {
				wg.Go(func() { m.fill(p, int(from)*per*shape.DType.BlockLen(), newSource(s.Seed, shape.Name, from)) })
			}
		}
		wg.Wait()
		for _, p := range pieces {
			if _, err := w.Write(p); len(p) > 0 && err != nil {
				return err
			}
			tell(int64(len(p)))
		}
	}
	return nil
}
