// Before anything is painted: light or dark as the visitor's system says, and a mark that scripts run.
(function () {
  "use strict";
  var root = document.documentElement;
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  function choose() { root.setAttribute("data-bs-theme", dark.matches ? "dark" : "light"); }
  choose();
  dark.addEventListener("change", choose);
  root.classList.add("js");
})();
