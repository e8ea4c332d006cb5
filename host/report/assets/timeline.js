"use strict";
// timeline draws lanes of spans on one clock on a canvas: the wheel zooms at the pointer, dragging moves, a double click shows all.
// lanes: [{name, spans: [{b, e, name, color, tip}]}], times in nanoseconds.
tuff.timeline = (box, lanes) => {
  const laneHeight = 34, top = 18, left = 74;
  const canvas = tuff.el("canvas", { class: "lane", tabindex: "0", "aria-label": "timeline" });
  box.append(canvas);
  let first = Infinity, last = -Infinity;
  for (const l of lanes) for (const s of l.spans) { first = Math.min(first, s.b); last = Math.max(last, s.e); }
  if (!(last > first)) return;
  let from = first, to = last;
  const height = top + lanes.length * laneHeight + 8, ratio = window.devicePixelRatio || 1;
  const width = () => canvas.clientWidth || 1100;
  canvas.style.height = height + "px";
  const x = (t) => left + ((t - from) / (to - from)) * (width() - left - 6);
  const at = (px) => from + ((px - left) / (width() - left - 6)) * (to - from);

  function step(span) { // a round distance of ticks
    const rough = span / 8, p = 10 ** Math.floor(Math.log10(rough));
    return [1, 2, 5, 10].map((f) => f * p).find((d) => d >= rough);
  }
  function draw() {
    canvas.width = width() * ratio;
    canvas.height = height * ratio;
    const g = canvas.getContext("2d"), style = getComputedStyle(document.body);
    const ink = style.getPropertyValue("--ink"), soft = style.getPropertyValue("--soft"), line = style.getPropertyValue("--line");
    g.scale(ratio, ratio);
    g.font = "11px system-ui, sans-serif";
    g.fillStyle = soft; g.strokeStyle = line;
    const d = step(to - from);
    for (let t = Math.ceil((from - first) / d) * d + first; t <= to; t += d) {
      g.beginPath(); g.moveTo(x(t), top - 4); g.lineTo(x(t), height); g.stroke();
      g.fillText(tuff.time(t - first), x(t) + 3, 12);
    }
    lanes.forEach((l, i) => {
      const y = top + i * laneHeight;
      g.fillStyle = ink; g.fillText(l.name, 6, y + 20);
      g.save(); g.beginPath(); g.rect(left, y, width() - left, laneHeight); g.clip();
      for (const s of l.spans) {
        if (s.e < from || s.b > to) continue;
        const a = x(s.b), w = Math.max(x(s.e) - a, 0.6);
        g.fillStyle = s.color; g.fillRect(a, y + 4, w, laneHeight - 8);
        if (w > 46) {
          g.fillStyle = "#fff";
          g.save(); g.beginPath(); g.rect(a, y, w - 4, laneHeight); g.clip(); g.fillText(s.name, a + 4, y + 21); g.restore();
        }
      }
      g.restore();
    });
  }
  function find(e) {
    const r = canvas.getBoundingClientRect(), i = Math.floor((e.clientY - r.top - top) / laneHeight), t = at(e.clientX - r.left);
    if (!lanes[i]) return null;
    const slack = (to - from) / width();
    return lanes[i].spans.find((s) => s.b <= t && t <= s.e) || lanes[i].spans.find((s) => s.b - 2 * slack <= t && t <= s.e + 2 * slack);
  }
  canvas.addEventListener("wheel", (e) => {
    e.preventDefault();
    const t = at(e.clientX - canvas.getBoundingClientRect().left), f = e.deltaY > 0 ? 1.25 : 0.8;
    [from, to] = [Math.max(first, t - (t - from) * f), Math.min(last, t + (to - t) * f)];
    canvas.dataset.from = from; canvas.dataset.to = to;
    draw();
  }, { passive: false });
  let drag = null;
  canvas.addEventListener("pointerdown", (e) => { drag = { px: e.clientX, from, to }; canvas.setPointerCapture(e.pointerId); });
  canvas.addEventListener("pointerup", () => (drag = null));
  canvas.addEventListener("pointermove", (e) => {
    if (drag) {
      const d = ((drag.px - e.clientX) / (width() - left - 6)) * (drag.to - drag.from);
      const move = Math.max(first - drag.from, Math.min(last - drag.to, d));
      [from, to] = [drag.from + move, drag.to + move];
      draw();
      return;
    }
    const s = find(e);
    tuff.tip(e, s ? s.tip : "");
  });
  canvas.addEventListener("pointerleave", (e) => tuff.tip(e, ""));
  canvas.addEventListener("dblclick", () => { [from, to] = [first, last]; draw(); });
  window.addEventListener("resize", draw);
  canvas.dataset.from = from; canvas.dataset.to = to;
  draw();
};
