package fallback

import (
	"tuff/fallback/simd"
	"tuff/host/compute"
)

// rope runs compute.RoPE: one unit per chunk of tokens.
type rope struct {
	op                  compute.RoPE
	x, table, long, out *tensor // long may be nil
	step                *compute.Step
	chunk               int
	level               simd.Level
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
	turn := k.level.RotatePairs
	if k.op.Pairing == compute.Halves {
		turn = k.level.RotateHalves
	}
	turn(out[:k.op.RotDim], x[:k.op.RotDim], angles)
}
