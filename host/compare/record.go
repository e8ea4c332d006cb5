package compare

import (
	"context"
	"fmt"
	"io"
	"slices"

	"tuff/host/compute"
	"tuff/host/dump"
	"tuff/host/engine"
)

// Record runs a prompt, one more token and the rest of what Run would ask of e, and writes all results that are in memory to w, to be a side
// of a comparison later. e must have been made with AllLogits and Compile.Keep; with Compile.NoFuse every op's result is there. info has what e
// does not know: the digest, the build, the kernels' digest.
func Record(ctx context.Context, e *engine.Engine, o Options, info RunInfo, w io.Writer) (int, error) {
	if o.Progress == nil {
		o.Progress = func(string, int, int) {}
	}
	dev := e.Device.Info()
	info.Model, info.Device, info.Driver, info.Math, info.Kernels = e.File.Name, dev.Name, dev.Driver, e.Math().String(), map[string]string{}
	info.Reference = dev.Kind == compute.Host && e.Math() == compute.Exact && e.CompileOptions(1).NoFuse
	c := &comparison{live: e, o: o, norms: map[compute.Ref][]float64{}, r: &Report{}}
	list, err := c.record(ctx, &info)
	if err != nil {
		return 0, fmt.Errorf("compare: record: %w", err)
	}
	for i, ids := range append([][]int32{o.Prompt}, o.More...) {
		p := RecordedPrompt{Tokens: ids}
		if !e.Model.Config.Encoder {
			if p.Greedy, p.Margins, err = greedyText(ctx, e, ids, o.Greedy); err != nil {
				return 0, fmt.Errorf("compare: record: %w", err)
			}
		}
		if info.Prompts = append(info.Prompts, p); i == 0 {
			continue
		}
		rows, err := promptRows(ctx, e, ids)
		if err != nil {
			return 0, fmt.Errorf("compare: record: prompt %d: %w", i+1, err)
		}
		list = append(list, dump.Floats32(fmt.Sprintf("prompt.%d.logits", i), []int{len(ids), e.Model.Width()}, slices.Concat(rows...)))
	}
	return len(list), info.write(w, list)
}

// record keeps the results of the prompt and of one more token.
func (c *comparison) record(ctx context.Context, info *RunInfo) (list []dump.Array, err error) {
	s := c.live.NewSession()
	defer s.Close()
	refs, names := results(c.live.Model.Program)
	ids := c.o.Prompt
	for _, phase := range []string{"prefill", "decode"} {
		x := executable(c.live, len(ids))
		groups := x.Placement()
		step := new(compute.Step)
		got := &reader{dev: c.live.Device, x: x, p: c.live.Model.Program, step: step, cmp: c}
		ops := make([][]Op, len(groups))
		before := func(g int) error { return got.poison(groups[g]) }
		after := func(g int) error {
			c.o.Progress(phase, g+1, len(groups))
			for _, i := range groups[g].Ops {
				for _, ref := range got.p.Instrs[i].Op.Writes() {
					v, err := got.values(ref)
					if err != nil || got.inside(groups[g], ref) && untouched(v) {
						continue // fused away
					}
					name := phase + "." + names[slices.Index(refs, ref)]
					cols := got.p.At(ref).Cols
					list = append(slices.DeleteFunc(list, func(a dump.Array) bool { return a.Name == name }), // what several ops write counts as the last left it
						dump.Floats32(name, []int{len(v) / cols, cols}, v))
					ops[g] = append(ops[g], Op{Tensor: name})
				}
			}
			return nil
		}
		if _, err := runInto(ctx, step, x, s, ids, everyRow(ids), before, after); err != nil {
			return nil, err
		}
		if _, err := nameKernels(ctx, x, step, ops); err != nil {
			return nil, err
		}
		for _, group := range ops {
			for i := range group {
				info.Kernels[group[i].Tensor] = group[i].Kernel
			}
		}
		if len(s.Tokens())+1 > c.live.ContextLen() || phase == "decode" || c.live.Model.Config.Encoder {
			return list, nil
		}
		l, err := got.values(c.live.Model.Logits)
		if err != nil {
			return nil, err
		}
		ids = []int32{likeliest(c.live, l)}
		info.Decoded = ids
	}
	return list, nil
}
