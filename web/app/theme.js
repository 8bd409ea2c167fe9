// Before anything is painted: the light or dark that was chosen here before.
(() => {
  try {
    const chosen = localStorage.getItem("mm.theme");
    if (chosen) document.documentElement.dataset.theme = chosen;
  } catch {
    // The system's own choice holds.
  }
})();
