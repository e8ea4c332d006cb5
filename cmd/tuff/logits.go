package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"

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
greedily with the KV cache, end tokens among them; layers: norm and first eight values of the first and
last row of the residual stream before layer 0, after each layer and after the final norm.

An encoder, such as BERT, answers {"ids":[…]} with mean_pooled, the mean of its tokens' vectors, and first_token, the
vector of the first one.`,
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

// vectorAnswer is what an encoder makes of a text.
type vectorAnswer struct {
	Mean   []float32      `json:"mean_pooled"`
	First  []float32      `json:"first_token"`
	Layers []engine.Layer `json:"layers,omitempty"`
}

func vectors(ctx context.Context, l *loaded, req logitsRequest) (any, error) {
	if req.Greedy > 0 {
		return nil, fmt.Errorf("greedy: got %d of an encoder, which generates nothing", req.Greedy)
	}
	var a vectorAnswer
	s := l.NewSession()
	defer s.Close()
	sum := make([]float64, l.Model.Width())
	err := s.Eval(ctx, req.IDs, engine.WantAll, func(i int, row []float32) error {
		if i == 0 {
			a.First = append(a.First, row...)
		}
		for c, v := range row {
			sum[c] += float64(v)
		}
		return nil
	})
	for _, v := range sum {
		a.Mean = append(a.Mean, float32(v/float64(len(req.IDs))))
	}
	if err == nil && req.Layers {
		a.Layers, err = l.Layers(ctx, req.IDs)
	}
	return a, err
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
				return fmt.Errorf("%s: line %d: %w", command, n, jsonError(err))
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

// jsonError words what is wrong with JSON for its writer, who knows nothing of Go.
func jsonError(err error) error {
	var typ *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &typ):
		what := typ.Field
		if what == "" {
			what = "the whole"
		}
		return fmt.Errorf("%s: got a JSON %s, want %s", what, typ.Value, jsonKind(typ.Type))
	case errors.As(err, &syntax):
		return fmt.Errorf("got broken JSON at byte %d: %w", syntax.Offset, err)
	}
	return err
}

// jsonKind is what a Go type is in JSON.
func jsonKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return jsonKind(t.Elem())
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return fmt.Sprintf("a whole number of %d bits", t.Bits())
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return t.String()
}

// checkIDs refuses ids that no vocabulary of size n holds.
func checkIDs(ids []int32, n int) error {
	for i, id := range ids {
		if id < 0 || int(id) >= n {
			return fmt.Errorf("ids[%d]: got %d, want 0 to %d", i, id, n-1)
		}
	}
	return nil
}

func logitLines(ctx context.Context, c *common, l *loaded, in io.Reader) error {
	return lines(in, c.out, "logits", func(req logitsRequest) (any, error) {
		switch err := checkIDs(req.IDs, l.Model.Config.VocabSize); {
		case err != nil:
			return nil, err
		case len(req.IDs) == 0:
			return nil, errors.New(`got no "ids", want at least one`)
		case req.Greedy < 0:
			return nil, fmt.Errorf("greedy: got %d, want at least 0", req.Greedy)
		// The last of the greedy ids is never evaluated. What does not fit is refused before it takes time.
		case len(req.IDs)+max(req.Greedy-1, 0) > l.ContextLen():
			return nil, advise(&engine.ContextError{Tokens: len(req.IDs) + max(req.Greedy-1, 0), ContextLen: l.ContextLen()})
		}
		if l.Model.Config.Encoder {
			return vectors(ctx, l, req)
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
			s.Close() // a second sequence has no room beside it
			a.Layers, err = l.Layers(ctx, req.IDs)
		}
		return a, err
	})
}
