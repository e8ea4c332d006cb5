package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"tuff/host/compute"
	"tuff/host/sampler"
)

// Sampling needs few of the logits: those that top-k keeps, and a token that a penalty lowers makes room for one more. A device
// that is not the host's own memory picks them (compute.TopK) behind the last multiplication, and only they are brought over and
// looked through: for a vocabulary of 128 Ki tokens 2 KiB instead of 512.

// numCandidates is how many logits the programs of this engine pick; 0: none.
func (e *Engine) numCandidates(encoder bool) int {
	n := e.o.Candidates
	if n == 0 {
		if k := e.Device.Info().Kind; k == compute.Host || k == compute.Software {
			return 0 // the logits are there already
		}
		n = compute.MaxTopK
	}
	if n < 0 || encoder || e.o.AllLogits {
		return 0
	}
	return min(n, compute.MaxTopK, e.Model.Width())
}

// addCandidates appends the op to a copy of the model's program.
func (e *Engine) addCandidates(n int) {
	p := *e.Model.Program
	p.Tensors, p.Instrs = slices.Clone(p.Tensors), slices.Clone(p.Instrs)
	e.candidates = p.Declare(compute.Tensor{Name: "candidates", Role: compute.Output, DType: compute.F32, Rows: compute.PerOutput(1), Cols: 2 * n})
	p.Add("candidates", compute.TopK{X: e.Model.Logits, Out: e.candidates, K: n})
	e.program = &p
}

// sample chooses the token that follows a step of n tokens with one output.
func (s *Session) sample(sm *sampler.Sampler, n int) (int32, error) {
	if len(s.ids) == 0 || !sm.Enough(len(s.ids), 1) {
		if err := s.row(n, 0); err != nil {
			return 0, err
		}
		return sm.Sample(s.logits)
	}
	v, err := s.executable(n).Locate(s.e.candidates)
	if err != nil {
		return 0, err
	}
	raw := s.raw[:8*len(s.ids)]
	if err := s.e.Device.Download(raw, v.Buffer, v.Offset); err != nil {
		return 0, err
	}
	word := func(i int) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])) }
	for i := range s.ids {
		id := word(len(s.ids) + i)
		if !(id >= 0 && int(id) < len(s.logits)) {
			return 0, fmt.Errorf("engine: sample token: got candidate %v of %d tokens", id, len(s.logits))
		}
		s.tops[i], s.ids[i] = word(i), int32(id)
	}
	return sm.SampleTop(s.ids, s.tops)
}

// follow appends one token, for its successor to be sampled.
func (s *Session) follow(ctx context.Context, id int32) error {
	if len(s.tokens)+1 > s.e.contextLen {
		return &ContextError{len(s.tokens) + 1, s.e.contextLen}
	}
	s.one[0] = id
	s.outs = append(s.outs[:0], 0)
	return s.run(ctx, s.one[:], s.outs)
}
