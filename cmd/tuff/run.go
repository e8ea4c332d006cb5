package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tuff/host/engine"
	"tuff/host/sampler"
)

// sampling holds the sampler's flags.
type sampling struct{ sampler.Params }

func (s *sampling) flags(cmd *cobra.Command) {
	s.Params = sampler.Default()
	f := cmd.Flags()
	f.Float32Var(&s.Temp, "temp", s.Temp, "temperature; 0 is greedy")
	f.IntVar(&s.TopK, "top-k", s.TopK, "keep the K likeliest tokens; 0 keeps all")
	f.Float32Var(&s.TopP, "top-p", s.TopP, "keep the likeliest tokens that hold this much probability; 1 keeps all")
	f.Float32Var(&s.MinP, "min-p", s.MinP, "keep tokens at least this likely, relative to the likeliest; 0 keeps all")
	f.Float32Var(&s.RepeatPenalty, "repeat-penalty", s.RepeatPenalty, "penalty of recent tokens; 1 is none")
	f.Float32Var(&s.PresencePenalty, "presence-penalty", s.PresencePenalty, "subtracted from tokens that occurred")
	f.Float32Var(&s.FrequencyPenalty, "frequency-penalty", s.FrequencyPenalty, "subtracted from tokens per occurrence")
	f.IntVar(&s.RepeatLastN, "repeat-last-n", s.RepeatLastN, "tokens that penalties look back; -1 is all")
	f.Int64Var(&s.Seed, "seed", s.Seed, "random seed; -1 takes a new one")
}

// check refuses flags that cannot be meant: n is -n, and lost says that a system message would not be used.
func (s *sampling) check(n int, lost bool) error {
	switch {
	case n < -1:
		return fmt.Errorf("-n: got %d, want a number of tokens, or -1 for no limit", n)
	case lost:
		return errors.New("got --system with --raw, want one of them: a raw prompt has no system message")
	}
	return s.Check()
}

func newRun() *cobra.Command {
	var c common
	var s sampling
	var n int
	var raw bool
	var system string
	cmd := &cobra.Command{
		Use:   "run [flags] [PROMPT]",
		Short: "Answer one prompt, streamed",
		Long: `Answers one prompt, streamed to stdout; device and timings go to stderr. Without PROMPT it is read from stdin.
The prompt is laid out by the model's chat template; --raw continues it as it is. With the same seed, device and flags the
answer is the same; --temp 0 needs no seed. The answer ends where the model says so, after -n tokens, or with the context.`,
		Example: `  tuff run "Tell me a story about a fox."
  tuff run -m stories.gguf --raw --temp 0 -n 100 "Once upon a time"
  echo "What is 3 plus 4?" | tuff run --device cpu`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(n, raw && system != ""); err != nil {
				return usageError{err}
			}
			prompt, err := promptOf(args, cmd.InOrStdin())
			if err != nil {
				return err
			}
			l, err := c.load(cmd.Context(), engine.Options{})
			if err != nil {
				return err
			}
			if err := l.wantText("run"); err != nil {
				return errors.Join(err, l.Close())
			}
			return errors.Join(answer(cmd, &c, l, s.Params, prompt, system, raw, n), l.Close())
		},
	}
	c.modelFlags(cmd)
	c.deviceFlags(cmd)
	s.flags(cmd)
	cmd.Flags().IntVarP(&n, "n-predict", "n", -1, "tokens at most; -1 is until the model ends, 0 only evaluates the prompt")
	cmd.Flags().BoolVar(&raw, "raw", false, "give the prompt as it is, without the chat template")
	cmd.Flags().StringVar(&system, "system", "", "system message before the prompt")
	return cmd
}

// promptOf is the argument, or all of stdin.
func promptOf(args []string, in io.Reader) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return "", usageError{errors.New("got no PROMPT, and stdin is a terminal")}
	}
	const limit = 16 << 20
	b, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return "", fmt.Errorf("run: read prompt: %w", err)
	}
	if len(b) > limit {
		return "", fmt.Errorf("run: read prompt: got more than %s on stdin", size(limit))
	}
	return strings.TrimSuffix(string(b), "\n"), nil
}

