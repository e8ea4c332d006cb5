package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tuff/host/engine"
)

func newLogits() *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use:   "logits -m MODEL",
		Short: "Logits of given token ids, for checking against another implementation",
		Long: `Reads JSON lines {"ids":[…],"greedy":N,"layers":true} from stdin and answers each with one JSON line:
logits_last: the logits after the last id; argmax: the likeliest next id at every position; greedy: N ids generated
greedily with the KV cache; layers: norm and first eight values of the first and last row of the residual stream before
layer 0, after each layer and after the final norm.`,
		Example: `  echo '{"ids":[1,403,407,261,378],"greedy":24}' | tuff logits -m stories.gguf --device cpu --math exact`,
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := c.load(cmd.Context(), engine.Options{AllLogits: true, Chunk: 64})
			if err != nil {
				return err
			}
			return errors.Join(logitLines(cmd.Context(), &c, l, cmd.InOrStdin()), l.Close())
		},
	}
	c.modelFlags(cmd)
	c.deviceFlags(cmd)
	return cmd
}

type logitsRequest struct {
	IDs    []int32 `json:"ids"`
	Greedy int     `json:"greedy"`
	Layers bool    `json:"layers"`
}

type logitsAnswer struct {
	Logits []float32      `json:"logits_last"`
	Argmax []int32        `json:"argmax"`
	Greedy []int32        `json:"greedy,omitempty"`
	Layers []engine.Layer `json:"layers,omitempty"`
}

// lines calls answer for each line of JSON and writes what it returns as one line.
func lines[T any](in io.Reader, out io.Writer, command string, answer func(T) (any, error)) error {
	r := bufio.NewReader(in)
	w := bufio.NewWriter(out)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%s: read line %d: %w", command, n, err)
		}
		last := err != nil
		if len(bytes.TrimSpace(line)) > 0 {
			var req T
			if err := json.Unmarshal(line, &req); err != nil {
				return fmt.Errorf("%s: line %d: %w", command, n, err)
			}
			res, err := answer(req)
			if err != nil {
				return fmt.Errorf("%s: line %d: %w", command, n, err)
			}
			if err := errors.Join(enc.Encode(res), w.Flush()); err != nil {
				return fmt.Errorf("%s: write answer: %w", command, err)
			}
		}
		if last {
			return nil
		}
	}
}

func logitLines(ctx context.Context, c *common, l *loaded, in io.Reader) error {
	return lines(in, c.out, "logits", func(req logitsRequest) (any, error) {
		if len(req.IDs) == 0 {
			return nil, errors.New("got no ids, want at least one")
		}
		var a logitsAnswer
		s := l.NewSession()
		defer s.Close()
		err := s.Eval(ctx, req.IDs, engine.WantAll, func(i int, row []float32) error {
			a.Argmax = append(a.Argmax, engine.Argmax(row))
			if i == len(req.IDs)-1 {
				a.Logits = append(a.Logits, row...)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if req.Greedy > 0 {
			next := a.Argmax[len(a.Argmax)-1]
			a.Greedy = append(a.Greedy, next)
			for len(a.Greedy) < req.Greedy {
				row, err := s.Next(ctx, next)
				if err != nil {
					return nil, err
				}
				next = engine.Argmax(row)
				a.Greedy = append(a.Greedy, next)
			}
		}
		if req.Layers {
			a.Layers, err = l.Layers(ctx, req.IDs)
		}
		return a, err
	})
}
