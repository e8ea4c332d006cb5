package main

import (
	"errors"

	"github.com/spf13/cobra"

	"tuff/host/engine"
	"tuff/host/tokenizer"
)

func newTokenize() *cobra.Command {
	var c common
	var decode bool
	cmd := &cobra.Command{
		Use:   "tokenize -m MODEL",
		Short: "Text to token ids and back",
		Long: `Reads JSON lines {"text":…,"add_special":true,"parse_special":true} from stdin and answers each with
{"ids":[…],"pieces":[…]}; with --decode reads {"ids":[…],"skip_special":false} and answers {"text":…}.
Special tokens written in the text are text unless parse_special is true. MODEL may be a .gguf file, a tokenizer.json, or
a folder that holds one. Bytes that are no whole character decode to U+FFFD.`,
		Example: `  echo '{"text":"Hello world","add_special":true}' | tuff tokenize
  echo '{"ids":[0,570,571]}' | tuff tokenize --decode`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			tok, err := c.tokenizer()
			if err != nil {
				return err
			}
			if decode {
				return lines(cmd.InOrStdin(), c.out, "tokenize", func(r decodeRequest) (any, error) {
					if r.IDs == nil {
						return nil, errors.New(`got no "ids", want a list of token ids`)
					}
					if err := checkIDs(r.IDs, tok.VocabSize()); err != nil {
						return nil, err
					}
					return map[string]string{"text": tok.Decode(r.IDs, r.SkipSpecial)}, nil
				})
			}
			return lines(cmd.InOrStdin(), c.out, "tokenize", func(r encodeRequest) (any, error) {
				if r.Text == nil {
					return nil, errors.New(`got no "text", want a string; --decode takes "ids"`)
				}
				ids, err := tok.Encode(*r.Text, tokenizer.Options{AddSpecial: r.AddSpecial, ParseSpecial: r.ParseSpecial})
				if err != nil {
					return nil, err
				}
				a := encodeAnswer{IDs: ids, Pieces: make([]string, len(ids))}
				if ids == nil {
					a.IDs = []int32{}
				}
				for i, id := range ids {
					a.Pieces[i] = tok.Piece(id)
				}
				return a, nil
			})
		},
	}
	c.modelFlags(cmd)
	c.idleFlags(cmd)
	cmd.Flags().Lookup("model").Usage = "model: a .gguf file, a tokenizer.json or a folder with one (default: the embedded model)"
	cmd.Flags().BoolVar(&decode, "decode", false, "ids to text")
	return cmd
}

type encodeRequest struct {
	Text         *string `json:"text"`
	AddSpecial   bool    `json:"add_special"`
	ParseSpecial bool    `json:"parse_special"`
}

type encodeAnswer struct {
	IDs    []int32  `json:"ids"`
	Pieces []string `json:"pieces"`
}

type decodeRequest struct {
	IDs         []int32 `json:"ids"`
	SkipSpecial bool    `json:"skip_special"`
}

// tokenizer reads the model's tokenizer; a folder or .json file may hold one alone.
func (c *common) tokenizer() (*tokenizer.Tokenizer, error) {
	if tok, ok, err := engine.TokenizerFile(c.model); ok {
		return tok, err
	}
	f, err := c.openFile()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return engine.TokenizerOf(f)
}
