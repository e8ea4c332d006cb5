// Package model turns a model file into a program: hyper-parameters, and one file per architecture family that says how
// its layers are wired. It must not know devices beyond host/compute, nor text.
//
// To add a family, write one file with a [Family] value and list it in families.go; a row in host/synth/arch.go lets tuff synth make it.
package model

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tuff/host/compute"
	"tuff/host/weights"
)

// Config is a model's hyper-parameters under the field's names. The table of file keys is in config.go.
type Config struct {
	Arch, Name           string
	NumLayers            int
	HiddenDim, FFNDim    int
	NumHeads, NumKVHeads int
	HeadDim, HeadDimV    int
	VocabSize            int
	ContextLen           int // the longest sequence the model was made for
	NormEps              float32
	LayerNorm            bool // LayerNorm instead of RMSNorm
	RoPE                 RoPE
	Window               int    // sliding window of attention; 0: none
	LocalLayers          []bool // layers that attend to the window only, where the file lists them
	Chunked              bool   // the window does not slide: it is a chunk of the sequence, the same for all queries in it
	// EmbedScale, ResidualScale, AttnScale and LogitScale are multipliers where a family has them; 0: the usual ones (1, 1,
	// 1/√HeadDim, 1). AttnCap and LogitCap are soft caps; 0: none.
	EmbedScale, ResidualScale, AttnScale, LogitScale float32
	AttnCap, LogitCap                                float32
	MoE                                              MoE
	Latent                                           Latent
	SSM                                              SSM
	Gemma                                            Gemma
	MaxALiBi                                         float32 // exponent of the last head's slope; 0: no ALiBi
	Encoder                                          bool    // no text comes out, but a vector of HiddenDim for each token
	kCols, vCols                                     int     // elements of the keys and values that the KV cache has of one position, of all layers
	plainNorms                                       bool    // norms without weights
	scaledALiBi                                      float64 // the slopes are scaled like the scores, this many times; 0: they are not
	buckets, farthest                                int     // of T5's bias
	still                                            *RoPE   // of queries that do not rotate, for their temperature; nil: none
	localBase                                        float64 // of RoPE in local layers with angles of their own
}

// MoE is a mixture of experts in place of the feed-forward part.
type MoE struct {
	NumExperts, NumUsed int    // NumExperts 0: none
	FFNDim              int    // of one expert
	SharedFFNDim        int    // of the experts that every token uses, together; 0: none
	DenseLayers         int    // leading layers without experts
	Layers              []bool // layers with experts, where they are listed; nil: all but DenseLayers
	WeighInput          bool   // weights multiply what experts read, not what they give
	Gate                compute.Gate
	Normalize           bool
	Factor              float32
	Groups, UsedGroups  int
	GroupTop2           bool
	Jitter              float32 // of compute.SparseMixerGate
}

// at reports whether a layer has experts.
func (m *MoE) at(layer int) bool {
	if m.Layers != nil {
		return m.Layers[layer]
	}
	return m.NumExperts > 0 && layer >= m.DenseLayers
}

// KVBytes is the size of the KV cache of one position, with keys of type k and values of type v.
func (c *Config) KVBytes(k, v compute.DType) int64 {
	if c.Encoder {
		return 0
	}
	return int64(c.kCols)*int64(k.BlockBytes())/int64(k.BlockLen()) + int64(c.vCols)*int64(v.BlockBytes())/int64(v.BlockLen())
}

// KVTypes are the types of the KV cache where k and v are asked for: without them other, or for values that are a part of their keys
// what the keys have.
func (c *Config) KVTypes(k, v, other compute.DType) (compute.DType, compute.DType) {
	if k == compute.NoDType {
		k = other
	}
	if v == compute.NoDType {
		v = other
		if c.Latent.Dim > 0 {
			v = k
		}
	}
	return k, v
}

