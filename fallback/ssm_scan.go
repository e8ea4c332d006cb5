package fallback

import (
	"math"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

// ssmScan runs compute.SSMScan: one unit per sequence and head, or some heads of one element, token by token.
type ssmScan struct {
	op                                    compute.SSMScan
	x, dt, dtBias, a, b, c, d, state, out *tensor // dtBias and d may be nil
	step                                  *compute.Step
	level                                 simd.Level
	fast                                  bool // in float32, where the level is above Plain
}

func (k *ssmScan) begin(s *compute.Step) int {
	k.step = s
	return len(s.Seqs) * k.units()
}

// units are those of a sequence.
func (k *ssmScan) units() int {
	if k.narrow() {
		return ceil(k.op.NumHeads, narrowHeads)
	}
	return k.op.NumHeads
}

func (k *ssmScan) unit(w *worker, i int) {
	units := k.units()
	q, h := &k.step.Seqs[i/units], i%units
	switch {
	case k.narrow():
		k.scanNarrow(w, q, narrowHeads*h, min(narrowHeads, k.op.NumHeads-narrowHeads*h))
	case k.fast && k.level > simd.Plain && k.a.Cols == 1:
		k.scanSteps(w, q, h)
	case k.fast && k.level > simd.Plain:
		k.scanFast(w, q, h)
	default:
		k.scan(w, q, h)
	}
}

// ssmRow is what a token brings to a head.
type ssmRow struct {
	delta       float64
	a, b, c     []float32
	x, out      []float32
	passThrough float64 // the factor of x in out
}

func (k *ssmScan) row(h, t int) ssmRow {
	o := &k.op
	r := ssmRow{delta: float64(k.dt.row(t)[h]), a: k.a.row(h)}
	if k.dtBias != nil {
		r.delta += float64(k.dtBias.row(0)[h])
	}
	r.delta = softplus(r.delta)
	group := h * o.NumGroups / o.NumHeads * o.StateSize
	r.b, r.c = k.b.row(t)[group:group+o.StateSize], k.c.row(t)[group:group+o.StateSize]
	r.x, r.out = k.x.row(t)[h*o.HeadDim:(h+1)*o.HeadDim], k.out.row(t)[h*o.HeadDim:(h+1)*o.HeadDim]
	if k.d != nil {
		r.passThrough = float64(k.d.row(0)[h])
	}
	return r
}

func (k *ssmScan) scan(w *worker, q *compute.Seq, h int) {
	o := &k.op
	size := o.HeadDim * o.StateSize
	all := w.float64s(size + o.StateSize)
	s, decay := all[:size], all[size:]
	clear(s)
	if k.step.Pos[q.First] != 0 {
		for j, v := range k.state.row(q.StateIn)[h*size : (h+1)*size] {
			s[j] = float64(v)
		}
	}
	for t := q.First; t < q.First+q.Count; t++ {
		r := k.row(h, t)
		for n, a := range r.a {
			decay[n] = r.delta * float64(a)
		}
		k.level.ExpMinus(decay[:len(r.a)], 0)
		for n := len(r.a); n < len(decay); n++ { // one for all
			decay[n] = decay[0]
		}
		for p, v := range r.x {
			var sum float64
			own := s[p*o.StateSize : (p+1)*o.StateSize]
			for n := range own {
				own[n] = decay[n]*own[n] + r.delta*float64(r.b[n])*float64(v)
				sum += float64(r.c[n]) * own[n]
			}
			if k.d != nil {
				sum += r.passThrough * float64(v)
			}
			r.out[p] = float32(sum)
		}
	}
	after := k.state.row(q.StateOut)[h*size : (h+1)*size]
	for j, v := range s {
		after[j] = float32(v)
	}
}

// scanFast is scan in float32, in the state's own memory.
func (k *ssmScan) scanFast(w *worker, q *compute.Seq, h int) {
	o := &k.op
	size := o.HeadDim * o.StateSize
	s, decay := k.state.resume(k.step, q, h, size), w.float32s(o.StateSize)
	for t := q.First; t < q.First+q.Count; t++ {
		r := k.row(h, t)
		for n, a := range r.a {
			decay[n] = float32(r.delta * float64(a))
		}
		k.level.Exp(decay[:len(r.a)], decay[:len(r.a)])
		for n := len(r.a); n < len(decay); n++ { // one for all
			decay[n] = decay[0]
		}
		for p, v := range r.x {
			sum := k.level.Scan(s[p*o.StateSize:(p+1)*o.StateSize], decay, r.b, r.c, float32(r.delta)*v)
			r.out[p] = sum + float32(r.passThrough)*v
		}
	}
}

// scanTokens is how many tokens a part of the state stays in registers for: as many as have their B and C in the first-level cache.
const scanTokens = 32

// scanSteps is scanFast where all of a head fades alike (Mamba-2): rows of the state go through many tokens each.
func (k *ssmScan) scanSteps(w *worker, q *compute.Seq, h int) {
	o := &k.op
	s := k.state.resume(k.step, q, h, o.HeadDim*o.StateSize)
	memory := w.float32s(scanTokens * (1 + o.HeadDim))
	group := h * o.NumGroups / o.NumHeads * o.StateSize
	for t := q.First; t < q.First+q.Count; t += scanTokens {
		n := min(scanTokens, q.First+q.Count-t)
		p := simd.Steps{Decay: memory[:n], X: memory[scanTokens:][:n*o.HeadDim], BStride: k.b.Cols, CStride: k.c.Cols, OutStride: k.out.Cols}
		p.B, p.C = k.b.floats(t, t+n)[group:], k.c.floats(t, t+n)[group:]
		p.Out = k.out.floats(t, t+n)[h*o.HeadDim:]
		for i := range n {
			r := k.row(h, t+i)
			p.Decay[i] = float32(r.delta * float64(r.a[0]))
			for c, v := range r.x {
				p.X[i*o.HeadDim+c] = float32(r.delta) * v
				r.out[c] = float32(r.passThrough) * v
			}
		}
		k.level.Exp(p.Decay, p.Decay)
		k.level.ScanSteps(s, o.StateSize, &p)
	}
}

// softplus is ln(1 + exp(x)), from the side on which nothing overflows.
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }
