package engine_test

import (
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/fallback"
	"tuff/host/engine"
	"tuff/host/testkit"
	"tuff/host/weights"
)

// file is a GGUF file taken apart, to be put together with something wrong in it.
type file struct {
	keys    []weights.Key
	tensors []weights.Shape
	data    map[string][]byte
}

func takeApart(t *testing.T, name string) *file {
	t.Helper()
	f, err := weights.Open(testkit.Testdata(t, "oracle", name))
	require.NoError(t, err)
	defer f.Close()
	x := &file{data: map[string][]byte{}}
	for _, k := range f.Keys() {
		x.keys = append(x.keys, weights.Key{Name: k, Value: f.Value(k)})
	}
	for _, s := range f.Tensors() {
		x.tensors = append(x.tensors, weights.Shape{Name: s.Name, DType: s.DType, Dims: s.Dims})
		x.data[s.Name] = slices.Clone(f.Data(s))
	}
	return x
}

func (x *file) set(key string, v any) {
	for i := range x.keys {
		if x.keys[i].Name == key {
			x.keys[i].Value = v
			return
		}
	}
	x.keys = append(x.keys, weights.Key{Name: key, Value: v})
}

func (x *file) drop(key string) {
	x.keys = slices.DeleteFunc(x.keys, func(k weights.Key) bool { return k.Name == key })
}

func (x *file) value(key string) any {
	for _, k := range x.keys {
		if k.Name == key {
			return k.Value
		}
	}
	return nil
}

func (x *file) dropTensor(name string) {
	x.tensors = slices.DeleteFunc(x.tensors, func(s weights.Shape) bool { return s.Name == name })
}

func (x *file) shape(name string, dims ...int) {
	for i := range x.tensors {
		if s := &x.tensors[i]; s.Name == name {
			s.Dims = dims
			n, _ := s.Bytes()
			x.data[name] = append(x.data[name], make([]byte, max(0, int(n)-len(x.data[name])))...)[:n]
		}
	}
}

func (x *file) bytes(t *testing.T) []byte {
	t.Helper()
	b, err := weights.Header(x.keys, x.tensors)
	require.NoError(t, err)
	for _, s := range x.tensors {
		b = append(b, x.data[s.Name]...)
		b = append(b, make([]byte, (32-len(x.data[s.Name])%32)%32)...)
	}
	return b
}

