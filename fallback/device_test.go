package fallback_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/fallback"
	"tuff/fallback/quant"
	"tuff/fallback/simd"
	"tuff/host/compute"
)

// layer is a program with one op of most kinds: norm, a multiplication, a gate and a sum over [T, 64].
type layer struct {
	p               *compute.Program
	norm, prod, out compute.Ref
	weight          compute.Buffer
}

func newLayer(t testing.TB, d compute.Device, vocab int) *layer {
	p := compute.NewProgram("layer")
	p.VocabSize = vocab
	weight := func(name string, rows, cols int) compute.Ref {
		data := make([]float32, rows*cols)
		for i := range data {
			data[i] = float32(math.Sin(float64(i*(len(name)+3)))) / 4
		}
		b, err := d.NewBuffer(compute.BufferSpec{Name: name, Usage: compute.UseWeights, Size: int64(4 * len(data)), DType: compute.F32,
			Rows: rows, Cols: cols, Data: compute.Bytes(data)})
		require.NoError(t, err)
		return p.Declare(compute.Tensor{Name: name, Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(rows), Cols: cols, Buffer: b})
	}
	l := &layer{p: p}
	x, y, z := p.Scratch("x", compute.PerToken(1), 64), p.Scratch("y", compute.PerToken(1), 64), p.Scratch("z", compute.PerToken(1), 64)
	l.norm, l.prod = y, z
	l.out = p.Declare(compute.Tensor{Name: "out", Role: compute.Output, DType: compute.F32, Rows: compute.PerToken(1), Cols: 64})
	p.Add("embd", compute.Embed{Table: weight("embd", vocab, 64), Out: x, Scale: 2})
	p.Add("norm", compute.RMSNorm{X: x, Weight: weight("norm", 1, 64), Out: y, Eps: 1e-5})
	w := weight("proj", 64, 64)
	l.weight = p.At(w).Buffer
	p.Add("proj", compute.MatMul{X: y, W: w, Out: z})
	p.Add("sum", compute.Add{A: x, B: z, Out: l.out})
	return l
}

func rows(n int) *compute.Step {
	s := &compute.Step{Seqs: []compute.Seq{{Count: n, Len: n}}}
	for i := range n {
		s.Tokens, s.Pos = append(s.Tokens, int32(i)), append(s.Pos, int32(i))
	}
	return s
}

func read(t testing.TB, d compute.Device, e compute.Executable, r compute.Ref, n int) []float32 {
	v, err := e.Locate(r)
	require.NoError(t, err)
	f := make([]float32, n)
	require.NoError(t, d.Download(compute.Bytes(f), v.Buffer, v.Offset))
	return f
}

func TestResultsDoNotDependOnTheNumberOfThreads(t *testing.T) {
	var want []float32
	for _, threads := range []int{1, 2, 3, 8} {
		d := open(t, threads)
		l := newLayer(t, d, 70)
		e, err := d.Compile(t.Context(), l.p, compute.Options{MaxTokens: 70})
		require.NoError(t, err)
		require.NoError(t, e.Run(t.Context(), &compute.Call{Step: rows(70)}))
		got := read(t, d, e, l.out, 70*64)
		if want == nil {
			want = got
		}
		require.Equal(t, want, got, "%d threads", threads)
	}
}

func TestARunAllocatesNothing(t *testing.T) {
	for _, math := range []compute.Math{compute.Exact, compute.Fast} {
		for _, threads := range []int{1, 2} {
			d := open(t, threads)
			l := newLayer(t, d, 70)
			e, err := d.Compile(t.Context(), l.p, compute.Options{MaxTokens: 70, Math: math})
			require.NoError(t, err)
			call := &compute.Call{Step: rows(70), Timing: &compute.Timing{}}
			ctx := t.Context()
			for range 20 { // every worker has had its turn
				require.NoError(t, e.Run(ctx, call))
			}
			assert.LessOrEqual(t, testing.AllocsPerRun(50, func() {
				if err := e.Run(ctx, call); err != nil {
					t.Error(err)
				}
			}), 1.0, math)
		}
	}
}

