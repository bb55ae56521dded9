// On narrow screens the filters fold away behind a button, unless one is set.
export function startFilters(form: HTMLElement): void {
  const toggle = form.querySelector<HTMLButtonElement>(".filters-toggle");
  const fields = form.querySelector<HTMLElement>(".filter-fields");
  if (!toggle || !fields) return;
  const show = (open: boolean) => {
    fields.hidden = !open;
    toggle.setAttribute("aria-expanded", String(open));
  };
  toggle.addEventListener("click", () => show(fields.hidden !== false));
  const narrow = matchMedia("(max-width: 760px)");
  const set = [...fields.querySelectorAll<HTMLInputElement | HTMLSelectElement>("input, select")];
  const active = () => set.some((f) => (f instanceof HTMLInputElement && f.type === "checkbox" ? f.checked : f.value !== ""));
  const fit = () => {
    toggle.hidden = !narrow.matches;
    show(!narrow.matches || active());
  };
  narrow.addEventListener("change", fit);
  fit();
}
