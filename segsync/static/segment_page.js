// Parts of a page that take a moment to work out: asked for once, when the page is there.
"use strict";
(() => {
  async function fetchOnce(element) {
    element.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(element.dataset.once, { credentials: "same-origin", headers: { "X-Requested-With": "segsync" } });
      if (!answer.ok) throw new Error(answer.status);
      element.innerHTML = await answer.text();
    } catch {
      element.textContent = "These figures could not be worked out. Reload the page to try again.";
    }
    element.removeAttribute("aria-busy");
  }
  document.querySelectorAll("[data-once]").forEach(fetchOnce);
})();