func TestTimingAddsUp(t *testing.T) {
	d := open(t, 2)
	l := newLayer(t, d, 70)
	e, err := d.Compile(t.Context(), l.p, compute.Options{MaxTokens: 70})
	require.NoError(t, err)
	var tm compute.Timing
	require.NoError(t, e.Run(t.Context(), &compute.Call{Step: rows(70), Timing: &tm}))
	require.Len(t, tm.Spans, len(l.p.Instrs))
	var spans, last = tm.Wait * 0, tm.Wait * 0
	for i, s := range tm.Spans {
		assert.Equal(t, i, s.Group)
		assert.GreaterOrEqual(t, s.Begin, last)
		assert.GreaterOrEqual(t, s.End, s.Begin)
		spans, last = spans+s.End-s.Begin, s.End
	}
	assert.LessOrEqual(t, spans, tm.Wait)
	assert.LessOrEqual(t, tm.Encode+tm.Submit+tm.Wait, tm.Wall)
	assert.LessOrEqual(t, tm.HostOffset+last, tm.Wall)
}

func TestBeforeAndAfterSeeAndChangeTensors(t *testing.T) {
	d := open(t, 2)
	l := newLayer(t, d, 70)
	e, err := d.Compile(t.Context(), l.p, compute.Options{MaxTokens: 2, Keep: true})
	require.NoError(t, err)
	require.NoError(t, e.Run(t.Context(), &compute.Call{Step: rows(2)}))
	plain := read(t, d, e, l.prod, 128)

	var order []int
	call := &compute.Call{Step: rows(2)}
	call.Before = func(g int) error {
		order = append(order, g)
		if g != 2 {
			return nil
		}
		v, err := e.Locate(l.norm) // twice the input of the multiplication
		require.NoError(t, err)
		x := read(t, d, e, l.norm, 128)
		for i := range x {
			x[i] *= 2
		}
		return d.Upload(v.Buffer, v.Offset, compute.Bytes(x))
	}
	call.After = func(g int) error { order = append(order, -g); return nil }
	require.NoError(t, e.Run(t.Context(), call))
	assert.Equal(t, []int{0, 0, 1, -1, 2, -2, 3, -3}, order)
	for i, v := range read(t, d, e, l.prod, 128) {
		require.Equal(t, 2*plain[i], v)
	}
	stop := errors.New("stop")
	call.After = func(int) error { return stop }
	assert.ErrorIs(t, e.Run(t.Context(), call), stop)
}

func TestLocate(t *testing.T) {
	d := open(t, 1)
	l := newLayer(t, d, 70)
	e, err := d.Compile(t.Context(), l.p, compute.Options{MaxTokens: 2})
	require.NoError(t, err)
	_, err = e.Locate(l.norm)
	assert.ErrorContains(t, err, "compile with Keep")
	_, err = e.Locate(99)
	assert.ErrorContains(t, err, "want 1 to")
	_, err = e.Locate(l.out)
	assert.NoError(t, err)
}

func TestScratchIsReused(t *testing.T) {
	d := open(t, 1)
	l := newLayer(t, d, 70)
	used := func(o compute.Options) int64 {
		before := d.Info().MemoryUsed
		e, err := d.Compile(t.Context(), l.p, o)
		require.NoError(t, err)
		n := d.Info().MemoryUsed - before
		require.NoError(t, e.Close())
		assert.Equal(t, before, d.Info().MemoryUsed)
		return n
	}
	assert.EqualValues(t, 4*70*64*4, used(compute.Options{MaxTokens: 70, Keep: true}))
	assert.EqualValues(t, 3*70*64*4, used(compute.Options{MaxTokens: 70}), "the result lies where the norm was")
}

func TestWeightsAreUsedInPlaceUntilUploaded(t *testing.T) {
	d := open(t, 1)
	data := compute.Bytes([]float32{1, 2, 3, 4})
	before := d.Info().MemoryUsed
	b, err := d.NewBuffer(compute.BufferSpec{Name: "w", Usage: compute.UseWeights, Size: 16, Data: data})
	require.NoError(t, err)
	assert.Equal(t, before, d.Info().MemoryUsed)
	require.NoError(t, d.Upload(b, 4, compute.Bytes([]float32{9})))
	assert.Equal(t, before+16, d.Info().MemoryUsed)
	got := make([]byte, 16)
	require.NoError(t, d.Download(got, b, 0))
	assert.Equal(t, compute.Bytes([]float32{1, 9, 3, 4}), got)
	assert.Equal(t, compute.Bytes([]float32{1, 2, 3, 4}), data, "the caller's memory is not written")

	odd, err := d.NewBuffer(compute.BufferSpec{Name: "odd", Usage: compute.UseWeights, Size: 8, Data: data[1:9]})
	require.NoError(t, err)
	assert.Equal(t, before+24, d.Info().MemoryUsed, "unaligned float32 values are copied")
	require.NoError(t, odd.Close())
	require.NoError(t, b.Close())
	assert.Equal(t, before, d.Info().MemoryUsed)
}

