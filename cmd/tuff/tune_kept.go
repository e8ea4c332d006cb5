package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compute"
)

// tunedFile is what tune found for a device.
type tunedFile struct {
	cached
	Shapes     kernel.Tuned     `json:"shapes"`
	Many       kernel.TunedMany `json:"many,omitempty"` // not in files of earlier versions
	Unfinished *unfinished      `json:"unfinished,omitempty"`
}

// unfinished is a tuning that was interrupted or had no time for all shapes: what the next one of the same work need not do again.
type unfinished struct {
	Work   string      `json:"work"`
	When   time.Time   `json:"when"`
	Stages []stageDone `json:"stages"`
}

// stageDone is what became of a stage.
type stageDone struct {
	Stage   string    `json:"stage"`
	Done    bool      `json:"done"`              // no shape is left
	Shapes  int       `json:"shapes"`            // tried
	Lost    []string  `json:"lost,omitempty"`    // shapes that need not be tried again
	Refused []string  `json:"refused,omitempty"` // with the reasons
	Rows    []tuneRow `json:"products,omitempty"`
	Step    *tuneStep `json:"step,omitempty"` // nil: the model has nothing of the kind
}

// won are the shapes that are the fastest of some product.
func (d *stageDone) won() found {
	f := found{kernel.Tuned{}, kernel.TunedMany{}}
	for _, r := range d.Rows {
		switch {
		case r.Shape != nil:
			f.few[r.Product] = *r.Shape
		case r.Many != nil:
			f.many[r.Product] = *r.Many
		}
	}
	return f
}

// found are those, if the step gained by all of them together.
func (d *stageDone) found() found {
	if d.Step == nil || d.Step.Tuned >= d.Step.Planned {
		return found{}
	}
	return d.won()
}

// of is what became of a stage so far.
func (u *unfinished) of(stage string) stageDone {
	if i := slices.IndexFunc(u.Stages, func(d stageDone) bool { return d.Stage == stage }); i >= 0 {
		return u.Stages[i]
	}
	return stageDone{Stage: stage}
}

// set puts d in the place of what was said of its stage.
func (u *unfinished) set(d stageDone) {
	u.Stages = append(slices.DeleteFunc(u.Stages, func(old stageDone) bool { return old.Stage == d.Stage }), d)
}

// tried counts the stages that are done and the shapes of others that were tried.
func (u *unfinished) tried() (stages, shapes int) {
	for _, d := range u.Stages {
		if d.Done {
			stages++
		} else {
			shapes += d.Shapes
		}
	}
	return stages, shapes
}

// names are the shapes of f.
func names(f found) map[string]bool {
	all := map[string]bool{}
	for _, s := range f.few {
		all[s.String()] = true
	}
	for _, s := range f.many {
		all[s.String()] = true
	}
	return all
}

// workOf names what is tuned. It need not be unique: products with their sizes name what was found.
func workOf(l *loaded) string {
	return fmt.Sprintf("%s, %d bytes of weights, %s, %d positions", l.Model.Config.Name, l.Model.WeightBytes, l.Math(), l.ContextLen())
}

func readTunedFile(info compute.Info) (f tunedFile) {
	if info.Kind == compute.Host || !readCached(cachePath("tuned", info), &f) || f.cached != cachedFor(info) {
		return tunedFile{}
	}
	return f
}

func readTuned(info compute.Info) found {
	f := readTunedFile(info)
	return found{f.Shapes, f.Many}
}

// useFound makes a device use what was measured of it and found for it.
func (c *common) useFound(ctx context.Context, dev *gpu.Device) *gpu.Device {
	usePeaks(ctx, dev)
	if !c.untuned {
		f := readTuned(dev.Info())
		dev.SetTuned(f.few)
		dev.SetTunedMany(f.many)
	}
	return dev
}

// goOn is the unfinished tuning of the same work, or a new one.
func goOn(info compute.Info, work string) *unfinished {
	if u := readTunedFile(info).Unfinished; u != nil && u.Work == work {
		return u
	}
	return &unfinished{Work: work}
}

// remember adds what was found to what was known of a device, and keeps what is unfinished, if anything is. Of products in list, what no
// longer gains goes, unless it is among the shapes that were not tried.
func remember(info compute.Info, list []tuneRow, f found, left map[string]bool, u *unfinished) {
	file := readTunedFile(info)
	for _, r := range list {
		if s, ok := file.Shapes[r.Product]; ok && !left[s.String()] {
			delete(file.Shapes, r.Product)
		}
		if s, ok := file.Many[r.Product]; ok && !left[s.String()] {
			delete(file.Many, r.Product)
		}
	}
	all := found{file.Shapes, file.Many}.and(f)
	if u != nil {
		u.When = time.Now().UTC()
	}
	writeCached(cachePath("tuned", info), tunedFile{cachedFor(info), all.few, all.many, u})
}
