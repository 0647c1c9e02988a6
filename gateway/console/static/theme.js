// Before the first paint: the theme the reader chose, else the one the system prefers.
(() => {
  const chosen = localStorage.getItem("plugway.theme");
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = chosen ?? (dark ? "dark" : "light");
})();
