"use strict";
// Shows what is under the pointer. Everything that it says stands in the tables too.
(() => {
  const tip = document.getElementById("tip");
  const place = (event) => {
    const box = tip.getBoundingClientRect();
    const left = Math.min(event.clientX + 12, document.documentElement.clientWidth - box.width - 4);
    const top = event.clientY - box.height - 10;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${top < 4 ? event.clientY + 16 : top}px`;
  };
  document.addEventListener("pointermove", (event) => {
    const mark = event.target.closest?.("[data-tip]");
    tip.hidden = !mark;
    if (mark) {
      tip.textContent = mark.dataset.tip;
      place(event);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") tip.hidden = true;
  });
})();
