package conformance

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"tuff/host/compute"
)

const (
	u    = 0x1p-24  // unit roundoff of float32
	uF16 = 0x1p-11  // of binary16
	tiny = 0x1p-126 // the smallest normal float32: devices may flush what is smaller
)

// gamma bounds the relative error of n roundings, n·u/(1−n·u): Higham, Accuracy and Stability of Numerical Algorithms, 3.1.
func gamma(n int) float64 { return float64(n) * u / (1 - float64(n)*u) }

func abs(x float64) float64      { return math.Abs(x) }
func bitsOf(b uint32) float32    { return math.Float32frombits(b) }
func roundF16(x float64) float64 { return float64(compute.F16ToF32(compute.F32ToF16(float32(x)))) }
func maxAbs(x []float64) (m float64) {
	return fold(x, func(m, v float64) float64 { return max(m, abs(v)) })
}

func fold(x []float64, f func(acc, v float64) float64) (acc float64) {
	for _, v := range x {
		acc = f(acc, v)
	}
	return acc
}

// value is a tensor in float64 with the bound of the error that float32 arithmetic may have made in it so far.
type value struct {
	v, e []float64
	cols int
}

func newValue(rows, cols int) value {
	return value{v: make([]float64, rows*cols), e: make([]float64, rows*cols), cols: cols}
}

func (x value) row(r int) (v, e []float64) {
	return x.v[r*x.cols : (r+1)*x.cols], x.e[r*x.cols : (r+1)*x.cols]
}

func (x value) rows() int { return len(x.v) / x.cols }

// naive runs a problem by the textbook, op by op.
type naive struct {
	ctx      context.Context
	ref      compute.Device
	pr       *problem
	fast     bool
	halfSums bool    // which may add up a few products in half precision
	vals     []value // by Ref; states stay from step to step
	s        *compute.Step
}

// step runs one step; vals holds every tensor afterwards.
func (n *naive) step(s *compute.Step) error {
	n.s = s
	if n.vals == nil {
		n.vals = make([]value, len(n.pr.p.Tensors))
		for i := range n.vals {
			if t := &n.pr.p.Tensors[i]; i > 0 && t.Role == compute.State {
				if err := n.load(compute.Ref(i)); err != nil {
					return err
				}
			}
		}
	}
	for i, in := range n.pr.p.Instrs {
		for _, r := range in.Op.Writes() {
			if t := n.pr.p.At(r); t.Role != compute.State {
				n.vals[r] = newValue(t.Rows.At(s.Sizes()), t.Cols)
			}
		}
		if err := n.op(in.Op); err != nil {
			return fmt.Errorf("expect op %d %s: %w", i, in.Label, err)
		}
	}
	return nil
}

func (n *naive) op(op compute.Op) error {
	switch o := op.(type) {
	case compute.Embed:
		return n.embed(o)
	case compute.RMSNorm:
		return n.rmsnorm(o)
	case compute.MatMul:
		return n.matmul(o)
	case compute.RoPE:
		return n.rope(o)
	case compute.KVStore:
		return n.kvstore(o)
	case compute.Attention:
		return n.attention(o)
	case compute.SwiGLU:
		return n.swiglu(o)
	case compute.Add:
		return n.add(o)
	case compute.Sample:
		return n.sample(o)
	case compute.TopK:
		return n.topk(o)
	case compute.TakeRows:
		return n.takerows(o)
	case compute.LayerNorm:
		return n.layernorm(o)
	case compute.Activation:
		return n.activation(o)
	case compute.Scale:
		return n.scale(o)
	case compute.Route:
		return n.route(o)
	case compute.MatMulExperts:
		return n.matmulExperts(o)
	case compute.Mix:
		return n.mix(o)
	case compute.MatMulHeads:
		return n.matmulHeads(o)
	case compute.Conv1D:
		return n.conv1d(o)
	case compute.SSMScan:
		return n.ssmScan(o)
	case compute.DeltaRule:
		return n.deltaRule(o)
	case compute.Columns:
		return n.columns(o)
	case compute.AltUp:
		return n.altup(o)
	case compute.SparseGate:
		return n.sparseGate(o)
	}
	return fmt.Errorf("no textbook form of %T", op)
}

