package conformance

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/fallback"
	"tuff/host/compute"
)

// rowsOf are results by rows.
func rowsOf(t *compute.Tensor, f []float32) int { return len(f) / t.Cols }

// resultFaults are mistakes of loops and tiles that any op can have.
func resultFaults(op string) []fault {
	type result = func(t *compute.Tensor, got, before []float32, n int)
	var all []fault
	add := func(name string, f result) { all = append(all, fault{op: op, name: name, result: f}) }
	add("last row is not written", func(t *compute.Tensor, got, before []float32, _ int) {
		copy(got[len(got)-t.Cols:], before[len(got)-t.Cols:])
	})
	add("last column is not written", func(t *compute.Tensor, got, before []float32, _ int) {
		for i := t.Cols - 1; i < len(got); i += t.Cols {
			got[i] = before[i]
		}
	})
	add("last element is not written", func(_ *compute.Tensor, got, before []float32, _ int) {
		got[len(got)-1] = before[len(got)-1]
	})
	add("rows past the eighth are zero", func(t *compute.Tensor, got, _ []float32, _ int) {
		clear(got[min(len(got), 8*t.Cols):])
	})
	add("columns past the 32nd are zero", func(t *compute.Tensor, got, _ []float32, _ int) {
		for i := range got {
			if i%t.Cols >= 32 {
				got[i] = 0
			}
		}
	})
	add("two rows are exchanged", func(t *compute.Tensor, got, _ []float32, _ int) {
		if n := rowsOf(t, got); n > 1 {
			last := slices.Clone(got[(n-1)*t.Cols:])
			copy(got[(n-1)*t.Cols:], got[:t.Cols])
			copy(got, last)
		}
	})
	add("columns are shifted by one", func(t *compute.Tensor, got, _ []float32, _ int) {
		if t.Cols > 1 {
			copy(got, got[1:])
		}
	})
	add("one element is off by a thousandth", func(_ *compute.Tensor, got, _ []float32, _ int) { got[len(got)/2] *= 1.001 })
	add("results are rounded to half", func(_ *compute.Tensor, got, _ []float32, _ int) {
		for i, v := range got {
			got[i] = compute.F16ToF32(compute.F32ToF16(v))
		}
	})
	add("one element is NaN", func(_ *compute.Tensor, got, _ []float32, _ int) { got[0] -= got[0]; got[0] /= got[0] })
	add("every second run differs in the last bit", func(_ *compute.Tensor, got, _ []float32, n int) {
		if n%2 == 0 {
			got[0] *= 1 + 0x1p-23
		}
	})
	return all
}

// raced says that the race detector is on.
var raced bool

