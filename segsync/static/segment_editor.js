// The rules of a segment as rows of native controls. The tree is kept as JSON in a hidden field; the server checks and counts it.
"use strict";
(() => {
  const root = document.getElementById("rule-editor");
  if (!root) return;
  const kept = document.getElementById(root.dataset.rules);
  const form = kept.form;
  const words = JSON.parse(root.dataset.words);
  const fields = new Map(words.fields.map((field) => [field.name, field]));
  let problems = JSON.parse(root.dataset.problems);
  let numbers = 0;
  let refused = problems.length > 0;

  function read() {
    try {
      const rules = JSON.parse(kept.value || "{}");
      return group(rules);
    } catch {
      return group({});
    }
  }
  const group = (rules) => ({
    match: rules.match === "any" ? "any" : "all",
    items: (rules.items || []).map((item) => ("field" in item ? { ...item, values: item.values || [] } : group(item))),
  });
  const tree = read();
  const isGroup = (item) => "items" in item;
  const plain = (item) => isGroup(item)
    ? { match: item.match, items: item.items.map(plain) }
    : { field: item.field, operator: item.operator || "", negated: Boolean(item.negated), values: item.values };

  function changed() {
    refused = false;
    kept.value = JSON.stringify(plain(tree));
    form.dispatchEvent(new CustomEvent("segsync:changed"));
  }

  // -- making elements ---------------------------------------------------------------------------------------

  function make(tag, attributes = {}, ...inside) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "on") Object.entries(value).forEach(([event, act]) => element.addEventListener(event, act));
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value !== null) element.setAttribute(name, value);
    }
    element.append(...inside.filter((each) => each !== null));
    return element;
  }

  function choose(label, options, value, act) {
    const select = make("select", { class: "form-select", "aria-label": label, on: { change: () => act(select.value) } });
    select.append(...options);
    select.value = value;
    return select;
  }

  const option = ([value, label]) => make("option", { value }, label);

  // -- a condition -------------------------------------------------------------------------------------------

  function fieldOptions() {
    const groups = new Map();
    for (const field of words.fields) {
      if (!groups.has(field.group)) groups.set(field.group, make("optgroup", { label: field.group }));
      groups.get(field.group).append(option([field.name, field.label]));
    }
    return groups.values();
  }

  const operatorOf = (item) => (item.negated ? "!" : "") + item.operator;

  function setOperator(item, chosen) {
    item.negated = chosen.startsWith("!");
    item.operator = chosen.replace("!", "");
  }

  function setField(item, name) {
    const before = fields.get(item.field);
    const field = fields.get(name);
    item.field = name;
    const same = before?.sort === field.sort && before.segments === field.segments && !field.choices.length;
    if (same && field.operators.some(([value]) => value === operatorOf(item))) return;
    setOperator(item, field.operators[0][0]);
    item.values = field.choices.length ? [field.choices[0][0]] : [];
  }

  // What somebody is choosing in is never replaced: a key chooses already, and the next one belongs to the same word.
  function drawCondition(item, owner) {
    const row = make("div", { class: "rule", role: "group" });
    row.item = item;
    const known = fields.get(item.field);
    const offered = known ? [] : [make("option", { value: item.field }, item.field ? "A field that is gone" : "Choose a field")];
    const name = choose("Field", [...offered, ...fieldOptions()], item.field, (value) => {
      if (!fields.has(value)) return;
      setField(item, value);
      row.querySelector(".rule-rest").replaceWith(drawRest(item));
      changed();
    });
    name.classList.add("rule-field");
    const remove = make("button", { type: "button", class: "btn btn-quiet rule-remove", "aria-label": "Remove this condition", title: "Remove this condition", on: { click: () => owner.remove(row) } }, "×");
    row.append(name, drawRest(item), remove);
    return row;
  }

  function drawRest(item) {
    const field = fields.get(item.field);
    const rest = make("div", { class: "rule-rest" });
    if (!field) return rest;
    const operator = choose("Comparison", field.operators.map(option), operatorOf(item), (value) => {
      const values = rest.querySelector("[data-shape]");
      setOperator(item, value);
      if (shape(field, item) !== values.dataset.shape) values.replaceWith(drawValues(field, item));
      changed();
    });
    rest.append(operator, drawValues(field, item));
    return rest;
  }

  function count(field, item) {
    const found = field.operators.find(([value]) => value === operatorOf(item));
    return found ? found[2] : 1;
  }

  // What the values look like; where two comparisons share it, what was typed stays.
  function shape(field, item) {
    const number = count(field, item);
    if (number === 0) return "none";
    if (item.operator === "last_hours" || item.operator === "last_days") return item.operator;
    if (number === null) return field.choices.length ? "several" : "lines";
    return number === 2 ? "two" : "one";
  }

  function drawValues(field, item) {
    const kind = shape(field, item);
    const box = make("div", { class: `rule-values rule-values-${kind}`, "data-shape": kind });
    const set = (position) => (value) => { item.values[position] = value; changed(); };
    if (kind === "none") item.values = [];
    else if (kind === "several") box.append(...drawSeveral(field, item));
    else if (kind === "lines") box.append(drawLines(item));
    else if (kind === "two") box.append(input(field, item, 0, set(0), "From"), make("span", {}, "and"), input(field, item, 1, set(1), "To"));
    else if (kind === "one") box.append(input(field, item, 0, set(0), "Value"));
    else box.append(...drawLast(item, kind, set(0)));
    return box;
  }

  function input(field, item, position, act, name) {
    const value = item.values[position] ?? "";
    const choices = field.sort === "segment" ? words.segments[field.segments] : field.choices;
    if (choices.length || field.sort === "segment") {
      const options = [...(value ? [] : [["", field.sort === "segment" && !choices.length ? "No other segment here" : "Choose"]]), ...choices];
      return choose(name, options.map(option), value, act);
    }
    const day = field.sort === "date" || field.sort === "moment";
    const attributes = { class: "form-control", "aria-label": name, type: day ? "date" : "text", value, maxlength: day ? null : 500, autocomplete: "off" };
    if (field.sort === "number") attributes.inputmode = "decimal";
    const control = make("input", { ...attributes, on: { input: () => act(control.value) } });
    return control;
  }

  function drawLast(item, kind, act) {
    const value = /^\d+$/.test(item.values[0] ?? "") ? item.values[0] : kind === "last_hours" ? "24" : "7";
    item.values = [value];
    const control = make("input", { class: "form-control", type: "number", min: 1, step: 1, value, "aria-label": "How many", on: { input: () => act(control.value) } });
    return [control, make("span", {}, kind === "last_hours" ? "hours" : "calendar days")];
  }

  function drawLines(item) {
    const control = make("textarea", {
      class: "form-control", rows: 3, "aria-label": "Values, one on each line", placeholder: "One on each line",
      on: { input: () => { item.values = control.value.split("\n").filter((line) => line.trim()); changed(); } },
    });
    control.value = item.values.join("\n");
    return control;
  }

  function drawSeveral(field, item) {
    return field.choices.map(([value, name]) => {
      const id = `choice-${numbers += 1}`;
      const box = make("input", {
        class: "form-check-input", type: "checkbox", id, value,
        on: { change: () => {
          const chosen = new Set(item.values);
          box.checked ? chosen.add(value) : chosen.delete(value);
          item.values = field.choices.map(([each]) => each).filter((each) => chosen.has(each));
          changed();
        } },
      });
      box.checked = item.values.includes(value);
      return make("div", { class: "form-check" }, box, make("label", { class: "form-check-label", for: id }, name));
    });
  }

  // -- a group -----------------------------------------------------------------------------------------------

  function drawGroup(item, owner) {
    const rows = make("div", { class: "rule-items" });
    const element = make("div", { class: owner ? "rule-group" : "rule-group rule-group-outer", role: "group" });
    element.item = item;
    const match = choose("How many of these have to be true", [["all", "all of these are true"], ["any", "any of these is true"]].map(option), item.match, (value) => {
      item.match = value;
      changed();
    });
    match.classList.add("rule-match");
    const self = {
      depth: owner ? owner.depth + 1 : 1,
      remove(row) {
        const position = item.items.indexOf(row.item);
        item.items.splice(position, 1);
        const next = row.nextElementSibling || row.previousElementSibling;
        row.remove();
        label();
        changed();
        (next?.querySelector("select") || add).focus();
      },
    };
    const draw = (each) => (isGroup(each) ? drawGroup(each, self) : drawCondition(each, self));
    const append = (each) => {
      item.items.push(each);
      const row = draw(each);
      rows.append(row);
      label();
      changed();
      (row.querySelector(".rule .rule-field") || row.querySelector("select")).focus();
    };
    const add = make("button", { type: "button", class: "btn btn-sm btn-outline-secondary", on: { click: () => append({ field: "", operator: "", values: [] }) } }, "Add a condition");
    const nest = self.depth < 5
      ? make("button", { type: "button", class: "btn btn-sm btn-quiet", on: { click: () => append({ match: item.match === "all" ? "any" : "all", items: [{ field: "", operator: "", values: [] }] }) } }, "Add a group")
      : null;
    const remove = owner
      ? make("button", { type: "button", class: "btn btn-sm btn-quiet rule-remove", on: { click: () => owner.remove(element) } }, "Remove the group")
      : null;
    element.append(make("div", { class: "rule-head" }, match, remove), rows, make("div", { class: "actions" }, add, nest));
    rows.append(...item.items.map(draw));
    return element;
  }

  // -- names and problems ------------------------------------------------------------------------------------

  const placed = (element) => [...element.children].flatMap((child) =>
    child.classList.contains("rule") || child.classList.contains("rule-group") ? [child] : placed(child));

  // Names each row by where it stands, so that somebody who hears the page knows which one they are in.
  function label(element = root.firstElementChild, path = []) {
    if (!element) return;
    placed(element).forEach((row, position) => {
      const here = [...path, position];
      row.dataset.at = here.join(".");
      const number = here.map((each) => each + 1).join(".");
      row.setAttribute("aria-label", row.classList.contains("rule") ? `Condition ${number}` : `Group ${number}`);
      if (row.classList.contains("rule-group")) label(row, here);
    });
  }

  function showProblems() {
    root.querySelectorAll(".rule-problem").forEach((each) => each.remove());
    root.querySelectorAll("[aria-invalid]").forEach((each) => { each.removeAttribute("aria-invalid"); each.removeAttribute("aria-describedby"); });
    problems.forEach(({ at, message }, position) => {
      const row = root.querySelector(`[data-at="${at}"]`);
      if (!row) return;
      const id = `rule-problem-${position}`;
      const text = make("p", { class: "field-error rule-problem", id }, message);
      row.classList.contains("rule") ? row.append(text) : row.querySelector(".rule-head").after(text);
      const control = [...row.querySelectorAll("select, input, textarea")].find((each) => !each.value)
        || row.querySelector(".rule-values .form-control, .rule-values .form-select") || row.querySelector("select");
      control?.setAttribute("aria-invalid", "true");
      control?.setAttribute("aria-describedby", id);
    });
  }

  // While somebody is in a condition, it is not complete rather than wrong: nothing is said beside it yet.
  function untouched(found) {
    const busy = document.activeElement?.closest(".rule");
    return found.filter(({ at }) => {
      const row = root.querySelector(`[data-at="${at}"]`);
      return row !== busy && row?.item?.field !== "";
    });
  }

  root.append(drawGroup(tree, null));
  label();
  showProblems();
  new MutationObserver(() => {
    const told = document.querySelector("#preview [data-rule-problems]");
    if (!told) return;
    const found = JSON.parse(told.dataset.ruleProblems);
    problems = refused ? found : untouched(found);
    showProblems();
  }).observe(document.getElementById("preview"), { childList: true });
  document.addEventListener("DOMContentLoaded", () => form.dispatchEvent(new CustomEvent("segsync:changed")));
})();
