package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"tuff/host/engine"
	"tuff/host/sampler"
)

func newChat() *cobra.Command {
	var c common
	var s sampling
	var n int
	var system string
	cmd := &cobra.Command{
		Use:   "chat [flags]",
		Short: "Talk with a model in the terminal",
		Long: `A conversation in the terminal. What both sides said stays in the context; only new tokens are evaluated.
/reset starts over, /quit or end of input leaves. Interrupt (Ctrl-C) leaves.`,
		Example: `  tuff chat
  tuff chat -m llama.gguf --system "You answer in one sentence."`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.Check(); err != nil {
				return usageError{err}
			}
			l, err := c.load(cmd.Context(), engine.Options{})
			if err != nil {
				return err
			}
			return errors.Join(converse(cmd, &c, l, s.Params, system, n), l.Close())
		},
	}
	c.modelFlags(cmd)
	c.deviceFlags(cmd)
	s.flags(cmd)
	cmd.Flags().IntVarP(&n, "n-predict", "n", -1, "tokens of one answer at most; -1 is until the model ends")
	cmd.Flags().StringVar(&system, "system", "", "system message")
	return cmd
}

// converse reads lines and answers them.
func converse(cmd *cobra.Command, c *common, l *loaded, p sampler.Params, system string, n int) error {
	s := l.NewSession()
	defer s.Close()
	var messages []engine.Message
	start := func() {
		messages = nil
		if system != "" {
			messages = append(messages, engine.Message{Role: "system", Content: system})
		}
	}
	start()
	in := bufio.NewScanner(cmd.InOrStdin())
	in.Buffer(nil, 1<<20)
	for {
		fmt.Fprint(c.err, "> ")
		if !in.Scan() {
			fmt.Fprintln(c.err)
			if err := in.Err(); err != nil {
				return fmt.Errorf("chat: read line: %w", err)
			}
			return nil
		}
		switch line := strings.TrimSpace(in.Text()); line {
		case "":
		case "/quit", "/exit":
			return nil
		case "/reset":
			start()
			s.Truncate(0)
		default:
			messages = append(messages, engine.Message{Role: "user", Content: line})
			text, err := reply(cmd, c, l, s, p, messages, n)
			var full *engine.ContextError
			switch {
			case errors.As(err, &full):
				// The last question does not count; what came before stays usable.
				messages = messages[:len(messages)-1]
				c.note("the conversation no longer fits the context of %d tokens: /reset starts over", full.ContextLen)
			case err != nil:
				return err
			default:
				messages = append(messages, engine.Message{Role: "assistant", Content: text})
			}
		}
	}
}

// reply evaluates what is new in the conversation and streams the answer.
func reply(cmd *cobra.Command, c *common, l *loaded, s *engine.Session, p sampler.Params, messages []engine.Message, n int) (string, error) {
	ids, err := l.EncodeChat(messages)
	if err != nil {
		return "", err
	}
	if len(ids) > l.ContextLen() {
		return "", &engine.ContextError{Tokens: len(ids), ContextLen: l.ContextLen()}
	}
	// Keep the common prefix, but evaluate at least one token: logits come from an evaluation.
	keep := 0
	for keep < min(len(ids)-1, len(s.Tokens())) && ids[keep] == s.Tokens()[keep] {
		keep++
	}
	s.Truncate(keep)
	sm, err := sampler.New(p, l.Tokenizer.VocabSize())
	if err != nil {
		return "", err
	}
	for _, id := range ids[:keep] {
		sm.Accept(id)
	}
	var text strings.Builder
	st, err := l.Generate(cmd.Context(), s, ids[keep:], sm, n, func(t engine.Token) bool {
		text.WriteString(t.Text)
		_, err := io.WriteString(c.out, t.Text)
		return err == nil
	})
	fmt.Fprintln(c.out)
	if err != nil {
		return "", err
	}
	if c.verb {
		pp, tg := st.Rates()
		c.note("%d of %d prompt tokens evaluated at %.1f/s, %d generated at %.1f/s, stopped: %s", st.PromptTokens, len(ids), pp, st.Tokens, tg, st.Stop)
	}
	if st.Stop == engine.StopContext {
		c.note("the context of %d tokens is full: /reset starts over", l.ContextLen())
	}
	return text.String(), nil
}
