package main

import (
	"context"
	"errors"

	"tuff/gpu"
	"tuff/host/compute"
	"tuff/host/engine"
)

// planned is a device that nothing is put on: models are loaded onto it for their program alone, whatever their size.
type planned struct{ *gpu.Device }

func (d planned) NewBuffer(s compute.BufferSpec) (compute.Buffer, error) {
	return noBuffer{s.Name, s.Size}, nil
}
func (d planned) Upload(compute.Buffer, int64, []byte) error { return nil }
func (d planned) Compile(_ context.Context, p *compute.Program, _ compute.Options) (compute.Executable, error) {
	return noExecutable{}, nil
}
func (d planned) Close() error { return nil } // it is another's

type noBuffer struct {
	name string
	size int64
}

func (b noBuffer) Name() string { return b.name }
func (b noBuffer) Size() int64  { return b.size }
func (b noBuffer) Close() error { return nil }

var errPlanned = errors.New("this device plans only")

type noExecutable struct{}

func (noExecutable) Placement() []compute.Group               { return nil }
func (noExecutable) Run(context.Context, *compute.Call) error { return errPlanned }
func (noExecutable) Locate(compute.Ref) (compute.View, error) { return compute.View{}, errPlanned }
func (noExecutable) Close() error                             { return nil }

// programOf is the program that a model runs on a device, for up to rows new tokens and so many positions; neither weights nor caches are
// put anywhere.
func (c *common) programOf(ctx context.Context, dev *gpu.Device, rows, positions int) (p *compute.Program, o compute.Options, err error) {
	f, err := c.openFile()
	if err != nil {
		return nil, o, err
	}
	math, err := c.mathMode()
	if err != nil {
		return nil, o, errors.Join(err, f.Close())
	}
	k, v, err := c.cacheTypes()
	if err != nil {
		return nil, o, errors.Join(err, f.Close())
	}
	e, err := engine.New(ctx, planned{dev}, f, engine.Options{Math: math, TypeK: k, TypeV: v, Chunk: max(rows, 1), ContextLen: max(positions, rows)})
	if err != nil {
		return nil, o, errors.Join(err, f.Close())
	}
	p, o = e.Program(), e.CompileOptions(rows)
	return p, o, errors.Join(e.Close(), f.Close())
}
