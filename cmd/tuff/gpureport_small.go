package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"tuff/host/compute"
)

// small are a software driver's defaults: it computes on the CPU and compiles a kernel for seconds, so that what people run on GPUs would
// take it days. With these all steps of the report are run in their time.
var small = []struct{ flag, value string }{
	{"quick", "true"}, {"cases", "8"}, {"step-time", "10m"}, {"time", "1h"}, {"models", "15M,110M"}, {"repetitions", "1"}, {"n-prompt", "128"}, {"n-gen", "32"}, {"n-depth", "0,512"},
	{"shapes", "512x512"}, {"formats", "F16,Q8_0,Q4_K"}, {"rows", "1,8,64"}, {"contexts", "512"},
}

// shrink sets the flags that nobody gave to what suits a software driver, and says which; "" for hardware.
func shrink(kind compute.Kind, flags *pflag.FlagSet) (string, error) {
	if kind != compute.Software {
		return "", nil
	}
	var set []string
	for _, s := range small {
		if flags.Changed(s.flag) {
			continue
		}
		if err := flags.Set(s.flag, s.value); err != nil {
			return "", fmt.Errorf("BUG: gpu-report: --%s=%s: %w", s.flag, s.value, err)
		}
		set = append(set, "--"+s.flag+"="+s.value)
	}
	slices.Sort(set)
	return strings.Join(set, " "), nil
}
