// What pages do by themselves: live parts, live figures beside a form, menus, copying, folding. No library, nothing inline.
"use strict";
(() => {
  const BUSY = 2000;
  const IDLE = 30000;
  const PREVIEW_AFTER = 300;

  const ask = (url, options = {}) =>
    fetch(url, { credentials: "same-origin", ...options, headers: { "X-Requested-With": "segsync", ...options.headers } });

  // Replaces what is inside, and keeps focus, open menus and scrolling where they were.
  function replace(element, html) {
    const active = element.contains(document.activeElement) ? document.activeElement : null;
    const key = active && (active.id || active.dataset.key || active.getAttribute("href") || active.name);
    const open = [...element.querySelectorAll("details[open][id]")].map((each) => each.id);
    const top = element.scrollTop;
    element.innerHTML = html;
    open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
    element.scrollTop = top;
    if (key) {
      const same = [...element.querySelectorAll("[id],[data-key],a[href],[name]")].find(
        (each) => each.id === key || each.dataset.key === key || each.getAttribute("href") === key || each.name === key);
      same?.focus({ preventScroll: true });
    }
    begin(element);
  }

  // Asks again and again while somebody looks: every 2 s while something runs, else every 30 s.
  class Live {
    constructor(element) {
      this.element = element;
      this.tag = "";
      this.every = (Number(element.dataset.every) || 2) * 1000;
      this.timer = 0;
      document.addEventListener("visibilitychange", () => (document.hidden ? this.stop() : this.look()));
      this.later(this.every);
    }

    stop() {
      clearTimeout(this.timer);
    }

    later(wait) {
      this.stop();
      if (this.element.isConnected && !document.hidden) this.timer = setTimeout(() => this.look(), wait);
    }

    async look() {
      if (!this.element.isConnected) return;
      let wait = IDLE;
      try {
        const answer = await ask(this.element.dataset.live, { headers: this.tag ? { "If-None-Match": this.tag } : {} });
        if (answer.status === 401) return this.say("You are signed out. Reload the page to sign in again.");
        if (answer.ok) {
          this.tag = answer.headers.get("ETag") || "";
          replace(this.element, await answer.text());
        }
        if (answer.ok || answer.status === 304) {
          this.say("");
          wait = answer.headers.get("X-Live") === "idle" ? IDLE : this.every || BUSY;
        }
      } catch {
        this.say("The connection is interrupted; what you see may be old. It goes on by itself.");
      }
      this.later(wait);
    }

    say(text) {
      let note = this.element.nextElementSibling;
      if (!note?.classList.contains("live-note")) {
        if (!text) return;
        note = document.createElement("p");
        note.className = "live-note";
        note.setAttribute("role", "status");
        this.element.after(note);
      }
      if (note.textContent !== text) note.textContent = text;
    }
  }

  // Posts a form's fields a moment after they changed, and shows the answer beside it. Only the newest answer counts.
  function preview(form) {
    const into = document.getElementById(form.dataset.previewInto);
    let timer = 0;
    let running = null;
    const send = async () => {
      running?.abort();
      running = new AbortController();
      const mine = running;
      into.setAttribute("aria-busy", "true");
      try {
        const fields = new FormData(form);
        [...fields].forEach(([name, value]) => value instanceof File && fields.delete(name));
        const answer = await ask(form.dataset.preview, { method: "POST", body: fields, signal: mine.signal });
        if (answer.ok || answer.status === 422) replace(into, await answer.text());
      } catch (error) {
        if (error.name === "AbortError") return;
      }
      if (mine === running) into.removeAttribute("aria-busy");
    };
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(send, PREVIEW_AFTER);
    };
    form.addEventListener("input", soon);
    form.addEventListener("change", soon);
    form.addEventListener("segsync:changed", soon);
  }

  // A filter form sends itself when something is chosen; the address then holds the filter. One that may name a person is
  // posted, and what was typed stays out of the address.
  function filters(form) {
    const go = (from) => {
      sessionStorage.setItem("segsync.focus", from?.id || "");
      if (form.method === "post") {
        form.submit();
        return;
      }
      const chosen = new URLSearchParams();
      for (const [name, value] of new FormData(form)) if (value !== "") chosen.append(name, value);
      const query = chosen.toString();
      window.location.assign(form.getAttribute("action") + (query ? `?${query}` : ""));
    };
    form.addEventListener("submit", (event) => { event.preventDefault(); go(document.activeElement); });
    form.addEventListener("change", (event) => { if (event.target.matches("select, input[type=checkbox], input[type=radio], input[type=date]")) go(event.target); });
  }

  async function copy(button) {
    const before = button.innerHTML;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(button.previousElementSibling);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = "Press Ctrl+C";
    }
    setTimeout(() => { button.innerHTML = before; }, 2000);
  }

  function begin(root) {
    root.querySelectorAll("[data-live]").forEach((each) => new Live(each));
    root.querySelectorAll("form[data-preview]").forEach(preview);
    root.querySelectorAll("form[data-filters]").forEach(filters);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], [data-fold], [data-refused]");
    if (button?.dataset.copy !== undefined) copy(button);
    if (button?.dataset.fold !== undefined) {
      const open = document.getElementById(button.dataset.fold).classList.toggle("open");
      button.setAttribute("aria-expanded", String(open));
    }
    if (button?.dataset.refused !== undefined) event.preventDefault();
    document.querySelectorAll("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.activeElement?.closest("details.menu[open]") || document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // One press is enough: a second one while the first is on its way does nothing.
  document.addEventListener("submit", (event) => {
    if (event.target.dataset.sent) return event.preventDefault();
    if (event.target.method === "post" && event.target.dataset.again === undefined) event.target.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((each) => delete each.dataset.sent));

  document.addEventListener("DOMContentLoaded", () => {
    begin(document);
    const kept = sessionStorage.getItem("segsync.focus");
    sessionStorage.removeItem("segsync.focus");
    const first = document.querySelector("[aria-invalid=true], [data-focus]") || document.getElementById(kept || "");
    first?.focus();
  });
})();
