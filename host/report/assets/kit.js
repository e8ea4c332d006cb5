"use strict";
// What every report draws with: elements, numbers for people, tables, tabs, tips, plots. Text always goes in by textContent, never as HTML: names
// come out of model files and drivers.
const tuff = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);

  function el(tag, props = {}, ...children) {
    const e = document.createElement(tag);
    for (const [k, v] of Object.entries(props)) {
      if (k === "style") Object.assign(e.style, v);
      else if (k.startsWith("on")) e.addEventListener(k.slice(2), v);
      else if (k === "class") e.className = v;
      else e.setAttribute(k, v);
    }
    for (const c of children.flat()) if (c !== null && c !== undefined) e.append(c);
    return e;
  }

  // section appends a headed part with an entry in the page's navigation, and returns it.
  function section(id, title, text, ...children) {
    const s = el("section", { id }, el("h2", {}, title), text ? el("p", {}, text) : null, ...children);
    document.getElementById("main").append(s);
    document.getElementById("nav").append(el("a", { href: "#" + id }, title));
    return s;
  }

  const digits = (v) => (v === 0 ? "0" : Math.abs(v) >= 1e6 || Math.abs(v) < 0.001 ? v.toExponential(2) : Math.abs(v) >= 100 ? String(Math.round(v)) : String(+v.toPrecision(3)));
  const num = (v) => (v === null || v === undefined ? "not finite" : digits(v));
  const percent = (v) => (v === null || v === undefined ? "–" : v !== 0 && Math.abs(v) < 0.001 ? "<0.1 %" : (100 * v).toFixed(1) + " %");
  function si(v, unit) {
    for (const [f, s] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) if (v >= f) return +(v / f).toPrecision(3) + " " + s + unit;
    return +Number(v).toPrecision(3) + " " + unit;
  }
  function time(ns) {
    const a = Math.abs(ns);
    if (a >= 1e9) return +(ns / 1e9).toPrecision(3) + " s";
    if (a >= 1e6) return +(ns / 1e6).toPrecision(3) + " ms";
    return +(ns / 1e3).toPrecision(3) + " µs";
  }
  function bytes(n) {
    for (const [f, s] of [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]]) if (n >= f) return +(n / f).toPrecision(3) + " " + s;
    return n + " B";
  }

  const palette = ["#3366cc", "#dc7b12", "#2a9d5c", "#b8336a", "#6f4bb2", "#0e8a9c", "#a1662f", "#7a8a1e", "#c2402d", "#4f6d8f", "#8c5a9e", "#467a3c"];
  const colors = new Map();
  function color(name) {
    if (!colors.has(name)) colors.set(name, palette[colors.size % palette.length]);
    return colors.get(name);
  }

  const tipBox = el("div", { class: "tip", role: "status" });
  document.body.append(tipBox);
  function tip(e, text) {
    tipBox.style.display = text ? "block" : "none";
    if (!text) return;
    tipBox.textContent = text;
    tipBox.style.left = Math.min(e.clientX + 14, window.innerWidth - tipBox.offsetWidth - 8) + "px";
    tipBox.style.top = Math.min(e.clientY + 14, window.innerHeight - tipBox.offsetHeight - 8) + "px";
  }

  // table sorts by a click on a column's head. columns: {name, text, get(row) → value, show(value, row) → text or element, class(value)}.
  function table(columns, rows, pick) {
    const body = el("tbody");
    const heads = columns.map((c, i) => el("th", { class: c.text ? "text" : "", scope: "col", onclick: () => sort(i) }, c.name));
    let by = -1, down = true;
    function fill(list) {
      body.replaceChildren(...list.map((r) => {
        const tr = el("tr", pick ? { class: "pick", onclick: () => { for (const x of body.children) x.classList.remove("picked"); tr.classList.add("picked"); pick(r); } } : {});
        for (const c of columns) {
          const v = c.get(r);
          const text = c.show ? c.show(v, r) : c.text ? String(v) : num(v);
          tr.append(el("td", { ...(c.wide ? { title: String(v) } : {}), class: [c.text ? "text" : "", c.wide ? "wide" : "", c.class ? c.class(v, r) : ""].join(" ").trim() }, text));
        }
        return tr;
      }));
    }
    function sort(i) {
      down = by === i ? !down : !columns[i].text;
      by = i;
      heads.forEach((h, j) => (j === i ? h.setAttribute("aria-sort", down ? "descending" : "ascending") : h.removeAttribute("aria-sort")));
      // null stands for a value that is not finite: larger than every other.
      const key = (r) => { const v = columns[i].get(r); return v === null || v === undefined ? Infinity : v; };
      fill([...rows].sort((a, b) => { const x = key(a), y = key(b), o = x < y ? -1 : x > y ? 1 : 0; return down ? -o : o; }));
    }
    fill(rows);
    return el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, heads)), body));
  }

  // tabs shows one of several views, made when first asked for.
  function tabs(names, make) {
    const box = el("div"), made = new Map();
    const buttons = names.map((n) => el("button", { type: "button", onclick: () => show(n) }, n));
    function show(n) {
      buttons.forEach((b) => b.setAttribute("aria-pressed", String(b.textContent === n)));
      for (const v of made.values()) v.style.display = "none";
      if (!made.has(n)) {
        const v = el("div");
        made.set(n, v);
        box.append(v);
        make(n, v);
      }
      made.get(n).style.display = "";
    }
    const bar = el("div", { class: "tabs" }, buttons);
    queueMicrotask(() => names.length && show(names[0])); // once the caller has put the element into the page, so that widths are known
    return el("div", {}, names.length > 1 ? bar : null, box);
  }

  const cards = (list) => el("div", { class: "cards" }, list.map(([k, v]) => el("div", { class: "card" }, el("b", {}, v), el("span", {}, k))));

  // plot puts a uPlot chart into box; tipOf(seriesIndex, dataIndex) is the text at the nearest point.
  function plot(box, opts, rows, tipOf) {
    const holder = el("div", { class: "plot" });
    box.append(holder);
    const o = Object.assign({ width: Math.max(320, Math.min(1180, holder.clientWidth - 14)), height: 360, legend: { show: false } }, opts);
    o.cursor = Object.assign({ focus: { prox: 24 }, points: { show: true } }, opts.cursor);
    const u = new uPlot(o, rows, holder);
    u.over.addEventListener("mousemove", (e) => {
      // The nearest drawn point, of any series: uPlot's own cursor looks along x only.
      let best = null, far = 24 * 24;
      const r = u.over.getBoundingClientRect(), mx = e.clientX - r.left, my = e.clientY - r.top;
      for (let s = 1; s < rows.length; s++) {
        if (u.series[s].silent) continue;
        for (let i = 0; i < rows[0].length; i++) {
          if (rows[s][i] === null || rows[s][i] === undefined) continue;
          const dx = u.valToPos(rows[0][i], "x") - mx, dy = u.valToPos(rows[s][i], "y") - my, d = dx * dx + dy * dy;
          if (d < far) { far = d; best = [s, i]; }
        }
      }
      tip(e, best && tipOf ? tipOf(best[0], best[1]) : "");
    });
    u.over.addEventListener("mouseleave", (e) => tip(e, ""));
    return u;
  }

  // bins makes a histogram of n classes between the least and the largest value.
  function bins(values, n) {
    const low = Math.min(...values), high = Math.max(...values), width = (high - low) / n || 1;
    const counts = new Array(n).fill(0), at = [];
    for (const v of values) counts[Math.min(n - 1, Math.floor((v - low) / width))]++;
    for (let i = 0; i < n; i++) at.push(low + (i + 0.5) * width);
    return { at, counts, width };
  }

  // treemap lays items {name, value, tip} out as rectangles of their share, in strips that come as near to squares as one row after the other can.
  function treemap(items) {
    const box = el("div", { class: "tree" });
    const list = items.filter((i) => i.value > 0).sort((a, b) => b.value - a.value);
    const total = list.reduce((s, i) => s + i.value, 0);
    let x = 0, y = 0, w = 100, h = 100;
    const aspect = 4.2; // of the box: width over height
    for (let at = 0; at < list.length;) {
      const tall = w * aspect >= h; // a column at the left, else a row at the top
      const side = tall ? h : w * aspect;
      let n = 1, sum = list[at].value, worst = Infinity;
      const area = (v) => (v / total) * 100 * 100 * aspect;
      for (let k = at, s = 0; k < list.length; k++) {
        s += list[k].value;
        const thick = area(s) / side;
        const ratio = Math.max(...list.slice(at, k + 1).map((i) => { const l = area(i.value) / thick; return Math.max(l / thick, thick / l); }));
        if (ratio > worst) break;
        worst = ratio; n = k - at + 1; sum = s;
      }
      const thick = area(sum) / side;
      let along = 0;
      for (const i of list.slice(at, at + n)) {
        const len = area(i.value) / thick;
        const r = tall ? { left: x, top: y + along, width: thick / aspect, height: len } : { left: x + along / aspect, top: y, width: len / aspect, height: thick };
        along += len;
        const d = el("div", { style: { background: color(i.color || i.name), left: r.left + "%", top: r.top + "%", width: r.width + "%", height: r.height + "%" } }, i.name + "\n" + percent(i.value / total));
        d.style.whiteSpace = "pre-line";
        d.addEventListener("mousemove", (e) => tip(e, i.tip));
        d.addEventListener("mouseleave", (e) => tip(e, ""));
        box.append(d);
      }
      if (tall) { x += thick / aspect; w -= thick / aspect; } else { y += thick; h -= thick; }
      at += n;
    }
    return box;
  }

  // stack is a bar of shares with its key.
  function stack(parts) {
    const total = parts.reduce((s, p) => s + Math.max(0, p.value), 0) || 1;
    return el("div", {}, el("div", { class: "stack" }, parts.map((p) => {
      const d = el("div", { style: { width: (100 * Math.max(0, p.value)) / total + "%", background: color(p.name) } });
      d.addEventListener("mousemove", (e) => tip(e, p.tip));
      d.addEventListener("mouseleave", (e) => tip(e, ""));
      return d;
    })), el("div", { class: "key" }, parts.map((p) => el("span", {}, el("i", { style: { background: color(p.name) } }), p.name + " " + percent(p.value / total)))));
  }

  return { data, el, section, num, percent, si, time, bytes, color, tip, table, tabs, cards, plot, bins, treemap, stack };
})();
