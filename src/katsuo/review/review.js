"use strict";
// A key presses the button or follows the link that names it; nothing is done by keys alone.
(() => {
  const STORE = "katsuo-keys";
  let left = false; // a form is on its way: a second press would be told of a conflict with the first

  const toggle = document.getElementById("keys");
  const edit = document.getElementById("edit");
  const toEdit = document.getElementById("toedit");
  let on = localStorage.getItem(STORE) !== "off";

  const show = () => {
    toggle.hidden = false;
    toggle.setAttribute("aria-pressed", String(on));
    toggle.textContent = on ? "Keys are on" : "Keys are off";
  };
  if (toggle) {
    show();
    toggle.addEventListener("click", () => {
      on = !on;
      localStorage.setItem(STORE, on ? "on" : "off");
      show();
    });
  }

  document.addEventListener("submit", () => { left = true; });
  window.addEventListener("pageshow", () => { left = false; });

  if (edit && toEdit) {
    toEdit.hidden = false;
    toEdit.addEventListener("click", () => { edit.open = true; });
    edit.addEventListener("toggle", () => {
      if (edit.open) document.getElementById("instruction").focus();
    });
  }

  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input, textarea, select");
    if (field) {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) field.form.requestSubmit();
      if (event.key === "Escape" && edit) {
        edit.open = false;
        edit.querySelector("summary").focus();
      }
      return;
    }
    if (!on || left || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!/^[a-z]$/i.test(event.key)) return;
    const found = document.querySelector(`[data-key="${event.key.toLowerCase()}"]`);
    if (found) {
      event.preventDefault();
      found.click();
    }
  });

  // What stands in a live region when a page opens is not read aloud; what is put there is.
  for (const said of document.querySelectorAll("[role=status], [role=alert]")) {
    const text = said.textContent;
    if (text.trim() && !said.children.length) {
      said.textContent = "";
      setTimeout(() => { said.textContent = text; }, 50);
    }
  }
  const faults = document.getElementById("faults");
  if (faults) faults.focus();
})();
