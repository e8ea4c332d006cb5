//go:build race

package tokenizer

func init() { raced = true }
