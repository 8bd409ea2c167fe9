// @ts-check
// What the browser keeps for us. A browser may refuse: then it is forgotten with the page.

/** @type {Map<string, string>} */
const memory = new Map();

/** @param {Storage} storage @param {string} key @returns {string | null} */
function get(storage, key) {
  try {
    return storage.getItem(key) ?? memory.get(key) ?? null;
  } catch {
    return memory.get(key) ?? null;
  }
}

/** @param {Storage} storage @param {string} key @param {string} value */
function set(storage, key, value) {
  try {
    storage.setItem(key, value);
    memory.delete(key);
  } catch {
    memory.set(key, value);
  }
}

/** @param {Storage} storage @param {string} key */
function remove(storage, key) {
  memory.delete(key);
  try {
    storage.removeItem(key);
  } catch {
    // It was never there.
  }
}

/** Until the user deletes it; for all tabs. */
export const forLong = {
  /** @param {string} key */
  get: (key) => get(localStorage, key),
  /** @param {string} key @param {string} value */
  set: (key, value) => set(localStorage, key, value),
  /** @param {string} key */
  remove: (key) => remove(localStorage, key),
  /** @param {string} prefix @returns {string[]} */
  keys(prefix) {
    try {
      return Object.keys(localStorage).filter((key) => key.startsWith(prefix));
    } catch {
      return [];
    }
  },
};

/** Until the tab is closed; a reload keeps it. */
export const forTab = {
  /** @param {string} key */
  get: (key) => get(sessionStorage, key),
  /** @param {string} key @param {string} value */
  set: (key, value) => set(sessionStorage, key, value),
  /** @param {string} key */
  remove: (key) => remove(sessionStorage, key),
};
