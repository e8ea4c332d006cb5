"use strict";
// The report of tuff compare. Its data are compare.Report with limits and a summary beside.
(() => {
  const { data, el, section, num, percent, color, tip, table, tabs, cards, plot } = tuff;
  const phases = [...new Set(data.ops.map((o) => o.phase))], of = (p) => data.ops.filter((o) => o.phase === p);
  const l = data.logits, g = data.greedy, own = "own", carried = "carried";
  const layer = (o) => (/^blk\.(\d+)\./.exec(o.tensor) || /^blk\.(\d+)\./.exec(o.op) || [null, "–"])[1];
  // The numbers of an op by itself; of two recordings, whose ops cannot be run, with errors carried along.
  const alone = (o) => (data.carried_only ? o.carried : o.isolated), names = (list) => (list && list.length ? list.slice(0, 40).join(", ") + (list.length > 40 ? " and " + (list.length - 40) + " more" : "") : "");
  const fd = data.first_divergence;
  const limit = data.limits.bound, wrong = (v) => v === null || (limit !== null && v > limit); // null: the mean squared error alone judges
  const infinite = (v) => (v === null ? Infinity : v);

  section("summary", "Summary", "", el("p", { class: data.pass ? "good" : "bad" }, data.summary), cards([
    ["results compared", String(data.ops.length)], ["over a limit", String(data.ops.filter((o) => o.verdict !== "ok").length)],
    ...(data.encoder ? [["largest difference of vectors", num(l.max_abs)]] : [["mean KL, nats", num(l.mean_kl)], ["p99 KL", num(l.p99_kl)], ["top-1 equal", percent(l.top1_agreement)], ["largest difference of logits", num(l.max_abs)],
      ["greedy text equal", g.first_token < 0 ? g.equal + " tokens" : g.equal + " tokens, then not"]]),
  ]), fd ? el("p", {}, "First divergence, " + (data.carried_only ? "errors carried along" : "given B's inputs") + ": ", el("code", {}, fd.op), ", kernel ", el("code", {}, fd.kernel), ", tensor ", el("code", {}, fd.tensor),
    ": element (" + Math.floor(alone(fd).worst / fd.cols) + ", " + (alone(fd).worst % fd.cols) + ") is " + num(alone(fd).got) + ", want " + num(alone(fd).want) + ".") : null,
  data.bisection ? el("p", { id: "bisection" }, data.bisection_text) : null,
  data.unmatched ? el("p", {}, "In the recording, not in the program: " + names(data.unmatched)) : null,
  data.not_recorded ? el("p", {}, "In the program, not in the recording: " + names(data.not_recorded)) : null);

  // Errors on a logarithmic scale; equal results are drawn at the floor.
  const floor = 1e-18, shown = (v) => (v === null ? 1 : Math.max(v, floor));
  section("layers", "Error by layer", "Normalised mean squared error of every result in the order of the program: each op by itself, given B's inputs as far as they are known, and with errors carried along. A step in the first line is an op that is wrong; the second alone only carries." + (data.carried_only ? " Both sides are recordings: there is the second line alone." : ""))
    .append(tabs(phases, (p, box) => {
      const ops = of(p), xs = ops.map((_, i) => i);
      const begins = xs.filter((i) => layer(ops[i]) !== "–" && (i === 0 || layer(ops[i]) !== layer(ops[i - 1]))), every = Math.ceil(begins.length / 16);
      plot(box, { height: 320, scales: { x: { time: false }, y: { distr: 3 } },
        axes: [{ splits: () => begins.filter((_, i) => i % every === 0), values: (_, v) => v.map((x) => "layer " + layer(ops[x])) }, { label: "NMSE", size: 76, values: (_, v) => v.map((x) => (x === null ? "" : x.toExponential(0))) }],
        series: [{}, { label: own, show: !data.carried_only, stroke: color(own), width: 2, points: { show: true, size: 5 } }, { label: carried, stroke: color(carried), width: 2, dash: [5, 3], points: { show: true, size: 4 } }] },
        [xs, ops.map((o) => shown(o.isolated.nmse)), ops.map((o) => shown(o.carried.nmse))],
        (s, i) => ops[i].tensor + "\n" + ops[i].kernel + "\n" + (s === 1 ? "own" : "carried") + ": " + num((s === 1 ? ops[i].isolated : ops[i].carried).nmse) + "\n" + ops[i].verdict);
      box.append(el("div", { class: "key" }, [own, carried].map((n) => el("span", {}, el("i", { style: { background: color(n) } }), n))));
    }));

  section("bounds", "Share of the proven bound", "The ops whose own error comes closest to what rounding float32 can explain. " + (limit === null
    ? "Fast arithmetic rounds operands to halves, bfloat16 or bytes besides: beyond 100 % is no fault here, and the mean squared error judges."
    : "Beyond 100 % a result is wrong, not merely rounded in another order.") + " Ops without a proven bound are left out.")
    .append(tabs(phases, (p, box) => {
      const ops = of(p).filter((o) => o.isolated.bound !== 0 && o.isolated.count).sort((a, b) => infinite(b.isolated.bound) - infinite(a.isolated.bound)).slice(0, 24);
      if (!ops.length) { box.append("No op of this phase has one, or all are equal to B's."); return; }
      const xs = ops.map((_, i) => i), v = ops.map((o) => (o.isolated.bound === null ? 1e6 : o.isolated.bound));
      plot(box, { height: 240, scales: { x: { time: false, range: [-0.6, ops.length - 0.4] }, y: { distr: 3 } }, axes: [{ values: (_, t) => t.map(() => "") }, { label: "of the bound", size: 96, values: (_, t) => t.map((x) => (x === null ? "" : percent(x))) }],
        series: [{}, { label: "bound", stroke: "#3366cc", fill: "#3366cc", paths: uPlot.paths.bars({ size: [0.8, 60] }), points: { show: false } }] }, [xs, v],
        (_, i) => ops[i].tensor + "\n" + ops[i].kernel + "\n" + percent(ops[i].isolated.bound) + " of its bound");
    }));

  // What the worst tensor's cells hold, with one workgroup's part drawn where it is known.
  const m = data.worst;
  if (m) {
    const s = section("map", "Where the worst tensor is off", "The largest error of each cell of " + m.row_step + " × " + m.col_step + " elements of " + m.tensor + " (" + m.phase + ", kernel " + m.kernel + "), " +
      (m.of_bound ? "as a share of the element's proven bound" : "as |A − B|") + ". Rows run down, columns across." + (m.tile_cols ? " Lines part the workgroups: " + m.tile_rows + " × " + m.tile_cols + " elements each." : ""));
    const across = Math.ceil(m.cols / m.col_step), down = Math.ceil(m.rows / m.row_step), top = Math.max(...m.cells, 0);
    const w = 1160, h = Math.max(60, Math.min(460, down * Math.max(8, Math.floor(w / across)))), ratio = window.devicePixelRatio || 1;
    const canvas = el("canvas", { class: "lane", "aria-label": "map of errors" });
    s.append(canvas);
    canvas.width = w * ratio; canvas.height = h * ratio; canvas.style.height = "auto"; canvas.style.aspectRatio = w + " / " + h;
    const c = canvas.getContext("2d");
    c.scale(ratio, ratio);
    const shade = (v) => { // from pale to red on a logarithmic scale of six decades; not finite is black
      if (v < 0) return "#000";
      if (v === 0 || top === 0) return "#eef2f6";
      const f = Math.max(0, Math.min(1, 1 + Math.log10(v / top) / 6));
      return `hsl(${Math.round(220 - 220 * f)} 80% ${Math.round(88 - 42 * f)}%)`;
    };
    m.cells.forEach((v, i) => { c.fillStyle = shade(v); c.fillRect(((i % across) * w) / across, (Math.floor(i / across) * h) / down, w / across + 0.5, h / down + 0.5); });
    c.strokeStyle = "rgba(20,24,30,.55)";
    if (m.tile_cols) {
      const xs = m.cols / m.tile_cols, ys = m.rows / m.tile_rows;
      if (xs <= 256) for (let i = 1; i < xs; i++) { c.beginPath(); c.moveTo((i * w) / xs, 0); c.lineTo((i * w) / xs, h); c.stroke(); }
      if (ys <= 128) for (let i = 1; i < ys; i++) { c.beginPath(); c.moveTo(0, (i * h) / ys); c.lineTo(w, (i * h) / ys); c.stroke(); }
    }
    canvas.addEventListener("mousemove", (e) => {
      const r = canvas.getBoundingClientRect(), x = Math.min(across - 1, Math.floor(((e.clientX - r.left) / r.width) * across)), y = Math.min(down - 1, Math.floor(((e.clientY - r.top) / r.height) * down)), v = m.cells[y * across + x];
      const row = y * m.row_step, col = x * m.col_step;
      tip(e, "rows from " + row + ", columns from " + col + "\n" + (v < 0 ? "not finite" : m.of_bound ? percent(v) + " of the bound" : num(v)) + (m.tile_cols ? "\nworkgroup (" + Math.floor(col / m.tile_cols) + ", " + Math.floor(row / m.tile_rows) + ")" : ""));
    });
    canvas.addEventListener("mouseleave", (e) => tip(e, ""));
  }

  section("ops", "Results", "A click on a row shows its histogram of errors in units of the last place.").append(tabs(phases, (p, box) => {
    const detail = el("div"), ops = of(p);
    const show = (o) => {
      detail.replaceChildren();
      const u = alone(o).ulps;
      let last = u.length - 1;
      while (last > 2 && !u[last]) last--;
      const names = ["equal", "≤ 1", ...Array.from({ length: u.length - 3 }, (_, i) => "≤ " + (i < 9 ? 2 ** (i + 1) : "2^" + (i + 1))), "more"];
      plot(detail, { height: 220, title: o.tensor + ": elements by distance in units of the last place", scales: { x: { time: false, range: [-0.6, last + 0.6] } },
        axes: [{ splits: () => Array.from({ length: last + 1 }, (_, i) => i), values: (_, v) => v.map((i) => names[i]) }, { label: "elements" }],
        series: [{}, { label: "elements", stroke: "#2a9d5c", fill: "#2a9d5c", paths: uPlot.paths.bars({ size: [0.9, 80] }), points: { show: false } }] }, [u.slice(0, last + 1).map((_, i) => i), u.slice(0, last + 1)],
        (_, i) => u[i] + " elements: " + names[i]);
    };
    box.append(table([
      { name: "result", text: true, get: (o) => o.tensor }, { name: "layer", text: true, get: layer }, { name: "kernel", text: true, get: (o) => o.kernel }, { name: "shape", text: true, get: (o) => o.rows + "×" + o.cols },
      { name: "of bound", get: (o) => (o.no_bound ? undefined : o.isolated.bound), show: percent, class: (v) => (wrong(v) ? "bad" : "") }, { name: "NMSE", get: (o) => alone(o).nmse }, { name: "max ULP", get: (o) => alone(o).max_ulp },
      { name: "cosine", get: (o) => alone(o).cosine, show: (v) => (v === null ? "–" : v.toFixed(7)) }, { name: "NaN, inf", get: (o) => alone(o).nan + alone(o).inf, show: String, class: (v) => (v ? "bad" : "") },
      { name: "carried NMSE", get: (o) => o.carried.nmse }, { name: "verdict", text: true, get: (o) => o.verdict, class: (v) => (v === "ok" ? "good" : "bad") },
    ], ops, show), detail);
    show(ops.find((o) => o.verdict !== "ok") || ops[0]);
  }));

  if (!data.encoder && l.kl && l.kl.length > 1) {
    const s = section("kl", "Divergence by position", "KL of A's next-token distribution from B's, in nats, for every position of the prompt and the decoded tokens behind it. The dashed line is the limit of the mean.");
    const xs = l.kl.map((_, i) => i);
    plot(s, { height: 240, scales: { x: { time: false }, y: { distr: 3 } }, axes: [{ label: "position" }, { label: "nats", size: 76, values: (_, v) => v.map((x) => (x === null ? "" : x.toExponential(0))) }],
      series: [{}, { label: "KL", stroke: "#6f4bb2", width: 2, points: { show: true, size: 5 } }, { label: "limit", stroke: "#c62828", dash: [6, 4], width: 1, points: { show: false }, silent: true }] },
      [xs, l.kl.map(shown), xs.map(() => data.kl_limit)], (_, i) => "position " + i + ": " + num(l.kl[i]) + " nats");
  }

  if (data.stability && data.stability.length) {
    section("determinism", "Determinism", "The last logits of the prompt on A once more: the same work must give the same bits; in steps of other sizes other kernels may run, and sums be taken in another order.", table([
      { name: "run", text: true, get: (s) => s.name }, { name: "times", get: (s) => s.runs, show: String },
      { name: "bits", text: true, get: (s) => (s.equal ? "the same" : "others"), class: (v, s) => (s.equal ? "good" : s.must ? "bad" : "warn") },
      { name: "largest difference", get: (s) => s.max_abs }, { name: "KL", get: (s) => s.kl },
    ], data.stability));
  }
})();
