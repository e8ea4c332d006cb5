package dump

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// numPy is a file as numpy.save writes it, padded to 64 bytes.
func numPy(descr, fortran, shape string, data []byte) []byte {
	head := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", descr, fortran, shape)
	return numPyOf(head, data)
}

func numPyOf(head string, data []byte) []byte {
	head += strings.Repeat(" ", 63-(10+len(head))%64) + "\n"
	b := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(head)))
	return append(append(b, head...), data...)
}

func little(v any) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, v)
	if err != nil {
		panic(err)
	}
	return b
}

func save(t testing.TB, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, b, 0o600))
	return path
}

func TestNumPyOfEveryType(t *testing.T) {
	for descr, data := range map[string][]byte{
		"<f4": little([]float32{1, -2, 0.5, 3, 4, 5}), "<f8": little([]float64{1, -2, 0.5, 3, 4, 5}),
		"<f2": little([]uint16{0x3c00, 0xc000, 0x3800, 0x4200, 0x4400, 0x4500}), "<V2": little([]uint16{0x3f80, 0xc000, 0x3f00, 0x4040, 0x4080, 0x40a0}),
	} {
		s, err := Open(save(t, "a.b-3.npy", numPy(descr, "False", "(2, 3)", data)))
		require.NoError(t, err, descr)
		require.Len(t, s.Tensors, 1)
		assert.Equal(t, "a.b-3", s.Tensors[0].Name)
		assert.Equal(t, []int{2, 3}, s.Tensors[0].Shape)
		v, err := s.Tensors[0].Floats()
		require.NoError(t, err, descr)
		assert.Equal(t, []float32{1, -2, 0.5, 3, 4, 5}, v, descr)
		_, err = s.Tensors[0].Ints()
		assert.Error(t, err)
	}
	for descr, data := range map[string][]byte{"<i4": little([]int32{7, -1}), "<i8": little([]int64{7, -1})} {
		s, err := Open(save(t, "tokens.npy", numPy(descr, "True", "(1, 2)", data)))
		require.NoError(t, err)
		v, err := s.Tensors[0].Ints()
		require.NoError(t, err)
		assert.Equal(t, []int32{7, -1}, v)
		_, err = s.Tensors[0].Floats()
		assert.Error(t, err)
	}
	s, err := Open(save(t, "x.npy", numPy("<i8", "False", "()", little([]int64{math.MaxInt32 + 1}))))
	require.NoError(t, err)
	_, err = s.Tensors[0].Ints()
	assert.ErrorContains(t, err, "32 bits")
	two := numPy("<f4", "False", "(2,)", little([]float32{1, 2}))
	b := append([]byte("\x93NUMPY\x02\x00"), little(uint32(binary.LittleEndian.Uint16(two[8:])))...)
	s, err = Open(save(t, "v2.npy", append(b, two[10:]...)))
	require.NoError(t, err)
	v, err := s.Tensors[0].Floats()
	require.NoError(t, err)
	assert.Equal(t, []float32{1, 2}, v)
}

func TestNumPyRefusesWhatItCannotRead(t *testing.T) {
	four := little([]float32{1, 2, 3, 4})
	for want, b := range map[string][]byte{
		"no header of NumPy":   []byte("PK\x03\x04 a zip of arrays"),
		"fortran_order":        numPy("<f4", "True", "(2, 2)", four),
		"most significant":     numPy(">f4", "False", "(4,)", four),
		"<c8":                  numPy("<c8", "False", "(2,)", four),
		"records":              numPyOf("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,)}", four),
		"16 bytes of elements": numPy("<f4", "False", "(5,)", four),
		"12 bytes":             numPy("<f4", "False", "(4,)", four[:12]),
		"elements":             numPy("<f4", "False", "(1099511627776, 1099511627776)", four),
		"dimensions":           numPy("<f4", "False", "(1, 1, 1, 1, 1, 1, 1, 1, 4)", four),
		"number":               numPy("<f4", "False", "(-4,)", four),
		"2 keys":               numPyOf("{'descr': '<f4', 'shape': (4,)}", four),
		"twice":                numPyOf("{'descr': '<f4', 'descr': '<f4', 'shape': (4,)}", four),
		"behind the dict":      numPyOf("{'descr': '<f4', 'fortran_order': False, 'shape': (4,)} x", four),
		"want descr":           numPyOf("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'more': (1,)}", four),
		"version 9":            append([]byte("\x93NUMPY\x09\x00"), numPy("<f4", "False", "(4,)", four)[8:]...),
	} {
		_, err := Open(save(t, "x.npy", b))
		var bad *Error
		require.ErrorAs(t, err, &bad, want)
		assert.Contains(t, err.Error(), want)
	}
	whole := numPy("<f4", "False", "(4,)", four)
	for n := range whole {
		_, why := readNumPy(bytes.NewReader(whole[:n]), int64(n))
		assert.NotEmpty(t, why, "cut at %d", n)
	}
	_, err := Open(t.TempDir())
	assert.ErrorContains(t, err, "without a .npy")
	_, err = Open(save(t, "x.pt", four))
	assert.ErrorContains(t, err, "another kind")
}

// A file that shrank between opening and reading is an error.
func TestNumPyThatShrank(t *testing.T) {
	path := save(t, "x.npy", numPy("<f4", "False", "(4,)", little([]float32{1, 2, 3, 4})))
	s, err := Open(path)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, 100))
	_, err = s.Tensors[0].Floats()
	assert.ErrorContains(t, err, "fewer bytes")
}

