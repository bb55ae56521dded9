// The workbench's scripts: htmx for pieces of pages, and the islands.
import "htmx.org";
import { startFilters } from "./filters";
import { startPlayer } from "./player";

const islands: Record<string, (root: HTMLElement) => void> = {
  filters: startFilters,
  player: startPlayer,
};

for (const root of document.querySelectorAll<HTMLElement>("[data-island]")) {
  islands[root.dataset.island ?? ""]?.(root);
}
