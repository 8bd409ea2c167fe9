// @ts-check
// Which lines of a long list are drawn: those in sight and some around them. Lines have different
// heights; one that has not been measured yet is taken for an average one.

const GUESS = 56; // pixels
const AROUND = 800; // pixels above and below what is in sight

export class ListWindow {
  constructor() {
    /** @type {Map<string, number>} measured heights by the lines' keys */
    this.heights = new Map();
    /** @type {string[]} */
    this.keys = [];
    this.offsets = new Float64Array(1);
  }

  /** Take the lines there are, from the first to the last. @param {string[]} keys */
  lay(keys) {
    this.keys = keys;
    const offsets = new Float64Array(keys.length + 1);
    for (let index = 0; index < keys.length; index += 1) {
      offsets[index + 1] = offsets[index] + (this.heights.get(keys[index]) ?? GUESS);
    }
    this.offsets = offsets;
  }

  get height() {
    return this.offsets[this.keys.length];
  }

  /** The line at a height. @param {number} y */
  at(y) {
    let low = 0;
    let high = this.keys.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.offsets[middle] <= y) low = middle;
      else high = middle - 1;
    }
    return Math.max(low, 0);
  }

  /** The lines to draw. @param {number} top @param {number} inSight */
  range(top, inSight) {
    const first = this.at(top - AROUND);
    const end = Math.min(this.keys.length, this.at(top + inSight + AROUND) + 1);
    return { first, end, offset: this.offsets[first] };
  }

  /** Note the true height of a line; tells whether it is news. @param {string} key @param {number} height */
  measured(key, height) {
    if (this.heights.get(key) === height) return false;
    this.heights.set(key, height);
    return true;
  }
}
