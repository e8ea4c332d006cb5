package synth

import (
	"math/rand/v2"

	"tuff/host/weights"
)

// specials are the control tokens that end the vocabulary.
var specials = []string{"<|begin|>", "<|end|>", "<|pad|>"}

// minVocab is a token for each byte, the special ones and one merged.
const minVocab = 256 + 3 + 1

// vocabulary is a byte-level vocabulary of n tokens: the bytes as GPT-2 spells them, made-up words with the merges that lead to them,
// and the special tokens.
func vocabulary(n int, seed uint64) []weights.Key {
	r := rand.New(rand.NewPCG(seed, 0x746f6b656e73)) // "tokens"
	tokens := make([]string, 0, n)
	for b := range 256 {
		tokens = append(tokens, spelling(byte(b)))
	}
	known := make(map[string]bool, n)
	for _, t := range tokens {
		known[t] = true
	}
	// Words grow from letters, and from a space before a letter, which is Ġ.
	parts := []string{"Ġ"}
	for c := 'a'; c <= 'z'; c++ {
		parts = append(parts, string(c))
	}
	var merges []string
	for len(tokens) < n-len(specials) {
		left, right := parts[r.IntN(len(parts))], parts[1+r.IntN(len(parts)-1)]
		word := left + right
		if known[word] || len(word) > 24 || right[0] == 0xc4 { // Ġ only begins a word
			continue
		}
		known[word] = true
		parts, tokens, merges = append(parts, word), append(tokens, word), append(merges, left+" "+right)
	}
	types := make([]int32, n)
	for i := range types {
		types[i] = 1 // normal
	}
	for _, t := range specials {
		types[len(tokens)] = 3 // control
		tokens = append(tokens, t)
	}
	return []weights.Key{
		{Name: "tokenizer.ggml.model", Value: "gpt2"}, {Name: "tokenizer.ggml.pre", Value: "gpt-2"},
		{Name: "tokenizer.ggml.tokens", Value: tokens}, {Name: "tokenizer.ggml.token_type", Value: types}, {Name: "tokenizer.ggml.merges", Value: merges},
		{Name: "tokenizer.ggml.bos_token_id", Value: uint32(n - 3)}, {Name: "tokenizer.ggml.eos_token_id", Value: uint32(n - 2)},
		{Name: "tokenizer.ggml.padding_token_id", Value: uint32(n - 1)}, {Name: "tokenizer.ggml.add_bos_token", Value: true},
		{Name: "tokenizer.ggml.add_eos_token", Value: false},
	}
}

// spelling is how byte-level vocabularies write a byte: printable ones as they are, the others, in order, from U+0100 on.
// Source: Radford et al., GPT-2, encoder.py.
func spelling(b byte) string {
	printable := func(b int) bool { return b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae }
	if printable(int(b)) {
		return string(rune(b))
	}
	n := 0
	for i := range int(b) {
		if !printable(i) {
			n++
		}
	}
	return string(rune(0x100 + n))
}