// malformed are files that are well formed as files and wrong as models: what is wrong by name, the model it was, the change, and
// what the error must say.
var malformed = []struct {
	name, model string
	change      func(*file)
	says        string
}{
	// F08 and F12: counts that are zero, too large, of another type, or missing.
	{"no architecture", "llama", func(x *file) { x.drop("general.architecture") }, "general.architecture"},
	{"architecture of another type", "llama", func(x *file) { x.set("general.architecture", uint32(7)) }, "general.architecture"},
	{"unknown architecture", "llama", func(x *file) { x.set("general.architecture", "no-such") }, `architecture "no-such"`},
	{"no layers", "llama", func(x *file) { x.set("llama.block_count", uint32(0)) }, "llama.block_count: got 0"},
	{"layers missing", "llama", func(x *file) { x.drop("llama.block_count") }, "llama.block_count: got nothing"},
	{"layers as text", "llama", func(x *file) { x.set("llama.block_count", "2") }, "llama.block_count: got another type"},
	{"more layers than the file has", "llama", func(x *file) { x.set("llama.block_count", uint32(3)) }, "blk.2."},
	{"layers beyond the limit", "llama", func(x *file) { x.set("llama.block_count", uint32(1025)) }, "want 1 to 1024"},
	{"layers beyond 31 bits", "llama", func(x *file) { x.set("llama.block_count", uint64(1)<<31) }, "want 1 to 1024"},
	{"negative layers", "llama", func(x *file) { x.set("llama.block_count", int32(-1)) }, "llama.block_count"},
	{"no width", "llama", func(x *file) { x.set("llama.embedding_length", uint32(0)) }, "llama.embedding_length: got 0"},
	{"another width", "llama", func(x *file) { x.set("llama.embedding_length", uint32(65)) }, "tensor"},
	{"a width beyond the limit", "llama", func(x *file) { x.set("llama.embedding_length", uint32(1)<<30) }, "llama.embedding_length"},
	{"no heads", "llama", func(x *file) { x.set("llama.attention.head_count", uint32(0)) }, "head_count: got 0"},
	{"heads beyond 31 bits", "llama", func(x *file) { x.set("llama.attention.head_count", uint64(1)<<31) }, "head_count"},
	{"heads that differ by layer", "llama", func(x *file) { x.set("llama.attention.head_count", []int32{4, 2}) }, "one number for all layers"},
	{"no KV heads", "llama", func(x *file) { x.set("llama.attention.head_count_kv", uint32(0)) }, "head_count_kv: got 0"},
	{"heads that KV heads do not divide", "llama", func(x *file) { x.set("llama.attention.head_count_kv", uint32(3)) }, "want a multiple"},
	{"a KV head count list of negative numbers", "llama", func(x *file) { x.set("llama.attention.head_count_kv", []int32{-2, -2}) }, "got -2"},
	{"no feed-forward width", "llama", func(x *file) { x.set("llama.feed_forward_length", uint32(0)) }, "feed_forward_length: got 0"},
	{"no context", "llama", func(x *file) { x.set("llama.context_length", uint32(0)) }, "context_length: got 0"},
	{"a context beyond the limit", "llama", func(x *file) { x.set("llama.context_length", uint64(1)<<40) }, "context_length"},
	{"a head of no elements", "llama", func(x *file) { x.set("llama.attention.key_length", uint32(0)) }, "key_length"},
	{"a head of 2³¹ elements", "llama", func(x *file) { x.set("llama.attention.key_length", uint32(1)<<31) }, "key_length"},
	{"a head too wide for its tensor", "llama", func(x *file) { x.set("llama.attention.key_length", uint32(1)<<20) }, "tensor"},
	{"an epsilon that is no number", "llama", func(x *file) { x.set("llama.attention.layer_norm_rms_epsilon", float32(math.NaN())) }, "layer_norm_rms_epsilon"},
	{"a negative epsilon", "llama", func(x *file) { x.set("llama.attention.layer_norm_rms_epsilon", float32(-1)) }, "layer_norm_rms_epsilon"},
	{"an infinite epsilon", "llama", func(x *file) { x.set("llama.attention.layer_norm_rms_epsilon", float32(math.Inf(1))) }, "layer_norm_rms_epsilon"},
	{"an epsilon as text", "llama", func(x *file) { x.set("llama.attention.layer_norm_rms_epsilon", "small") }, "layer_norm_rms_epsilon"},
	{"values that are clamped", "llama", func(x *file) { x.set("llama.attention.clamp_kqv", float32(8)) }, "clamp_kqv"},
	// RoPE.
	{"rotation of an odd number", "llama", func(x *file) { x.set("llama.rope.dimension_count", uint32(15)) }, "even"},
	{"rotation of nothing", "llama", func(x *file) { x.set("llama.rope.dimension_count", uint32(0)) }, "rope"},
	{"rotation of more than a head", "llama", func(x *file) { x.set("llama.rope.dimension_count", uint32(1)<<20) }, "rope"},
	{"a base of zero", "llama", func(x *file) { x.set("llama.rope.freq_base", float32(0)) }, "base 0"},
	{"a base that is no number", "llama", func(x *file) { x.set("llama.rope.freq_base", float32(math.NaN())) }, "freq_base"},
	{"an unknown scaling", "llama", func(x *file) { x.set("llama.rope.scaling.type", "magic") }, `"magic"`},
	{"a scaling by nothing", "llama", func(x *file) {
		x.set("llama.rope.scaling.type", "linear")
		x.set("llama.rope.scaling.factor", float32(0))
	}, "factor 0"},
	{"longrope without factors", "llama", func(x *file) { x.set("llama.rope.scaling.type", "longrope") }, "factors"},
	{"dynamic scaling of no context", "llama", func(x *file) {
		x.set("llama.rope.scaling.type", "dynamic")
		x.set("llama.rope.scaling.original_context_length", uint32(0))
	}, "original context"},
	// Tensors.
	{"no embedding", "llama", func(x *file) { x.dropTensor("token_embd.weight") }, "token_embd.weight"},
	{"no last norm", "llama", func(x *file) { x.dropTensor("output_norm.weight") }, "output_norm.weight"},
	{"a layer without keys", "llama", func(x *file) { x.dropTensor("blk.1.attn_k.weight") }, "blk.1.attn_k.weight"},
	{"a layer without its norm", "llama", func(x *file) { x.dropTensor("blk.0.ffn_norm.weight") }, "blk.0.ffn_norm.weight"},
	{"queries turned", "llama", func(x *file) { x.shape("blk.0.attn_q.weight", 32, 128) }, "blk.0.attn_q.weight"},
	{"a row too few", "llama", func(x *file) { x.shape("blk.0.attn_v.weight", 64, 15) }, "blk.0.attn_v.weight"},
	{"a norm of the wrong width", "llama", func(x *file) { x.shape("blk.0.attn_norm.weight", 63) }, "blk.0.attn_norm.weight"},
	{"an output of another width", "llama", func(x *file) { x.shape("output.weight", 32, 300) }, "output.weight"},
	{"an embedding of one row", "llama", func(x *file) { x.shape("token_embd.weight", 64, 1) }, "want [1, 64]"},
	// F06 and F09: vocabularies.
	{"no vocabulary", "llama", func(x *file) { x.drop("tokenizer.ggml.tokens") }, "tokens"},
	{"an empty vocabulary", "llama", func(x *file) { x.set("tokenizer.ggml.tokens", []string{}) }, "token"},
	{"no tokenizer", "llama", func(x *file) { x.drop("tokenizer.ggml.model") }, "tokenizer.ggml.model"},
	{"an unknown tokenizer", "llama", func(x *file) { x.set("tokenizer.ggml.model", "magic") }, "magic"},
	{"fewer scores than tokens", "llama", func(x *file) { x.set("tokenizer.ggml.scores", []float32{1, 2}) }, "scores"},
	{"fewer types than tokens", "llama", func(x *file) { x.set("tokenizer.ggml.token_type", []int32{1, 2}) }, "type"},
	{"a begin token outside", "llama", func(x *file) { x.set("tokenizer.ggml.bos_token_id", uint32(1)<<20) }, "begin token"},
	{"an end token outside", "llama", func(x *file) { x.set("tokenizer.ggml.eos_token_id", uint32(math.MaxUint32)) }, "eos_token_id"},
	{"a byte token of no byte", "llama", func(x *file) {
		tokens := slices.Clone(x.value("tokenizer.ggml.tokens").([]string))
		tokens[slices.Index(tokens, "<0x41>")] = "<0x-1>"
		x.set("tokenizer.ggml.tokens", tokens)
	}, "0x"},
	{"a score that is no number", "llama", func(x *file) {
		s := slices.Clone(x.value("tokenizer.ggml.scores").([]float32))
		s[270] = float32(math.NaN())
		x.set("tokenizer.ggml.scores", s)
	}, "score"},
	{"a merge of one part", "gpt2", func(x *file) { x.set("tokenizer.ggml.merges", []string{"ab"}) }, "merge"},
	{"an unknown pre-tokenizer", "gpt2", func(x *file) { x.set("tokenizer.ggml.pre", "magic") }, "magic"},
	// Templates.
	{"a template that does not parse", "llama", func(x *file) { x.set("tokenizer.chat_template", "{% for x in %}") }, "template"},
	{"a template of another type", "llama", func(x *file) { x.set("tokenizer.chat_template", uint32(1)) }, "template"},
	// Mixtures of experts.
	{"more experts used than there are", "mixtral", func(x *file) { x.set("llama.expert_used_count", uint32(100)) }, "expert_used_count"},
	{"no expert used", "mixtral", func(x *file) { x.set("llama.expert_used_count", uint32(0)) }, "expert_used_count"},
	{"experts beyond the limit", "mixtral", func(x *file) { x.set("llama.expert_count", uint32(1)<<20) }, "expert_count"},
	{"another number of experts", "mixtral", func(x *file) { x.set("llama.expert_count", uint32(3)) }, "tensor"},
	{"an unknown gate", "mixtral", func(x *file) { x.set("llama.expert_gating_func", uint32(9)) }, "expert_gating_func"},
	{"no router", "mixtral", func(x *file) { x.dropTensor("blk.0.ffn_gate_inp.weight") }, "blk.0.ffn_gate_inp.weight"},
}