// Family is one group of architectures that are wired alike.
type Family struct {
	Archs     []string // values of general.architecture
	LayerNorm bool     // LayerNorm instead of RMSNorm
	Encoder   bool     // no text comes out, but a vector for each token
	// NoAttention: no layer attends; Hybrid: some do, and lists of heads have zeros for the others.
	NoAttention, Hybrid bool
	Uneven              bool // numbers of heads and widths may differ from layer to layer
	// Config, if set, reads what is particular to the family and refuses what it does not support, before any weight is read.
	Config func(*Config, *weights.File) error
	// Build appends the model's ops.
	Build func(*Builder)
}

// DefaultPageSize is how many positions a page of the KV cache has.
const DefaultPageSize = 64

// Options of Load.
type Options struct {
	ContextLen int           // positions to make room for; 0: the model's own
	NumSeqs    int           // sequences that may fill the context at once; 0: 1
	Positions  int           // of the KV cache at least, whatever NumSeqs asks for
	NumStates  int           // sequences whose state tensors have room; 0: NumSeqs
	StateRows  int           // rows of those for each; 0: 2
	PageSize   int           // positions in a page of the KV cache; 0: DefaultPageSize
	TypeK      compute.DType // of the cache's keys, of compute.KVTypes; none: F32
	TypeV      compute.DType // of its values; none: F32, or with latent attention TypeK
	// Progress, if set, is told the bytes of weights on the device so far.
	Progress func(done, total int64)
}

// Model is a program with its weights and KV cache on a device.
type Model struct {
	Config  Config
	Program *compute.Program
	Logits  compute.Ref // of an encoder: the vectors of its tokens
	// Residuals are the residual stream before layer 0 and after each layer, for every token, then after the final norm,
	// for output rows only.
	Residuals []compute.Ref
	// WeightBytes and StateBytes are what the model put on the device; EmbedBytes is the part of the weights of which a
	// step reads single rows only.
	WeightBytes, StateBytes, EmbedBytes int64

	device  compute.Device
	buffers []compute.Buffer
}

// Load reads f's hyper-parameters, builds the program, checks every tensor's shape and then puts the weights on dev.
// The file must stay open until Close: a device may use its bytes in place.
func Load(ctx context.Context, dev compute.Device, f *weights.File, o Options) (*Model, error) {
	cfg, fam, err := ReadConfig(f)
	if err != nil {
		return nil, err
	}
	if o.ContextLen == 0 {
		o.ContextLen = cfg.ContextLen
	}
	o.TypeK, o.TypeV = cfg.KVTypes(o.TypeK, o.TypeV, compute.F32)
	for _, t := range []compute.DType{o.TypeK, o.TypeV} {
		if !slices.Contains(compute.KVTypes(), t) {
			return nil, fmt.Errorf("model: load %q: got a KV cache of %v, want one of %v", f.Name, t, compute.KVTypes())
		}
	}
	o.NumSeqs, o.PageSize = max(o.NumSeqs, 1), max(o.PageSize, 0)
	o.NumStates, o.StateRows = max(o.NumStates, o.NumSeqs), max(o.StateRows, 2)
	if o.PageSize == 0 {
		o.PageSize = DefaultPageSize
	}
	b := newBuilder(f, cfg, o)
	fam.Build(b)
	if b.err != nil {
		return nil, fmt.Errorf("model: build %s %q: %w", cfg.Arch, f.Name, b.err)
	}
	m := &Model{Config: *cfg, Program: b.p, Logits: b.logits, Residuals: b.residuals, device: dev}
	if err := b.fill(ctx, m, o.Progress); err != nil {
		return nil, errors.Join(fmt.Errorf("model: load %q onto %q: %w", f.Name, dev.Info().Name, err), m.Close())
	}
	if err := b.p.Check(); err != nil {
		return nil, errors.Join(fmt.Errorf("model: build %s %q: %w", cfg.Arch, f.Name, err), m.Close())
	}
	return m, nil
}

// Width is the number of columns of Logits: the vocabulary, or of an encoder the elements of a token's vector.
func (m *Model) Width() int { return m.Program.At(m.Logits).Cols }

// Close frees the model's buffers. Executables of its program must be closed before.
func (m *Model) Close() error {
	var errs []error
	for _, b := range m.buffers {
		errs = append(errs, b.Close())
	}
	m.buffers = nil
	return errors.Join(errs...)
}