func faults() []fault {
	var all []fault
	for _, op := range []string{"embed", "rmsnorm", "matmul", "rope", "attention", "swiglu", "add", "takerows", "topk", "matmul_add", "matmul_swiglu",
		"matmul_matmul_matmul", "rmsnorm_matmul", "rmsnorm_matmul_swiglu", "rmsnorm_matmul_swiglu_matmul_add", "rmsnorm_matmul_rope_kvstore",
		"matmul_experts_activation", "matmul_experts_swiglu", "matmul_experts_mix", "layernorm", "activation", "scale", "matmul_experts", "mix", "altup", "sparse_gate", "matmul_heads", "columns", "conv1d", "ssm_scan", "delta_rule"} {
		all = append(all, resultFaults(op)...)
	}
	return append(all,
		fault{op: "embed", name: "scale is ignored", op2: on(func(o *compute.Embed) { o.Scale = 1 })},
		fault{op: "embed", name: "token ids are one too low", step: func(_ *compute.Program, s *compute.Step) {
			for i := range s.Tokens {
				s.Tokens[i] = max(0, s.Tokens[i]-1)
			}
		}},
		fault{op: "embed", name: "offset is ignored", program: ignoreOffsets},
		fault{op: "embed", name: "subnormal scales are flushed", buffer: flushScales},

		fault{op: "sample", name: "the window is ten tokens short", step: func(_ *compute.Program, s *compute.Step) { s.Sampling.LastN = max(0, s.Sampling.LastN-10) }},
		fault{op: "sample", name: "top-p is ignored", step: func(_ *compute.Program, s *compute.Step) { s.Sampling.TopP = 1 << 32 }},
		fault{op: "sample", name: "min-p is ignored", step: func(_ *compute.Program, s *compute.Step) { s.Sampling.Behind = -1 }},
		fault{op: "sample", name: "top-k is ignored", step: func(_ *compute.Program, s *compute.Step) { s.Sampling.TopK = 0 }},
		fault{op: "sample", name: "penalties are ignored", step: func(_ *compute.Program, s *compute.Step) { s.Sampling.Penalties = false }},
		fault{op: "sample", name: "the temperature is another", step: func(_ *compute.Program, s *compute.Step) { s.Sampling.Decay.Mantissa |= 1 << 29 }},
		fault{op: "sample", name: "the random number is the next", step: func(_ *compute.Program, s *compute.Step) { compute.NextRandom(&s.Sampling.State) }},

		fault{op: "matmul", name: "last block of the sum is left out", buffer: blocks(func(t compute.DType, b []byte, col, cols int) {
			if col == cols-t.BlockLen() {
				clear(b)
			}
		})},
		fault{op: "matmul", name: "last column of the sum is left out", buffer: func(s *compute.BufferSpec) {
			each("w", func(c int, v float32) float32 {
				if c == s.Cols-1 {
					return 0
				}
				return v
			})(s)
		}},
		fault{op: "matmul", name: "bias is ignored", op2: on(func(o *compute.MatMul) { o.Bias = 0 })},
		fault{op: "matmul", name: "offset is ignored", program: ignoreOffsets},
		fault{op: "matmul", name: "subnormal scales are flushed", buffer: flushScales},
		fault{op: "matmul", name: "activations are rounded to half", buffer: each("x", func(_ int, v float32) float32 {
			return compute.F16ToF32(compute.F32ToF16(v))
		})},
		fault{op: "matmul", name: "a high bit of a block is lost", buffer: blocks(func(t compute.DType, b []byte, _, _ int) {
			if t == compute.Q5_0 { // the fifth bit of the last element
				b[5] &^= 0x80
			}
		})},
		fault{op: "matmul", name: "nibbles are exchanged", buffer: blocks(func(t compute.DType, b []byte, _, _ int) {
			if t == compute.Q4_0 {
				for i := 2; i < len(b); i++ {
					b[i] = b[i]<<4 | b[i]>>4
				}
			}
		})},
		fault{op: "matmul", name: "the minimum of a block is lost", buffer: blocks(func(t compute.DType, b []byte, _, _ int) {
			if t == compute.Q4_K {
				b[2], b[3] = 0, 0
			}
		})},
		fault{op: "matmul", name: "signed group scales are taken as unsigned", buffer: blocks(func(t compute.DType, b []byte, _, _ int) {
			if t == compute.Q6_K {
				for i := range 16 {
					b[192+i] &= 0x7f
				}
			}
		})},

		fault{op: "rmsnorm", name: "eps is ignored", op2: on(func(o *compute.RMSNorm) { o.Eps = 0 })},
		fault{op: "rmsnorm", name: "eps is 1e-5 always", op2: on(func(o *compute.RMSNorm) { o.Eps = 1e-5 })},
		fault{op: "rmsnorm", name: "weight is shifted", buffer: each("weight", func(c int, v float32) float32 {
			if c == 0 {
				return -v
			}
			return v
		})},
		fault{op: "rmsnorm", name: "every group has the weights of the first", program: func(p *compute.Program) {
			for _, in := range p.Instrs {
				if o, ok := in.Op.(compute.RMSNorm); ok && o.Group > 0 {
					p.At(o.Weight).Cols = o.Group
				}
			}
		}},
		fault{op: "rmsnorm", name: "offset is ignored", program: ignoreOffsets},

		fault{op: "altup", name: "eps is ignored", op2: on(func(o *compute.AltUp) { o.Eps = 0 })},
		fault{op: "altup", name: "the router's first element is left out", buffer: each("router", func(c int, v float32) float32 {
			if c == 0 {
				return 0
			}
			return v
		})},
		fault{op: "sparse_gate", name: "gates above the mean count", op2: on(func(o *compute.SparseGate) { o.Cutoff = 0 })},
		fault{op: "sparse_gate", name: "the function is ignored", op2: on(func(o *compute.SparseGate) { o.Fn = compute.Identity })},

		fault{op: "rope", name: "pairing is exchanged", op2: on(func(o *compute.RoPE) { o.Pairing = 1 - o.Pairing })},
		fault{op: "rope", name: "sine has the other sign", buffer: each("angles", func(c int, v float32) float32 {
			if c%2 == 1 {
				return -v
			}
			return v
		})},
		fault{op: "rope", name: "positions are row numbers", step: func(_ *compute.Program, s *compute.Step) {
			for i := range s.Pos {
				s.Pos[i] = int32(i)
			}
		}},
		fault{op: "rope", name: "positions start one late", step: func(_ *compute.Program, s *compute.Step) {
			for i := range s.Pos {
				s.Pos[i] = max(0, s.Pos[i]-1)
			}
		}},

		fault{op: "kvstore", name: "page table is ignored", step: identity},
		fault{op: "kvstore", name: "all sequences use the first one's pages", step: firstPages},
		fault{op: "kvstore", name: "positions start at zero", step: func(_ *compute.Program, s *compute.Step) {
			for i := range s.Pos {
				s.Pos[i] = int32(i)
			}
		}},
		fault{op: "kvstore", name: "nothing is stored", program: drop("kvstore")},
		fault{op: "kvstore", name: "keys and values are exchanged", op2: on(func(o *compute.KVStore) { o.KCache, o.VCache = o.VCache, o.KCache })},
		fault{op: "kvstore", name: "halves are rounded toward zero", prepare: truncateFeeds},
		fault{op: "kvstore", name: "one slot too many is written", after: func(d *faulty, p *compute.Program, s *compute.Step) {
			q := &s.Seqs[len(s.Seqs)-1]
			for _, in := range p.Instrs {
				o, ok := in.Op.(compute.KVStore)
				if next := int(s.Pos[len(s.Pos)-1]) + 1; ok && next < len(q.Pages)*p.PageSize {
					t := p.At(o.KCache)
					row, _ := t.DType.RowBytes(t.Cols)
					if err := d.Upload(t.Buffer, t.Offset+row*int64(slot(p, q, next)), make([]byte, row)); err != nil {
						panic(err)
					}
				}
			}
		}},

		fault{op: "kvstore", name: "scales are one", after: stored(func(t compute.DType, row []byte) {
			for i := 0; i < len(row); i += t.BlockBytes() {
				binary.LittleEndian.PutUint16(row[i:], 0x3c00)
			}
		})},
		fault{op: "kvstore", name: "scales are the next half", after: stored(func(t compute.DType, row []byte) {
			for i := 0; i < len(row); i += t.BlockBytes() {
				row[i]++
			}
		})},
		fault{op: "kvstore", name: "every block has the scale of the one before", after: stored(func(t compute.DType, row []byte) {
			for i := len(row) - t.BlockBytes(); i > 0; i -= t.BlockBytes() {
				copy(row[i:i+2], row[i-t.BlockBytes():])
			}
		})},
		fault{op: "kvstore", name: "blocks are off by one", after: stored(func(t compute.DType, row []byte) {
			copy(row, append(slices.Clone(row[t.BlockBytes():]), row...))
		})},
		fault{op: "kvstore", name: "nibbles are exchanged", after: stored(exchangeNibbles)},
		fault{op: "kvstore", name: "levels are one too low", after: stored(func(t compute.DType, row []byte) {
			if t == compute.Q8_0 {
				for i := 4; i < len(row); i += 2 {
					if i%34 > 1 && int8(row[i]) > 0 {
						row[i]--
					}
				}
			}
		})},
		fault{op: "kvstore", name: "bfloats are cut off", prepare: cutFeeds},

		fault{op: "attention", name: "scales of the cache are one", buffer: cached(func(_ compute.DType, b []byte, _, _ int) {
			binary.LittleEndian.PutUint16(b, 0x3c00)
		})},
		fault{op: "attention", name: "scales of the cache have no sign", buffer: cached(func(_ compute.DType, b []byte, _, _ int) { b[1] &= 0x7f })},
		fault{op: "attention", name: "blocks of the cache have the scale of their neighbour", buffer: func(s *compute.BufferSpec) {
			if size := s.DType.BlockBytes(); s.Usage == compute.UseState && s.DType.Quantized() {
				for i := 0; i+size < len(s.Data); i += size {
					copy(s.Data[i:i+2], s.Data[i+size:])
				}
			}
		}},
		fault{op: "attention", name: "blocks of the cache are off by one", buffer: func(s *compute.BufferSpec) {
			if size := s.DType.BlockBytes(); s.Usage == compute.UseState && s.DType.Quantized() {
				copy(s.Data, s.Data[size:])
			}
		}},
		fault{op: "attention", name: "nibbles of the cache are exchanged", buffer: cached(func(t compute.DType, b []byte, _, _ int) { exchangeNibbles(t, b) })},
		fault{op: "attention", name: "levels of the cache have no sign", buffer: cached(func(t compute.DType, b []byte, _, _ int) {
			if t == compute.Q8_0 {
				for i := range 32 {
					b[2+i] &= 0x7f
				}
			}
		})},
		fault{op: "attention", name: "eight is not taken off the cache's nibbles", buffer: cached(func(t compute.DType, b []byte, _, _ int) {
			if t == compute.Q4_0 {
				for i := range 16 {
					b[2+i] ^= 0x88
				}
			}
		})},
		fault{op: "attention", name: "bfloats of the cache are taken as halves", program: func(p *compute.Program) {
			for i := range p.Tensors {
				if t := &p.Tensors[i]; t.Role == compute.State && t.DType == compute.BF16 {
					t.DType = compute.F16
				}
			}
		}},
		fault{op: "attention", name: "mask is ignored", op2: on(func(o *compute.Attention) { o.Causal = false })},
		fault{op: "attention", name: "mask is always there", op2: on(func(o *compute.Attention) { o.Causal = true })},
		fault{op: "attention", name: "queries do not see themselves", step: func(_ *compute.Program, s *compute.Step) {
			for i := range s.Pos {
				s.Pos[i] = max(0, s.Pos[i]-1)
			}
		}},
		fault{op: "attention", name: "a key after the last is read", step: func(p *compute.Program, s *compute.Step) {
			for i := range s.Seqs {
				if q := &s.Seqs[i]; q.Len < len(q.Pages)*p.PageSize {
					q.Len++
					s.Pos[q.First+q.Count-1]++
				}
			}
		}},
		fault{op: "attention", name: "window is one wider", op2: on(func(o *compute.Attention) {
			if o.Window > 0 {
				o.Window++
			}
		})},
		fault{op: "attention", name: "window is ignored", op2: on(func(o *compute.Attention) { o.Window = 0 })},
		fault{op: "attention", name: "chunk is one longer", op2: on(func(o *compute.Attention) {
			if o.Chunk > 0 {
				o.Chunk++
			}
		})},
		fault{op: "attention", name: "chunk is ignored", op2: on(func(o *compute.Attention) { o.Chunk = 0 })},
		fault{op: "attention", name: "chunk is a window", op2: on(func(o *compute.Attention) {
			if o.Chunk > 0 {
				o.Window, o.Chunk = o.Chunk, 0
			}
		})},
		fault{op: "attention", name: "soft cap is ignored", op2: on(func(o *compute.Attention) { o.SoftCap = 0 })},
		fault{op: "attention", name: "sinks are ignored", op2: on(func(o *compute.Attention) { o.Sinks = 0 })},
		fault{op: "attention", name: "scale is off by a thousandth", op2: on(func(o *compute.Attention) { o.Scale *= 1.001 })},
		fault{op: "attention", name: "page table is ignored", step: identity},
		fault{op: "attention", name: "all sequences use the first one's pages", step: firstPages},
		fault{op: "attention", name: "keys and values are exchanged", op2: on(func(o *compute.Attention) {
			if o.HeadDim == o.HeadDimV {
				o.K, o.V = o.V, o.K
			}
		})},
		fault{op: "attention", name: "every query head has the first KV head", prepare: firstHead},

		fault{op: "swiglu", name: "gate and up are exchanged", op2: on(func(o *compute.SwiGLU) { o.Gate, o.Up = o.Up, o.Gate })},
		fault{op: "add", name: "adds A twice", op2: on(func(o *compute.Add) { o.B = o.A })},
		fault{op: "takerows", name: "takes the row before", step: func(_ *compute.Program, s *compute.Step) {
			if s.Outputs[0] > 0 {
				for i := range s.Outputs {
					s.Outputs[i]--
				}
			}
		}},
		fault{op: "layernorm", name: "bias is ignored", op2: on(func(o *compute.LayerNorm) { o.Bias = 0 })},
		fault{op: "layernorm", name: "heads are normalised together", op2: on(func(o *compute.LayerNorm) { o.Group = 0 })},
		fault{op: "layernorm", name: "eps is ignored", op2: on(func(o *compute.LayerNorm) { o.Eps = 0 })},
		fault{op: "activation", name: "GELU is its approximation", op2: on(func(o *compute.Activation) {
			if o.Fn == compute.GELU {
				o.Fn = compute.GELUTanh
			}
		})},
		fault{op: "activation", name: "the clamp is left out", op2: on(func(o *compute.Activation) {
			if o.Fn == compute.ClampedSiLU {
				o.Fn = compute.SiLU
			}
		})},
		fault{op: "activation", name: "up is ignored", op2: on(func(o *compute.Activation) {
			if o.Fn != compute.ClampedSiLU {
				o.Up = 0
			}
		})},
		fault{op: "scale", name: "cap is ignored", op2: on(func(o *compute.Scale) { o.Cap = 0 })},
		fault{op: "scale", name: "factor is ignored", op2: on(func(o *compute.Scale) { o.Factor = 1 })},
		fault{op: "route", name: "weights are not normalised", op2: on(func(o *compute.Route) { o.Normalize = false })},
		fault{op: "route", name: "bias is ignored", op2: on(func(o *compute.Route) { o.Bias = 0 })},
		fault{op: "route", name: "scale is ignored", op2: on(func(o *compute.Route) { o.Scale = 0 })},
		fault{op: "route", name: "groups are ignored", op2: on(func(o *compute.Route) { o.Groups = 0 })},
		fault{op: "route", name: "groups are ranked by one", op2: on(func(o *compute.Route) { o.GroupTop2 = false })},
		fault{op: "route", name: "gate is the softmax", op2: on(func(o *compute.Route) { o.Gate = compute.SoftmaxGate })},
		fault{op: "route", name: "the picked sigmoids are ranked by themselves", op2: on(func(o *compute.Route) {
			if o.Gate == compute.TopSigmoidGate {
				o.Gate = compute.SigmoidGate
			}
		})},
		fault{op: "route", name: "factor is ignored", op2: on(func(o *compute.Route) { o.Factor = 1 })},
		fault{op: "route", name: "the sparse mixer has no jitter", op2: on(func(o *compute.Route) { o.Jitter = 0 })},
		fault{op: "route", name: "the sparse mixer lets everyone compete", op2: on(func(o *compute.Route) { o.Jitter = 1 })},
		fault{op: "matmul_experts", name: "bias is ignored", op2: on(func(o *compute.MatMulExperts) { o.Bias = 0 })},
		fault{op: "matmul_experts", name: "every token has the first expert", prepare: firstExpert},
		fault{op: "matmul_experts", name: "offset is ignored", program: ignoreOffsets},
		fault{op: "matmul_experts_mix", name: "every token has the first expert", prepare: firstExpert},
		fault{op: "matmul_experts_mix", name: "factor is ignored", op2: on(func(o *compute.Scale) { o.Factor = 1 })},
		fault{op: "matmul_experts_mix", name: "bias is ignored", op2: on(func(o *compute.MatMulExperts) { o.Bias = 0 })},
		fault{op: "matmul_experts_activation", name: "the function is SiLU", op2: on(func(o *compute.Activation) { o.Fn = compute.SiLU })},
		fault{op: "matmul_heads", name: "offset is ignored", program: ignoreOffsets},
		fault{op: "attention", name: "bias is ignored", op2: on(func(o *compute.Attention) { o.Bias = 0 })},
		fault{op: "conv1d", name: "bias is ignored", op2: on(func(o *compute.Conv1D) { o.Bias = 0 })},
		fault{op: "conv1d", name: "SiLU is left out", op2: on(func(o *compute.Conv1D) { o.SiLU = false })},
		fault{op: "conv1d", name: "sequences have each other's states", step: exchangeStates},
		fault{op: "ssm_scan", name: "sequences have each other's states", step: exchangeStates},
		fault{op: "ssm_scan", name: "D is ignored", op2: on(func(o *compute.SSMScan) { o.D = 0 })},
		fault{op: "ssm_scan", name: "the bias of the steps is ignored", op2: on(func(o *compute.SSMScan) { o.DTBias = 0 })},
		fault{op: "delta_rule", name: "sequences have each other's states", step: exchangeStates},
		fault{op: "delta_rule", name: "keys are shared the other way", op2: on(func(o *compute.DeltaRule) { o.Tiled = !o.Tiled })},
		fault{op: "delta_rule", name: "eps is ignored", op2: on(func(o *compute.DeltaRule) { o.Eps = 1e-30 })},
		fault{op: "delta_rule", name: "gates are exchanged", op2: on(func(o *compute.DeltaRule) { o.Beta, o.DT = o.DT, o.Beta })},
		fault{op: "delta_rule", name: "the bias of the steps is ignored", buffer: each("dt_bias", func(int, float32) float32 { return 0 })},
		fault{op: "delta_rule", name: "nothing is forgotten", buffer: each("a", func(int, float32) float32 { return 0 })},
		fault{op: "columns", name: "the first tensor counts from its first column", op2: on(func(o *compute.Columns) { o.FromA = 0 })},
		fault{op: "columns", name: "the second tensor counts from its first column", op2: on(func(o *compute.Columns) { o.FromB = 0 })},
		fault{op: "rope", name: "long sequences have the short angles", op2: on(func(o *compute.RoPE) { o.Long = 0 })},
		fault{op: "rope", name: "only stored keys count", step: func(_ *compute.Program, s *compute.Step) {
			for i := range s.Seqs {
				s.Seqs[i].Until = 0
			}
		}},
		fault{op: "rope_kvstore", name: "rotated keys are not stored", program: drop("kvstore")},
		fault{op: "rmsnorm_matmul_rope_kvstore", name: "nothing is stored", program: drop("kvstore")},
		fault{op: "rmsnorm_matmul_rope_kvstore", name: "keys and values are exchanged", op2: on(func(o *compute.KVStore) { o.KCache, o.VCache = o.VCache, o.KCache })},
		fault{op: "rmsnorm_matmul_rope_kvstore", name: "pairing is exchanged", op2: on(func(o *compute.RoPE) { o.Pairing = 1 - o.Pairing })},
		fault{op: "rmsnorm_matmul_rope_kvstore", name: "biases are left out", op2: on(func(o *compute.MatMul) { o.Bias = 0 })},
		fault{op: "rmsnorm_matmul_rope_kvstore", name: "page table is ignored", step: identity},
		fault{op: "rmsnorm_matmul_swiglu", name: "gate and up are exchanged", op2: on(func(o *compute.SwiGLU) { o.Gate, o.Up = o.Up, o.Gate })},
		fault{op: "rmsnorm_matmul_swiglu", name: "eps is ignored", op2: on(func(o *compute.RMSNorm) { o.Eps = 0.01 })},
		fault{op: "rmsnorm_matmul_swiglu_matmul_add", name: "gate and up are exchanged", op2: on(func(o *compute.SwiGLU) { o.Gate, o.Up = o.Up, o.Gate })},
		fault{op: "program", name: "nothing is stored", program: drop("kvstore")},
		fault{op: "program", name: "page table is ignored", step: firstPages},
		fault{op: "program", name: "positions start at zero", step: func(_ *compute.Program, s *compute.Step) {
			for i := range s.Seqs {
				for r := range s.Seqs[i].Count {
					s.Pos[s.Seqs[i].First+r] = int32(r)
				}
			}
		}},
	)
}

// Every planted fault must fail a case of its op, even in the short run.
func TestPlantedFaultsAreCaught(t *testing.T) {
	if raced {
		t.Skip("faults do not depend on the race detector, and take ten times as long under it")
	}
	dev, err := fallback.New(fallback.Options{})
	require.NoError(t, err)
	defer dev.Close()
	byOp := make(map[string][]Case)
	for _, c := range Cases() {
		if c.Quick {
			byOp[c.Op] = append(byOp[c.Op], c)
		}
	}
	planted := faults()
	assert.GreaterOrEqual(t, len(planted), 150)
	for _, f := range planted {
		t.Run(fmt.Sprintf("%s/%s", f.op, f.name), func(t *testing.T) {
			bad := &faulty{Device: dev, fault: f}
			for _, c := range byOp[f.op] {
				if r := c.Run(t.Context(), bad, dev, Options{}); r.Status == Failed {
					assert.NotContains(t, r.Err.Error(), "check", "the fault must be one of results, not one that Check finds")
					return
				}
			}
			t.Errorf("%d cases passed with a fault", len(byOp[f.op]))
		})
	}
}
