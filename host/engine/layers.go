package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"tuff/host/compute"
)

// Layer describes one value of the residual stream over the tokens of a step.
type Layer struct {
	L2     float64   `json:"l2"`     // Euclidean norm of the [T, HiddenDim] matrix
	First8 []float32 `json:"first8"` // the first elements of the first row
	Last8  []float32 `json:"last8"`  // and of the last row
}

// Layers evaluates ids in a sequence of its own and describes the residual stream before layer 0, after each layer, and
// after the final norm. The program is compiled for it, so that nothing of the stream is fused away.
func (e *Engine) Layers(ctx context.Context, ids []int32) ([]Layer, error) {
	if !e.o.AllLogits {
		return nil, fmt.Errorf("engine: describe layers: need an engine made with AllLogits")
	}
	if len(ids) == 0 || len(ids) > e.contextLen {
		return nil, fmt.Errorf("engine: describe layers: got %d tokens, want 1 to %d", len(ids), e.contextLen)
	}
	o := e.CompileOptions(len(ids))
	o.Keep, o.NoFuse = true, true
	x, err := e.Device.Compile(ctx, e.Model.Program, o)
	if err != nil {
		return nil, fmt.Errorf("engine: compile for layers: %w", err)
	}
	defer x.Close()
	s := e.NewSession()
	defer s.Close()
	var step compute.Step
	if err := s.Step(&step, ids, appendRange(nil, 0, len(ids))); err != nil {
		return nil, err
	}
	if err := x.Run(ctx, &compute.Call{Step: &step}); err != nil {
		return nil, err
	}
	var layers []Layer
	for _, ref := range e.Model.Residuals {
		v, err := x.Locate(ref)
		if err != nil {
			return nil, err
		}
		cols := e.Model.Program.At(ref).Cols
		raw := make([]byte, 4*len(ids)*cols)
		if err := e.Device.Download(raw, v.Buffer, v.Offset); err != nil {
			return nil, err
		}
		layers = append(layers, describe(raw, cols))
	}
	return layers, nil
}

// describe reads [rows, cols] float32.
func describe(raw []byte, cols int) Layer {
	at := func(i int) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])) }
	var l Layer
	n := len(raw) / 4
	for i := range n {
		l.L2 += float64(at(i)) * float64(at(i))
	}
	l.L2 = math.Sqrt(l.L2)
	for i := range min(8, cols) {
		l.First8 = append(l.First8, at(i))
		l.Last8 = append(l.Last8, at(n-cols+i))
	}
	return l
}

// Argmax is the index of the largest logit, the lowest of equals.
func Argmax(logits []float32) int32 {
	best, top := 0, logits[0]
	for i, v := range logits {
		if v > top {
			best, top = i, v
		}
	}
	return int32(best)
}

// LogProb is the natural logarithm of the softmax probability of id.
func LogProb(logits []float32, id int32) float64 {
	m := float64(logits[Argmax(logits)])
	var sum float64
	for _, v := range logits {
		sum += math.Exp(float64(v) - m)
	}
	return float64(logits[id]) - m - math.Log(sum)
}
