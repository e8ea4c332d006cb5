"use strict";
// The report of tuff profile. Its data are profile.Report with samples and a timeline beside.
(() => {
  const { data, el, section, num, percent, si, time, bytes, color, table, tabs, cards, plot, bins, treemap, stack } = tuff;
  const times = (v) => (v > 0 && Number.isFinite(v) ? v.toFixed(2) + " ×" : "–");
  const limits = data.limits, phases = data.regions.filter((g) => g.steps > 0);
  const byName = (name) => phases.find((g) => g.name === name);
  const matrix = Math.max(0, ...(limits.Matrix || []).filter((m) => m.Types.match(/^(half|bfloat16)/)).map((m) => m.Rate));

  section("summary", "Summary", data.clock, cards(phases.flatMap((g) => [
    [g.name + ", tokens/s", num(g.tokens_per_s)],
    [g.name + ", device busy", percent((g.parts.find((p) => p.name === "kernels") || { time_ns: 0 }).time_ns / g.wall_ns)],
    [g.name + ", dispatches and barriers a step", num(g.dispatches_per_step) + ", " + num(g.barriers_per_step)],
    ...(g.untimed_tokens_per_s ? [[g.name + ", cost of timing", percent(g.overhead)]] : []),
  ]).concat(limits.Bandwidth ? [["measured memory", si(limits.Bandwidth, "B/s")], ["measured float32", si(limits.FLOPs, "FLOP/s")]] : [], matrix ? [["measured matrix", si(matrix, "FLOP/s")]] : [])));

  if (data.advice && data.advice.length) {
    section("advice", "What to try", "Predicted from this profile: what an op would gain if it came as close to its limit as the best op here does.",
      el("ul", { class: "advice" }, data.advice.map((a) => el("li", {}, el("b", {}, "up to " + percent(a.gain) + " of " + a.phase), ": " + a.what + ". ", el("code", {}, a.command), " (" + a.because + ")"))));
  }

  section("parts", "Where the time goes", "Each part is measured by itself; together they must be the wall time within 2 %.", phases.map((g) => el("div", { style: { margin: "10px 0" } },
    el("b", {}, g.name + " "), "accounted " + percent(g.accounted) + " of " + time(g.wall_ns),
    stack(g.parts.map((p) => ({ name: p.name, value: p.time_ns, tip: p.name + ": " + time(p.time_ns) + "\n" + p.what }))))));

  // The roofline: a point for each op at its intensity, under the lines of the measured limits.
  const roof = section("roofline", "Roofline", "Each point is an op with its shape: operations per byte that must move, against what it reached. The slope is the measured memory, the roofs the measured peaks.");
  roof.append(tabs(phases.map((g) => g.name), (name, box) => {
    const ops = byName(name).ops.filter((o) => o.cost.Bytes > 0 && o.cost.FLOPs > 0 && o.flops_per_s > 0).map((o) => ({ o, x: o.cost.FLOPs / o.cost.Bytes }));
    if (!ops.length || !limits.Bandwidth) { box.append("No op of this phase has both bytes and operations, or the limits were not measured."); return; }
    const low = Math.min(...ops.map((p) => p.x)) / 2, high = Math.max(...ops.map((p) => p.x), (matrix || limits.FLOPs) / limits.Bandwidth) * 4;
    const grid = [];
    for (let i = 0; i <= 60; i++) grid.push(low * (high / low) ** (i / 60));
    const xs = [...new Set([...grid, ...ops.map((p) => p.x), limits.FLOPs / limits.Bandwidth])].sort((a, b) => a - b);
    const rows = [xs, xs.map((x) => Math.min(x * limits.Bandwidth, limits.FLOPs))];
    const series = [{}, { label: "float32", stroke: "#444", width: 2, points: { show: false }, silent: true }];
    if (matrix) {
      rows.push(xs.map((x) => Math.min(x * limits.Bandwidth, matrix)));
      series.push({ label: "matrix", stroke: "#999", width: 2, dash: [6, 4], points: { show: false }, silent: true });
    }
    const skip = rows.length;
    for (const p of ops) {
      rows.push(xs.map((x) => (x === p.x ? p.o.flops_per_s : null)));
      series.push({ label: p.o.stem, stroke: color(p.o.stem), paths: () => null, points: { show: true, size: 6 + 18 * Math.sqrt(p.o.share), fill: color(p.o.stem) } });
    }
    const all = ops.map((p) => p.o.flops_per_s).concat(limits.FLOPs, matrix || limits.FLOPs);
    const decades = [10 ** Math.floor(Math.log10(Math.min(...all))), 10 ** Math.ceil(Math.log10(Math.max(...all) * 1.2))];
    const u = plot(box, { height: 400, scales: { x: { time: false, distr: 3 }, y: { distr: 3, range: decades } }, series,
      axes: [{ label: "operations per byte", values: (_, v) => v.map((x) => (x === null ? "" : num(x))) }, { label: "FLOP/s", size: 74, values: (_, v) => v.map((x) => (x === null ? "" : si(x, ""))) }] }, rows,
      (s) => { const o = ops[s - skip].o; return o.stem + " " + o.shape + "\n" + o.kernel + "\n" + si(o.flops_per_s, "FLOP/s") + ", " + si(o.bytes_per_s, "B/s") + "\n" + percent(o.of_bandwidth) + " of memory, " + percent(o.of_peak) + " of the peak of " + o.tier + "\n" + (o.issued ? times(o.issued.Bytes / o.cost.Bytes) + " the bytes asked of memory, " + times(o.issued.FLOPs / o.cost.FLOPs) + " the operations done\n" : "") + percent(o.share) + " of the phase"; });
    box.dataset.points = ops.length;
    box.append(el("div", { class: "key" }, [...new Set(ops.map((p) => p.o.stem))].map((s) => el("span", {}, el("i", { style: { background: color(s) } }), s))));
    return u;
  }));

  section("shares", "Shares", "Device time by op and shape.").append(tabs(phases.map((g) => g.name), (name, box) => box.append(treemap(byName(name).ops.map((o) => ({
    name: o.stem + " " + o.shape, color: o.stem, value: o.time_ns, tip: o.stem + " " + o.shape + "\n" + o.kernel + "\n" + o.calls + " calls, " + time(o.time_ns) + "\n" + (o.why || "") }))))));

  // Ops, with the distribution of the calls of the one that is picked.
  section("ops", "Ops", "A click on a row shows the times of its calls, and how they grow with the sequence.").append(tabs(phases.map((g) => g.name), (name, box) => {
    const g = byName(name), detail = el("div", { class: "row" });
    const most = (o, what) => Math.max(-1, ...(o.built || []).map((b) => b[what] ?? -1)), told = (v) => (v < 0 ? "–" : String(v));
    const show = (o) => {
      detail.replaceChildren();
      const calls = data.samples[name][g.ops.indexOf(o)];
      if (!calls || !calls.length) return;
      const left = el("div"), right = el("div");
      detail.append(left, right);
      const h = bins(calls.map((c) => c[1]), Math.min(40, Math.max(8, Math.round(Math.sqrt(calls.length)))));
      plot(left, { height: 220, title: o.stem + " " + o.shape + ": time of a call", scales: { x: { time: false } }, axes: [{ values: (_, v) => v.map((x) => time(x)) }, { label: "calls" }],
        series: [{}, { label: "calls", fill: color(o.stem), stroke: color(o.stem), paths: uPlot.paths.bars({ size: [1, Infinity] }), points: { show: false } }] }, [h.at, h.counts],
        (_, i) => h.counts[i] + " calls of " + time(h.at[i] - h.width / 2) + " to " + time(h.at[i] + h.width / 2));
      const byDepth = new Map();
      for (const c of calls) byDepth.set(c[0], [...(byDepth.get(c[0]) || []), c]);
      const depths = [...byDepth.keys()].sort((a, b) => a - b);
      if (depths.length > 1) {
        const mid = (v) => v.sort((a, b) => a - b)[v.length >> 1];
        const rate = depths.map((d) => mid(byDepth.get(d).map((c) => (c[1] > 0 ? c[2] / c[1] : 0)))); // bytes per nanosecond: GB/s
        plot(right, { height: 220, title: "bandwidth by tokens in front of the step", scales: { x: { time: false } }, axes: [{ label: "tokens" }, { label: "GB/s" }],
          series: [{}, { label: "GB/s", stroke: color(o.stem), width: 2, points: { show: depths.length < 80 } }] }, [depths, rate],
          (_, i) => depths[i] + " tokens: " + num(rate[i]) + " GB/s, " + time(mid(byDepth.get(depths[i]).map((c) => c[1]))));
      }
    };
    box.append(table([
      { name: "op", text: true, get: (o) => o.stem }, { name: "shape", text: true, get: (o) => o.shape }, { name: "kernel", text: true, get: (o) => o.kernel },
      { name: "calls", get: (o) => o.calls, show: String }, { name: "time", get: (o) => o.time_ns, show: time }, { name: "share", get: (o) => o.share, show: percent },
      { name: "median", get: (o) => o.median_ns, show: time }, { name: "min", get: (o) => o.min_ns, show: time }, { name: "max", get: (o) => o.max_ns, show: time },
      { name: "B/s", get: (o) => o.bytes_per_s, show: (v) => si(v, "B/s") }, { name: "of memory", get: (o) => o.of_bandwidth, show: percent },
      { name: "bytes asked / must", get: (o) => (o.issued ? o.issued.Bytes / o.cost.Bytes : 0), show: times },
      { name: "FLOP/s", get: (o) => o.flops_per_s, show: (v) => si(v, "") }, { name: "of its peak", get: (o) => o.of_peak, show: percent }, { name: "FLOPs done / must", get: (o) => (o.issued && o.cost.FLOPs ? o.issued.FLOPs / o.cost.FLOPs : 0), show: times }, { name: "arithmetic", text: true, get: (o) => o.tier },
      { name: "gap before", get: (o) => (o.gap_barrier_ns + o.gap_launch_ns) / o.calls, show: time },
      ...(data.driver_tells ? [{ name: "registers", get: (o) => most(o, "registers"), show: told }, { name: "spills", get: (o) => most(o, "spills"), show: told },
        { name: "subgroups at once", get: (o) => most(o, "subgroups"), show: told },
        { name: "compiled to", text: true, wide: true, get: (o) => (o.built || []).map((b) => b.kernel + ": " + b.statistics.map((s) => s.name + " " + s.value).join(", ")).join("; ") }] : []),
      { name: "why", text: true, wide: true, get: (o) => o.why },
    ], g.ops, show), detail);
    if (!data.driver_tells) box.append(el("p", { class: "note" }, "Registers, spills, occupancy: the driver does not tell."));
    show(g.ops[0]);
  }));

  const lanes = (steps) => [
    { name: "host", spans: steps.flatMap((s) => s.host.map((h) => ({ b: h.b, e: h.e, name: h.n, color: color(h.n), tip: h.n + " of " + s.phase + ": " + time(h.e - h.b) }))) },
    { name: "device", spans: steps.flatMap((s) => s.spans.map((d) => ({ b: d.b, e: d.e, name: d.n, color: color(d.k.replace(/_.*/, "")), tip: d.n + "\n" + d.k + " " + (d.s || "") + "\n" + time(d.e - d.b) + (d.g ? "\nafter " + time(d.g) + " idle" + (d.w ? ", waiting for results" : "") : "") }))) },
    { name: "idle", spans: steps.flatMap((s) => s.spans.filter((d) => d.g).map((d) => ({ b: d.b - d.g, e: d.b, name: d.w ? "barrier" : "launch", color: d.w ? "#c62828" : "#b26a00", tip: (d.w ? "barrier" : "launch") + " before " + d.n + ": " + time(d.g) }))) },
  ];
  section("timeline", "Timeline", "Host and device on one clock, the last steps of the last run. The wheel zooms, dragging moves, a double click shows all.")
    .append(tabs(phases.map((g) => g.name), (name, box) => tuff.timeline(box, lanes(data.timeline.filter((s) => s.phase === name)))));

  if (data.memory && data.memory.length > 1) {
    const s = section("memory", "Memory", "In use after each phase of each run: what the device has allocated, and the host's heap of Go objects.");
    const at = data.memory.map((m) => m.at_ns / 1e9);
    plot(s, { height: 220, scales: { x: { time: false } }, axes: [{ label: "seconds" }, { size: 84, values: (_, v) => v.map((x) => bytes(x)) }],
      series: [{}, { label: "device", stroke: color("device"), width: 2 }, { label: "heap", stroke: color("heap"), width: 2 }] }, [at, data.memory.map((m) => m.device), data.memory.map((m) => m.heap)],
      (i, k) => ["", "device ", "heap "][i] + bytes(i === 1 ? data.memory[k].device : data.memory[k].heap) + " after " + data.memory[k].after + " of run " + (data.memory[k].run + 1));
    s.append(el("div", { class: "key" }, ["device", "heap"].map((n) => el("span", {}, el("i", { style: { background: color(n) } }), n))));
  }
})();
