package vk

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

//go:embed testdata/vadd.spv
var vaddSPV []byte

// absent says whether an error is one of the four ordinary answers of a machine without a GPU.
func absent(err error) bool {
	return errors.Is(err, ErrNoCgo) || errors.Is(err, ErrNoLoader) || errors.Is(err, ErrNoDriver) || errors.Is(err, ErrNoDevice)
}

func skipAbsent(t testing.TB, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if absent(err) && os.Getenv("REQUIRE_GPU") == "" {
		t.Skip(err)
	}
	t.Fatal(err)
}

// openTest opens the first device with everything on; it fails the test if anything is left when the test ends.
func openTest(t testing.TB, h *Hooks) *Device {
	t.Helper()
	if h == nil {
		h = &Hooks{}
	}
	in, err := Open(Options{Hooks: h, Validation: os.Getenv("VK_VALIDATE") != ""})
	skipAbsent(t, err)
	infos, err := in.PhysicalDevices()
	skipAbsent(t, err)
	d, err := in.OpenDevice(&infos[0], DeviceOptions{Features: AllFeatures()})
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, d.Close())
		assert.Empty(t, in.Messages())
		assert.NoError(t, in.Close())
		assert.Empty(t, h.Live())
	})
	return d
}

// pushArgs lays out the push constants of vadd.
func pushArgs(a, b, o uint64, n uint32, scale float32) []byte {
	p := binary.NativeEndian.AppendUint64(nil, a)
	p = binary.NativeEndian.AppendUint64(p, b)
	p = binary.NativeEndian.AppendUint64(p, o)
	p = binary.NativeEndian.AppendUint32(p, n)
	return binary.NativeEndian.AppendUint32(p, math.Float32bits(scale))
}

const vaddPush = 32

func f32(b []byte, i int) float32 { return math.Float32frombits(binary.NativeEndian.Uint32(b[4*i:])) }

func putF32(b []byte, i int, v float32) {
	binary.NativeEndian.PutUint32(b[4*i:], math.Float32bits(v))
}

func hostType(d *Device) int {
	for i, m := range d.Info().MemoryTypes {
		if m.Flags&(HostVisible|HostCoherent) == HostVisible|HostCoherent {
			return i
		}
	}
	return -1
}

// vadd runs the whole path once: every call of the package that a run needs. What it opened it closes, also on errors.
func vadd(in *Instance, n int) (err error) {
	infos, err := in.PhysicalDevices()
	if err != nil {
		return err
	}
	d, err := in.OpenDevice(&infos[0], DeviceOptions{Features: AllFeatures()})
	if err != nil {
		return err
	}
	var undo []func() error
	defer func() {
		for i := len(undo) - 1; i >= 0; i-- {
			err = errors.Join(err, undo[i]())
		}
		err = errors.Join(err, d.Close())
	}()
	keep := func(f func() error) { undo = append(undo, f) }

	if _, err = d.BufferRequirements(uint64(4*n), UsageAll); err != nil {
		return err
	}
	stride := (uint64(4*n) + 4095) &^ 4095
	mem, err := d.Allocate(3*stride, hostType(d))
	if err != nil {
		return err
	}
	keep(mem.Close)
	var bufs [3]*Buffer
	for i := range bufs {
		if bufs[i], err = d.CreateBuffer(uint64(4*n), UsageAll, mem, stride*uint64(i)); err != nil {
			return err
		}
		keep(bufs[i].Close)
	}
	for i := range n {
		putF32(bufs[0].Bytes(), i, float32(i))
		putF32(bufs[1].Bytes(), i, 1)
	}
	spv, err := SPIRV(vaddSPV)
	if err != nil {
		return err
	}
	cache, err := d.NewPipelineCache(nil)
	if err != nil {
		return err
	}
	keep(cache.Close)
	p, err := d.CreatePipeline(PipelineInfo{Name: "vadd", SPIRV: spv, Spec: SpecConstants(128), PushSize: vaddPush, Cache: cache})
	if err != nil {
		return err
	}
	keep(p.Close)
	if _, err = cache.Data(); err != nil {
		return err
	}
	q, err := d.NewQueryPool(2)
	if err != nil {
		return err
	}
	keep(q.Close)

	c := d.NewCommands()
	c.ResetQueries(q, 0, 2)
	c.BeginLabel("vadd")
	c.Fill(bufs[2], 0, uint64(4*n), 0x7fc00000) // NaN: what is not written shows
	c.Barrier(SyncTransfer, SyncCompute)
	c.Timestamp(q, 0)
	c.Bind(p)
	c.Push(pushArgs(bufs[0].Address(), bufs[1].Address(), bufs[2].Address(), uint32(n), 0.5))
	c.Dispatch(uint32(n+127)/128, 1, 1)
	c.Timestamp(q, 1)
	c.Barrier(SyncCompute, SyncHost)
	c.EndLabel()
	cb, err := d.Record(c)
	if err != nil {
		return err
	}
	keep(cb.Close)
	t, err := d.Submit(cb)
	if err != nil {
		return err
	}
	if err = d.Wait(t, 10*time.Second); err != nil {
		return err
	}
	if _, err = d.Submit(cb); err != nil {
		return err
	}
	if _, err = d.Completed(); err != nil {
		return err
	}
	if err = d.WaitIdle(10 * time.Second); err != nil {
		return err
	}
	var ts [2]uint64
	if err = q.Results(0, ts[:], true); err != nil {
		return err
	}
	if d.Features().CalibratedTimestamps {
		if _, err = d.Calibrate(); err != nil {
			return err
		}
	}
	for i := range n {
		if got, want := f32(bufs[2].Bytes(), i), float32(i)+0.5; got != want {
			return errors.New("vadd: wrong result")
		}
	}
	return nil
}