// get is an operand: a result of this step, or a weight or state decoded whole (small ones only).
func (n *naive) get(r compute.Ref) (value, error) {
	if n.vals[r].v == nil {
		if err := n.load(r); err != nil {
			return value{}, err
		}
	}
	return n.vals[r], nil
}

// optional is get of an operand that an op may lack: the zero value then.
func (n *naive) optional(r compute.Ref) (value, error) {
	if r == 0 {
		return value{}, nil
	}
	return n.get(r)
}

func (n *naive) load(r compute.Ref) error {
	t := n.pr.p.At(r)
	x := newValue(t.Rows.Fixed, t.Cols)
	w, err := n.weights(r)
	if err != nil {
		return err
	}
	for i := range t.Rows.Fixed {
		w(i, x.v[i*t.Cols:(i+1)*t.Cols], x.e[i*t.Cols:(i+1)*t.Cols])
	}
	n.vals[r] = x
	return nil
}

// rowDecoder writes one row's values and errors.
type rowDecoder func(row int, v, e []float64)

// weights decodes rows of a weight or state tensor: by the element formulas, or where a format has none here by the
// reference device.
func (n *naive) weights(r compute.Ref) (rowDecoder, error) {
	t := n.pr.p.At(r)
	data := n.pr.data[r]
	size, err := t.DType.RowBytes(t.Cols)
	if err != nil {
		return nil, err
	}
	element, ok := elements[t.DType]
	if !ok {
		return n.decodeByRef(t, data)
	}
	length, bytes := t.DType.BlockLen(), t.DType.BlockBytes()
	return func(row int, v, e []float64) {
		b := data[int64(row)*size:]
		for c := range v {
			value, magnitude := element(b[c/length*bytes:], c%length)
			v[c], e[c] = value, 4*u*magnitude // up to four roundings from scales to value
		}
	}, nil
}

// decodeByRef embeds every row on the reference device.
func (n *naive) decodeByRef(t *compute.Tensor, data []byte) (rowDecoder, error) {
	rows := t.Rows.Fixed
	p := compute.NewProgram("decode")
	p.VocabSize = rows
	buf, err := n.ref.NewBuffer(compute.BufferSpec{Name: t.Name, Usage: compute.UseWeights, Size: int64(len(data)),
		DType: t.DType, Rows: rows, Cols: t.Cols, Data: data})
	if err != nil {
		return nil, err
	}
	defer buf.Close()
	table := p.Declare(compute.Tensor{Name: t.Name, Role: compute.Weight, DType: t.DType, Rows: t.Rows, Cols: t.Cols, Buffer: buf})
	out := p.Declare(compute.Tensor{Name: "rows", Role: compute.Output, DType: compute.F32, Rows: compute.PerToken(1), Cols: t.Cols})
	p.Add("decode", compute.Embed{Table: table, Out: out, Scale: 1})
	exe, err := n.ref.Compile(n.ctx, p, compute.Options{MaxTokens: rows})
	if err != nil {
		return nil, fmt.Errorf("decode %v: %w", t.DType, err)
	}
	defer exe.Close()
	s := &compute.Step{Seqs: []compute.Seq{{Count: rows, Len: rows}}}
	for i := range rows {
		s.Tokens, s.Pos = append(s.Tokens, int32(i)), append(s.Pos, int32(i))
	}
	if err := exe.Run(n.ctx, &compute.Call{Step: s}); err != nil {
		return nil, err
	}
	v, err := exe.Locate(out)
	if err != nil {
		return nil, err
	}
	got := make([]byte, 4*rows*t.Cols)
	if err := n.ref.Download(got, v.Buffer, v.Offset); err != nil {
		return nil, err
	}
	length := t.DType.BlockLen()
	return func(row int, v, e []float64) {
		for c := range v {
			v[c] = float64(bitsOf(binary.LittleEndian.Uint32(got[4*(row*t.Cols+c):])))
		}
		for at := 0; at < len(e); at += length { // the terms of a value are unknown but not larger than twice the block's largest
			bound := 16 * u * maxAbs(v[at:at+length])
			for c := range length {
				e[at+c] = bound
			}
		}
	}, nil
}
