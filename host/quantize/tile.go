package quantize

import (
	"fmt"
	"strings"

	"tuff/host/compute"
	"tuff/host/weights"
)

// tile orders the heads of values of linear attention as GGUF files of the architecture have them: the first head of values of every
// head of keys, then the second of each. Checkpoints have those of one head of keys side by side.
func (o *output) tile(f *weights.File) error {
	arch, _ := f.String("general.architecture")
	size := func(key string) int {
		n, _ := f.Uint(arch + ".ssm." + key)
		return int(min(n, 1<<30))
	}
	keyHeads, heads, inner, key := size("group_count"), size("time_step_rank"), size("inner_size"), size("state_size")
	if keyHeads == 0 || heads == 0 || heads%keyHeads != 0 || inner == 0 || inner%heads != 0 {
		return fmt.Errorf("quantize: read %q: got %d columns of %d heads over %d of keys, want multiples", f.Name, inner, heads, keyHeads)
	}
	moved := func(from, per int) func(int) int { return tiled(keyHeads, heads, from, per) }
	value, keys := inner/heads, keyHeads*key
	for i := range o.sources {
		s := &o.sources[i]
		_, name, _ := strings.Cut(strings.TrimPrefix(s.Name, "blk."), ".")
		n, want := s.Rows, 0
		switch name {
		case "attn_qkv.weight", "ssm_conv1d.weight":
			s.row, want = moved(2*keys, value), 2*keys+inner
		case "attn_gate.weight":
			s.row, want = moved(0, value), inner
		case "ssm_alpha.weight", "ssm_beta.weight":
			s.row, want = moved(0, 1), heads
		case "ssm_a", "ssm_dt.bias":
			s.row, n, want = moved(0, 1), s.Cols, heads
		case "ssm_out.weight":
			s.col, n, want = moved(0, value), s.Cols, inner
		default:
			continue
		}
		switch {
		case n != want:
			return fmt.Errorf("quantize: tensor %q: got %d columns and %d rows, want %d of heads", s.Name, s.Cols, s.Rows, want)
		case s.col != nil && s.DType != compute.F32 && s.DType != compute.F16 && s.DType != compute.BF16:
			return fmt.Errorf("quantize: tensor %q: got %v, want F32, F16 or BF16, of which columns can be moved", s.Name, s.DType)
		}
	}
	return nil
}

// tiled gives the place in the checkpoint of what is at i: behind from lie the heads, per elements each.
func tiled(keyHeads, heads, from, per int) func(int) int {
	return func(i int) int {
		if i < from {
			return i
		}
		head, at := (i-from)/per, (i-from)%per
		return from + (head%keyHeads*(heads/keyHeads)+head/keyHeads)*per + at
	}
}