func TestSmoke(t *testing.T) {
	h := &Hooks{}
	in, err := Open(Options{Hooks: h, AppName: "vk test"})
	skipAbsent(t, err)
	_, err = in.PhysicalDevices()
	skipAbsent(t, err)
	require.NoError(t, vadd(in, 1<<16+3))
	require.NoError(t, in.Close())
	assert.Empty(t, h.Live())
	assert.Equal(t, 2, h.Counts()["vkQueueSubmit"])
}

func TestDescribe(t *testing.T) {
	d := openTest(t, nil)
	p := d.Info()
	t.Logf("%s %s Vulkan %s family %d", p, p.Type, p.APIVersion, p.family)
	t.Logf("subgroup %+v", p.Subgroup)
	t.Logf("limits %+v", p.Limits)
	t.Logf("features %+v", p.Features)
	t.Logf("dot %+v heaps %+v types %+v", p.DotProduct, p.Heaps, p.MemoryTypes)
	t.Logf("matrices %v flexible %+v max %d", p.CooperativeMatrices, p.FlexibleMatrices, p.MaxFlexibleDimension)
	// The least that Vulkan promises; a wrong structure offset would break these.
	assert.NotEmpty(t, p.Name)
	assert.True(t, p.APIVersion.atLeast(1, 2))
	assert.GreaterOrEqual(t, p.Limits.MaxComputeSharedMemorySize, uint32(16384))
	assert.GreaterOrEqual(t, p.Limits.MaxComputeWorkGroupInvocations, uint32(128))
	assert.GreaterOrEqual(t, p.Limits.MaxComputeWorkGroupCount[0], uint32(65535))
	assert.GreaterOrEqual(t, p.Limits.MaxPushConstantsSize, uint32(128))
	assert.GreaterOrEqual(t, p.Limits.MaxMemoryAllocationSize, uint64(1<<30))
	assert.GreaterOrEqual(t, p.Limits.MaxStorageBufferRange, uint32(1<<27))
	assert.Positive(t, p.Limits.TimestampPeriod)
	assert.Zero(t, p.Subgroup.Size&(p.Subgroup.Size-1))
	assert.NotZero(t, p.Subgroup.Size)
	assert.True(t, p.Subgroup.InCompute)
	assert.NotEqual(t, -1, hostType(d))
	assert.GreaterOrEqual(t, p.family, 0)
	assert.NotEqual(t, [16]byte{}, p.PipelineCacheUUID)
	assert.Equal(t, p.Features.CooperativeMatrix, len(p.CooperativeMatrices) > 0)
	if p.Type == TypeCPU { // lavapipe: known values
		assert.Equal(t, "llvmpipe", p.DriverName)
		assert.Equal(t, [3]uint32{1024, 1024, 1024}, p.Limits.MaxComputeWorkGroupSize)
		assert.Equal(t, float32(1), p.Limits.TimestampPeriod)
		assert.Equal(t, uint32(64), p.Limits.TimestampValidBits)
		assert.Equal(t, uint64(4096), p.Limits.MinImportedHostPointerAlignment)
	}
}