// FuzzNumPy: any bytes give a reason or an array whose elements are all there, with memory in proportion.
func FuzzNumPy(f *testing.F) {
	f.Add(numPy("<f4", "False", "(2, 2)", little([]float32{1, 2, 3, 4})))
	f.Add(numPy("<f8", "True", "(1, 2)", little([]float64{1, 2})))
	f.Add(numPy("<V2", "False", "()", []byte{1, 2}))
	f.Add([]byte("\x93NUMPY\x02\x00\xff\xff\xff\x00{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		allocs := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
		metrics.Read(allocs)
		before := allocs[0].Value.Uint64()
		a, why := readNumPy(bytes.NewReader(b), int64(len(b)))
		metrics.Read(allocs)
		if used := allocs[0].Value.Uint64() - before; used > uint64(16*len(b)+16<<20) {
			t.Fatalf("%d bytes took %d of memory", len(b), used)
		}
		if why != "" {
			return
		}
		if got := a.from + int64(a.Len()*widths[a.Type]); got != int64(len(b)) || a.from < 10 {
			t.Fatalf("elements from %d end at %d of %d bytes", a.from, got, len(b))
		}
	})
}

func TestSafetensorsComesBackAsItWas(t *testing.T) {
	var b bytes.Buffer
	list := []Array{Floats32("z", []int{2, 1}, []float32{1, 2}), {Name: "a", DType: "BF16", Shape: []int{1}, Bytes: []byte{0x80, 0x3f}}, Floats32("\"é<", nil, []float32{3})}
	require.NoError(t, Write(&b, map[string]string{"k": "v\n\"<"}, list))
	s, err := Open(save(t, "x.safetensors", b.Bytes()))
	require.NoError(t, err)
	defer s.Close()
	assert.Equal(t, map[string]string{"k": "v\n\"<"}, s.Meta)
	require.Len(t, s.Tensors, 3)
	for i, want := range [][]float32{{1, 2}, {1}, {3}} {
		assert.Equal(t, list[i].Name, s.Tensors[i].Name, "in the order of the file")
		v, err := s.Tensors[i].Floats()
		require.NoError(t, err)
		assert.Equal(t, want, v)
	}
	_, err = Open(save(t, "cut.safetensors", b.Bytes()[:b.Len()-1]))
	assert.Error(t, err)
}

func TestNamesOfOtherEngines(t *testing.T) {
	want := []string{"embed", "blk.0.attn_norm", "blk.0.attn_q", "blk.0.attn_q_rope", "blk.0.attn_output", "blk.0.ffn_norm", "blk.0.ffn_residual", "blk.12.ffn_down", "output_norm", "output"}
	for _, c := range []struct {
		have  []string
		pairs map[string]string
		extra []string
	}{
		{[]string{"inp_scaled", "Qcur-0", "l_out-0", "ffn_out-12", "result_norm", "result_output", "l_out-1", "kq_soft_max-0"},
			map[string]string{"embed": "inp_scaled", "blk.0.attn_q_rope": "Qcur-0", "blk.0.ffn_residual": "l_out-0", "blk.12.ffn_down": "ffn_out-12", "output_norm": "result_norm", "output": "result_output"},
			[]string{"l_out-1", "kq_soft_max-0"}},
		{[]string{"model.embed_tokens", "model.layers.0", "model.layers.0.self_attn.q_proj", "model.layers.0.post_attention_layernorm.output", "model.layers.12.mlp.down_proj", "model.layers.12.mlp", "lm_head", "model.rotary_emb"},
			map[string]string{"blk.0.ffn_residual": "model.layers.0", "blk.0.attn_q": "model.layers.0.self_attn.q_proj",
				"blk.0.ffn_norm": "model.layers.0.post_attention_layernorm.output", "blk.12.ffn_down": "model.layers.12.mlp.down_proj", "output": "lm_head"},
			[]string{"model.embed_tokens", "model.rotary_emb"}}, // mlp is down_proj once more
		// In front of a scale, and of weights.
		{[]string{"embd", "norm", "norm-0", "result_norm"}, map[string]string{"output_norm": "result_norm"}, []string{"embd", "norm", "norm-0"}},
		{[]string{"transformer.h.0.ln_1", "blk.0.attn_q"}, map[string]string{"blk.0.attn_norm": "transformer.h.0.ln_1", "blk.0.attn_q": "blk.0.attn_q"}, nil},
	} {
		pairs, extra := Match(c.have, want, nil)
		assert.Equal(t, c.pairs, pairs)
		assert.ElementsMatch(t, c.extra, extra)
	}
	// What the caller says goes before what is equal and what is known.
	pairs, extra := Match([]string{"l_out-0", "output", "mine"}, want, []Rename{{"mine", "output"}, {"l_out-0", ""}})
	assert.Equal(t, map[string]string{"output": "mine"}, pairs)
	assert.Empty(t, extra)
	pairs, extra = Match([]string{"Qcur-0", "attn_norm-0", "l_out-0"}, want, []Rename{{"Qcur", "attn_q"}, {"attn_norm", ""}})
	assert.Equal(t, map[string]string{"blk.0.attn_q": "Qcur-0", "blk.0.ffn_residual": "l_out-0"}, pairs, "of all layers")
	assert.Empty(t, extra)
	pairs, extra = Match([]string{"ffn_up-0", "ffn_up_b-0"}, []string{"blk.0.ffn_up"}, nil)
	assert.Equal(t, map[string]string{"blk.0.ffn_up": "ffn_up_b-0"}, pairs, "with its bias")
	assert.Empty(t, extra)
	// In families with a norm behind attention, transformers' name for it is that.
	pairs, _ = Match([]string{"model.layers.0.post_attention_layernorm"}, append(want, "blk.0.post_attention_norm"), nil)
	assert.Contains(t, pairs, "blk.0.post_attention_norm")
	_, err := ParseRename("x")
	assert.Error(t, err)
	r, err := ParseRename("a=b")
	require.NoError(t, err)
	assert.Equal(t, Rename{"a", "b"}, r)
}
