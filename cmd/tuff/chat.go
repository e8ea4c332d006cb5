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

// chatCommands is what /help prints.
const chatCommands = `  /help   these commands
  /reset  forget the conversation, but for the system message
  /quit   leave; so does /exit`

// maxLine bounds one message.
const maxLine = 1 << 20

func newChat() *cobra.Command {
	var c common
	var s sampling
	var n int
	var system string
	cmd := &cobra.Command{
		Use:   "chat [flags]",
		Short: "Talk with a model in the terminal",
		Long: `A conversation in the terminal. What both sides said stays in the context; only new tokens are evaluated.
A line is one message, and these are commands:
` + chatCommands + `
End of input (Ctrl-D) and interrupt (Ctrl-C) leave too. Answers go to stdout, all else to stderr; with --json each answer
is one line with the keys of run --json.`,
		Example: `  tuff chat
  tuff chat -m llama.gguf --system "You answer in one sentence."
  printf 'My name is Tom.\nWhat is my name?\n' | tuff chat --temp 0`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.check(n, false); err != nil {
				return usageError{err}
			}
			l, err := c.load(cmd.Context(), engine.Options{})
			if err != nil {
				return err
			}
			if err := l.wantText("chat"); err != nil {
				return errors.Join(err, l.Close())
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
	in.Buffer(nil, maxLine)
	for {
		fmt.Fprint(c.err, "> ")
		if !in.Scan() {
			fmt.Fprintln(c.err)
			switch err := in.Err(); {
			case errors.Is(err, bufio.ErrTooLong):
				return fmt.Errorf("chat: read line: got more than %s, want a shorter message", size(maxLine))
			case err != nil:
				return fmt.Errorf("chat: read line: %w", err)
			}
			return nil
		}
		line := strings.TrimSpace(in.Text())
		switch {
		case line == "":
		case line == "/quit", line == "/exit":
			return nil
		case line == "/help":
			c.note("%s", chatCommands)
		case line == "/reset":
			start()
			s.Truncate(0)
			c.note("the conversation starts over")
		case line[0] == '/' && !strings.ContainsAny(line[1:], " /"):
			// A path or a sentence may begin with a slash; a single word is a command misspelt.
			c.note("no command %q; there are\n%s", line, chatCommands)
		default:
			messages = append(messages, engine.Message{Role: "user", Content: line})
			text, err := reply(cmd, c, l, s, p, messages, n)
			var full *engine.ContextError
			switch {
			case errors.As(err, &full):
				// The last question does not count; what came before stays usable.
				messages = messages[:len(messages)-1]
				c.note("the conversation would be %d tokens, and the context has %d: say less, /reset, or set -c", full.Tokens, full.ContextLen)
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
	keep = len(s.Tokens()) // a model with a state keeps nothing
	sm, err := sampler.New(p, l.Tokenizer.VocabSize())
	if err != nil {
		return "", err
	}
	for _, id := range ids[:keep] {
		sm.Accept(id)
	}
	var text strings.Builder
	res := newAnswer(l)
	var closed error
	defer c.reading(s)()
	st, err := generate(cmd.Context(), l, s, ids[keep:], sm, n, func(t engine.Token) bool {
		text.WriteString(t.Text)
		if t.ID >= 0 {
			res.IDs = append(res.IDs, t.ID)
		}
		if !c.json {
			_, closed = io.WriteString(c.out, t.Text)
		}
		return closed == nil
	})
	if err != nil {
		return "", err
	}
	switch {
	case closed != nil:
	case c.json:
		closed = c.printLine(res.finish(text.String(), st))
	default:
		_, closed = fmt.Fprintln(c.out)
	}
	if closed != nil {
		return "", fmt.Errorf("chat: write answer: %w", closed)
	}
	if c.verb {
		c.note("%s", summary(st, len(ids)))
	}
	if st.Stop == engine.StopContext {
		c.note("the context of %d tokens is full: /reset starts over", l.ContextLen())
	}
	return text.String(), nil
}
