package fallback

import (
	"math"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

// deltaRule runs compute.DeltaRule: one unit per sequence and head, token by token.
type deltaRule struct {
	op                                 compute.DeltaRule
	x, beta, dt, dtBias, a, state, out *tensor
	step                               *compute.Step
	fast                               simd.Level // above Plain: in its instructions, in float32
}

func (k *deltaRule) begin(s *compute.Step) int {
	k.step = s
	return len(s.Seqs) * k.op.NumHeads
}

func (k *deltaRule) unit(w *worker, i int) {
	q, h := &k.step.Seqs[i/k.op.NumHeads], i%k.op.NumHeads
	switch {
	case k.fast > simd.Plain && k.fast.HasDeltaSteps(k.op.KeyDim, k.op.ValueDim):
		k.runSteps(w, q, h)
	case k.fast > simd.Plain && k.op.ValueDim%simd.Width == 0:
		k.runFast(w, q, h)
	default:
		k.run(w, q, h)
	}
}

// gates are the factors of a head and token: of its state, and of what is new.
func (k *deltaRule) gates(h, t int) (fade, beta float64) {
	fade = math.Exp(float64(k.a.row(0)[h]) * softplus(float64(k.dt.row(t)[h])+float64(k.dtBias.row(0)[h])))
	return fade, 1 / (1 + math.Exp(-float64(k.beta.row(t)[h])))
}

func (k *deltaRule) run(w *worker, q *compute.Seq, h int) {
	o := &k.op
	size := o.KeyDim * o.ValueDim
	all := w.float64s(size + 2*o.KeyDim + o.ValueDim)
	s, query, key, u := all[:size], all[size:size+o.KeyDim], all[size+o.KeyDim:size+2*o.KeyDim], all[size+2*o.KeyDim:]
	clear(s)
	if k.step.Pos[q.First] != 0 {
		for j, v := range k.state.row(q.StateIn)[h*size : (h+1)*size] {
			s[j] = float64(v)
		}
	}
	from, keys := o.KeyHead(h)*o.KeyDim, o.NumKeyHeads*o.KeyDim
	for t := q.First; t < q.First+q.Count; t++ {
		x := k.x.row(t)
		unitLength(query, x[from:from+o.KeyDim], o.Eps)
		unitLength(key, x[keys+from:keys+from+o.KeyDim], o.Eps)
		value := x[2*keys+h*o.ValueDim : 2*keys+(h+1)*o.ValueDim]
		fade, beta := k.gates(h, t)
		clear(u)
		for n, kn := range key {
			for j, v := range s[n*o.ValueDim : (n+1)*o.ValueDim] {
				u[j] += kn * v
			}
		}
		for j, v := range value {
			u[j] = beta * (float64(v) - fade*u[j])
		}
		out := k.out.row(t)[h*o.ValueDim : (h+1)*o.ValueDim]
		for n, kn := range key {
			row := s[n*o.ValueDim : (n+1)*o.ValueDim]
			for j := range row {
				row[j] = fade*row[j] + kn*u[j]
			}
		}
		clear(u)
		for n, qn := range query {
			for j, v := range s[n*o.ValueDim : (n+1)*o.ValueDim] {
				u[j] += qn * v
			}
		}
		scale := 1 / math.Sqrt(float64(o.KeyDim))
		for j := range out {
			out[j] = float32(scale * u[j])
		}
	}
	after := k.state.row(q.StateOut)[h*size : (h+1)*size]
	for j, v := range s {
		after[j] = float32(v)
	}
}

// runFast is run in float32, in the state's own memory, which is read once for both products: with S faded and k·uᵀ added, qᵀS is
// fade·(qᵀS) + (q·k)·u.
func (k *deltaRule) runFast(w *worker, q *compute.Seq, h int) {
	o := &k.op
	size := o.KeyDim * o.ValueDim
	s := k.state.resume(k.step, q, h, size)
	rows := simd.Rows{Format: simd.F32, Data: k.state.bytes(q.StateOut, q.StateOut+1)[4*h*size : 4*(h+1)*size], Stride: 4 * o.ValueDim}
	unit := w.float64s(2 * o.KeyDim)
	all := w.float32s(2*o.KeyDim + o.ValueDim)
	query, key, u := all[:o.KeyDim], all[o.KeyDim:2*o.KeyDim], all[2*o.KeyDim:]
	from, keys := o.KeyHead(h)*o.KeyDim, o.NumKeyHeads*o.KeyDim
	for t := q.First; t < q.First+q.Count; t++ {
		x, out := k.x.row(t), k.out.row(t)[h*o.ValueDim:(h+1)*o.ValueDim]
		unitLength(unit[:o.KeyDim], x[from:from+o.KeyDim], o.Eps)
		unitLength(unit[o.KeyDim:], x[keys+from:keys+from+o.KeyDim], o.Eps)
		var product float64
		for n, v := range unit[:o.KeyDim] {
			query[n], key[n] = float32(v), float32(unit[o.KeyDim+n])
			product += v * unit[o.KeyDim+n]
		}
		fade, beta := k.gates(h, t)
		clear(u)
		clear(out)
		k.fast.RowSums(u, key, rows)
		k.fast.RowSums(out, query, rows)
		for j, v := range x[2*keys+h*o.ValueDim : 2*keys+(h+1)*o.ValueDim] {
			u[j] = float32(beta) * (v - float32(fade)*u[j])
		}
		for n, kn := range key {
			k.fast.Fade(s[n*o.ValueDim:(n+1)*o.ValueDim], u, float32(fade), kn)
		}
		scale := 1 / math.Sqrt(float64(o.KeyDim))
		k.fast.Fade(out, u, float32(scale*fade), float32(scale*product))
	}
}

// runSteps is runFast by columns, each block of which goes through many tokens in the first-level cache.
func (k *deltaRule) runSteps(w *worker, q *compute.Seq, h int) {
	o := &k.op
	s := k.state.resume(k.step, q, h, o.KeyDim*o.ValueDim)
	unit, memory := w.float64s(2*o.KeyDim), w.float32s(scanTokens*(2*o.KeyDim+4))
	from, keys := o.KeyHead(h)*o.KeyDim, o.NumKeyHeads*o.KeyDim
	scale := 1 / math.Sqrt(float64(o.KeyDim))
	for t := q.First; t < q.First+q.Count; t += scanTokens {
		n := min(scanTokens, q.First+q.Count-t)
		p := simd.Deltas{Gates: memory[:4*n], KQ: memory[4*scanTokens:][:2*n*o.KeyDim], VStride: k.x.Cols, OutStride: k.out.Cols}
		p.V, p.Out = k.x.floats(t, t+n)[2*keys+h*o.ValueDim:], k.out.floats(t, t+n)[h*o.ValueDim:]
		for i := range n {
			x, pairs := k.x.row(t+i), p.KQ[2*i*o.KeyDim:]
			unitLength(unit[:o.KeyDim], x[from:from+o.KeyDim], o.Eps)
			unitLength(unit[o.KeyDim:], x[keys+from:keys+from+o.KeyDim], o.Eps)
			var product float64
			for j, v := range unit[:o.KeyDim] {
				pairs[2*j], pairs[2*j+1] = float32(unit[o.KeyDim+j]), float32(v)
				product += v * unit[o.KeyDim+j]
			}
			fade, beta := k.gates(h, t+i)
			copy(p.Gates[4*i:], []float32{float32(fade), float32(beta), float32(scale * fade), float32(scale * product)})
		}
		k.fast.DeltaSteps(s, o.ValueDim, &p)
	}
}

// unitLength is x over its length, which eps keeps from zero.
func unitLength(out []float64, x []float32, eps float32) {
	sum := float64(eps)
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	by := 1 / math.Sqrt(sum)
	for i, v := range x {
		out[i] = by * float64(v)
	}
}