func TestBadCallsAreErrors(t *testing.T) {
	d, other := open(t, 1), open(t, 1)
	_, err := fallback.New(fallback.Options{Threads: -1})
	assert.ErrorContains(t, err, "got -1 threads")
	b, err := d.NewBuffer(compute.BufferSpec{Name: "b", Usage: compute.UseState, Size: 8})
	require.NoError(t, err)
	assert.ErrorContains(t, d.Upload(b, 4, make([]byte, 5)), "got bytes 4+5, want within 8")
	assert.ErrorContains(t, d.Upload(b, -1, nil), "want within 8")
	assert.ErrorContains(t, d.Download(make([]byte, 9), b, 0), "want within 8")
	assert.ErrorContains(t, other.Upload(b, 0, nil), "another device")
	for _, s := range []compute.BufferSpec{{Size: -1}, {Size: 1 << 60}, {Size: 4, Data: make([]byte, 3)}, {Size: 5, DType: compute.F32, Rows: 1, Cols: 1}} {
		_, err := d.NewBuffer(s)
		assert.ErrorContains(t, err, "make buffer")
	}
	require.NoError(t, b.Close())
	assert.ErrorContains(t, b.Close(), "closed")
	assert.ErrorContains(t, d.Upload(b, 0, nil), "closed")

	l := newLayer(t, d, 70)
	_, err = other.Compile(t.Context(), l.p, compute.Options{})
	assert.ErrorContains(t, err, "another device")
	_, err = d.Compile(t.Context(), l.p, compute.Options{Variant: map[string]string{"matmul": "matmul_f32_tile"}})
	assert.ErrorContains(t, err, `got variant "matmul_f32_tile" for matmul, want "matmul"`)
	e, err := d.Compile(t.Context(), l.p, compute.Options{MaxTokens: 2})
	require.NoError(t, err)
	assert.ErrorContains(t, e.Run(t.Context(), &compute.Call{Step: rows(3)}), "got 3 tokens, want 1 to 2")
	s := rows(1)
	s.Tokens[0] = 70
	assert.ErrorContains(t, e.Run(t.Context(), &compute.Call{Step: s}), "got id 70, want 0 to 69")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, e.Run(ctx, &compute.Call{Step: rows(1)}), context.Canceled)
	require.NoError(t, l.weight.Close())
	assert.ErrorContains(t, e.Run(t.Context(), &compute.Call{Step: rows(1)}), `tensor "proj": buffer is closed`)
}

func TestFormatsWithoutADecoderAreUnsupported(t *testing.T) {
	d := open(t, 1)
	l := newLayer(t, d, 70)
	b, err := d.NewBuffer(compute.BufferSpec{Name: "i8", Usage: compute.UseWeights, Size: 64 * 64})
	require.NoError(t, err)
	w := l.p.Declare(compute.Tensor{Name: "i8", Role: compute.Weight, DType: compute.I8, Rows: compute.Rows(64), Cols: 64, Buffer: b})
	l.p.Add("int", compute.MatMul{X: l.norm, W: w, Out: l.p.Scratch("int", compute.PerToken(1), 64)})
	_, err = d.Compile(t.Context(), l.p, compute.Options{})
	var lacks *compute.UnsupportedError
	require.ErrorAs(t, err, &lacks)
	assert.Equal(t, "int", lacks.Label)
	assert.Contains(t, lacks.What, "I8")
}

func TestPlacementTellsEveryOp(t *testing.T) {
	d := openPlain(t, 1)
	l := newLayer(t, d, 70)
	e, err := d.Compile(t.Context(), l.p, compute.Options{Math: compute.Fast})
	require.NoError(t, err)
	groups := e.Placement()
	require.Len(t, groups, 4)
	assert.Equal(t, compute.Group{Ops: []int{2}, Label: "proj", Stem: "matmul", Shape: "F32 64×64", Kernel: "matmul_float32",
		Why: "plain Go, eight float32 sums: fast arithmetic", Dispatches: 1}, groups[2])
}

// What a step's multiplications were in depends on its rows, and is what its timing says.
func TestTimingNamesTheArithmetic(t *testing.T) {
	few, many := "matmul_float32", "matmul_float32"
	if dot := quant.DotOf(simd.Best(), compute.Q8_0); dot == quant.UnpackedDot || dot == quant.BytesDot {
		few = "matmul_int8"
	}
	if _, bytes := quant.ByteForm(simd.Best(), compute.Q8_0); simd.Best() == simd.AMX {
		many = "matmul_amx"
	} else if bytes {
		many = "matmul_int8"
	}
	for _, c := range []struct {
		d    *fallback.Device
		math compute.Math
		rows int
		want string
	}{{open(t, 1), compute.Fast, 1, few}, {open(t, 1), compute.Fast, 40, many}, {open(t, 1), compute.Exact, 1, "matmul_float64"},
		{openPlain(t, 1), compute.Fast, 1, "matmul_float32"}} {
		l := newLayer(t, c.d, 70)
		b, err := c.d.NewBuffer(compute.BufferSpec{Name: "q8", Usage: compute.UseWeights, Size: 64 * 68})
		require.NoError(t, err)
		w := l.p.Declare(compute.Tensor{Name: "q8", Role: compute.Weight, DType: compute.Q8_0, Rows: compute.Rows(64), Cols: 64, Buffer: b})
		l.p.Add("bytes", compute.MatMul{X: l.norm, W: w, Out: l.p.Scratch("bytes", compute.PerToken(1), 64)})
		e, err := c.d.Compile(t.Context(), l.p, compute.Options{Math: c.math, MaxTokens: 40})
		require.NoError(t, err)
		call := &compute.Call{Step: rows(c.rows), Timing: new(compute.Timing)}
		require.NoError(t, e.Run(t.Context(), call))
		assert.Equal(t, c.want, call.Timing.Spans[len(call.Timing.Spans)-1].Kernel, "%v, %d rows", c.math, c.rows)
		require.NoError(t, e.Close())
		require.NoError(t, b.Close())
	}
}

func TestInfoAndMeasure(t *testing.T) {
	d := open(t, 2)
	i := d.Info()
	assert.Equal(t, compute.Host, i.Kind)
	assert.Equal(t, 2, i.Threads)
	assert.LessOrEqual(t, i.MemoryFree, i.MemoryTotal)
	if testing.Short() {
		t.Skip("measuring takes a second")
	}
	l, err := d.Measure(t.Context())
	require.NoError(t, err)
	assert.Greater(t, l.Bandwidth, 1e8)
	assert.Greater(t, l.FLOPs, 1e7)
	assert.Greater(t, l.Double, 1e7)
	_, bytes := quant.ByteForm(simd.Best(), compute.Q8_0)
	assert.Equal(t, bytes, l.Dot8 > 1e7, "the peak of whole numbers")
	assert.Positive(t, l.Dispatch)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = d.Measure(ctx)
	assert.ErrorIs(t, err, context.Canceled)
}

// A closed device still runs, on the caller's goroutine: what it has compiled stays valid.
func TestRunAfterClose(t *testing.T) {
	d, err := fallback.New(fallback.Options{Threads: 4})
	require.NoError(t, err)
	l := newLayer(t, d, 70)
	e, err := d.Compile(t.Context(), l.p, compute.Options{MaxTokens: 70})
	require.NoError(t, err)
	require.NoError(t, d.Close())
	require.NoError(t, d.Close())
	require.NoError(t, e.Run(t.Context(), &compute.Call{Step: rows(70)}))
}

func BenchmarkMatMul(b *testing.B) {
	for _, math := range []compute.Math{compute.Exact, compute.Fast} {
		b.Run(math.String(), func(b *testing.B) {
			d := open(b, 0)
			l := newLayer(b, d, 70)
			e, err := d.Compile(b.Context(), l.p, compute.Options{MaxTokens: 70, Math: math})
			require.NoError(b, err)
			call := &compute.Call{Step: rows(70)}
			for b.Loop() {
				if err := e.Run(b.Context(), call); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
