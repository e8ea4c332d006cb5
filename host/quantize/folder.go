package quantize

import (
	"fmt"
	"slices"
	"strings"

	"tuff/host/tokenizer"
	"tuff/host/weights"
)

// output is what is written: metadata, tensors, and remarks for people.
type output struct {
	keys    []weights.Key
	sources []source
	notes   []string
}

func (o *output) set(name string, v any) {
	for i := range o.keys {
		if o.keys[i].Name == name {
			o.keys[i].Value = v
			return
		}
	}
	o.keys = append(o.keys, weights.Key{Name: name, Value: v})
}

func (o *output) drop(names ...string) {
	o.keys = slices.DeleteFunc(o.keys, func(k weights.Key) bool { return slices.Contains(names, k.Name) })
}

// fromFolder turns what host/weights says of a folder in words of its own into what GGUF files say.
func (o *output) fromFolder(f *weights.File) error {
	if halves, ok := f.Bool("tuff.rope.halves"); ok && halves {
		if err := o.interleave(f); err != nil {
			return err
		}
		o.drop("tuff.rope.halves")
	}
	if grouped, ok := f.Bool("tuff.ssm.grouped"); ok && grouped {
		if err := o.tile(f); err != nil {
			return err
		}
		o.drop("tuff.ssm.grouped")
	}
	if arch, _ := f.String("general.architecture"); arch == "bert" || arch == "nomic-bert" {
		types := uint32(1)
		if t, ok := f.Tensor("token_types.weight"); ok {
			types = uint32(t.Rows)
		}
		o.set("tokenizer.ggml.token_type_count", types) // which llama.cpp wants to know whatever the tensors say
	}
	if n, ok := f.Uint("tuff.t5.max_distance"); ok && n != ggufT5Reach {
		o.notes = append(o.notes, fmt.Sprintf("distances differ up to %d, which GGUF cannot say: tuff reads it, llama.cpp takes %d and makes other vectors of longer texts", n, ggufT5Reach))
	}
	return o.vocabulary(f)
}

// ggufT5Reach is the distance up to which llama.cpp tells keys apart by T5's bias, whatever the model.
const ggufT5Reach = 128

// interleave orders the rows of queries and keys as GGUF files of the architecture have them: rotated pairs side by side, of which
// checkpoints have the first elements in one half of a head and the second in the other.
func (o *output) interleave(f *weights.File) error {
	arch, _ := f.String("general.architecture")
	if arch == "deepseek2" {
		return fmt.Errorf("quantize: read %q: not supported: latent attention that rotates halves, as GGUF", f.Name)
	}
	dim, _ := f.Uint(arch + ".attention.key_length")
	rotated, ok := f.Uint(arch + ".rope.dimension_count")
	if !ok {
		rotated = dim
	}
	if dim == 0 || rotated > dim || rotated%2 != 0 {
		return fmt.Errorf("quantize: read %q: got heads of %d of which %d rotate, want an even number up to that", f.Name, dim, rotated)
	}
	head, half := int(dim), int(rotated)/2
	for i := range o.sources {
		s := &o.sources[i]
		_, name, _ := strings.Cut(strings.TrimPrefix(s.Name, "blk."), ".")
		n := s.Rows
		switch name {
		case "attn_q.weight", "attn_k.weight":
		case "attn_q.bias", "attn_k.bias":
			n = s.Cols
		default:
			continue
		}
		if n%head != 0 {
			return fmt.Errorf("quantize: tensor %q: got %d rows, want heads of %d", s.Name, n, head)
		}
		s.row = func(i int) int {
			at := i % head
			if at >= 2*half {
				return i
			}
			return i - at + at/2 + at%2*half
		}
	}
	return nil
}