// answer generates and prints one answer.
func answer(cmd *cobra.Command, c *common, l *loaded, p sampler.Params, prompt, system string, raw bool, n int) error {
	var ids []int32
	var err error
	if raw {
		ids, err = l.EncodeRaw(prompt)
	} else {
		var messages []engine.Message
		if system != "" {
			messages = append(messages, engine.Message{Role: "system", Content: system})
		}
		ids, err = l.EncodeChat(append(messages, engine.Message{Role: "user", Content: prompt}))
	}
	if err != nil {
		return err
	}
	sm, err := sampler.New(p, l.Tokenizer.VocabSize())
	if err != nil {
		return err
	}
	s := l.NewSession()
	defer s.Close()
	out := bufio.NewWriter(c.out)
	res := newAnswer(l)
	var text strings.Builder
	defer c.reading(s)()
	st, err := generate(cmd.Context(), l, s, ids, sm, n, func(t engine.Token) bool {
		if t.ID >= 0 {
			res.IDs = append(res.IDs, t.ID)
		}
		text.WriteString(t.Text)
		if !c.json {
			_, _ = out.WriteString(t.Text)
			return out.Flush() == nil // a reader that went away ends the answer
		}
		return true
	})
	if !c.json && text.Len() > 0 {
		fmt.Fprintln(c.out)
	}
	if err != nil {
		return advise(err)
	}
	c.note("%s", summary(st, len(ids)))
	if c.verb && c.compiled != nil {
		c.note("kernels made when a step first needed them: %s", strings.Join(c.compiled, ", "))
	}
	if !c.json {
		return nil
	}
	return c.printJSON(res.finish(text.String(), st))
}

// answered is an answer for programs.
type answered struct {
	Text         string  `json:"text"`
	IDs          []int32 `json:"ids"`
	PromptTokens int     `json:"prompt_tokens"` // evaluated for this answer
	Tokens       int     `json:"tokens"`
	Stop         string  `json:"stop"`
	PromptPerSec float64 `json:"prompt_tokens_per_s"`
	DecodePerSec float64 `json:"tokens_per_s"`
	Device       string  `json:"device"`
	Math         string  `json:"math"`
}

func newAnswer(l *loaded) *answered {
	return &answered{IDs: []int32{}, Device: l.dev.Info().Name, Math: l.Math().String()}
}

func (a *answered) finish(text string, st engine.Stats) *answered {
	a.Text, a.PromptTokens, a.Tokens, a.Stop = text, st.PromptTokens, st.Tokens, string(st.Stop)
	a.PromptPerSec, a.DecodePerSec = st.Rates()
	return a
}

// generate is the engine's, but for -n 0, which evaluates the prompt alone, and -1, which has no limit.
func generate(ctx context.Context, l *loaded, s *engine.Session, ids []int32, sm *sampler.Sampler, n int, yield func(engine.Token) bool) (engine.Stats, error) {
	if n != 0 {
		return l.Generate(ctx, s, ids, sm, max(n, 0), yield)
	}
	start := time.Now()
	err := s.Eval(ctx, ids, engine.WantLast, nil)
	return engine.Stats{PromptTokens: len(ids), Prompt: time.Since(start), Stop: engine.StopLength}, err
}

// summary says how fast it went; prompt is the whole prompt's length, of which a part may have been in the context before.
func summary(st engine.Stats, prompt int) string {
	pp, tg := st.Rates()
	of, speed := "", ""
	if st.PromptTokens != prompt {
		of = fmt.Sprintf("of %d ", prompt)
	}
	if tg > 0 { // one token costs no step of its own, so it has no rate
		speed = fmt.Sprintf(" at %.1f tokens/s", tg)
	}
	return fmt.Sprintf("%d %sprompt tokens at %.1f tokens/s, %d generated%s, stopped: %s", st.PromptTokens, of, pp, st.Tokens, speed, st.Stop)
}

// advise says what to do about a context that is too short.
func advise(err error) error {
	var full *engine.ContextError
	if errors.As(err, &full) {
		return fmt.Errorf("%w; -c sets a larger context", err)
	}
	return err
}
