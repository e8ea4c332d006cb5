package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/spf13/cobra"

	"tuff/host/engine"
)

func newPerplexity() *cobra.Command {
	var c common
	var file string
	cmd := &cobra.Command{
		Use:   "perplexity -m MODEL -f FILE",
		Short: "Mean negative log-likelihood and perplexity of a text",
		Long: `Splits the text into chunks of the context's length and scores every token after the first of each chunk, given all
before it in the chunk. A model that wants a begin token gets it in front of every chunk. Special tokens written in the
text are text. The standard error is that of a mean of independent tokens, so a little too small.`,
		Example: `  tuff perplexity -m llama.gguf -f wiki.txt -c 512
  tuff perplexity -f story.txt --device gpu --math exact --json
  head -c 10000 wiki.txt | tuff perplexity -m llama.gguf -f -`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usageError{errors.New("got no text, want -f FILE")}
			}
			text, err := readText(file, cmd.InOrStdin())
			if err != nil {
				return err
			}
			l, err := c.load(cmd.Context(), engine.Options{AllLogits: true, Chunk: 128})
			if err != nil {
				return err
			}
			if err := l.wantText("perplexity"); err != nil {
				return errors.Join(err, l.Close())
			}
			return errors.Join(perplexity(cmd, &c, l, text), l.Close())
		},
	}
	c.modelFlags(cmd)
	c.deviceFlags(cmd)
	cmd.Flags().StringVarP(&file, "file", "f", "", "text file; - is stdin")
	return cmd
}

// maxText bounds the text: far above the test sets in use, and its ids still fit memory.
const maxText = 1 << 30

// readText reads a file, or stdin for "-".
func readText(file string, in io.Reader) (string, error) {
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("perplexity: read text: %w", err)
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxText+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("perplexity: read text: %w", err)
	case len(b) > maxText:
		return "", fmt.Errorf("perplexity: read text %q: got more than %s", file, size(maxText))
	}
	return string(b), nil
}

func perplexity(cmd *cobra.Command, c *common, l *loaded, text string) error {
	ids, err := l.EncodeText(text)
	if err != nil {
		return err
	}
	var begin []int32
	if l.Tokenizer.AddBOS() {
		begin = []int32{l.Tokenizer.BOS()}
	}
	if len(ids) == 0 || len(ids)+len(begin) < 2 {
		return fmt.Errorf("perplexity: score text: got %d tokens, want at least %d", len(ids), 2-len(begin))
	}
	if l.ContextLen() < 2 {
		return fmt.Errorf("perplexity: score text: got a context of %d, want at least 2: one token to predict from, one to predict", l.ContextLen())
	}
	bar := c.bar("perplexity")
	defer bar.done()
	var n int
	var sum, squares float64
	step := l.ContextLen() - len(begin)
	for at := 0; at < len(ids); at += step {
		chunk := append(append([]int32(nil), begin...), ids[at:min(at+step, len(ids))]...)
		if len(chunk) < 2 {
			break
		}
		s := l.NewSession()
		err := s.Eval(cmd.Context(), chunk, engine.WantAll, func(i int, row []float32) error {
			if i+1 < len(chunk) {
				nll := -engine.LogProb(row, chunk[i+1])
				n, sum, squares = n+1, sum+nll, squares+nll*nll
			}
			return nil
		})
		s.Close()
		if err != nil {
			return err
		}
		bar.count("tokens", min(at+step, len(ids)), len(ids))
	}
	mean := sum / float64(n)
	se := math.Sqrt(max(squares/float64(n)-mean*mean, 0) / float64(max(n-1, 1)))
	if c.json {
		return c.printJSON(map[string]any{"tokens": n, "nll": mean, "nll_stderr": se, "perplexity": math.Exp(mean),
			"perplexity_stderr": math.Exp(mean) * se, "context": l.ContextLen(), "device": l.dev.Info().Name, "math": l.Math().String()})
	}
	fmt.Fprintf(c.out, "%d tokens in chunks of %d: %.5f ± %.5f nats a token, perplexity %.4f ± %.4f\n", n, l.ContextLen(), mean, se,
		math.Exp(mean), math.Exp(mean)*se)
	return nil
}