func TestFeatureTable(t *testing.T) {
	all := AllFeatures()
	assert.Equal(t, all, all.And(all))
	assert.Equal(t, Features{}, all.And(Features{}))
	assert.Equal(t, Features{}, Features{}.And(all))
	exts, chains := all.request(MakeVersion(1, 3, 0))
	assert.Contains(t, exts, "VK_KHR_cooperative_matrix")
	assert.NotContains(t, exts, "VK_KHR_16bit_storage")
	old, _ := all.request(MakeVersion(1, 1, 0))
	assert.Contains(t, old, "VK_KHR_buffer_device_address")
	for _, c := range chains {
		assert.NotZero(t, c.sType)
		assert.LessOrEqual(t, len(c.bits), maxFeatureBits)
	}
	none, chains := (&Features{}).request(MakeVersion(1, 3, 0))
	assert.Empty(t, none)
	assert.Empty(t, chains)
}

func TestOpenDeviceEnablesWhatIsWanted(t *testing.T) {
	h := &Hooks{}
	in, err := Open(Options{Hooks: h})
	skipAbsent(t, err)
	defer in.Close()
	infos, err := in.PhysicalDevices()
	skipAbsent(t, err)
	d, err := in.OpenDevice(&infos[0], DeviceOptions{})
	require.NoError(t, err)
	assert.Equal(t, Features{BufferDeviceAddress: true, TimelineSemaphore: true}, d.Features())
	_, err = d.CreatePipeline(PipelineInfo{SPIRV: words(t), RequiredSubgroupSize: 8, PushSize: vaddPush})
	assert.ErrorIs(t, err, ErrUnsupported)
	_, err = d.Calibrate()
	assert.ErrorIs(t, err, ErrUnsupported)
	_, err = d.ImportHost(make([]byte, 4096))
	assert.ErrorIs(t, err, ErrUnsupported)
	assert.ErrorIs(t, in.Close(), ErrInvalid, "devices first")
	require.NoError(t, d.Close())
	_, err = d.Allocate(4096, 0)
	assert.ErrorIs(t, err, ErrClosed)
	_, err = in.OpenDevice(&PhysicalInfo{}, DeviceOptions{})
	assert.ErrorIs(t, err, ErrInvalid)
}

// TestGCHammer runs the path while the collector runs all the time: C must never hold memory that Go frees.
func TestGCHammer(t *testing.T) {
	d := openTest(t, nil)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})
	spv := words(t)
	deadline := time.Now().Add(2 * time.Second)
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for n := 0; time.Now().Before(deadline); n++ {
				p, err := d.CreatePipeline(PipelineInfo{Name: "vadd", SPIRV: append([]uint32(nil), spv...), Spec: SpecConstants(uint32(32 + n%64)), PushSize: uint32(vaddPush + 4*(n%8))})
				if !assert.NoError(t, err) {
					return
				}
				m, err := d.Allocate(4096, hostType(d))
				if !assert.NoError(t, err) {
					return
				}
				b, err := d.CreateBuffer(4096, UsageAll, m, 0)
				if !assert.NoError(t, err) {
					return
				}
				c := d.NewCommands()
				c.Bind(p)
				c.Push(pushArgs(b.Address(), b.Address(), b.Address(), 1024, 0))
				c.Dispatch(1024/(uint32(32+n%64))+1, 1, 1)
				cb, err := d.Record(c)
				if !assert.NoError(t, err) {
					return
				}
				tk, err := d.Submit(cb)
				assert.NoError(t, err)
				assert.NoError(t, d.Wait(tk, 10*time.Second))
				assert.NoError(t, cb.Close())
				assert.NoError(t, b.Close())
				assert.NoError(t, m.Close())
				assert.NoError(t, p.Close())
			}
		})
	}
	workers.Wait()
	close(stop)
	wg.Wait()
}
