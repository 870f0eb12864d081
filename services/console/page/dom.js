// DOM elements, and the states that every page has.

// el('p', {class: 'note', onclick: f}, 'text', child, null): text is never parsed as markup.
function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name === 'value') node.value = value;
    else node.setAttribute(name, value === true ? '' : value);
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}

export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

// A description list: rows of [term, value]; empty values are left out.
export function facts(rows) {
  return el('dl', {class: 'facts'}, rows
    .filter(([, what]) => what !== '' && what !== false && what !== null && what !== undefined)
    .map(([term, what]) => el('div', {}, el('dt', {}, term), el('dd', {}, what))));
}

// A table whose rows become cards on a phone, with each cell under its column's title.
export function table(caption, titles, rows) {
  return el('table', {},
    el('caption', {class: 'unseen'}, caption),
    el('thead', {}, el('tr', {}, titles.map((title) => el('th', {scope: 'col', class: title.figure ? 'figure' : null},
      title.name ?? title)))),
    el('tbody', {}, rows.map((cells) => el('tr', {}, cells.map((cell, i) =>
      el('td', {'data-title': titles[i].name ?? titles[i], class: titles[i].figure ? 'figure' : null}, cell))))));
}

export const loading = (what) => el('p', {class: 'state', 'aria-busy': 'true'}, `Loading ${what} …`);
export const empty = (text) => el('p', {class: 'state'}, text);
export function failed(text, retry) {
  return el('div', {class: 'state failed', role: 'alert'}, el('p', {}, text),
    retry && el('button', {type: 'button', onclick: retry}, 'Try again'));
}

// Announces a change to screen readers.
export function say(text) {
  document.getElementById('said').textContent = text;
}
