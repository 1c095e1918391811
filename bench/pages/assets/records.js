"use strict";
// The table of all records: sorted, filtered, turned page by page, one record in full by its address.
(() => {
  const { columns, rows } = JSON.parse(document.getElementById("records-data").textContent);
  const SHOWN = 100, EMPTY = "–";
  const place = Object.fromEntries(columns.map((column, at) => [column.name, at]));
  const visible = columns.map((column, at) => ({ ...column, at })).filter((column) => column.shown);
  const words = rows.map((row) => visible.map((column) => row[column.at] ?? "").join(" ").toLowerCase());
  const byId = (id) => document.getElementById(id);
  const made = (tag, text, attributes = {}) => {
    const element = document.createElement(tag);
    element.textContent = text;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  let kept = rows.map((_, at) => at), first = 0, sorted = null, falling = false, chosen = null;

  const written = (value, column) => {
    if (value === null || value === undefined || value === "") return EMPTY;
    if (typeof value === "boolean") return value ? "yes" : "no";
    if (typeof value !== "number" || !column.number) return String(value);
    if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
    const size = Math.abs(value);
    return size >= 1e-3 && size < 1e6 ? String(Number(value.toPrecision(3))) : value.toExponential(1);
  };

  // For a shell.
  const quoted = (path) => (/^[\w./:@%+=,-]+$/.test(path) ? path : "'" + path.replaceAll("'", "'\\''") + "'");

  const choices = [];
  for (const column of visible.filter((one) => one.choice)) {
    const values = [...new Set(rows.map((row) => String(row[column.at] ?? "")))].sort();
    if (values.length < 2) continue;
    const label = made("label", column.heading + " "), select = document.createElement("select");
    select.append(made("option", "any", { value: "" }));
    for (const value of values) select.append(made("option", value, { value }));
    label.append(select);
    byId("records-choices").append(label);
    choices.push({ column, select });
    select.addEventListener("change", filter);
  }

  function filter() {
    const asked = byId("records-text").value.toLowerCase().split(/\s+/).filter(Boolean);
    const limits = choices.filter(({ select }) => select.value !== "");
    kept = [];
    for (let at = 0; at < rows.length; at++) {
      if (!asked.every((word) => words[at].includes(word))) continue;
      if (limits.every(({ column, select }) => String(rows[at][column.at] ?? "") === select.value)) kept.push(at);
    }
    first = 0;
    order();
  }

  function order() {
    if (sorted === null) kept.sort((a, b) => a - b);
    else {
      const at = sorted.at, sign = falling ? -1 : 1;
      // What is missing comes last, whichever way.
      kept.sort((a, b) => {
        const left = rows[a][at], right = rows[b][at];
        const none = (value) => value === null || value === undefined || value === "";
        if (none(left) || none(right)) return none(left) - none(right) || a - b;
        const apart = sorted.number ? left - right : String(left).localeCompare(String(right), "en");
        return sign * apart || a - b;
      });
    }
    show();
  }

  const buttons = new Map();
  const head = document.createElement("tr");
  for (const column of visible) {
    const cell = made("th", "", { scope: "col", class: column.number ? "number" : "" });
    const button = made("button", column.heading, { type: "button", title: column.title ?? "" });
    button.addEventListener("click", () => {
      falling = sorted === column ? !falling : false;
      sorted = column;
      order();
    });
    cell.append(button);
    buttons.set(column, { cell, button });
    head.append(cell);
  }
  document.querySelector("#records-table thead").append(head);

  function show() {
    for (const [column, { cell, button }] of buttons) {
      const is = column === sorted;
      cell.setAttribute("aria-sort", is ? (falling ? "descending" : "ascending") : "none");
      button.textContent = column.heading + (is ? (falling ? " ↓" : " ↑") : "");
    }
    const body = document.querySelector("#records-table tbody");
    body.replaceChildren(...kept.slice(first, first + SHOWN).map((at) => {
      const row = made("tr", "", rows[at][place.key] === chosen ? { class: "chosen" } : {});
      for (const column of visible) {
        const text = written(rows[at][column.at], column);
        const cell = made(column.name === "id" ? "th" : "td", "", column.number ? { class: "number" } : {});
        if (column.name === "id") {
          cell.setAttribute("scope", "row");
          cell.append(made("a", text, { href: "#record-" + rows[at][place.key] }));
        } else cell.textContent = text;
        row.append(cell);
      }
      return row;
    }));
    const last = Math.min(first + SHOWN, kept.length);
    byId("records-count").textContent = `${kept.length} of ${rows.length} records`;
    byId("records-place").textContent = kept.length ? `${first + 1} to ${last} of ${kept.length}` : "none";
    byId("records-before").disabled = first === 0;
    byId("records-after").disabled = last >= kept.length;
  }

  function open() {
    const found = /^#record-([0-9a-f-]+)$/.exec(window.location.hash);
    const at = found === null ? -1 : rows.findIndex((row) => row[place.key] === found[1]);
    const box = byId("record");
    chosen = at < 0 ? null : found[1];
    box.hidden = found === null;
    if (found !== null) {
      box.replaceChildren(made("h3", `Record ${at < 0 ? found[1] : rows[at][place.id]}`));
      if (at < 0) box.append(made("p", "This page has no such record."));
      else {
        const list = document.createElement("dl");
        columns.forEach((column, number) => {
          const value = rows[at][number];
          if (value === null || value === undefined || value === "" || column.name === "key") return;
          list.append(made("dt", column.heading), made("dd", String(value)));
        });
        const again = made("p", "Measure it again: ");
        again.append(made("code", `hgb rerun ${rows[at][place.id]} --run ${quoted(rows[at][place.folder])}`));
        box.append(again, list);
      }
      const shut = made("button", "Close", { type: "button" });
      shut.addEventListener("click", () => { window.location.hash = "#records"; });
      box.append(shut);
      const position = kept.indexOf(at);
      if (position >= 0) first = SHOWN * Math.floor(position / SHOWN);
    }
    show();
    if (found !== null) box.focus();
  }

  byId("records-text").addEventListener("input", filter);
  document.querySelector("form.filters").addEventListener("reset", () => setTimeout(() => { sorted = null; filter(); }));
  document.querySelector("form.filters").addEventListener("submit", (event) => event.preventDefault());
  byId("records-before").addEventListener("click", () => { first = Math.max(0, first - SHOWN); show(); });
  byId("records-after").addEventListener("click", () => { first += SHOWN; show(); });
  window.addEventListener("hashchange", open);
  filter();
  open();
})();