var bases = map[string]string{"llama": "llama2-F16.gguf", "gpt2": "gpt2-Q5_0.gguf", "mixtral": "mixtral-Q8_0.gguf"}

// Each is refused when the model is loaded, in words that name the place, in little time and memory.
func TestMalformedModels(t *testing.T) {
	dev, err := fallback.New(fallback.Options{Threads: 1})
	require.NoError(t, err)
	defer dev.Close()
	require.GreaterOrEqual(t, len(malformed), 60)
	seen := map[string]bool{}
	for _, c := range malformed {
		require.False(t, seen[c.name], c.name)
		seen[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			x := takeApart(t, bases[c.model])
			c.change(x)
			data := x.bytes(t)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			err := load(t, dev, data)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			require.Error(t, err)
			assert.Contains(t, strings.ToLower(err.Error()), strings.ToLower(c.says))
			assert.Less(t, len(err.Error()), 2000)
			assert.Less(t, took, testkit.Patience)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20), "memory")
		})
	}
}

// Every key once left out and once with each of these values: an error or a model that runs, never a crash, and no long wait.
func TestEveryKeyWithEveryWrongValue(t *testing.T) {
	dev, err := fallback.New(fallback.Options{Threads: 1})
	require.NoError(t, err)
	defer dev.Close()
	wrong := map[string]any{"nothing": nil, "0": uint32(0), "1": uint32(1), "-1": int32(-1), "2⁶³": uint64(1) << 63, "not a number": float32(math.NaN()),
		"infinity": math.Inf(1), "text": "x", "true": true, "an empty list": []int32{}, "a list": []float32{1, -2}, "texts": []string{"a", "a"}}
	for _, base := range bases {
		for _, k := range takeApart(t, base).keys {
			for name, v := range wrong {
				x := takeApart(t, base)
				if x.set(k.Name, v); v == nil {
					x.drop(k.Name)
				}
				start := time.Now()
				if err := load(t, dev, x.bytes(t)); err != nil {
					assert.NotContains(t, err.Error(), "BUG", "%s of %s is %s", k.Name, base, name)
				}
				assert.Less(t, time.Since(start), testkit.Patience, "%s of %s is %s", k.Name, base, name)
			}
		}
	}
}

// load opens data as a model and evaluates one token.
func load(t *testing.T, dev *fallback.Device, data []byte) error {
	t.Helper()
	f, err := weights.OpenBytes("bad.gguf", data)
	if err != nil {
		return err
	}
	e, err := engine.New(t.Context(), dev, f, engine.Options{ContextLen: 64})
	if err != nil {
		return errors.Join(err, f.Close())
	}
	s := e.NewSession()
	_, err = s.Next(t.Context(), 0)
	s.Close()
	return errors.Join(err, e.Close(), f.Close())
}

// The files are right as they are: what is refused above is refused for the change.
func TestTheBasesOfMalformedModelsLoad(t *testing.T) {
	dev, err := fallback.New(fallback.Options{Threads: 1})
	require.NoError(t, err)
	defer dev.Close()
	for _, name := range bases {
		require.NoError(t, load(t, dev, takeApart(t, name).bytes(t)), name)
	}
}
