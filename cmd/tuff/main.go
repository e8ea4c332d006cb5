// Command tuff runs language models on any GPU with a Vulkan driver, compares its answers with a plain CPU twin, and says
// where the time goes. Each subcommand has a file of its own here: flags and printing only.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes, as the help of the root command says.
const (
	exitError = 1
	exitUsage = 2
	exitGate  = 3
)

// usageError is a wrong command line.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// gateError says that a gate found what it looks for; the report is already printed.
type gateError struct{ what string }

func (e gateError) Error() string { return e.what }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program
	os.Exit(exitCode(newRoot().ExecuteContext(ctx), os.Stderr))
}

// exitCode prints err as one line and chooses the process's exit code.
func exitCode(err error, w io.Writer) int {
	var usage usageError
	var gate gateError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &gate):
		fmt.Fprintln(w, "tuff:", err)
		return exitGate
	case errors.As(err, &usage):
		fmt.Fprintf(w, "tuff: %v (see --help)\n", err)
		return exitUsage
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(w, "tuff: interrupted")
		return 130
	}
	fmt.Fprintln(w, "tuff:", err)
	return exitError
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "tuff",
		Short: "Run, compare and profile language models on Vulkan GPUs, or on the CPU",
		Long: `tuff runs language models (GGUF) on any GPU with a Vulkan driver, and on the CPU where there is none.
It can show at run time that a GPU's answer is right (compare) and where its time goes (profile).

MODEL is a .gguf file or its first shard; without -m the small model inside the binary answers.
--device gpu takes the best Vulkan device, software drivers included; auto, the default, takes a hardware GPU
if there is one and the model fits, otherwise the CPU. Every command says on stderr what it took and why.

Exit codes: 0 done, 1 error, 2 wrong usage, 3 a gate (compare, profile --diff, kernels test and replay) found what it looks for.`,
		Example: `  tuff run "Tell me a story about a fox."
  tuff run -m llama.gguf --device gpu -n 200 "Why is the sky blue?"
  tuff compare -m llama.gguf
  tuff profile -m llama.gguf --trace trace.json`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q", args[0])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(newRun(), newChat(), newDevices(), newInspect(), newTokenize(), newTemplate(), newLogits(),
		newPerplexity(), newBench(), newCompare(), newProfile(), newKernels(), newTune(), newGPUReport(), newQuantize(), newSynth())
	return root
}

// usage makes an argument check's error a usage error. cobra.NoArgs speaks of an unknown command, which a path after tuff
// tokenize is not.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			if len(args) > 0 && cobra.NoArgs(cmd, args).Error() == err.Error() {
				err = fmt.Errorf("%s: got the argument %q, want flags only", cmd.Name(), args[0])
			}
			return usageError{err}
		}
		return nil
	}
}
