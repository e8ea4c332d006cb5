package compare

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/fallback"
	"tuff/fallback/quant"
	"tuff/host/compute"
)

// twoAdds is Y = A + B of two rows, saved.
func twoAdds() *Replay {
	data := make([]byte, 4*2*4)
	return &Replay{Label: "add", Phase: "prefill", VocabSize: 8, MaxPos: 8,
		Step: compute.Step{Tokens: []int32{5, 6}, Pos: []int32{0, 1}, Outputs: []int32{1}, Seqs: []compute.Seq{{Count: 2, Len: 2}}},
		Tensors: []replayTensor{{Name: "a", Role: compute.Scratch, Fed: true, DType: compute.F32, Rows: compute.PerToken(1), Cols: 4, Bytes: 32, Data: data},
			{Name: "b", Role: compute.Scratch, Fed: true, DType: compute.F32, Rows: compute.PerToken(1), Cols: 4, Bytes: 32, Data: data},
			{Name: "y", Role: compute.Scratch, DType: compute.F32, Rows: compute.PerToken(1), Cols: 4}},
		Ops: []replayOp{{Label: "add", Stem: "add", Op: compute.Add{A: 1, B: 2, Out: 3}}}}
}

func written(t testing.TB, r *Replay) []byte {
	var b bytes.Buffer
	require.NoError(t, r.Write(&b))
	return b.Bytes()
}

func TestReplayComesBackAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r")
	r := twoAdds()
	r.Tensors[0].Data[3] = 0x40 // 2.0
	require.NoError(t, os.WriteFile(path, written(t, r), 0o644))
	got, err := ReadReplay(path)
	require.NoError(t, err)
	assert.Equal(t, r, got)
	cpu, err := fallback.New(fallback.Options{Threads: 1})
	require.NoError(t, err)
	ops, err := got.Run(t.Context(), cpu, cpu, compute.Options{}, Options{Decode: quant.Decode, Encode: quant.Encode})
	require.NoError(t, err)
	require.Len(t, ops, 1)
	assert.Equal(t, "ok", ops[0].Verdict)
	require.NoError(t, cpu.Close())
}

func TestReplayRefusesNumbersThatDoNotFit(t *testing.T) {
	for name, spoil := range map[string]func(*Replay){
		"more bytes than the shape":  func(r *Replay) { r.Tensors[0].Cols = 2 },
		"fewer bytes than the shape": func(r *Replay) { r.Tensors[0].Cols = 1 << 30 },
		"a negative shape":           func(r *Replay) { r.Tensors[2].Cols = -1 },
		"a product that wraps":       func(r *Replay) { r.Tensors[2].Rows.Fixed, r.Tensors[2].Cols = 1<<40, 1<<40 },
		"no op":                      func(r *Replay) { r.Ops = nil },
		"no sequence":                func(r *Replay) { r.Step.Seqs = nil },
		"an output row of no token":  func(r *Replay) { r.Step.Outputs[0] = 7 },
		"fed rows of a weight":       func(r *Replay) { r.Tensors[0].Role = compute.Weight },
	} {
		r := twoAdds()
		spoil(r)
		b := written(t, r)
		_, err := readReplay(bytes.NewReader(b), int64(len(b)))
		assert.Error(t, err, name)
	}
	b := written(t, twoAdds())
	for n := range len(b) {
		_, err := readReplay(bytes.NewReader(b[:n]), int64(n))
		assert.Error(t, err, "cut at %d", n)
	}
}

// FuzzReplay reads files of all kinds; those that are taken must make a program that checks, or an error.
func FuzzReplay(f *testing.F) {
	f.Add(written(f, twoAdds()))
	cpu, err := fallback.New(fallback.Options{Threads: 1})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := readReplay(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		_, buffers, _ := r.program(cpu)
		for _, x := range buffers {
			x.Close()
		}
	})
}
