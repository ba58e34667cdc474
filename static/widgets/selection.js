// Which rows of a grid are selected: the one that was chosen, or several. The rows themselves remember it.

export class Selection {
  #grid;
  #from = null; // the key from which a range is drawn

  constructor(grid) {
    this.#grid = grid;
  }

  /** Those that are selected, as they stand. */
  get rows() {
    return [...this.#grid.rows.values()].filter(isSelected);
  }

  /** This one only. */
  only(row) {
    this.#from = row.key;
    this.#set((one) => one === row);
  }

  /** All from where the selection began to this one. */
  extend(row) {
    const all = [...this.#grid.rows.values()];
    if (!all.some(({ key }) => key === this.#from)) this.#from = row.key;
    const ends = [all.findIndex(({ key }) => key === this.#from), all.indexOf(row)];
    const [first, last] = [Math.min(...ends), Math.max(...ends)];
    this.#set((one, at) => at >= first && at <= last);
  }

  /** This one too, or no longer. */
  toggle(row) {
    this.#from = row.key;
    this.#set((one) => isSelected(one) !== (one === row));
  }

  all() {
    this.#set(() => true);
  }

  #set(isIn) {
    [...this.#grid.rows.values()].forEach((row, at) => {
      row.element.ariaSelected = isIn(row, at) ? "true" : null;
    });
  }
}

function isSelected({ element }) {
  return element.ariaSelected === "true";
}