// vocabulary writes the keys of the tokenizer. Where no rules of GGUF do what tokenizer.json does, that stays in the file as well:
// tuff reads it, others come near.
func (o *output) vocabulary(f *weights.File) error {
	raw, ok := f.String("tuff.tokenizer.json")
	if !ok {
		o.notes = append(o.notes, "the folder has no tokenizer.json: the file has no vocabulary, and llama.cpp does not load it")
		return nil
	}
	s, how, err := tokenizer.SpecOf([]byte(raw))
	if err != nil {
		o.notes = append(o.notes, fmt.Sprintf("tokenizer.json stays as it is, which llama.cpp does not read: %v", err))
		return nil
	}
	// One token for each row of the embedding: unused ones behind, or none of those that have no row.
	if t, ok := f.Tensor("token_embd.weight"); ok && t.Rows != len(s.Tokens) {
		for id := len(s.Tokens); id < t.Rows; id++ {
			s.Tokens, s.Types = append(s.Tokens, fmt.Sprintf("[PAD%d]", id)), append(s.Types, 5) // unused
			if s.Scores != nil {
				s.Scores = append(s.Scores, -1e9)
			}
		}
		if n := len(s.Tokens) - t.Rows; n > 0 {
			o.notes = append(o.notes, fmt.Sprintf("%d tokens without a row in token_embd.weight are left out, %q first", n, s.Tokens[t.Rows]))
			s.Tokens, s.Types = s.Tokens[:t.Rows], s.Types[:t.Rows]
			if s.Scores != nil {
				s.Scores = s.Scores[:t.Rows]
			}
		}
	}
	const ns = "tokenizer.ggml."
	o.set(ns+"model", s.Model)
	o.set(ns+"pre", "default")
	if s.Pre != "" {
		o.set(ns+"pre", s.Pre)
	}
	o.set(ns+"tokens", s.Tokens)
	o.set(ns+"token_type", s.Types)
	if s.Scores != nil {
		o.set(ns+"scores", s.Scores)
	}
	if s.Merges != nil {
		o.set(ns+"merges", s.Merges)
	}
	if s.CharsMap != nil {
		o.set(ns+"precompiled_charsmap", s.CharsMap)
	}
	if s.Model == "llama" || s.Model == "t5" {
		o.set(ns+"add_space_prefix", s.AddSpacePrefix)
	}
	o.ends(f, &s)
	if how == tokenizer.Exact {
		o.drop("tuff.tokenizer.json", "tuff.tokenizer.bos", "tuff.tokenizer.eos", "tuff.tokenizer.pad", "tuff.tokenizer.eog")
		return nil
	}
	what := "some texts"
	if how == tokenizer.Plain {
		what = "texts around some special tokens"
	}
	o.notes = append(o.notes, fmt.Sprintf("GGUF's rules %q (%s) cut %s otherwise than tokenizer.json does: tuff goes by that, which stays in the file, llama.cpp by the rules",
		s.Pre, s.Model, what))
	return nil
}

// ends writes the special tokens: those that tokenizer_config.json names, else those of the model's configuration, else those that
// tokenizer.json puts around a text.
func (o *output) ends(f *weights.File, s *tokenizer.Spec) {
	const ns = "tokenizer.ggml."
	find := func(end string, own int32) (int, bool) {
		if name, ok := f.String("tuff.tokenizer." + end[:3]); ok {
			if id := slices.Index(s.Tokens, name); id >= 0 {
				return id, true
			}
		}
		if id, ok := f.Uint(ns + end + "_token_id"); ok && id < uint64(len(s.Tokens)) {
			return int(id), true
		}
		return int(own), own >= 0 && int(own) < len(s.Tokens)
	}
	o.drop(ns+"bos_token_id", ns+"eos_token_id", ns+"add_bos_token", ns+"add_eos_token")
	bos, hasBOS := find("bos", s.BOS)
	eos, hasEOS := find("eos", s.EOS)
	if hasBOS {
		o.set(ns+"bos_token_id", uint32(bos))
	}
	if hasEOS {
		o.set(ns+"eos_token_id", uint32(eos))
	}
	if pad, ok := find("padding", -1); ok {
		o.set(ns+"padding_token_id", uint32(pad))
	}
	if s.Unk >= 0 {
		o.set(ns+"unknown_token_id", uint32(s.Unk))
	}
	o.set(ns+"add_bos_token", s.AddBOS && hasBOS)
	o.set(ns+"add_eos_token", s.AddEOS && hasEOS)
	if s.Model == "bert" {
		o.set(ns+"cls_token_id", uint32(max(s.BOS, 0)))
		o.set(ns+"seperator_token_id", uint32(max(s.EOS, 0)))
	}
	// GGUF has room for a second token that ends a generation.
	others, _ := f.Ints("tuff.tokenizer.eog")
	others = slices.DeleteFunc(others, func(id int64) bool { return id < 0 || id >= int64(len(s.Tokens)) || hasEOS && id == int64(eos) })
	slices.Sort(others)
	others = slices.Compact(others)
	if len(others) > 0 {
		o.set(ns+"eot_token_id", uint32(others[0]))
	}
	if len(others) > 1 {
		o.notes = append(o.notes, fmt.Sprintf("tokens %v end a generation too, which GGUF cannot say of more than two", others[1:]))
	}
}
