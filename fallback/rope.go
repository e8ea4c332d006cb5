package fallback

import "tuff/host/compute"

// rope runs compute.RoPE: one unit per chunk of tokens.
type rope struct {
	op                  compute.RoPE
	x, table, long, out *tensor // long may be nil
	step                *compute.Step
	chunk               int
}

func (k *rope) begin(s *compute.Step) int {
	k.step = s
	k.chunk = chunk(len(s.Tokens), 4*k.x.Cols)
	return ceil(len(s.Tokens), k.chunk)
}

func (k *rope) unit(_ *worker, i int) {
	for t := i * k.chunk; t < min((i+1)*k.chunk, len(k.step.Tokens)); t++ {
		x, out := k.x.row(t), k.out.row(t)
		table := k.table
		if k.long != nil && k.keys(t) > k.op.LongFrom {
			table = k.long
		}
		angles := table.row(int(k.step.Pos[t]))
		for h := 0; h < len(x); h += k.op.HeadDim {
			k.rotate(out[h:h+k.op.HeadDim], x[h:h+k.op.HeadDim], angles)
		}
	}
}

// keys is the length that the sequence of row t will have.
func (k *rope) keys(t int) int {
	for i := range k.step.Seqs {
		if q := &k.step.Seqs[i]; t < q.First+q.Count {
			return q.Keys()
		}
	}
	return 0
}

// rotate turns one head.
func (k *rope) rotate(out, x, angles []float32) {
	copy(out[k.op.RotDim:], x[k.op.RotDim:])
	for i := range k.op.RotDim / 2 {
		a, b := 2*i, 2*i+1
		if k.op.Pairing == compute.Halves {
			a, b = i, i+k.op.RotDim/2
		}
		cos, sin := float64(angles[2*i]), float64(angles[2*i+1])
		out[a] = float32(float64(x[a])*cos - float64(x[b])*sin)
		out[b] = float32(float64(x[a])*sin + float64(x[b])*cos)
	}
}
