package fallback

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// A gated product that lies where its gate did is the one of a place of its own, and takes no memory; a gate that is read again keeps its own.
func TestGatedProductsTakeTheirGatesPlace(t *testing.T) {
	d, err := New(Options{Threads: 2})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	const in, cols, vocab = 32, 45, 8
	weight := func(p *compute.Program, name string, rows, cols int) compute.Ref {
		v := make([]float32, rows*cols)
		for i := range v {
			v[i] = float32((i*7+len(name)*5)%23-11) / 4
		}
		b, err := d.NewBuffer(compute.BufferSpec{Name: name, Usage: compute.UseWeights, Size: int64(4 * len(v)), Data: compute.Bytes(v)})
		require.NoError(t, err)
		return p.Declare(compute.Tensor{Name: name, Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(rows), Cols: cols, Buffer: b})
	}
	for _, again := range []bool{false, true} {
		for i, gated := range []func(gate, up, out compute.Ref) compute.Op{
			func(gate, up, out compute.Ref) compute.Op { return compute.SwiGLU{Gate: gate, Up: up, Out: out} },
			func(gate, up, out compute.Ref) compute.Op {
				return compute.Activation{X: gate, Up: up, Out: out, Fn: compute.ReLU2}
			},
			func(gate, up, out compute.Ref) compute.Op {
				return compute.Activation{X: gate, Up: up, Out: out, Fn: compute.GELU}
			},
		} {
			for _, math := range []compute.Math{compute.Exact, compute.Fast} {
				t.Run(fmt.Sprintf("%d_%v_%v", i, math, again), func(t *testing.T) {
					p := compute.NewProgram("gated")
					p.VocabSize = vocab
					scratch := func(name string, role compute.Role, cols int) compute.Ref {
						return p.Declare(compute.Tensor{Name: name, Role: role, DType: compute.F32, Rows: compute.PerToken(1), Cols: cols})
					}
					x, gate, up, product, out := scratch("x", compute.Scratch, in), scratch("gate", compute.Scratch, cols), scratch("up", compute.Scratch, cols),
						scratch("product", compute.Scratch, cols), scratch("out", compute.Output, in)
					p.Add("embed", compute.Embed{Table: weight(p, "table", vocab, in), Out: x, Scale: 1})
					p.Add("gate", compute.MatMul{X: x, W: weight(p, "wgate", cols, in), Out: gate})
					p.Add("up", compute.MatMul{X: x, W: weight(p, "wup", cols, in), Out: up})
					p.Add("gated", gated(gate, up, product))
					if again {
						p.Add("again", compute.MatMul{X: gate, W: weight(p, "wagain", in, cols), Out: scratch("again", compute.Output, in)})
					}
					p.Add("down", compute.MatMul{X: product, W: weight(p, "wdown", in, cols), Out: out})
					var results [2][]byte
					var places [2]bool
					for k, keep := range []bool{false, true} {
						compiled, err := d.Compile(t.Context(), p, compute.Options{Math: math, MaxTokens: 7, Keep: keep})
						require.NoError(t, err)
						e := compiled.(*executable)
						step := &compute.Step{Tokens: []int32{0, 1, 2, 3, 4, 5, 6}, Pos: []int32{0, 1, 2, 3, 4, 5, 6}, Seqs: []compute.Seq{{Count: 7, Len: 7}}}
						require.NoError(t, e.Run(t.Context(), &compute.Call{Step: step}))
						results[k] = make([]byte, 7*in*4)
						v, err := e.Locate(out)
						require.NoError(t, err)
						require.NoError(t, d.Download(results[k], v.Buffer, v.Offset))
						places[k] = e.tensors[gate].off == e.tensors[product].off
						require.NoError(t, e.Close())
					}
					require.Equal(t, [2]bool{!again, false}, places)
					require.Equal(t, results[1], results[0])
				})
			}
		}
	}
}
